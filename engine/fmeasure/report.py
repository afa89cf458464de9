"""From samples and groups to the tables of a result folder: those of cellarium-cas, and summary tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from ...kernels.backend import Backend
from ...kernels.cores import run_jobs
from ..errors import InputError, examples
from ..results.steps import StepStore
from ..results.tables import Table
from .compare.groups import Compared, compare_groups
from .confusion import Confusion, Entries, add, matrices
from .names import CELL, NO_VALUE, SAMPLE
from .ontology.ontology import ancestor_sets
from .runs.reader import count_calls
from .runs.samples import Group, Member, Sample, check_one_top_k, metadata_value, same_values, split_calls
from .scores.calibration import add_bins, calibration_curve, call_bins, coverage_curve, score_summary
from .scores.intervals import Interval, interval_table, intervals
from .scores.options import ReportOptions
from .scores.summary import Report, interval_words
from .scores.tables import Rules, flat_row, hierarchical_row, per_class, per_node, summary_row, top_confusions
from .tables import GROUP, MODEL, TEST_SAMPLE, class_table, flat_table, hierarchical_table, node_table

__all__ = ["flat_tables", "hierarchical_tables", "make_report"]

#: Units below which percentiles of draws are rough.
FEW = 10


def flat_tables(samples: Sequence[Sample], groups: Sequence[Group], rules: Rules) -> dict[str, Table]:
    """Return ``f_measure_per_sample.csv``, ``f_measure_per_group.csv`` and ``per_class.csv``."""
    of_samples = run_jobs([(1, partial(flat_row, s.confusions, rules)) for s in samples])
    of_groups = run_jobs([(1, partial(flat_row, group.confusions, rules)) for group in groups])
    classes = run_jobs([(1, partial(per_class, group.confusions, group.ontology, rules)) for group in groups])
    top_k = max(len(each.confusions) for each in samples)
    return {
        "f_measure_per_sample.csv": flat_table(_by_sample(samples, of_samples), [MODEL, TEST_SAMPLE], top_k),
        "f_measure_per_group.csv": flat_table(_by_group(groups, of_groups), [GROUP], top_k),
        "per_class.csv": class_table(_stacked(groups, classes)),
    }


def hierarchical_tables(
    samples: Sequence[Sample], groups: Sequence[Group], rules: Rules, backend: Backend[Any]
) -> dict[str, Table]:
    """Return the two tables of hierarchical metrics, and ``per_node.csv``; each sample by its own ontology."""
    known = [(s, s.ontology) for s in samples if s.ontology is not None]
    of_samples = run_jobs([(1, partial(hierarchical_row, s.confusions[0], o, rules, backend)) for s, o in known])
    known_groups = [(group, group.ontology) for group in groups if group.ontology is not None]
    of_groups = run_jobs([(1, partial(hierarchical_row, g.confusions[0], o, rules, backend)) for g, o in known_groups])
    nodes = run_jobs([(1, partial(per_node, g.confusions[0], o, rules, backend)) for g, o in known_groups])
    by_sample, some = _by_sample([s for s, _ in known], of_samples), [group for group, _ in known_groups]
    return {
        "hierarchical_f_measure_per_sample.csv": hierarchical_table(by_sample, [MODEL, TEST_SAMPLE]),
        "hierarchical_f_measure_per_group.csv": hierarchical_table(_by_group(some, of_groups), [GROUP]),
        "per_node.csv": node_table(_stacked(some, nodes)),
    }


def _by_sample(samples: Sequence[Sample], rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    names = [{"model_name": s.meta["model_name"], "test_sample": s.meta["test_sample"]} for s in samples]
    return _table([name | row for name, row in zip(names, rows, strict=True)])


def _by_group(groups: Sequence[Group], rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    return _table([{"group_name": group.name, **row} for group, row in zip(groups, rows, strict=True)])


def _stacked(groups: Sequence[Group], tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat([_named(group.name, table) for group, table in zip(groups, tables, strict=True)])


def _table(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(pl.col(pl.Float64).fill_nan(None))


def _named(name: str, table: pl.DataFrame) -> pl.DataFrame:
    return table.select(pl.lit(name).alias("group_name"), pl.all())


def make_report(
    samples: Sequence[Sample],
    groups: Sequence[Group],
    options: ReportOptions,
    backend: Backend[Any],
    steps: StepStore | None = None,
    digests: Sequence[str] = (),
) -> Report:
    """Make the summary tables: metrics, confusions, scores of predictions, intervals and comparison.

    Parameters
    ----------
    samples, groups : sequence of Sample, of Group
        What was counted.
    options : ReportOptions
        How counts become tables.
    backend : Backend
        Kernels.
    steps : StepStore, optional
        Where intervals and comparisons are kept; they are not when left out.
    digests : sequence of str, optional
        What the samples depend on.

    Returns
    -------
    Report
    """
    k = check_one_top_k(samples)
    headline = "h_f1_micro" if all(group.ontology is not None for group in groups) else "f1_micro"
    rules, steps = options.rules, steps or StepStore()
    near = run_jobs([(1, partial(_nearest, s, s.calls, k, backend)) for s in samples])
    rows = run_jobs(
        [
            (1, partial(summary_row, s.confusions, s.ontology, nearest, rules, backend))
            for s, nearest in zip(samples, near, strict=True)
        ]
    )
    sample_names = pl.Series("sample_name", [s.name for s in samples], dtype=pl.String)
    by_sample = {s.name: nearest for s, nearest in zip(samples, near, strict=True)}
    tables = run_jobs([(1, partial(_group_tables, group, by_sample, k, rules, backend)) for group in groups])
    summary = _table([each.row for each in tables])
    curves = [each.curves for each in tables if each.curves is not None]
    coverage, calibration = (pl.concat(some) for some in zip(*curves, strict=True)) if curves else (None, None)
    notes = [each.note for each in tables if each.note]

    by_group, words = None, "no intervals"
    if options.bootstrap:
        by_group, interval_notes, fewest = _intervals(groups, options, backend, steps, digests)
        notes += interval_notes
        words = interval_words(options)
        if fewest is not None and fewest < FEW:
            words += f" (rough: there are only {fewest})"
    compared = _comparison(groups, options, backend, steps, digests)
    return Report(
        by_sample=_by_sample(samples, rows).insert_column(0, sample_names),
        summary=summary.sort(headline, "group_name", descending=[True, False], nulls_last=True),
        confusions=pl.concat([each.confusions for each in tables]),
        intervals=by_group,
        interval_words=words,
        comparison=compared.metrics,
        classes=compared.classes,
        coverage=coverage,
        calibration=calibration,
        headline=headline,
        notes=(*notes, *compared.notes),
    )


def _comparison(
    groups: Sequence[Group], options: ReportOptions, backend: Backend[Any], steps: StepStore, digests: Sequence[str]
) -> Compared:
    """Compare groups, see `compare_groups`."""

    def compute() -> dict[str, Any]:
        found = compare_groups(groups, options, backend)
        return {"metrics": found.metrics, "classes": found.classes, "notes": found.notes}

    return Compared(**steps.do("comparison", compute, digests))


def _nearest(sample: Sample, calls: pl.DataFrame | None, k: int, backend: Backend[Any]) -> list[Confusion]:
    """Return matrices of the best prediction on the ontology among the first 1 to k ranks; empty where not known."""
    ranks = ["predicted", *(f"nearest_{r}" for r in range(2, len(sample.meta["columns"]) + 1))][:k]
    if calls is None or not set(ranks) <= set(calls.columns):
        return []
    found: list[Confusion] = []
    for name in ranks:
        counts = backend.count_confusion(
            calls["truth"].to_numpy(), calls[name].to_numpy()[np.newaxis], len(sample.labels)
        )
        found += matrices(counts, sample.labels)
    return found + found[-1:] * (k - len(found))  # beyond the ranks that are there, nothing changes


@dataclass(frozen=True)
class _GroupTables:
    """Summary tables of one group.

    Attributes
    ----------
    row : dict
        Its row of the summary.
    confusions : polars.DataFrame
        Its most frequent confusions.
    curves : (polars.DataFrame, polars.DataFrame) or None
        Coverage and calibration of its scores; None where it has none.
    note : str
        Why it has none; empty where there is nothing to know.
    """

    row: dict[str, Any]
    confusions: pl.DataFrame
    curves: tuple[pl.DataFrame, pl.DataFrame] | None
    note: str


def _group_tables(
    group: Group, by_sample: Mapping[str, list[Confusion]], k: int, rules: Rules, backend: Backend[Any]
) -> _GroupTables:
    parts = [
        by_sample[member.sample.name]
        if member.calls is member.sample.calls
        else _nearest(member.sample, member.calls, k, backend)
        for member in group.members
    ]
    near = [add(at_k, "nearest predictions") for at_k in zip(*parts, strict=False)]
    row = summary_row(group.confusions, group.ontology, near, rules, backend)
    n_cells = group.confusions[0].n_cells
    curves = None
    bins, note = _score_bins(group, backend)
    if bins is not None:
        row |= score_summary(bins, n_cells)
        curves = _named(group.name, coverage_curve(bins, n_cells)), _named(group.name, calibration_curve(bins))
    confusions = _named(group.name, top_confusions(group.confusions[0], group.ontology, backend))
    return _GroupTables({"group_name": group.name, "n_samples": len(group.members), **row}, confusions, curves, note)


def _score_bins(group: Group, backend: Backend[Any]) -> tuple[pl.DataFrame | None, str]:
    """Count the cells of a group by the score of their prediction; a note where scores cannot be used."""
    parts = [member.calls for member in group.members]
    without = [
        member.sample.name for member in group.members if member.calls is None or "score" not in member.calls.columns
    ]
    if without:
        some = f"Group {group.name!r}: no coverage and calibration, since {examples(without)} have no scores."
        return None, some if len(without) < len(parts) else ""
    bits, _ = ancestor_sets(group.ontology, group.labels)
    try:
        bins = add_bins([call_bins(part, len(group.labels), bits, backend) for part in parts if part is not None])
    except InputError as error:
        return None, f"Group {group.name!r}: {error}"
    called = sum(part.filter(pl.col("predicted") < len(group.labels)).height for part in parts if part is not None)
    missing = called - int(bins["cells"].sum())
    if missing <= 0:
        return bins, ""
    said = f"Group {group.name!r}: {missing:,} of {called:,} calls have no score"
    return (None, f"{said}, so there is no coverage and calibration.") if missing == called else (bins, f"{said}.")


def _first(member: Member, backend: Backend[Any]) -> Confusion:
    """Return matrix of top-1 of the cells of a member."""
    if member.calls is None or member.calls is member.sample.calls:
        return member.sample.confusions[0]
    return count_calls(member.calls, member.sample.labels, 1, backend)[0]


def _clusters(group: Group, by: str, backend: Backend[Any]) -> dict[str, Entries]:
    """Counts of each cluster of a group's cells: of a sample of cells, or of a value of a column."""
    parts: dict[str, list[Confusion]] = {}
    same = {} if by == SAMPLE else same_values([member.sample for member in group.members], by).chosen
    for member in group.members:
        if by == SAMPLE:
            parts.setdefault(str(member.sample.meta["test_sample"]), []).append(_first(member, backend))
            continue
        known = metadata_value(member.sample, by)
        if known is not None:
            parts.setdefault(same.get(known, known), []).append(_first(member, backend))
            continue
        if member.calls is None or by not in member.calls.columns:
            raise InputError(
                f"--bootstrap-by {by}: The cells of sample {member.sample.name!r} were not kept with that column; name "
                "it when the sample is scored, or draw by cell or sample."
            )
        for (value,), calls in split_calls(member.calls, [by]):
            counted = count_calls(calls, group.labels, 1, backend)[0]
            parts.setdefault(same.get(value, value), []).append(counted)
    return {name: add(some, f"cluster {name!r}").entries for name, some in sorted(parts.items())}


