"""Results of the CPJUMP1 benchmark side by side: which is better, where, and whether that is significant."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from ...comparison.runs import baseline_first
from ...errors import InputError
from ...results.tables import Table
from ...statistics.paired_comparison import FEWEST, FEWEST_DIFFERING
from ..names import ALL, COMMON, CONFIGURATION, HEADLINE, LEVEL, RETRIEVED, TASKS, TITLES
from .options import CompareOptions
from .pairs import NO_CHANGES, compare_pair, comparison_table
from .runs import ScoredRun, differing_options, ordered, part_of_wells, with_published
from .tables import BY_RUN, FRACTIONS, GAINED_LOST, PAIRS, VERDICT
from .verdict import beside_published, standing

__all__ = ["Comparison", "compare_runs"]


@dataclass(frozen=True)
class Comparison:
    """Runs side by side.

    Parameters
    ----------
    runs : tuple of str
        Names, the baseline first.
    simulated : bool
        Whether the features of any were simulated.
    by_run : polars.DataFrame
        One row a configuration and run: ``fr``, ``groups``, ``groups_retrieved``, ``map`` (mean of the mean AP of
        its groups). Rows of description "all" go over the configurations that every run has.
    fractions : polars.DataFrame
        The same, one row a configuration and columns for each run (``A_fr``), and ``published`` where it was asked for.
    pairs : polars.DataFrame
        One row a configuration, pair of runs and metric, see `compare_runs`.
    gained_lost : polars.DataFrame
        One row a group that one run of a pair retrieves and the other does not.
    standing : polars.DataFrame
        Each task, the best run first, against the baseline: ``task``, ``run``, ``verdict`` (`verdict.verdict_of`),
        ``difference``, ``lower``, ``upper``, ``q_value`` (of the mean AP above chance of all groups, over all
        configurations), ``fr_difference``, ``fr_q_value`` (of the fraction of all groups that is retrieved),
        ``gained``, ``lost`` (groups that the run alone, or the baseline alone, retrieves), ``lost_at_gate`` (groups
        that the baseline scored and the run lost at its gate), ``status``, ``better_in``, ``worse_in`` and
        ``configurations`` (numbers).
    words : str
        What the intervals and q-values are.
    notes : tuple of str
        In what the runs differ, and what was left out.
    options : CompareOptions
        How they were compared.
    """

    runs: tuple[str, ...]
    simulated: bool
    by_run: pl.DataFrame
    fractions: pl.DataFrame
    pairs: pl.DataFrame
    gained_lost: pl.DataFrame
    standing: pl.DataFrame
    words: str
    notes: tuple[str, ...]
    options: CompareOptions

    def tables(self) -> dict[str, Table]:
        """Return verdicts, differences, fractions, and what is gained and lost."""
        found = {
            "verdict.csv": Table(self.standing, VERDICT),
            "comparison.csv": Table(self.pairs, PAIRS),
            "fractions.csv": Table(self.fractions, FRACTIONS, BY_RUN),
            "gained_lost.csv": Table(self.gained_lost, GAINED_LOST),
        }
        if not self.simulated:
            return found
        # a table may be passed on without its manifest: it says itself that its numbers are of no real profile
        return {name: replace(table, frame=table.frame.with_columns(simulated=True)) for name, table in found.items()}

    def draw(self, path: Callable[[str], Path]) -> None:
        """Draw all runs, and what is gained and lost against the baseline."""
        if not self.options.figures:
            return
        from ..figures.comparison import draw_gained_lost, draw_overview

        drawn = (self.fractions, self.pairs, self.runs)
        overview, changes = (
            [path(f"figures/{name}.{ending}") for ending in ("png", "svg")] for name in ("overview", "gained_lost")
        )
        shared: dict[str, Any] = {"simulated": self.simulated}
        draw_overview(*drawn, *overview, by_run=self.by_run, subtitle=self.words, **shared)
        if len(self.runs) > 1:
            tests = self.pairs.filter(metric=RETRIEVED)["p_value"].count()
            words = f"randomisation test that swaps the runs by cluster; q: Benjamini-Hochberg over {tests} comparisons"
            draw_gained_lost(*drawn, *changes, subtitle=words, **shared)

    def account(self) -> dict[str, Any]:
        """Return the entries of the manifest."""
        return {
            "simulated": self.simulated,
            "baseline": self.runs[0],
            "statistic": self.words,
            "notes": list(self.notes),
        }

    def summary(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        return {
            "runs": list(self.runs),
            "baseline": self.runs[0],
            "simulated": self.simulated,
            "statistic": self.words,
            "verdict": self.standing.to_dicts(),
            "fractions": self.fractions.to_dicts(),
            "comparison": self.pairs.to_dicts(),
            "notes": list(self.notes),
        }


def compare_runs(runs: Sequence[ScoredRun], options: CompareOptions) -> Comparison:
    """Compare runs, configuration by configuration and over all configurations of a task.

    Groups (perturbations, or labels in matching) are paired by name. A group that one run lost at its gate
    (`runs.lost_at_gate`) counts there as of chance AP and as not retrieved in the metrics of all groups, by which runs
    are ranked; the other metrics are of the groups that both scored, or of those of each run, as reported. The
    randomisation test (`paired_comparison`) swaps the runs by clusters of groups that share perturbations
    (`clusters.group_clusters`); what recurs in several configurations swaps in all of them.

    Parameters
    ----------
    runs : sequence of ScoredRun
        Two or more, of different names.
    options : CompareOptions
        Baseline, pairs, draws.

    Returns
    -------
    Comparison
        In `Comparison.pairs`: the configuration, ``run_a``, ``run_b``, ``metric`` (see `METRICS`), ``value_a``,
        ``value_b``, ``difference`` (a - b), ``lower``, ``upper``, ``p_value``, ``q_value`` (Benjamini-Hochberg over all
        rows of a metric), ``status`` (``tested``, or why not), ``units`` (clusters), ``groups_a``, ``groups_b``,
        ``groups_common``, ``groups_compared`` (in this metric), ``lost_at_gate_a`` and ``lost_at_gate_b`` (of the
        groups that the other run scored). In the rows of ``fraction_retrieved_all_groups`` also ``retrieved_only_a``
        and ``retrieved_only_b``, and ``only_a_at_gate`` and ``only_b_at_gate``, those of them that the other run lost
        at its gate. In the rows of ``fraction_retrieved_common`` of single configurations of replicability
        ``retrieved_only_a``, ``retrieved_only_b`` (common groups), ``mcnemar_p`` (exact McNemar test on them) and
        ``mcnemar_q``.

    Raises
    ------
    InputError
        An unknown baseline, or no configuration that two of the runs to be compared have in common.
    """
    runs = baseline_first(runs, options.baseline)
    names = tuple(run.name for run in runs)
    rows, changes = [], []
    for b, a in itertools.combinations(runs, 2):
        if options.all_pairs or b is runs[0]:
            found, changed = compare_pair(a, b, options.bootstrap, options.seed)
            rows += found
            changes.append(changed)
    if not rows and not (len(runs) == 1 and options.published):
        raise InputError(
            f"{names[0]!r} has no configuration of a task in common with another run: compare runs of the same "
            "tasks, cell lines and times."
        )
    pairs, by_run = comparison_table(rows), _by_run(runs)
    words = "no intervals were computed"
    if len(runs) == 1:
        words = "beside the published fractions of CellProfiler profiles, which have no groups and so no p-value"
    elif options.bootstrap:
        words = (
            "95 % intervals and p-values of a randomisation test that swaps the runs by cluster "
            f"({options.bootstrap:,} draws, seed {options.seed}); "
            f"q: Benjamini-Hochberg over {pairs.filter(metric=HEADLINE)['p_value'].count()} comparisons"
        )
    fractions = _side_by_side(by_run, names, options.published)
    if options.published and all(map(part_of_wells, runs)):
        fractions = fractions.with_columns(pl.lit(None, pl.Float64).alias("published"))
    notes = differing_options(runs, published=options.published)
    notes += _coverage_notes(by_run, names) + _group_notes(pairs) + _test_notes(pairs, options)
    return Comparison(
        names,
        any(run.simulated for run in runs),
        by_run,
        fractions,
        pairs,
        ordered(pl.concat(changes)) if changes else pl.DataFrame(schema=NO_CHANGES),
        standing(pairs, names) if len(runs) > 1 else beside_published(fractions, names[0]),
        words,
        tuple(notes),
        options,
    )


def _by_run(runs: Sequence[ScoredRun]) -> pl.DataFrame:
    every = pl.concat(run.groups.with_columns(run=pl.lit(run.name)) for run in runs)
    scores = (
        pl.col("retrieved").mean().alias("fr"),
        pl.len().cast(pl.Int64).alias("groups"),
        pl.col("retrieved").sum().cast(pl.Int64).alias("groups_retrieved"),
        pl.col("map", "above_chance").mean(),
    )
    single = every.group_by([*CONFIGURATION, "run"], maintain_order=True).agg(*scores)
    shared = every.filter(pl.col("run").n_unique().over("task", "Description") == len(runs))
    whole = shared.group_by("task", "run", maintain_order=True).agg(*scores).with_columns(Description=pl.lit(ALL))
    return pl.concat([whole, single], how="diagonal").select(single.columns)


def _side_by_side(by_run: pl.DataFrame, names: Sequence[str], published: bool) -> pl.DataFrame:
    """Return columns for each run: one row a configuration, those over all first in their task."""
    keys = ["task", "Description"]
    columns = {name: name for name in ("fr", "groups", "groups_retrieved")}
    columns |= {"map": "mean_average_precision", "above_chance": "mean_normalized_average_precision"}
    # runs of plates with other hours may differ in them: the first says them
    table = ordered(by_run.select(CONFIGURATION).unique(keys, keep="first", maintain_order=True))
    for name in names:
        own = by_run.filter(run=name).select(
            *keys, *(pl.col(old).alias(f"{name}_{new}") for old, new in columns.items())
        )
        table = table.join(own, on=keys, how="left", maintain_order="left")
    return with_published(table) if published else table


def _coverage_notes(by_run: pl.DataFrame, names: Sequence[str]) -> list[str]:
    """Return which configurations some runs lack."""
    single = by_run.filter(pl.col("Description") != ALL)
    notes = []
    for (task,), part in single.group_by("task", maintain_order=True):
        every = part["Description"].n_unique()
        lacking = {name: every - len(part.filter(run=name)) for name in names}
        some = [f"{count} of {every} are not in {name}" for name, count in lacking.items() if count]
        if some:
            said = f"{TITLES[str(task)]}: of the configurations {', '.join(some)}"
            notes.append(f"{said}; a pair is compared on those of both, and on what one lost at its gate.")
    return notes


def _group_notes(pairs: pl.DataFrame) -> list[str]:
    """Return where the runs of a pair scored different groups, and how that is dealt with."""
    whole = pairs.filter(metric=HEADLINE, Description=ALL)
    only = [(pl.col(f"groups_{side}") - pl.col("groups_common")).alias(f"only_{side}") for side in "ab"]
    apart = whole.with_columns(only).filter(pl.col("only_a") + pl.col("only_b") > 0)
    notes = []
    for (task,), part in apart.group_by("task", maintain_order=True):
        shown = "; ".join(
            f"{a} and {b}: {common:,} common, {only_a:,} only in {a}, {only_b:,} only in {b}"
            for a, b, common, only_a, only_b in part.select(
                "run_a", "run_b", "groups_common", "only_a", "only_b"
            ).iter_rows()
        )
        lost = int((part["lost_at_gate_a"] + part["lost_at_gate_b"]).sum())
        rest = int((part["only_a"] + part["only_b"]).sum()) - lost
        dealt = f"{lost:,} were lost at a gate and count there as of chance AP and as not retrieved"
        left_out = f"; {rest:,} were not measured in the other run and are left out" if rest else ""
        notes.append(f"{TITLES[str(task)]}: runs scored different groups ({shown}); {dealt}{left_out}.")
    if (apart["task"] != TASKS[0]).any():
        notes.append(
            "Different perturbations pass the gates of the runs, so their candidates differ as well. mAP above chance "
            "corrects for their number, not for which they are; with --gate none in all runs they are the same."
        )
    return notes


def _test_notes(pairs: pl.DataFrame, options: CompareOptions) -> list[str]:
    """Return what could not be tested, or not well."""
    own = pairs.filter(metric=HEADLINE)
    common = pairs.filter(pl.col("Description") != ALL, metric=COMMON)
    notes = []
    lost = int((common["groups_common"] - common["groups_compared"]).sum())
    if lost:
        notes.append(f"{lost} common groups have no mAP above chance in one of their runs and are not compared in it.")
    if options.bootstrap and (own["task"] != TASKS[0]).any():
        notes.append(
            "Targets share compounds: those that are linked by compounds, directly or by way of others, swap sides "
            "together in the test. Few such clusters hold most targets, so only large differences are significant."
        )
    if options.bootstrap:
        least = 2 / (1 + options.bootstrap)
        tested = own["p_value"].count()
        few = own.filter(pl.col("p_value").is_null())
        if len(few):
            notes.append(
                f"{len(few)} of {len(own)} comparisons have fewer than {FEWEST} clusters of groups, or fewer than "
                f"{FEWEST_DIFFERING} that differ, and are not tested."
            )
        if tested * least > LEVEL:
            notes.append(
                f"With {options.bootstrap:,} draws no p-value is below {least:.1g}, so one alone of {tested} "
                f"comparisons cannot be significant; draw more: --bootstrap {40 * tested + 1000}."
            )
    return notes
