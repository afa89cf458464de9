"""Cells or wells of perturbations: retrieval by label, known relations of labels, signal against controls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ....kernels import dispatch
from ...errors import UnpairedException
from ...painting.pairs import unit_rows
from ...painting.relations import THRESHOLDS, cluster_test, known_pairs, recall_of_relations
from ...painting.signal import consistency, consistency_null, magnitude_null, upper_p_value
from ...retrieval.average_precision import score
from ...retrieval.options import Scoring
from ...retrieval.pair_rules import PairRules
from ..finding import Finding, undefined
from ..space import Space

__all__ = ["clusters_of_relations", "known_relations", "magnitude", "retrieval", "signal_consistency"]

Floats = npt.NDArray[np.float64]
#: Labels that a map needs, and members of a cluster, as EFAAR; cells of a label for its magnitude.
LEAST_LABELS, LEAST_MEMBERS, LEAST_CELLS = 20, 10, 5
LEVEL = 0.05


def retrieval(space: Space) -> Finding:
    """Return the mean over labels of the mean average precision of their cells: other cells of the label come first.

    Positives are the other cells of the label, of other batches where there are batches; negatives are the cells of
    other labels, of any batch. Where there are more cells than `Known.queries`, that many are drawn as queries, by
    label in proportion and one at least; all cells are candidates. Similarity is the cosine (of one dimension the
    distance, as it has no direction).
    """
    labels, batch = space.cells.labels, space.cells.batch
    if len(labels) < 2:
        return undefined("Retrieval needs at least two labels.")
    columns = {"label": labels.codes} | ({"batch": batch.codes} if batch is not None else {})
    rules = PairRules(pos_sameby=["label"], pos_diffby=["batch"] if batch is not None else [], neg_diffby=["label"])
    distance = "cosine" if space.x.shape[1] > 1 else "euclidean"
    params: dict[str, Any] = {"distance": distance, "positives": "other batches" if batch is not None else "all"}
    most, asked = space.known.queries, None
    if most and len(space) > most:
        asked, rng = np.zeros(len(space), bool), np.random.default_rng(space.known.seed)
        for code, size in enumerate(labels.sizes.tolist()):
            asked[rng.choice(labels.rows(code), -(-size * most // len(space)), replace=False)] = True
    degenerate = "last" if distance == "cosine" else "refuse"
    device = {"cpu": "cpu", "reference": "reference"}.get(dispatch.name(space.backend), "auto")
    try:
        found = score(
            pl.DataFrame(columns),
            space.x,
            rules,
            Scoring(distance=distance, degenerate=degenerate, device=device),
            queries=asked,
            threads=space.threads,
        )
    except UnpairedException:
        where = " in another batch" if batch is not None else ""
        return undefined(f"No cell has another cell of its label{where}.", **params)
    values = np.full(len(space), np.nan)
    values[found.rows] = found.frame["average_precision"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    known = ~np.isnan(values)
    sums = np.bincount(labels.codes[known], values[known], len(labels))
    counts = np.bincount(labels.codes[known], minlength=len(labels))
    per_label = {name: float(sums[i] / counts[i]) for i, name in enumerate(labels.names) if counts[i]}
    params |= {"queries": int(known.sum()), "labels": len(per_label)}
    return Finding(float(np.mean(list(per_label.values()))), "", per_label, values, "other", params=params)


def _map(space: Space) -> tuple[list[str], Floats]:
    """Return the labels but controls, and the mean vector of each."""
    labels = space.cells.labels
    order = np.argsort(labels.codes, kind="stable")
    starts = np.concatenate([[0], np.cumsum(labels.sizes)[:-1]])
    means = np.add.reduceat(space.x.astype(np.float64)[order], starts, axis=0) / labels.sizes[:, None]
    kept = [code for code, name in enumerate(labels.names) if name not in space.known.controls]
    return [labels.names[code] for code in kept], means[kept]


def known_relations(space: Space) -> Mapping[str, Finding]:
    """Return the recall of known relations among the extreme cosines of mean vectors of labels, by source."""
    names, means = _map(space)
    sources = {name: known_pairs(pairs, names) for name, pairs in space.known.relations.pairs.items()}
    few = len(names) < LEAST_LABELS
    recalls = {} if few else recall_of_relations(means, sources, draws=space.known.null_size, seed=space.known.seed)
    found: dict[str, Finding] = {}
    for source, pairs in sources.items():
        for limits in THRESHOLDS:
            key = f"recall_{limits[0]:g}_{limits[1]:g}_{source}"
            if few:
                found[key] = undefined(f"A map of {LEAST_LABELS} labels is needed, but there are {len(names)}.")
                continue
            if not len(pairs):
                found[key] = undefined(f"No relation of {source} is between two of the {len(names)} labels.")
                continue
            recall = recalls[source]
            params = {
                "pairs": recall.n_pairs,
                "null_pairs": recall.n_null,
                "upper_side": recall.upper[limits],
                "chance": round(min(limits) + 1 - max(limits), 12),
            }
            if limits in recall.p_values:
                params |= {"p_value": recall.p_values[limits], "permutations": space.known.null_size}
            found[key] = Finding(recall.values[limits], params=params)
    return found


def clusters_of_relations(space: Space) -> Mapping[str, Finding]:
    """Return the mean statistic of Kolmogorov-Smirnov tests: cosines inside clusters against those to other labels."""
    names, means = _map(space)
    place = {name: row for row, name in enumerate(names)}
    found = {}
    for source, clusters in space.known.relations.clusters.items():
        rows = {name: [place[member] for member in members if member in place] for name, members in clusters.items()}
        tests = cluster_test(means, rows, LEAST_MEMBERS)
        key = f"cluster_test_{source}"
        if not tests:
            found[key] = undefined(f"No cluster of {source} has {LEAST_MEMBERS} of the {len(names)} labels.")
            continue
        several = list(tests.values())
        params = {
            "clusters": len(several),
            "within": float(np.mean([each.within for each in several])),
            "between": float(np.mean([each.between for each in several])),
            "p_below_0.05": float(np.mean([each.p_value <= LEVEL for each in several])),
        }
        per_label = {name: each.statistic for name, each in tests.items()}
        found[key] = Finding(float(np.mean(list(per_label.values()))), "", per_label, params=params)
    return found


def signal_consistency(space: Space) -> Mapping[str, Finding]:
    """Return how alike the cells of labels are (mean cosine of pairs), and how many labels more so than controls."""
    labels = space.cells.labels
    unit, _ = unit_rows(space.x)
    values = {name: consistency(unit[labels.rows(code)]) for code, name in enumerate(labels.names)}
    controls = unit[_control_rows(space)]
    null = partial(consistency_null, controls)
    return _signal(space, "perturbation_consistency", values, 2, len(controls), null, "left")


def magnitude(space: Space) -> Mapping[str, Finding]:
    """Return how far labels are from controls (energy distance), and how many farther than groups of controls."""
    labels = space.cells.labels
    control_rows = _control_rows(space)
    is_control = np.array([name in space.known.controls for name in labels.names])
    sums, m = space.label_sums, len(control_rows)
    among = float(sums[np.ix_(control_rows, np.flatnonzero(is_control))].sum()) / m**2
    values = {}
    for code, name in enumerate(labels.names):
        rows = labels.rows(code)
        across = float(sums[np.ix_(rows, np.flatnonzero(is_control))].sum()) / (len(rows) * m)
        values[name] = 2 * across - float(sums[rows, code].sum()) / len(rows) ** 2 - among
    null = partial(magnitude_null, space.x[control_rows])
    return _signal(space, "perturbation_magnitude", values, LEAST_CELLS, m, null, "right")


def _control_rows(space: Space) -> npt.NDArray[np.int64]:
    labels = space.cells.labels
    chosen = np.array([name in space.known.controls for name in labels.names])
    return np.flatnonzero(chosen[labels.codes])


def _signal(
    space: Space,
    name: str,
    values: Mapping[str, float],
    least: int,
    n_controls: int,
    null: Callable[[int, int, np.random.Generator], Floats],
    side: str,
) -> Mapping[str, Finding]:
    """Return the mean of labels but controls, and the shares of them with a p-value of at most 0.05.

    ``_active``: against groups of as many control cells, (b + 1) / (N + 1). ``_active_efaar``: against the values of
    the control labels, the share of these above, as EFAAR (`side` of equal values as there).
    """
    labels, known = space.cells.labels, space.known
    sizes = dict(zip(labels.names, labels.sizes.tolist(), strict=True))
    shown = {label: value for label, value in values.items() if sizes[label] >= least and label not in known.controls}
    keys = (name, f"{name}_active", f"{name}_active_efaar")
    if not shown:
        return dict.fromkeys(keys, undefined(f"No label but controls has {least} cells."))
    params = {"labels": len(shown), "control_cells": n_controls}
    found = {name: Finding(float(np.mean(list(shown.values()))), "", shown, params=params)}
    nulls = {
        n: null(n, known.null_size, np.random.default_rng([known.seed, n]))
        for n in sorted({sizes[label] for label in shown})
        if n < n_controls and known.null_size
    }
    p = {label: upper_p_value(value, nulls[sizes[label]]) for label, value in shown.items() if sizes[label] in nulls}
    why = "No label has fewer cells than there are control cells, so none can be drawn."
    found[keys[1]] = _share(p, why if known.null_size else "No group of controls was drawn.", draws=known.null_size)
    peer = np.sort([values[label] for label in known.controls if sizes.get(label, 0) >= least])
    above = {
        label: 1 - float(np.searchsorted(peer, value, "left" if side == "left" else "right")) / len(peer)
        for label, value in (shown.items() if len(peer) > 1 else ())
    }
    found[keys[2]] = _share(above, f"Two control labels of {least} cells are needed.", control_labels=len(peer))
    return found


def _share(p: Mapping[str, float], why: str, **params: Any) -> Finding:
    if not p:
        return undefined(why, **params)
    return Finding(float(np.mean([value <= LEVEL for value in p.values()])), "", p, params={**params, "labels": len(p)})
