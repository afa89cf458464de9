"""The CPJUMP1 Cell Painting benchmark: replicability, target matching and gene-compound matching.

``plan(options)`` lays out what will run and what it costs, ``run(plan, job)`` runs it; `command` declares both for the
command line and the writer of results.

=====================================  ==============================================================================
`names`, `presets`, `options`          what the benchmark is called, its published variants, what a user can ask
`checks`                               checks that the options of all cpjump commands share
`planning`, `counts`                   the runs in order, with upper bounds of their counts and cost
`workflow`                             the runs one after the other: read, gate, score
`configurations`                       the wells of a configuration: what was left out of them, and their consensus
`tasks`, `score`                       the pair rules of each task; one run under them
`group_statistic`, `replicating`       mean of -log10 p of a group; percent replicating and percent matching
`results`, `tables`, `left_out`        a finished benchmark, what its columns mean, and what was left out
`plates`                               experiment table, plate maps, profile files, embeddings, simulated features
`correction`                           batch corrections fitted on negative controls
`split`                                ``fastbench cpjump split``: train, validate and test wells, and leakage
`compare`                              ``fastbench cpjump compare``: result folders side by side
`fetch`                                ``fastbench cpjump fetch``: the published profiles
`figures`                              figures of a benchmark and of a comparison
=====================================  ==============================================================================

Called from outside: the names below, and what the docstrings of the sub-packages list. Nothing heavy is loaded before
one of them is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .names import BATCH as BATCH
    from .names import SUFFIX as SUFFIX
    from .names import TASKS as TASKS
    from .names import TIMELINES as TIMELINES
    from .options import Options as Options
    from .planning import Plan as Plan
    from .planning import Run as Run
    from .planning import plan as plan
    from .plates.simulate import simulate_plates as simulate_plates
    from .plates.simulate import write_simulated as write_simulated
    from .presets import PRESETS as PRESETS
    from .presets import Preset as Preset
    from .results import CpjumpResult as CpjumpResult
    from .results import RunResult as RunResult
    from .workflow import run as run

_HOME = {
    "BATCH": "names",
    "SUFFIX": "names",
    "TASKS": "names",
    "TIMELINES": "names",
    "Options": "options",
    "Plan": "planning",
    "Run": "planning",
    "plan": "planning",
    "simulate_plates": "plates.simulate",
    "write_simulated": "plates.simulate",
    "PRESETS": "presets",
    "Preset": "presets",
    "CpjumpResult": "results",
    "RunResult": "results",
    "run": "workflow",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
