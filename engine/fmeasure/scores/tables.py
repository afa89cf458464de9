"""Rows and tables of scores: those of cellarium-cas, and further ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ....kernels.backend import Backend
from ..confusion import ClassCounts, Confusion
from ..ontology.ontology import Ontology
from .hierarchical import cell_scores, information_content, node_class_counts
from .metrics import averages, class_scores, python_numbers, single_scores

__all__ = ["Rules", "flat_row", "hierarchical_row", "per_class", "per_node", "summary_row", "top_confusions"]

#: Confusions of a group that are listed.
LISTED = 100


@dataclass(frozen=True)
class Rules:
    """How ratios become scores, see `metrics.averages`.

    Attributes
    ----------
    zero_division : float
        What an undefined ratio is worth.
    zero_division_rule : str
        ``cellarium`` or ``sklearn``.
    macro : str
        Classes of flat macro means: ``active`` or ``true``.
    beta : float
        Of the F-beta in the summary.
    """

    zero_division: float = 0.0
    zero_division_rule: str = "cellarium"
    macro: str = "active"
    beta: float = 1.0

    def flat(self, counts: ClassCounts, beta: float = 1.0, whole: ClassCounts | None = None) -> dict[str, Any]:
        """Compute flat metrics, see `metrics.averages`."""
        ratios: dict[str, Any] = {"zero_division": self.zero_division, "rule": self.zero_division_rule, "beta": beta}
        return averages(counts, classes=self.macro, whole=whole, **ratios)

    def hierarchical(self, counts: ClassCounts, beta: float = 1.0, whole: ClassCounts | None = None) -> dict[str, Any]:
        """Compute hierarchical metrics, with the prefix ``h_``; nodes that are nobody's truth do not count."""
        ratios: dict[str, Any] = {"zero_division": self.zero_division, "rule": self.zero_division_rule, "beta": beta}
        found = averages(counts, classes="true", whole=whole, **ratios)
        return {f"h_{name}": value for name, value in found.items()}


def flat_row(confusions: Sequence[Confusion], rules: Rules) -> dict[str, int | float]:
    """Return flat metrics, those of each k under names with the suffix ``_k{k}``."""
    row: dict[str, int | float] = {}
    for k, confusion in enumerate(confusions, start=1):
        found = python_numbers(rules.flat(confusion.entries.class_counts()))
        row |= {f"{name}_k{k}": value for name, value in found.items()}
    return row


def hierarchical_row(
    confusion: Confusion, ontology: Ontology, rules: Rules, backend: Backend[Any]
) -> dict[str, int | float]:
    """Return the hierarchical metrics of a matrix."""
    return python_numbers(rules.hierarchical(_by_node(confusion, ontology, backend)))


def _by_node(confusion: Confusion, ontology: Ontology, backend: Backend[Any]) -> ClassCounts:
    bits, nodes = ontology.select(confusion.labels)
    return node_class_counts(confusion.entries, bits, len(nodes), backend)


