"""The CPJUMP1 Cell Painting benchmark: replicability, target matching and gene-compound matching.

``plan(options)`` lays out what will run and what it costs, ``run(plan, listener)`` runs it, and
``write(result, folder)`` writes tables, figures and the manifest.

=====================================  ==============================================================================
`names`, `presets`, `options`          what the benchmark is called, its published variants, what a user can ask
`checks`                               checks that the options of all cpjump commands share
`planning`, `counts`                   the runs in order, with upper bounds of their counts and cost
`workflow`                             the runs one after the other: read, gate, score
`tasks`, `score`                       the pair rules of each task; one run under them
`group_statistic`, `replicating`       mean of -log10 p of a group; percent replicating and percent matching
`results`, `left_out`                  tables of a finished benchmark, what was left out, and how all is written
`plates`                               experiment table, plate maps, profile files, embeddings, simulated features
`correction`                           batch corrections fitted on negative controls
`split`                                ``fastbench cpjump split``: train, validate and test wells, and leakage
`compare`                              ``fastbench cpjump compare``: result folders side by side
`fetch`                                ``fastbench cpjump fetch``: the published profiles
`figures`                              figures of a benchmark and of a comparison
=====================================  ==============================================================================

Called from outside: the names below, and what the docstrings of the sub-packages list.
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
