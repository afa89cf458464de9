"""The comparison itself: pairs of runs, on the rows that both have."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..choices import did_you_mean
from ..command.command import Command
from ..command.job import Job
from ..command.measure import Measure
from ..errors import InputError
from ..results.tables import Column, Table
from ..statistics.false_discovery import benjamini_hochberg
from ..statistics.paired_comparison import Difference, paired_difference
from .options import CompareOptions
from .runs import KEY, Run, baseline_first, differing_options, named_folders, read_run

__all__ = ["LEVEL", "Comparison", "compare_runs", "comparison_command"]

#: False discovery rate at which a difference is called one.
LEVEL = 0.05

DIFFERENCES = (
    Column("run_a", "text", "The run."),
    Column("run_b", "text", "The run that it is compared with."),
    Column("metric", "text", "Column of the results that is compared."),
    Column("value_a", "number", "Mean over the common groups in run_a."),
    Column("value_b", "number", "Mean over the common groups in run_b."),
    Column("difference", "number", "value_a - value_b; above 0: run_a is better."),
    Column("lower", "number", "Lower end of the 95 % interval of the difference."),
    Column("upper", "number", "Upper end of the 95 % interval of the difference."),
    Column("p_value", "number", "Two-sided p-value of the randomisation test; missing where there is none."),
    Column("q_value", "number", "The same, Benjamini-Hochberg over the pairs of a metric."),
    Column("units", "integer", "Clusters that were compared."),
    Column("status", "text", "tested, or why not."),
)
VERDICTS = (
    Column("run", "text", "The run."),
    Column("verdict", "text", "Against the baseline: better, worse, no clear difference, or not tested."),
    Column("difference", "number", "Of the headline metric, from the baseline."),
    Column("lower", "number", "Lower end of its 95 % interval."),
    Column("upper", "number", "Upper end of its 95 % interval."),
    Column("p_value", "number", "Two-sided p-value."),
    Column("q_value", "number", "Benjamini-Hochberg over the runs."),
    Column("groups", "integer", "Groups of the run."),
    Column("common", "integer", "Groups that the baseline has as well."),
    Column("gained", "integer", "Groups significant in the run and not in the baseline.", optional=True),
    Column("lost", "integer", "Groups significant in the baseline and not in the run.", optional=True),
)
CHANGES = (
    Column("run_a", "text", "The run."),
    Column("run_b", "text", "The run that it is compared with."),
    Column("change", "text", "gained: significant in run_a only; lost: in run_b only."),
)


@dataclass(frozen=True)
class Comparison:
    """Results side by side.

    Attributes
    ----------
    runs : tuple of str
        Names, the baseline first.
    measure : Measure
        What is compared.
    verdicts : polars.DataFrame
        One row a run, the best first, see `VERDICTS`.
    differences : polars.DataFrame
        One row a pair of runs and metric, see `DIFFERENCES`.
    changes : polars.DataFrame
        One row a group that one run of a pair has above the threshold and the other has not.
    paired : dict of str to polars.DataFrame
        By run, its groups beside those of the baseline, for the figure.
    words : str
        What intervals, p- and q-values are.
    notes : tuple of str
        In what the runs differ, and what was left out.
    options : CompareOptions
        How they were compared.
    """

    runs: tuple[str, ...]
    measure: Measure
    verdicts: pl.DataFrame
    differences: pl.DataFrame
    changes: pl.DataFrame
    paired: dict[str, pl.DataFrame]
    words: str
    notes: tuple[str, ...]
    options: CompareOptions

    def tables(self) -> dict[str, Table]:
        """Return verdicts, differences, and what is gained and lost."""
        found = {
            "verdict.csv": Table(self.verdicts, VERDICTS),
            "comparison.csv": Table(self.differences, DIFFERENCES),
        }
        if self.measure.passes:
            found["gained_lost.csv"] = Table(self.changes, CHANGES, "Key of the group, or its value in a run.")
        return found

    def draw(self, path: Callable[[str], Path]) -> None:
        """Draw the differences, and each group in one run against the other."""
        if self.options.figures:
            from .figures import Sides, draw_comparison

            best_first = tuple(self.verdicts["run"])
            sides = Sides(best_first, self.runs[0], self.measure, self.differences, self.paired, self.words)
            draw_comparison(sides, path("figures/comparison.png"), path("figures/comparison.svg"))

    def account(self) -> dict[str, Any]:
        """Return the entries of the manifest."""
        return {"baseline": self.runs[0], "statistic": self.words, "notes": list(self.notes)}

    def summary(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        return {
            "runs": list(self.runs),
            "baseline": self.runs[0],
            "verdict": self.verdicts.to_dicts(),
            "comparison": self.differences.to_dicts(),
            "statistic": self.words,
            "notes": list(self.notes),
        }


def comparison_command(command: Command[Any, Any]) -> Command[CompareOptions, Comparison]:
    """Return the command that compares results of a command that names its `Measure`."""
    measure = command.measure
    if measure is None:
        raise InputError(f"Results of 'fastbench {command.name}' cannot be compared.")

    def run(options: CompareOptions, job: Job) -> Comparison:
        with job.stage("reading results", "read"):
            folders = named_folders(options.results)
            runs = [read_run(name, path, command.name, measure) for name, path in folders.items()]
        job.account["inputs"] = [{"name": name, "path": str(path)} for name, path in folders.items()]
        with job.stage("comparing", "compare"):
            return compare_runs(runs, measure, options, command.options)

    def columns() -> Mapping[str, Sequence[Column]]:
        return {"verdict.csv": VERDICTS, "comparison.csv": DIFFERENCES, "gained_lost.csv": CHANGES}

    return Command("compare", CompareOptions, run, columns=columns, output="results/compare", resumable=False)


def compare_runs(
    runs: Sequence[Run], measure: Measure, options: CompareOptions, declared: type | None = None
) -> Comparison:
    """Compare runs with the baseline, on the groups that both have.

    Parameters
    ----------
    runs : sequence of Run
        Two or more, of different names.
    measure : Measure
        What is compared.
    options : CompareOptions
        Baseline, pairs, draws, clusters.
    declared : type, optional
        Options of the command, to say in which of them the runs differ.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        An unknown baseline or cluster column, other keys, or no group in common.
    """
    runs = baseline_first(runs, options.baseline)
    notes = differing_options(runs, declared) if declared is not None else []
    rows, changes, paired = [], [], {}
    for b, a in itertools.combinations(runs, 2):
        if not options.all_pairs and b is not runs[0]:
            continue
        both = _joined(a, b, measure)
        if b is runs[0]:
            paired[a.name] = both
        only_a, only_b = a.frame.height - both.height, b.frame.height - both.height
        if only_a or only_b:
            notes.append(
                f"{a.name} and {b.name} are compared on {both.height:,} common {measure.unit}s; {only_a:,} are only in "
                f"{a.name} and {only_b:,} only in {b.name}."
            )
        refusal = measure.refusal(a.manifest) or measure.refusal(b.manifest)
        rows += _differences(a, b, both, measure, options, refusal)
        changes.append(_changes(a, b, both, measure))
    differences = _with_q(
        pl.DataFrame(rows, schema={c.name: _DTYPES[c.kind] for c in DIFFERENCES if c.name != "q_value"})
    )
    notes += [f"{status}." for status in differences["status"].unique(maintain_order=True) if status != "tested"]
    words = "no intervals were computed"
    if options.bootstrap:
        words = (
            f"paired randomisation test, {options.bootstrap:,} draws (seed {options.seed}), 95 % intervals; "
            "q: Benjamini-Hochberg over the pairs of a metric"
        )
    return Comparison(
        tuple(run.name for run in runs),
        measure,
        _verdicts(runs, differences, pl.concat(changes), measure),
        differences,
        pl.concat(changes),
        paired,
        words,
        tuple(dict.fromkeys(notes)),
        options,
    )


_DTYPES: dict[str, Any] = {"text": pl.String, "number": pl.Float64, "integer": pl.Int64, "boolean": pl.Boolean}


def _joined(a: Run, b: Run, measure: Measure) -> pl.DataFrame:
    """Put the groups that both runs have side by side."""
    if a.keys != b.keys:
        raise InputError(
            f"{a.name} has groups of {', '.join(a.keys)}, and {b.name} of {', '.join(b.keys)}: they cannot be paired."
        )
    columns = [*measure.values, *([measure.passes] if measure.passes else [])]
    sides = [
        run.frame.select(*keys, KEY, *(pl.col(name).alias(f"{name}_{side}") for name in columns))
        for run, side, keys in ((a, "a", a.keys), (b, "b", ()))
    ]
    both = sides[0].join(sides[1], on=KEY, how="inner", maintain_order="left").sort(KEY)
    if not both.height:
        raise InputError(f"{a.name} and {b.name} have no {measure.unit} in common: compare results of the same data.")
    return both


def _differences(
    a: Run, b: Run, both: pl.DataFrame, measure: Measure, options: CompareOptions, refusal: str
) -> list[dict[str, Any]]:
    clusters = both[KEY]
    if options.cluster_by:
        for name in options.cluster_by:
            if name not in a.keys:
                hint = did_you_mean(name, a.keys) or f"; they are {', '.join(a.keys)}."
                raise InputError(f"cluster_by names {name!r}, which is no column of the groups{hint}")
    independent = options.cluster_by or measure.clusters
    if independent:
        clusters = both.select(pl.concat_str(independent, separator=" | ")).to_series()
    columns = [*measure.values, *([measure.passes] if measure.passes else [])]
    rows = []
    for name in columns:
        values = both.select(pl.col(f"{name}_{side}").cast(pl.Float64).fill_null(np.nan) for side in "ab").to_numpy()
        weights = np.repeat(~np.isnan(values).any(axis=1, keepdims=True), 2, axis=1).astype(np.float64)
        draws = 0 if refusal else options.bootstrap
        found: Difference = paired_difference(clusters, values, weights, draws=draws, seed=options.seed)
        rows.append(
            {
                "run_a": a.name,
                "run_b": b.name,
                "metric": name,
                "value_a": found.value_a,
                "value_b": found.value_b,
                "difference": found.difference,
                "lower": found.lower,
                "upper": found.upper,
                "p_value": found.p_value,
                "units": found.units,
                "status": refusal or found.status,
            }
        )
    return rows


def _with_q(table: pl.DataFrame) -> pl.DataFrame:
    """Adjust the p-values of each metric over its pairs."""
    p = table["p_value"].fill_null(np.nan).to_numpy()
    adjusted = np.full(len(p), np.nan)
    for metric in table["metric"].unique():
        rows = np.flatnonzero((table["metric"] == metric).to_numpy())
        adjusted[rows] = benjamini_hochberg(p[rows])
    table = table.insert_column(table.columns.index("p_value") + 1, pl.Series("q_value", adjusted))
    return table.with_columns(pl.col(pl.Float64).fill_nan(None))


def _changes(a: Run, b: Run, both: pl.DataFrame, measure: Measure) -> pl.DataFrame:
    """List the groups that only one of two runs has above the threshold."""
    names = [pl.lit(a.name).alias("run_a"), pl.lit(b.name).alias("run_b")]
    if not measure.passes:
        return pl.DataFrame(schema={"run_a": pl.String, "run_b": pl.String})
    only_a, only_b = (pl.col(f"{measure.passes}_{side}").fill_null(value=False) for side in "ab")
    change = pl.when(only_a).then(pl.lit("gained")).otherwise(pl.lit("lost")).alias("change")
    values = [f"{name}_{side}" for name in measure.values for side in "ab"]
    return both.filter(only_a != only_b).select(*names, change, *a.keys, *values).sort("change", *a.keys)


def _verdicts(runs: Sequence[Run], differences: pl.DataFrame, changes: pl.DataFrame, measure: Measure) -> pl.DataFrame:
    """Return one row a run, the best first."""
    baseline = runs[0]
    rows = []
    for run in runs:
        own = differences.filter(run_a=run.name, run_b=baseline.name, metric=measure.headline)
        row: dict[str, Any] = {"run": run.name, "verdict": "baseline", "difference": 0.0}
        if len(own):
            found = own.row(0, named=True)
            row |= {name: found[name] for name in ("difference", "lower", "upper", "p_value", "q_value")}
            row["verdict"] = _verdict(found)
        row |= {
            "groups": run.frame.height,
            "common": run.frame.join(baseline.frame, on=KEY, how="semi").height,
        }
        if measure.passes:
            counted = changes.filter(run_a=run.name, run_b=baseline.name)["change"]
            row |= {change: int((counted == change).sum()) for change in ("gained", "lost")}
        rows.append(row)
    schema = {c.name: _DTYPES[c.kind] for c in VERDICTS if measure.passes or c.name not in ("gained", "lost")}
    return pl.DataFrame(rows, schema=schema).sort("difference", descending=True, nulls_last=True, maintain_order=True)


def _verdict(found: dict[str, Any]) -> str:
    if found["q_value"] is None:
        return "not tested"
    if found["q_value"] >= LEVEL:
        return "no clear difference"
    return "better" if found["difference"] > 0 else "worse"