def summary_row(
    confusions: Sequence[Confusion],
    ontology: Ontology | None,
    nearest: Sequence[Confusion],
    rules: Rules,
    backend: Backend[Any],
) -> dict[str, int | float | None]:
    """Return the single numbers of a set of cells, beyond the tables of cellarium-cas.

    Parameters
    ----------
    confusions : sequence of Confusion
        Matrices of top-1 to top-k.
    ontology : Ontology or None
        Without it, what is hierarchical is left out.
    nearest : sequence of Confusion
        Matrices of the best prediction on the ontology among the first 1 to k ranks; may be empty.
    rules : Rules
        How ratios become scores.
    backend : Backend
        Kernels.
    """
    first = confusions[0]
    entries = first.entries
    counts = entries.class_counts()
    row: dict[str, int | float | None] = {
        "n_cells": first.n_cells,
        "n_without_prediction": int(first.missed.sum()),
        "n_true_classes": int((counts.support > 0).sum()),
        "n_predicted_classes": int((counts.predicted > 0).sum()),
        "n_macro_classes": int(((counts.support > 0) | ((rules.macro == "active") & (counts.predicted > 0))).sum()),
        **python_numbers(single_scores(counts)),
    }
    for k, confusion in enumerate(confusions[1:], start=2):
        row[f"accuracy_k{k}"] = python_numbers(single_scores(confusion.entries.class_counts()))["accuracy"]
    flat = python_numbers(rules.flat(counts))
    row |= {name: flat[name] for name in ("f1_micro", "f1_macro", "f1_weighted")}
    beta = f"f{rules.beta!r}".removesuffix(".0")
    if rules.beta != 1.0:
        found = python_numbers(rules.flat(counts, rules.beta))
        row |= {f"{beta}_{average}": found[f"f1_{average}"] for average in ("micro", "macro", "weighted")}
    if ontology is None:
        return row
    by_node = _by_node(first, ontology, backend)
    found = python_numbers(rules.hierarchical(by_node))
    names = [
        f"h_{score}_{average}" for average in ("micro", "macro", "weighted") for score in ("f1", "precision", "recall")
    ]
    row |= {name: found[name] for name in names}
    if rules.beta != 1.0:
        found = python_numbers(rules.hierarchical(by_node, rules.beta))
        row |= {f"h_{beta}_{average}": found[f"h_f1_{average}"] for average in ("micro", "macro", "weighted")}
    for k, confusion in enumerate(nearest[1:], start=2):
        row[f"h_f1_micro_k{k}"] = hierarchical_row(confusion, ontology, rules, backend)["h_f1_micro"]
    weighted = by_node.weighted(information_content(by_node.support, first.n_cells))
    row["h_f1_micro_information"] = python_numbers(rules.hierarchical(weighted))["h_f1_micro"]
    row |= cell_scores(entries, ontology.select(first.labels)[0], backend)
    length, _ = distances(entries.rows, entries.cols, first.labels, ontology, backend)
    known = length >= 0
    cells = entries.cells[known]
    row["mean_ontology_distance"] = float((length[known] * cells).sum() / cells.sum()) if cells.sum() else None
    row["n_without_distance"] = int(entries.cells[~known].sum())
    return row


