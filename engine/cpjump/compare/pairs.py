"""Pairs of runs of the CPJUMP1 benchmark: differences, intervals and tests; groups gained and lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from ...statistics.false_discovery import benjamini_hochberg
from ...statistics.paired_comparison import paired_difference
from ...statistics.resampling import mcnemar
from ..names import ALL, CONFIGURATION, GROUP, METRICS, MODALITIES, SAMPLE, TASKS
from ..plates.metadata import plate_map
from .clusters import group_clusters
from .runs import ScoredRun, lost_at_gate, ordered

__all__ = ["NO_CHANGES", "compare_pair", "comparison_table"]

_SIDES: Final = ("a", "b")


def compare_pair(a: ScoredRun, b: ScoredRun, draws: int, seed: int) -> tuple[list[dict[str, Any]], pl.DataFrame]:
    """Compare two runs in each task over all configurations, and then in each configuration.

    Parameters
    ----------
    a, b : ScoredRun
        The runs; differences are a - b.
    draws, seed : int
        As in `paired_comparison.paired_difference`.

    Returns
    -------
    rows : list of dict
        For `comparison_table`; none where they have no configuration in common.
    changes : polars.DataFrame
        The groups that only one of them retrieves: the configuration, ``group``, ``name`` (of the compound or gene),
        ``run_a``, ``run_b``, ``change`` ("gained": only a retrieves it; "lost"), ``at_gate`` (whether the other run
        lost it at its gate), and mean AP and q-value in both; missing where a run did not score it.
    """
    joined = _joined(a, b)
    members = pl.concat([a.members, b.members]).unique()
    names = {"run_a": a.name, "run_b": b.name}
    rows = []
    for (task,), part in joined.group_by("task", maintain_order=True):
        rows += _metric_rows({"task": task, "Description": ALL} | names, part, members, draws, seed)
        for _, one in part.group_by("Description", maintain_order=True):
            configuration = one.select(CONFIGURATION).row(0, named=True)
            rows += _metric_rows(configuration | names, one, members, draws, seed)
    return rows, _named(_changes(joined, a.name, b.name))


def _joined(a: ScoredRun, b: ScoredRun) -> pl.DataFrame:
    """Put the groups of two runs side by side, in the configurations of both; what a run lacks is missing.

    ``lost_a`` and ``lost_b`` mark the groups that a run lost at its gate.
    """
    keys = ["task", "Description"]
    scores = ["above_chance", "map", "q_value", "retrieved"]
    lost = [lost_at_gate(a, b), lost_at_gate(b, a)]
    sides = []
    for side, own, other, other_lost in (("a", a, b, lost[1]), ("b", b, a, lost[0])):
        both = pl.concat([other.groups.select(keys), other_lost.select(keys)]).unique()
        shared = own.groups.join(both, on=keys, how="semi")
        renamed = (pl.col(name).alias(f"{name}_{side}") for name in scores)
        sides.append(shared.select(*CONFIGURATION, "group", *renamed))
    # the hours may be missing on one side: the keys decide, and the first that is there is kept
    rest = [name for name in CONFIGURATION if name not in keys]
    both = sides[0].join(sides[1], on=list(GROUP), how="full", coalesce=True, suffix="_right")
    both = both.with_columns(pl.coalesce(name, f"{name}_right").alias(name) for name in rest)
    both = both.drop(f"{name}_right" for name in rest)
    for side, some in zip(_SIDES, lost, strict=True):
        marked = some.with_columns(pl.lit(value=True).alias(f"lost_{side}"))
        both = both.join(marked, on=list(GROUP), how="left").with_columns(pl.col(f"lost_{side}").fill_null(value=False))
    return ordered(both.sort("group"))


def _metric_rows(
    configuration: Mapping[str, Any], part: pl.DataFrame, members: pl.DataFrame, draws: int, seed: int
) -> list[dict[str, Any]]:
    above, maps, retrieved, lost = (
        part.select(pl.col(f"{name}_{side}").cast(pl.Float64).fill_null(np.nan) for side in _SIDES).to_numpy()
        for name in ("above_chance", "map", "retrieved", "lost")
    )
    lost = lost > 0
    own = ~np.isnan(retrieved)
    # At a gate a group loses all: its AP is that of chance, and it is not retrieved.
    every_above, every_retrieved = (np.where(lost, 0.0, each) for each in (above, retrieved))
    cluster = _clusters(part, members)
    # The perturbations of a configuration share plates and controls; over several that can be told.
    replicates = configuration["task"] == TASKS[0] and configuration["Description"] == ALL
    crossed = part["Description"].to_numpy() if replicates else None
    counts = {
        "groups_a": own[:, 0].sum(),
        "groups_b": own[:, 1].sum(),
        "groups_common": own.all(axis=1).sum(),
        "lost_at_gate_a": lost[:, 0].sum(),
        "lost_at_gate_b": lost[:, 1].sum(),
    }
    rows = []
    for metric, values, there in zip(
        METRICS,
        (every_above, above, maps, retrieved, retrieved, every_retrieved),
        (_in_both(every_above), _in_both(above), _in_both(maps), own, _in_both(retrieved), _in_both(every_retrieved)),
        strict=True,
    ):
        found = paired_difference(cluster, values, there.astype(np.float64), crossed=crossed, draws=draws, seed=seed)
        compared = {"groups_compared": there.any(axis=1).sum()}
        rows.append(dict(configuration) | {"metric": metric} | asdict(found) | counts | compared)
    rows[-1] |= _retrieved_once(retrieved, lost)
    # The test takes groups as independent: those of one name are not, nor are targets that share compounds.
    if configuration["Description"] != ALL and configuration["task"] == TASKS[0]:
        either = _retrieved_once(np.where(_in_both(retrieved), retrieved, np.nan), lost)
        only_a, only_b = either["retrieved_only_a"], either["retrieved_only_b"]
        p = mcnemar(only_a, only_b)["mcnemar_exact_p"]
        place = METRICS.index("fraction_retrieved_common")
        rows[place] |= {"retrieved_only_a": only_a, "retrieved_only_b": only_b, "mcnemar_p": p}
    return rows


def _in_both(values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Mark the rows that have a value in both runs, shape (n, 2)."""
    return np.repeat(~np.isnan(values).any(axis=1, keepdims=True), 2, axis=1)


