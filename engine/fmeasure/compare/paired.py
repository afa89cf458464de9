"""Paired comparison of models on the cells that all of them scored.

Every draw of the bootstrap is the same for all models, so what makes a cell hard for all of them drops out of their
differences. Draws are of cells, or of clusters of cells such as donors, see `scores.intervals`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ....kernels.backend import Backend
from ...choices import did_you_mean
from ...errors import InputError, examples
from ...statistics.resampling import mcnemar, percentile_bounds, two_sided_p
from ..confusion import Entries
from ..names import NO_VALUE, SAMPLE
from ..ontology.ontology import Ontology, ancestor_sets
from ..scores.hierarchical import ancestor_matrix
from ..scores.metrics import class_scores
from ..scores.resample import CountMap, distinct_entries, point_scores, resample, unit_matrix
from ..scores.tables import Rules
from .swaps import swap_p_values

__all__ = ["Paired", "ScoredModel", "class_changes", "compare", "pair_cells"]

Codes = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ScoredModel:
    """A model to be compared.

    Attributes
    ----------
    name : str
        What it is called in the tables.
    calls : mapping of str to polars.DataFrame
        Scored cells by sample: `cell_id`, `truth` and `predicted` (codes of `labels`), and the column of clusters.
    labels : tuple of str
        Its c labels; the code c is "no prediction".
    ontology : Ontology or None
        What it was scored with.
    """

    name: str
    calls: Mapping[str, pl.DataFrame]
    labels: tuple[str, ...]
    ontology: Ontology | None


@dataclass(frozen=True)
class Paired:
    """Cells that all models scored, counted by pattern: a truth and the predictions of all models.

    Attributes
    ----------
    names : tuple of str
        The g models.
    labels : tuple of str
        Labels of all models, c of them.
    ontology : Ontology or None
        The one that all models were scored with; None when there is none, or more than one.
    clusters : tuple of str
        Names of the clusters; empty when cells are drawn.
    truth : ndarray of int32, shape (p,)
        Truth of each pattern.
    predicted : ndarray of int32, shape (g, p)
        Prediction of each model; c is "no prediction".
    cells : ndarray of int64, shape (p,)
        Cells of a pattern; ascending when cells are drawn.
    unit : ndarray of int64, shape (p,)
        Its cluster; when cells are drawn, its own number.
    left_out : dict of str to int
        Scored cells of each model that another one did not score.
    notes : tuple of str
        What was noticed, such as why there are no hierarchical metrics.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    ontology: Ontology | None
    clusters: tuple[str, ...]
    truth: Codes
    predicted: Codes
    cells: Ints
    unit: Ints
    left_out: dict[str, int]
    notes: tuple[str, ...]

    def entries(self, model: int) -> Entries:
        """Return the confusion counts of a model, pattern by pattern."""
        return Entries(self.truth, self.predicted[model], self.cells, len(self.labels))

    def alone(self, a: int, b: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Return which patterns only model a has right, and which only model b."""
        right_a, right_b = (self.predicted[i] == self.truth for i in (a, b))
        return right_a & ~right_b, right_b & ~right_a


def pair_cells(models: Sequence[ScoredModel], by: str | None = None) -> Paired:
    """Find the cells that all models scored, by sample and cell id.

    Parameters
    ----------
    models : sequence of ScoredModel
        Two or more, of different names.
    by : str, optional
        Column of the first model's calls with the cluster of a cell, or ``"sample"``: clusters will be drawn, and
        one that reaches over several samples is one. Default: cells will be drawn.

    Returns
    -------
    Paired

    Raises
    ------
    InputError
        No cell was scored by all; models disagree on the truth of a cell; a cell id comes twice; there is no column
        `by`; or models were scored with different ontologies that do not have the same labels.
    """
    labels, ontology, notes = _universe(models)
    index = {label: i for i, label in enumerate(labels)}
    codes = [np.array([*(index[label] for label in each.labels), len(labels)], np.int32) for each in models]
    shared = sorted(set(models[0].calls).intersection(*(each.calls for each in models[1:])))
    # Sample by sample, so that only the cells of one are in memory.
    parts = [_patterns(_join(models, sample, codes, by), pl.len().cast(pl.Int64)) for sample in shared]
    joined = pl.concat(parts) if parts else pl.DataFrame(schema={"cells": pl.Int64})
    n_cells = int(joined["cells"].sum())
    if not n_cells:
        names = examples([each.name for each in models], 3)
        raise InputError(
            f"The models {names} scored no cell in common (samples are matched by their file of truth, cells by their "
            "ids), so they cannot be compared."
        )
    patterns = _patterns(joined, pl.col("cells").sum())
    columns = [name for name in patterns.columns if name != "cells"]
    patterns = patterns.sort(columns if by is not None else ["cells", *columns])  # `resample` wants cells to ascend
    clusters = patterns["cluster"].unique().sort() if by is not None else pl.Series([], dtype=pl.String)
    unit = np.arange(len(patterns)) if by is None else clusters.search_sorted(patterns["cluster"]).to_numpy()
    left_out = {each.name: sum(map(len, each.calls.values())) - n_cells for each in models}
    some = {name: count for name, count in left_out.items() if count}
    if some:
        shown = ", ".join(f"{count} of {name!r}" for name, count in list(some.items())[:5])
        notes.append(f"Compared on the {n_cells} cells that all models scored; left out: {shown}.")
    predicted = [patterns[f"predicted {i}"].to_numpy() for i in range(len(models))]
    return Paired(
        names=tuple(each.name for each in models),
        labels=labels,
        ontology=ontology,
        clusters=tuple(clusters),
        truth=patterns["truth"].to_numpy(),
        predicted=np.stack(predicted),
        cells=patterns["cells"].to_numpy(),
        unit=unit.astype(np.int64),
        left_out=left_out,
        notes=tuple(notes),
    )


def _patterns(cells: pl.DataFrame, count: pl.Expr) -> pl.DataFrame:
    """Count the cells of each pattern."""
    columns = [name for name in cells.columns if name != "cells"]
    return cells.group_by(columns).agg(count.cast(pl.Int64).alias("cells"))


def _universe(models: Sequence[ScoredModel]) -> tuple[tuple[str, ...], Ontology | None, list[str]]:
    """Return the labels of all models, the ontology that they share, and a note where they share none."""
    first = models[0]
    labels = tuple(dict.fromkeys(label for each in models for label in each.labels))
    known = {each.ontology.fingerprint: each.ontology for each in models if each.ontology is not None}
    if len(known) <= 1 and all((each.ontology is None) == (first.ontology is None) for each in models):
        return labels, first.ontology, []
    if len(known) <= 1:
        without = [each.name for each in models if each.ontology is None]
        note = f"Models {examples(without)} were scored without an ontology: only flat metrics are compared."
        return labels, None, [note]
    one, other = list(known.values())[:2]
    why = f"models were scored with different ontologies ({one.source} and {other.source})"
    for each in models[1:]:
        if set(each.labels) != set(first.labels):
            differing = sorted(set(each.labels) ^ set(first.labels))
            raise InputError(
                f"{first.name!r} and {each.name!r} cannot be compared: the {why} that differ in {len(differing)} "
                f"labels ({examples(differing, 3)}); score them with one ontology."
            )
    return labels, None, [f"The {why}: only flat metrics are compared."]


def _join(models: Sequence[ScoredModel], sample: str, codes: Sequence[Codes], by: str | None) -> pl.DataFrame:
    """Put the predictions of all models for the cells of a sample side by side, with one set of codes."""
    first = models[0]
    found = _recoded(first, sample, codes[0], 0)
    if by is not None:
        calls = first.calls[sample]
        if by == SAMPLE:
            cluster = pl.repeat(sample, len(calls), eager=True)
        elif by in calls.columns:
            cluster = calls[by].cast(pl.String).fill_null(NO_VALUE)
        else:
            raise InputError(
                f"The cells of {first.name!r} in sample {sample!r} have no column {by!r} to make clusters of"
                f"{did_you_mean(by, calls.columns) or '.'} They have {examples(calls.columns[1:], 12)}."
            )
        found = found.with_columns(cluster.alias("cluster"))
    for i, each in enumerate(models[1:], start=1):
        other = _recoded(each, sample, codes[i], i).rename({"truth": "other truth"})
        if found["cell_id"].equals(other["cell_id"]):
            found = found.hstack(other.drop("cell_id"))
        else:
            for who, frame in ((first, found), (each, other)):
                _refuse_twice(frame["cell_id"], f"sample {sample!r} of {who.name!r}")
            found = found.join(other, on="cell_id", how="inner", maintain_order="left")
        differing = found.filter(pl.col("truth") != pl.col("other truth"))["cell_id"]
        if len(differing):
            raise InputError(
                f"{first.name!r} and {each.name!r} have different truths for {len(differing)} cells of sample "
                f"{sample!r} ({examples(differing.to_list()[:6], 3)}); compare models on one column of truth."
            )
        found = found.drop("other truth")
    return found.drop("cell_id")


def _recoded(model: ScoredModel, sample: str, codes: Codes, number: int) -> pl.DataFrame:
    calls = model.calls[sample]
    coded = {"truth": calls["truth"], f"predicted {number}": calls["predicted"]}
    return pl.DataFrame({"cell_id": calls["cell_id"]} | {name: codes[each.to_numpy()] for name, each in coded.items()})


def _refuse_twice(ids: pl.Series, where: str) -> None:
    if ids.n_unique() < len(ids):
        twice = ids.filter(ids.is_duplicated()).unique(maintain_order=True)
        raise InputError(
            f"{len(twice)} cell ids come more than once in {where} ({examples(twice.to_list()[:6], 3)}), so models "
            "cannot be compared cell by cell; make the ids unique."
        )


def compare(
    paired: Paired,
    rules: Rules,
    backend: Backend[Any],
    *,
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    threads: int = 0,
) -> pl.DataFrame:
    """Compare all pairs of models in all metrics.

    Parameters
    ----------
    paired : Paired
        Cells, from `pair_cells`.
    rules : Rules
        How ratios become scores.
    backend : Backend
        Kernels, see `kernels.dispatch.get_backend`.
    draws : int, default 1000
        Draws of the bootstrap; 0 leaves intervals and p-values of differences out.
    seed, level, threads
        As in `intervals.intervals`.

    Returns
    -------
    polars.DataFrame
        One row for each pair and metric: `model_a`, `model_b`, `metric`, `value_a`, `value_b`, `difference` (a - b),
        `lower`, `upper` (percentile interval of the difference), `p_value`, `cells`. The p-value is two-sided. Of
        cells, it is twice the smaller of the shares of draws with a difference of at most and at least 0, one draw at 0
        being added, at most 1; of clusters, that of a randomisation test (`swaps.swap_p_values`), and null with too
        few. In the rows of accuracy: `right_only_a`, `right_only_b`, the cells that one of the two has right, and the
        p-values of McNemar's test on them, `mcnemar_exact_p` and `mcnemar_mid_p`; they take cells as independent even
        where clusters are drawn. What is undefined is null.

    Raises
    ------
    InputError
        When there are fewer than two cells or clusters to draw from.

    References
    ----------
    Davison and Hinkley 1997, chapter 4 (p-values from draws); Fagerland, Lydersen and Laake 2013 (McNemar's mid-p).
    """
    bits, nodes = ancestor_sets(paired.ontology, paired.labels)
    models = range(len(paired.names))
    values = [point_scores(paired.entries(i), bits, len(nodes), rules, backend) for i in models]
    names = list(values[0])
    drawn: list[Floats] = []
    above = None if bits is None else ancestor_matrix(bits, len(nodes))
    if draws:
        found = resample(*_units(paired, above), rules, draws, seed, threads)
        drawn = [np.stack([each[name] for name in names], axis=1) for each in found]
    nothing = np.full(len(names), np.nan)
    tables = []
    for a, b in itertools.combinations(models, 2):
        value_a, value_b = (np.array([values[i][name] for name in names]) for i in (a, b))
        lower, upper, p_value = nothing, nothing, nothing
        if draws:
            lower, upper = percentile_bounds(drawn[a] - drawn[b], level)
            both = [paired.entries(i) for i in (a, b)]
            p_value = (
                swap_p_values(both, paired.unit, rules, names, above=above, draws=draws, seed=seed)
                if paired.clusters
                else two_sided_p(drawn[a] - drawn[b])
            )
        columns: dict[str, Any] = {
            "model_a": [paired.names[a]] * len(names),
            "model_b": [paired.names[b]] * len(names),
            "metric": names,
            "value_a": value_a,
            "value_b": value_b,
            "difference": value_a - value_b,
            "lower": lower,
            "upper": upper,
            "p_value": p_value,
            "cells": np.full(len(names), paired.cells.sum()),
        }
        only_a, only_b = (int(paired.cells[each].sum()) for each in paired.alone(a, b))
        for column, value in {"right_only_a": only_a, "right_only_b": only_b, **mcnemar(only_a, only_b)}.items():
            columns[column] = [value if name == "accuracy" else None for name in names]
        tables.append(pl.DataFrame(columns).with_columns(pl.col(pl.Float64).fill_nan(None)))
    return pl.concat(tables)


def _units(paired: Paired, above: Any) -> tuple[Ints, list[CountMap]]:
    """Return the units of each kind that are drawn, and the counts of each model."""
    if paired.clusters:
        sizes, cells, what = np.ones(len(paired.clusters), np.int64), paired.cells, "clusters"
    else:
        sizes, cells, what = paired.cells, np.ones_like(paired.cells), "cells"
    if sizes.sum() < 2:
        raise InputError(f"A comparison needs at least 2 {what} to draw from, but there is {sizes.sum()}.")
    maps = []
    for i in range(len(paired.names)):
        entries, entry = distinct_entries(paired.entries(i))
        maps.append(CountMap(entries, unit_matrix(entry, paired.unit, cells, len(entries.rows), len(sizes)), above))
    return sizes, maps


def class_changes(paired: Paired, model_a: str, model_b: str, rules: Rules) -> pl.DataFrame:
    """Compare two models class by class.

    Parameters
    ----------
    paired : Paired
        Cells, from `pair_cells`.
    model_a, model_b : str
        Names of two of its models.
    rules : Rules
        How ratios become scores.

    Returns
    -------
    polars.DataFrame
        One row for each class that occurs as truth, or as prediction of one of the two: `label`, `support`, `recall_a`,
        `recall_b`, `recall_difference`, `f1_a`, `f1_b`, `f1_difference` (all a - b), `right_only_a` and
        `right_only_b`, its cells that only one of the two has right. The greatest surplus of either comes first.
    """
    a, b = paired.names.index(model_a), paired.names.index(model_b)
    counts = [paired.entries(i).class_counts() for i in (a, b)]
    scores = [class_scores(each, zero_division=rules.zero_division, rule=rules.zero_division_rule) for each in counts]
    support = counts[0].support
    used = np.flatnonzero((support > 0) | (counts[0].predicted > 0) | (counts[1].predicted > 0))
    columns: dict[str, Any] = {"label": [paired.labels[i] for i in used], "support": support[used]}
    for name, values in (("recall", [each.recall for each in scores]), ("f1", [each.f for each in scores])):
        one, other = (each[used] for each in values)
        columns |= {f"{name}_a": one, f"{name}_b": other, f"{name}_difference": one - other}
    for name, alone in zip(("right_only_a", "right_only_b"), paired.alone(a, b), strict=True):
        cells = np.zeros(len(paired.labels), np.int64)
        np.add.at(cells, paired.truth[alone], paired.cells[alone])
        columns[name] = cells[used]
    surplus = (pl.col("right_only_a") - pl.col("right_only_b")).abs()
    table = pl.DataFrame(columns).with_columns(pl.col(pl.Float64).fill_nan(None))
    return table.sort([surplus, pl.col("label")], descending=[True, False])