def _intervals_of(
    units: Entries | list[Entries], bits: Any, n_nodes: int, report: ReportOptions, backend: Backend[Any]
) -> list[tuple[str, float, float, float]]:
    """Return the intervals of one group, plain."""
    found = intervals(
        units, report.rules, backend, bits=bits, n_nodes=n_nodes, draws=report.bootstrap, seed=report.seed
    )
    return [(each.metric, each.value, each.lower, each.upper) for each in found]


class _GroupIntervals(NamedTuple):
    """Intervals of all metrics of all groups, notes on those that have none or rough ones, and the fewest units."""

    table: pl.DataFrame
    notes: list[str]
    fewest: int | None


def _intervals(
    groups: Sequence[Group], report: ReportOptions, backend: Backend[Any], steps: StepStore, digests: Sequence[str]
) -> _GroupIntervals:
    """Return percentile intervals of the groups; `fewest` is None where no group has any."""
    fewest: int | None = None
    by_group: dict[str, list[Interval]] = {}
    notes: list[str] = []
    for group in groups:
        units: Entries | list[Entries] = group.confusions[0].entries
        if report.bootstrap_by != CELL:
            clusters = _clusters(group, report.bootstrap_by, backend)
            units = list(clusters.values())
            if NO_VALUE in clusters:
                cells = int(clusters[NO_VALUE].cells.sum())
                notes.append(f"Group {group.name!r}: {cells} cells have no {report.bootstrap_by} and are drawn as one.")
        count = len(units) if isinstance(units, list) else int(units.cells.sum())
        if count < 2:
            notes.append(
                f"Group {group.name!r}: no intervals, since there is only {count} to draw by {report.bootstrap_by}."
            )
            continue
        fewest = count if fewest is None else min(fewest, count)
        if count < FEW:
            notes.append(f"Group {group.name!r}: rough intervals, drawn from {count} by {report.bootstrap_by}.")
        bits, nodes = ancestor_sets(group.ontology, group.labels)
        compute = partial(_intervals_of, units, bits, len(nodes), report, backend)
        kept = steps.do(f"intervals {group.name}", compute, digests)
        found = [Interval(*each) for each in kept]
        beside = [f.metric for f in found if not (np.isnan(f.lower) or f.lower <= f.value <= f.upper)]
        if beside:
            notes.append(
                f"Group {group.name!r}: intervals of {examples(beside)} lie beside their value, which draws do "
                "not centre on; take them as rough."
            )
        by_group[group.name] = found
    return _GroupIntervals(interval_table(by_group), notes, fewest)