def _clusters(part: pl.DataFrame, members: pl.DataFrame) -> npt.NDArray[np.str_]:
    """Return the cluster of each group of a part: those of its own configurations decide who depends on whom."""
    known = group_clusters(members.join(part.select(GROUP), on=list(GROUP), how="semi"))
    return np.array([known.get(group, group) for group in part["group"].to_list()], dtype=np.str_)


def _retrieved_once(retrieved: npt.NDArray[np.float64], lost: npt.NDArray[np.bool_]) -> dict[str, int]:
    """Count the groups that only one run retrieves, of those that the other scored or lost at its gate; and these."""
    only = [(retrieved[:, i] > 0) & ((retrieved[:, 1 - i] == 0) | lost[:, 1 - i]) for i in (0, 1)]
    counts = {f"retrieved_only_{side}": int(each.sum()) for side, each in zip(_SIDES, only, strict=True)}
    at_gate = (int((each & lost[:, 1 - i]).sum()) for i, each in enumerate(only))
    return counts | {f"only_{side}_at_gate": count for side, count in zip(_SIDES, at_gate, strict=True)}


_COLUMNS: Final[Mapping[str, Any]] = {
    **{name: pl.Int64 if name.startswith("timepoint") else pl.String for name in CONFIGURATION},
    "run_a": pl.String,
    "run_b": pl.String,
    "metric": pl.String,
    **dict.fromkeys(("value_a", "value_b", "difference", "lower", "upper", "p_value"), pl.Float64),
    "status": pl.String,
    **dict.fromkeys(("units", "groups_a", "groups_b", "groups_common", "groups_compared"), pl.Int64),
    **dict.fromkeys(("lost_at_gate_a", "lost_at_gate_b"), pl.Int64),
    **dict.fromkeys(("retrieved_only_a", "retrieved_only_b", "only_a_at_gate", "only_b_at_gate"), pl.Int64),
    "mcnemar_p": pl.Float64,
}


#: Columns of the groups that only one of two runs retrieves.
NO_CHANGES: Final[Mapping[str, Any]] = {
    **{name: _COLUMNS[name] for name in CONFIGURATION},
    **dict.fromkeys(("group", "name", "run_a", "run_b", "change"), pl.String),
    "at_gate": pl.Boolean,
    **dict.fromkeys(("mean_average_precision_a", "mean_average_precision_b", "q_value_a", "q_value_b"), pl.Float64),
}


def comparison_table(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Put the rows of all pairs into one table, see `comparison.compare_runs`, and adjust their p-values."""
    columns = {name: pl.Series(name, [row.get(name) for row in rows], kind) for name, kind in _COLUMNS.items()}
    frame = pl.DataFrame(columns).with_columns(pl.col(pl.Float64).fill_nan(None))
    return _with_q(ordered(frame))


def _with_q(table: pl.DataFrame) -> pl.DataFrame:
    """Adjust the p-values of each metric over all its rows."""
    for p, q in (("p_value", "q_value"), ("mcnemar_p", "mcnemar_q")):
        adjusted = np.full(len(table), np.nan)
        for metric in METRICS:
            rows = np.flatnonzero((table["metric"] == metric).to_numpy())
            adjusted[rows] = benjamini_hochberg(table[p].fill_null(np.nan).to_numpy()[rows])
        table.insert_column(table.columns.index(p) + 1, pl.Series(q, adjusted).fill_nan(None))
    return table


def _changes(joined: pl.DataFrame, a: str, b: str) -> pl.DataFrame:
    """List the groups that only one of two runs retrieves; where a run did not score it, its numbers are missing."""
    only_a, only_b = (pl.col(f"retrieved_{side}").fill_null(value=False) for side in _SIDES)
    return (
        joined.filter(only_a != only_b)
        .select(
            *CONFIGURATION,
            "group",
            pl.lit(a).alias("run_a"),
            pl.lit(b).alias("run_b"),
            pl.when(only_a).then(pl.lit("gained")).otherwise(pl.lit("lost")).alias("change"),
            pl.when(only_a).then("lost_b").otherwise("lost_a").alias("at_gate"),
            "map_a",
            "map_b",
            "q_value_a",
            "q_value_b",
        )
        .sort("change", "group")
    )


def _named(changes: pl.DataFrame) -> pl.DataFrame:
    """Add the name of the compound, or the gene, of each perturbation of the packaged plate maps."""
    known = pl.concat(
        plate_map(modality).select(
            pl.col(SAMPLE).alias("group"),
            pl.col("Metadata_pert_iname" if modality == "compound" else "Metadata_gene").alias("name"),
        )
        for modality in MODALITIES
    )
    known = known.drop_nulls("group").unique("group", keep="first", maintain_order=True)
    changes = changes.join(known, on="group", how="left", maintain_order="left")
    named = changes.with_columns(pl.coalesce("name", "group").alias("name"))
    names = {f"map_{side}": f"mean_average_precision_{side}" for side in _SIDES}
    place = named.columns.index("group") + 1
    return named.select(*named.columns[:place], "name", *named.columns[place:-1]).rename(names)
