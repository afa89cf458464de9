"""How often runs that do not differ seem to, and runs that do are found: the comparison of CPJUMP1 runs by simulation.

    python -m fastbench.bench.calibration --repeats 200

simulates runs on the real plates (`engine/cpjump/plates/simulate.py`), scores them as ``fastbench cpjump`` does,
compares them as ``fastbench cpjump compare`` does, and prints the shares of p-values below 0.05 as a table, that of
`docs/comparison.md`. Every call draws the same.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import polars as pl

from fastbench.engine.command.execute import execute
from fastbench.engine.cpjump import configurations
from fastbench.engine.cpjump.command import CPJUMP
from fastbench.engine.cpjump.compare.pairs import compare_pair, comparison_table
from fastbench.engine.cpjump.compare.runs import ScoredRun, read_run
from fastbench.engine.cpjump.names import ALL, LEVEL, METRICS, TASKS, TITLES
from fastbench.engine.cpjump.options import Options
from fastbench.engine.cpjump.plates.metadata import Plate
from fastbench.engine.cpjump.plates.simulate import Simulator
from fastbench.engine.cpjump.results import CpjumpResult
from fastbench.engine.tables.profiles import stack

__all__ = ["SharedSignal", "rates", "scenarios", "score"]

#: Strengths of the effects of the second run, in those of the first, where there is something to find.
WEAKER = (0.8, 0.6)
FIRST_SEED = 1000


class SharedSignal(Simulator):
    """Simulated plates whose signal and whose noise are drawn from seeds of their own.

    Parameters
    ----------
    signal : int
        Seed of all directions and strengths.
    noise : int
        Seed of the noise of wells and plates.
    scale : float
        Strength of all effects, in that of the benchmark's demo.
    n_features : int
        Number of features.
    """

    def __init__(self, signal: int, noise: int, scale: float, n_features: int) -> None:
        super().__init__(signal, n_features)
        self._noise = noise
        self._scale = scale

    def _rng(self, *words: str) -> np.random.Generator:
        return super()._rng(*words, str(self._noise)) if words[0] == "plate" else super()._rng(*words)

    def _make_effect(self, plate: Plate, sample: str, name: str | None) -> Any:
        return super()._make_effect(plate, sample, name).astype(np.float32) * self._scale


def score(name: str, plates: SharedSignal, options: Options) -> ScoredRun:
    """Score simulated plates, and read the result as a comparison does.

    Parameters
    ----------
    name : str
        What to call the run.
    plates : SharedSignal
        Draws the plates.
    options : Options
        Which plates and tasks.
    """
    # A plan has no place for a simulation of another kind, and no figure is looked at.
    reader = patch.object(configurations, "plate_reader", lambda *_: lambda some: stack([*map(plates.plate, some)]))
    undrawn = patch.object(CpjumpResult, "draw", lambda *_: None)
    with tempfile.TemporaryDirectory() as place, reader, undrawn:
        execute(CPJUMP, options, Path(place) / name)
        return read_run(name, Path(place) / name)


def scenarios(repeats: int, power: int, options: Options) -> Iterator[tuple[str, ScoredRun, ScoredRun]]:
    """Simulate pairs of runs.

    Parameters
    ----------
    repeats : int
        Pairs of equal runs, of each kind.
    power : int
        Pairs of which the second has weaker effects, of each strength.
    options : Options
        Which plates, tasks and how many features.

    Yields
    ------
    scenario : str
        ``same signal``: equal signal, independent noise. ``other signal``: independent signals of equal strength, the
        first run of a repeat beside the second of the next. ``effects x 0.8`` and so on: equal signal but weaker.
    a, b : ScoredRun
        The pair.
    """
    d = options.simulated_features
    previous = opening = None
    for repeat in range(repeats):
        seed = FIRST_SEED + repeat
        a, b = (score(side, SharedSignal(seed, noise, 1.0, d), options) for side, noise in (("a", 1), ("b", 2)))
        yield "same signal", a, b
        if repeat < power:
            for scale in WEAKER:
                yield f"effects x {scale:g}", a, score("b", SharedSignal(seed, 3, scale, d), options)
        if previous is None:
            opening = b
        else:
            yield "other signal", previous, b
        previous = a
    if previous is not None and opening is not None and repeats > 1:
        yield "other signal", previous, opening


def rates(compared: pl.DataFrame) -> pl.DataFrame:
    """Count how many comparisons were tested, and in how many of these p is below 0.05.

    Parameters
    ----------
    compared : polars.DataFrame
        Rows of `comparison_table` with ``scenario``.

    Returns
    -------
    polars.DataFrame
        One row a scenario, task, ``over`` (all configurations, or single ones) and metric: ``rejected``, the share
        among the ``tested``, of so many ``comparisons``.
    """
    whole = pl.when(Description=ALL).then(pl.lit("all configurations")).otherwise(pl.lit("single ones"))
    found = (
        compared.with_columns(whole.alias("over"))
        .group_by("scenario", "task", "over", "metric")
        .agg(
            (pl.col("p_value") < LEVEL).mean().alias("rejected"),
            pl.col("p_value").count().alias("tested"),
            pl.len().alias("comparisons"),
        )
    )
    order = [
        pl.col(name).replace_strict(known, range(len(known))) for name, known in (("task", TASKS), ("metric", METRICS))
    ]
    return found.sort("scenario", order[0], "over", order[1])


def markdown(table: pl.DataFrame) -> str:
    """Return the rates as tables of Markdown, one a scenario."""
    lines = []
    for (scenario,), part in table.group_by("scenario", maintain_order=True):
        lines += [
            f"**{scenario}**",
            "",
            "| task | over | metric | p < 0.05 | tested |",
            "| --- | --- | --- | --- | --- |",
        ]
        for row in part.iter_rows(named=True):
            share = "not tested" if row["rejected"] is None else f"{100 * row['rejected']:.1f} %"
            tested = f"{row['tested']:,} of {row['comparisons']:,}"
            lines.append(f"| {TITLES[row['task']]} | {row['over']} | `{row['metric']}` | {share} | {tested} |")
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Simulate, compare and print."""
    parser = argparse.ArgumentParser(prog="python -m fastbench.bench.calibration", description=__doc__)
    parser.add_argument("--repeats", type=int, default=200, help="Pairs of equal runs (default 200).")
    parser.add_argument("--power", type=int, default=50, help="Pairs of runs that differ (default 50).")
    parser.add_argument("--draws", type=int, default=999, help="Draws of each test (default 999).")
    parser.add_argument("--features", type=int, default=500, help="Simulated features (default 500).")
    parser.add_argument("--plates", type=int, help="Only the first plates (default all 40).")
    given = parser.parse_args()
    options = Options(simulated_features=given.features, limit_plates=given.plates)
    parts = []
    for number, (scenario, a, b) in enumerate(scenarios(given.repeats, given.power, options)):
        rows, _ = compare_pair(b, a, given.draws, number)
        parts.append(comparison_table(rows).with_columns(scenario=pl.lit(scenario)))
    print(markdown(rates(pl.concat(parts))))


if __name__ == "__main__":
    main()
