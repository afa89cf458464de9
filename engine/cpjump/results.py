"""A finished benchmark: its tables, figures and account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from ..results.tables import Table
from ..tables.profiles import Source
from .left_out import Counted, count_left_out
from .names import BATCH, GENE_COMPOUND_MATCHING, GROUPED_BY, LEVEL, MODALITY, SAMPLE, TARGET, TASKS
from .planning import Plan, Run
from .plates.metadata import PUBLISHED_KEYS, published
from .score import GROUP_COLUMNS, Scored
from .tables import AVERAGE_PRECISION, BY_CELL, RUNS, SUMMARY, fraction_columns, map_columns

__all__ = ["CpjumpResult", "RunResult"]

#: What the share of groups that correlate more than random pairs is called.
_PERCENT = {"replicability": "percent_replicating", "matching": "percent_matching"}


_CONFIGURATION: Mapping[str, pl.DataType] = {
    "Description": pl.String(),
    "Modality": pl.String(),
    "Cell": pl.String(),
    "time": pl.String(),
    "timepoint": pl.Int64(),
}
_CROSS_CONFIGURATION: Mapping[str, pl.DataType] = {
    "Description": pl.String(),
    "Modality1": pl.String(),
    "Modality2": pl.String(),
    "Cell": pl.String(),
    "time1": pl.String(),
    "time2": pl.String(),
    "timepoint1": pl.Int64(),
    "timepoint2": pl.Int64(),
}


@dataclass(frozen=True)
class RunResult:
    """One run, its result, its account and its time.

    Parameters
    ----------
    run : Run
        The run of the plan.
    scored : Scored
        Its result.
    account : dict of str to int
        Everything counted: plates, wells, perturbations, queries, labels, pairs, and what was dropped.
    seconds : float
        Wall time, reading included.
    """

    run: Run
    scored: Scored
    account: dict[str, int]
    seconds: float

    def configuration(self) -> dict[str, object]:
        """Return the columns that say which run a row belongs to."""
        first = self.run.plates[0]
        if self.run.task != GENE_COMPOUND_MATCHING:
            values = (self.run.description, first.modality, first.cell, first.time, first.hours)
            return dict(zip(_CONFIGURATION, values, strict=True))
        second = self.run.genetic[0]
        both = (
            first.modality,
            second.modality,
            first.cell,
            first.time,
            second.time,
            first.hours,
            second.hours,
        )
        return dict(zip(_CROSS_CONFIGURATION, (self.run.description, *both), strict=True))


@dataclass(frozen=True)
class CpjumpResult:
    """A finished benchmark.

    Parameters
    ----------
    plan : Plan
        What was done, options included.
    runs : tuple of RunResult
        Every run, in order.
    warnings : tuple of str
        Sentences about runs without a result, and values that were noticed; missing plates are in `Plan.notes`.
    sources : tuple of Source
        Every file read.
    timings : dict of str to float
        Seconds of reading and of each task.
    configurations : dict of str to dict
        By description, what each configuration left out: wells, and perturbations dropped before matching.
    correction : dict, optional
        What the batch correction was fitted with, and on.
    """

    plan: Plan
    runs: tuple[RunResult, ...]
    warnings: tuple[str, ...]
    sources: tuple[Source, ...]
    timings: dict[str, float]
    configurations: dict[str, dict[str, int]]
    correction: dict[str, Any] | None = None

    @property
    def simulated(self) -> bool:
        """Whether the features were simulated."""
        return self.plan.options.simulated

    @cached_property
    def maps(self) -> dict[str, pl.DataFrame]:
        """Groups of each task: the group column, the six score columns, then the configuration."""
        return {f"{task}_map": _groups(task, self._of(task)) for task in TASKS if self._of(task)}

    @cached_property
    def fractions(self) -> dict[str, pl.DataFrame]:
        """Fraction retrieved of each scored run of each task, see `fr_tables`; the files ``<task>_fr.csv``."""
        return {f"{task}_fr": frame for task, frame in self.fr_tables().items()}

    @cached_property
    def average_precision(self) -> pl.DataFrame:
        """Every query of every run, with its average precision, pairs and p-value (missing: not scored)."""
        parts = [
            result.scored.queries.with_columns(
                pl.lit(result.run.task).alias("task"), pl.lit(result.run.description).alias("Description")
            )
            for result in self.runs
            if result.run.reported and result.scored.queries.height
        ]
        names = (
            "task",
            "Description",
            SAMPLE,
            "Metadata_Plate",
            "Metadata_Well",
            MODALITY,
            TARGET,
            "average_precision",
            "ap_optimistic",
            "ap_pessimistic",
            "n_pos_pairs",
            "n_total_pairs",
            "p_value",
        )
        every = pl.concat(parts, how="diagonal")
        return every.select(name for name in names if name in every.columns)

    @cached_property
    def report(self) -> pl.DataFrame:
        """The account of every run, those included that only the gate needed; missing: does not apply."""
        rows = [
            {"task": result.run.task, "Description": result.run.description, "reported": result.run.reported}
            | {
                "outcome": result.scored.outcome,
                "fr": result.scored.fraction_retrieved,
            }
            | result.account
            for result in self.runs
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    @property
    def run_seconds(self) -> dict[str, float]:
        """Wall time of each run, reading included, by its task and description; equal runs differ in it."""
        return {f"{each.run.task}: {each.run.description}": each.seconds for each in self.runs}

    def fr_tables(self) -> dict[str, pl.DataFrame]:
        """Fractions retrieved of each task beside the published ones.

        Returns
        -------
        dict of str to polars.DataFrame
            By task: the configuration, ``fr``, ``groups``, ``groups_retrieved``, ``published``
            (CellProfiler profiles; missing where the configuration has no published value, in another batch,
            with part of the plates or wells, and for another statistic, gate or threshold than the paper's), and
            ``percent_replicating`` or ``percent_matching`` with its ``_threshold`` (`replicating`).
        """
        options = self.plan.options
        comparable = (options.p_values, options.batch, options.gate, options.q_threshold, options.orf_replicates) == (
            "paper",
            BATCH,
            "q",
            LEVEL,
            "any",
        ) and not options.part_of_wells
        return {task: _fractions(task, self._of(task), comparable) for task in TASKS if self._of(task)}

    def unpublished(self) -> list[str]:
        """Return why no published value stands beside the fractions of a part of the wells, a sentence or none."""
        reasons = list(self.plan.options.part_of_wells)
        if any(result.account.get("plates_missing") for result in self.runs):
            reasons.append("plates without a profile file")
        if not reasons or self.simulated:
            return []
        why = ", ".join(reasons)
        return [f"Published fractions are of all wells and plates, and are left out beside a part of them ({why})."]

    def summaries(self) -> dict[str, pl.DataFrame]:
        """Fractions retrieved, one column a cell line, one row a modality and time (every combination)."""
        found = {}
        for name, frame in self.fractions.items():
            index = [c for c in ("Modality", "time", "Modality1", "time1", "Modality2", "time2") if c in frame.columns]
            found[name.removesuffix("_fr") + "_summary"] = frame.pivot("Cell", index=index, values="fr")
        return found

    @property
    def device(self) -> str:
        """Where similarities were computed."""
        return ", ".join(sorted({result.scored.device for result in self.runs} - {""}))

    @property
    def statistic(self) -> str:
        """Which significance the numbers follow, in words."""
        options = self.plan.options
        if options.p_values == "exact":
            text = "p-value of the mean AP of a group, exact null distribution, P(null >= mean AP)"
        else:
            text = f"mean of -log10 P(null > AP), floor of {options.null_size:,} draws"
        gate = f"gate q < {options.q_threshold:g}" if options.gate == "q" else "no gate"
        return f"preset {options.preset}; {text}; {gate}; ties {options.tie_rule}"

    def dropped(self) -> dict[str, int]:
        """Count what was left out: plates by reason; wells, perturbations and the rest by their unit.

        Wells and perturbations count once a configuration, however many runs lack them; guides without another guide
        of their gene, compounds without a shared target, queries, labels and groups count in each run.
        """
        plates = {f"plates: {reason}": count for reason, count in self._plates_dropped().items()}
        return plates | {each.name: each.total for each in self._left_out()}

    def left_out(self) -> list[str]:
        """Return what was left out, in words; zeros are not listed."""
        plates = [f"{count} plates ({reason})" for reason, count in self._plates_dropped().items() if count]
        return plates + [each.sentence for each in self._left_out() if each.total]

    def _plates_dropped(self) -> dict[str, int]:
        return self.plan.experiments.dropped | {"no profile file": len(self.plan.missing)}

    def _left_out(self) -> list[Counted]:
        return count_left_out(self.configurations.values(), [result.account for result in self.runs])

    def tables(self) -> dict[str, Table]:
        """Return maps, fractions, summaries, runs and queries, with their columns declared."""
        found = {}
        for kind, frames, columns in (("map", self.maps, map_columns), ("fr", self.fractions, fraction_columns)):
            for name, frame in frames.items():
                # a table may be passed on without its manifest: it says itself that its numbers are of no real profile
                marked = frame.with_columns(simulated=True) if self.simulated else frame
                found[f"{name}.csv"] = Table(marked, columns(name.removesuffix(f"_{kind}")))
        for name, frame in self.summaries().items():
            found[f"tables/{name}.csv"] = Table(frame, SUMMARY, BY_CELL)
        found["tables/runs.csv"] = Table(self.report, RUNS)
        found["average_precision.parquet"] = Table(self.average_precision, AVERAGE_PRECISION)
        return found

    def draw(self, path: Callable[[str], Path]) -> None:
        """Draw fractions retrieved and mean average precision, task by task."""
        from .figures.benchmark import draw_cpjump

        draw_cpjump(
            self.maps | self.fractions,
            path,
            simulated=self.simulated,
            subtitle=self.statistic,
            threshold=self.plan.options.q_threshold,
        )

    def account(self) -> dict[str, Any]:
        """Return the entries of the manifest."""
        options = self.plan.options
        return {
            "inputs": [source.as_dict() for source in self.sources],
            "simulated": self.simulated,
            "statistic": self.statistic,
            "batch_correction": self.correction,
            "published_faults": list(options.published_faults),
            "corrections": list(options.rules.corrections),
            "notes": [*self.plan.notes(), *self.warnings, *self.unpublished()],
            "missing_plates": list(self.plan.missing),
            "dropped": self.dropped(),
            "timings": self.timings | self.run_seconds,
            "device": self.device,
        }

    def summary(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        return {
            "simulated": self.simulated,
            "statistic": self.statistic,
            "fraction_retrieved": {task: frame.to_dicts() for task, frame in self.fr_tables().items()},
            "dropped": self.dropped(),
            "left_out": self.left_out(),
            "notes": self.plan.notes(),
            "warnings": [*self.warnings, *self.unpublished()],
            "timings": self.timings,
        }

    def _of(self, task: str) -> list[RunResult]:
        return [result for result in self.runs if result.run.task == task and result.run.reported]


def _groups(task: str, results: list[RunResult]) -> pl.DataFrame:
    configuration = _CROSS_CONFIGURATION if task == GENE_COMPOUND_MATCHING else _CONFIGURATION
    parts = [
        result.scored.groups.with_columns(
            pl.lit(value, dtype=configuration[name]).alias(name) for name, value in result.configuration().items()
        )
        for result in results
        if result.scored.groups.height
    ]
    if parts:
        return pl.concat(parts, how="vertical")
    flags = {name: pl.Boolean() if name.startswith("above") else pl.Float64() for name in GROUP_COLUMNS}
    return pl.DataFrame(schema={GROUPED_BY[task]: pl.String(), **flags, **configuration})


def _fractions(task: str, results: list[RunResult], comparable: bool) -> pl.DataFrame:
    configuration = _CROSS_CONFIGURATION if task == GENE_COMPOUND_MATCHING else _CONFIGURATION
    known = {tuple(row[:-1]): row[-1] for row in published().select(*PUBLISHED_KEYS, "published").iter_rows()}
    rows = []
    for result in results:
        if not result.scored.groups.height:
            continue
        first = result.run.plates[0]
        second = result.run.genetic[0] if result.run.genetic else None
        genetic = (second.modality, second.time) if second else (None, None)
        key = (task, first.cell, first.modality, first.time, *genetic)
        rows.append(
            result.configuration()
            | {
                "fr": result.scored.fraction_retrieved,
                "groups": result.scored.groups.height,
                "groups_retrieved": int(result.scored.groups["above_q_threshold"].sum()),
                "published": known.get(key) if comparable and not result.account.get("plates_missing") else None,
                **_percent(task, result.scored),
            }
        )
    counted = {
        "fr": pl.Float64(),
        "groups": pl.Int64(),
        "groups_retrieved": pl.Int64(),
        "published": pl.Float64(),
        **({f"{_PERCENT[task]}{what}": pl.Float64() for what in ("", "_threshold")} if task in _PERCENT else {}),
    }
    return pl.DataFrame(rows, schema={**configuration, **counted})


def _percent(task: str, scored: Scored) -> dict[str, float | None]:
    """Return the percent score of a run and its threshold, under the name that its task gives it."""
    if task not in _PERCENT:
        return {}
    name, found = _PERCENT[task], scored.percent
    values = (None, None) if found is None else (found.fraction, found.threshold)
    return dict(zip((name, f"{name}_threshold"), values, strict=True))
