"""The CPJUMP1 Cell Painting benchmark: replicability, target matching and gene-compound matching.

``plan(options)`` says what will run and what it costs, ``run(plan, listener)`` runs it, and
``write(result, folder)`` writes tables, figures and the manifest.
"""

from .names import BATCH, SUFFIX, TASKS, TIMELINES
from .options import Options
from .planning import Plan, Run, plan
from .plates.simulate import simulate_plates, write_simulated
from .presets import PRESETS, Preset
from .results import CpjumpResult, RunResult, write
from .workflow import Listener, Progress, run

__all__ = [
    "BATCH",
    "PRESETS",
    "SUFFIX",
    "TASKS",
    "TIMELINES",
    "CpjumpResult",
    "Listener",
    "Options",
    "Plan",
    "Preset",
    "Progress",
    "Run",
    "RunResult",
    "plan",
    "run",
    "simulate_plates",
    "write",
    "write_simulated",
]