def distances(
    rows: npt.NDArray[np.int32],
    cols: npt.NDArray[np.int32],
    labels: tuple[str, ...],
    ontology: Ontology,
    backend: Backend[Any],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return the edges between truth and prediction over their lowest common ancestor, and that node; -1 for none."""
    place = {node: i for i, node in enumerate(ontology.nodes)}
    node = np.array([*(place.get(label, -1) for label in labels), -1], np.int32)
    hops = backend.ancestor_hops(ontology.parent_offsets, ontology.parents)
    found: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]] = backend.path_lengths(node[rows], node[cols], *hops)
    return found


def per_class(confusions: Sequence[Confusion], ontology: Ontology | None, rules: Rules) -> pl.DataFrame:
    """Return one row a class that occurs, most cells first: counts, precision, recall and F1, and recall at each k."""
    at_k = {
        f"recall_k{k}": class_scores(confusion.entries.class_counts(), zero_division=rules.zero_division).recall
        for k, confusion in enumerate(confusions[1:], start=2)
    }
    counts = confusions[0].entries.class_counts()
    return _one_by_one("label", confusions[0].labels, counts, ontology, rules, at_k)


def per_node(confusion: Confusion, ontology: Ontology, rules: Rules, backend: Backend[Any]) -> pl.DataFrame:
    """Return one row a node of the ontology that is truth or prediction of a cell, or above one; most cells first."""
    _, nodes = ontology.select(confusion.labels)
    return _one_by_one("node", nodes, _by_node(confusion, ontology, backend), ontology, rules, {})


def _one_by_one(
    what: str,
    labels: Sequence[str],
    counts: ClassCounts,
    ontology: Ontology | None,
    rules: Rules,
    more: dict[str, npt.NDArray[np.float64]],
) -> pl.DataFrame:
    """Return counts and scores of each class or node that occurs."""
    used = np.flatnonzero((counts.support > 0) | (counts.predicted > 0))
    scores = class_scores(counts, zero_division=rules.zero_division, rule=rules.zero_division_rule)
    names = [labels[i] for i in used.tolist()]
    columns = {
        what: names,
        "name": _names(names, ontology),
        "support": counts.support[used],
        "predicted": counts.predicted[used],
        "tp": counts.hits[used],
        "fp": (counts.predicted - counts.hits)[used],
        "fn": (counts.support - counts.hits)[used],
        **{name: score[used] for name, score in zip(("precision", "recall", "f1"), scores, strict=True)},
        **{name: score[used] for name, score in more.items()},
    }
    table = pl.DataFrame(columns).with_columns(pl.col(pl.Float64).fill_nan(None))
    return table.sort(["support", what], descending=[True, False])


def top_confusions(
    confusion: Confusion, ontology: Ontology | None, backend: Backend[Any], most: int | None = LISTED
) -> pl.DataFrame:
    """Return the most frequent errors of a confusion matrix.

    Parameters
    ----------
    confusion : Confusion
        The matrix of top-1.
    ontology : Ontology or None
        Without it, the columns about the ontology are left out.
    backend : Backend
        Kernels.
    most : int or None, default 100
        How many errors; None for all.

    Returns
    -------
    polars.DataFrame
        One row a pair of truth and prediction, most cells first: `truth`, `truth_name`, `predicted`, `predicted_name`
        (null where there is no prediction), `cells`, `share_of_truth` (share of the cells of the truth). With an
        ontology: `distance`, the edges of the shortest way over a common ancestor; `relation`, whether the prediction
        is an ``ancestor`` of the truth (too general), a ``descendant`` (too specific) or ``other``, null where there
        is no prediction; `lowest_common_ancestor`, which the shortest way leads over (the prediction or the truth
        where that is above the other), and `lowest_common_ancestor_name`.
    """
    entries = confusion.entries
    c = entries.n_labels
    wrong = np.flatnonzero(entries.rows != entries.cols)
    order = np.lexsort([entries.cols[wrong], entries.rows[wrong], -entries.cells[wrong]])
    chosen = wrong[order[:most]]
    rows, cols, cells = entries.rows[chosen], entries.cols[chosen], entries.cells[chosen]
    support = entries.class_counts().support
    truth = [confusion.labels[i] for i in rows]
    predicted = [confusion.labels[j] if j < c else None for j in cols]
    columns: dict[str, Any] = {
        "truth": pl.Series(truth, dtype=pl.String),
        "truth_name": pl.Series(_names(truth, ontology), dtype=pl.String),
        "predicted": pl.Series(predicted, dtype=pl.String),
        "predicted_name": pl.Series(
            [None if label is None else _names([label], ontology)[0] for label in predicted], dtype=pl.String
        ),
        "cells": cells,
        "share_of_truth": cells / np.maximum(support[rows], 1),
    }
    if ontology is None:
        return pl.DataFrame(columns)
    length, meeting = distances(rows, cols, confusion.labels, ontology, backend)
    relation = _relations(rows, cols, confusion.labels, ontology)
    met = [
        p if r == "ancestor" else t if r == "descendant" else ontology.nodes[m] if m >= 0 else None
        for t, p, r, m in zip(truth, predicted, relation, meeting.tolist(), strict=True)
    ]
    columns |= {
        "distance": pl.Series([d if d >= 0 else None for d in length.tolist()], dtype=pl.Int32),
        "relation": pl.Series(relation, dtype=pl.String),
        "lowest_common_ancestor": pl.Series(met, dtype=pl.String),
        "lowest_common_ancestor_name": pl.Series(
            [None if node is None else _names([node], ontology)[0] for node in met], dtype=pl.String
        ),
    }
    return pl.DataFrame(columns)


def _relations(
    rows: npt.NDArray[np.int32], cols: npt.NDArray[np.int32], labels: tuple[str, ...], ontology: Ontology
) -> list[str | None]:
    """Return what each prediction is to its truth, another label; None where there is no prediction."""
    bits, nodes = ontology.select(labels)
    place = {node: i for i, node in enumerate(nodes)}

    def above(upper: int, lower: int) -> bool:
        if labels[upper] == ontology.root:
            return labels[lower] in ontology.nodes
        node = place[labels[upper]]
        return bool(bits[lower, node // 64] >> np.uint64(node % 64) & np.uint64(1))

    return [
        None if p == len(labels) else "ancestor" if above(p, t) else "descendant" if above(t, p) else "other"
        for t, p in zip(rows.tolist(), cols.tolist(), strict=True)
    ]


def _names(labels: Sequence[str], ontology: Ontology | None) -> list[str]:
    return [ontology.names.get(label, label) if ontology else label for label in labels]
