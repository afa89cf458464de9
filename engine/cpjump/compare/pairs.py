"""Pairs of runs of the CPJUMP1 benchmark: differences, intervals and tests; groups gained and lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import polars as pl

from ...statistics.false_discovery import benjamini_hochberg
from ...statistics.paired_bootstrap import paired_difference
from ...statistics.resampling import mcnemar
from ..names import ALL, CONFIGURATION, GROUP, METRICS, MODALITIES, SAMPLE, TASKS
from ..plates.metadata import plate_map
from .runs import ScoredRun, ordered

__all__ = ["compare_pair", "comparison_table"]

_SIDES: Final = ("a", "b")


def compare_pair(a: ScoredRun, b: ScoredRun, draws: int, seed: int) -> tuple[list[dict[str, Any]], pl.DataFrame]:
    """Compare two runs in each task over all configurations, and then in each configuration.

    Parameters
    ----------
    a, b : ScoredRun
        The runs; differences are a - b.
    draws, seed : int
        As in `paired_bootstrap.paired_difference`.

    Returns
    -------
    rows : list of dict
        For `comparison_table`; none where they have no configuration in common.
    changes : polars.DataFrame
        The groups that only one of them retrieves: the configuration, ``group``, ``name`` (of the compound or gene),
        ``run_a``, ``run_b``, ``change`` ("gained": only a retrieves it; "lost"), and mean AP and q-value in both;
        missing where a run did not score it.
    """
    joined, shares = _joined(a.groups, b.groups), _both_shares(a.shares, b.shares)
    names = {"run_a": a.name, "run_b": b.name}
    rows = []
    for (task,), part in joined.group_by("task", maintain_order=True):
        rows += _metric_rows({"task": task, "Description": ALL} | names, part, shares, draws, seed)
        for _, one in part.group_by("Description", maintain_order=True):
            configuration = one.select(CONFIGURATION).row(0, named=True)
            rows += _metric_rows(configuration | names, one, shares, draws, seed)
    return rows, _named(_changes(joined, a.name, b.name))


def _joined(a: pl.DataFrame, b: pl.DataFrame) -> pl.DataFrame:
    """Put the groups of two runs side by side, in the configurations of both; what a run lacks is missing."""
    keys = ["task", "Description"]
    scores = ["above_chance", "map", "q_value", "retrieved"]
    sides = [
        own.join(other, on=keys, how="semi").select(
            *CONFIGURATION, "group", *(pl.col(name).alias(f"{name}_{side}") for name in scores)
        )
        for side, own, other in (("a", a, b), ("b", b, a))
    ]
    # the hours may be missing on one side: the keys decide, and the first that is there is kept
    rest = [name for name in CONFIGURATION if name not in keys]
    both = sides[0].join(sides[1], on=list(GROUP), how="full", coalesce=True, suffix="_right")
    both = both.with_columns(pl.coalesce(name, f"{name}_right").alias(name) for name in rest)
    return ordered(both.drop(f"{name}_right" for name in rest).sort("group"))


def _both_shares(a: pl.DataFrame, b: pl.DataFrame) -> pl.DataFrame:
    """Put the families of the groups of two runs side by side: the part of a group's queries in each, 0 where none."""
    both = a.join(b, on=[*GROUP, "family"], how="full", coalesce=True, suffix="_b")
    both = both.rename({"share": "share_a", "share_b": "share_b"})
    return both.with_columns(pl.col("share_a", "share_b").fill_null(0.0)).sort(*GROUP, "family")


def _metric_rows(
    configuration: Mapping[str, Any], part: pl.DataFrame, shares: pl.DataFrame, draws: int, seed: int
) -> list[dict[str, Any]]:
    above, maps, retrieved = (
        part.select(pl.col(f"{name}_{side}").cast(pl.Float64).fill_null(np.nan) for side in _SIDES).to_numpy()
        for name in ("above_chance", "map", "retrieved")
    )
    own = ~np.isnan(retrieved)
    common = own.all(axis=1, keepdims=True)
    both_above, both_maps = (np.repeat(~np.isnan(each).any(axis=1, keepdims=True), 2, axis=1) for each in (above, maps))
    parts = part.select(GROUP).with_row_index("row").join(shares, on=GROUP, how="left", maintain_order="left")
    row, family = parts["row"].to_numpy(), parts["family"].fill_null(parts["group"]).to_numpy()
    share = parts.select(pl.col("share_a", "share_b").fill_null(0.0)).to_numpy()
    counts = {"groups_a": own[:, 0].sum(), "groups_b": own[:, 1].sum(), "groups_common": common.sum()}
    rows = []
    for metric, values, there in zip(
        METRICS, (above, maps, retrieved, retrieved), (both_above, both_maps, own, own & common), strict=True
    ):
        # The families that a group's queries belong to are drawn, not groups: those share perturbations.
        weights = there[row] * share
        found = paired_difference(family, values[row], weights, draws=draws, seed=seed)
        rows.append(dict(configuration) | {"metric": metric} | asdict(found) | counts)
    # The test takes groups as independent: those of one name are not, nor are targets that share compounds.
    if configuration["Description"] != ALL and configuration["task"] == TASKS[0]:
        either = retrieved[common[:, 0]]
        only_a, only_b = int((either[:, 0] > either[:, 1]).sum()), int((either[:, 1] > either[:, 0]).sum())
        p = mcnemar(only_a, only_b)["mcnemar_exact_p"]
        rows[-1] |= {"retrieved_only_a": only_a, "retrieved_only_b": only_b, "mcnemar_p": p}
    return rows


_COLUMNS: Final[Mapping[str, Any]] = {
    **{name: pl.Int64 if name.startswith("timepoint") else pl.String for name in CONFIGURATION},
    "run_a": pl.String,
    "run_b": pl.String,
    "metric": pl.String,
    **dict.fromkeys(("value_a", "value_b", "difference", "lower", "upper", "p_value"), pl.Float64),
    **dict.fromkeys(("units", "groups_a", "groups_b", "groups_common"), pl.Int64),
    "retrieved_only_a": pl.Int64,
    "retrieved_only_b": pl.Int64,
    "mcnemar_p": pl.Float64,
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
