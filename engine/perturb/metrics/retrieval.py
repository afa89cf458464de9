"""Which true response each prediction is closest to: how often and how nearly it is the right one.

Distances are taken from every prediction to every true response, or a part of them, in float64: products of matrices
for Euclidean distance and cosine, tiles for sums of absolute differences. What is held is a number a pair.
Two distances that differ by no more than rounding are tied.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..comparison import HIGHER, LOWER, Comparison, Metric, Values, undefined
from ..screens.screen import Panel
from .profiles import Pairs, bulk_effects, cell_eval2, effects, flat, log_fold_changes, means, of_enough_cells

__all__ = [
    "CELL_EVAL",
    "CELL_EVAL2",
    "OF_EFFECTS",
    "PERTURBENCH",
    "SYSTEMA",
    "Retrieval",
    "Search",
    "discrimination",
    "find",
    "retrieval",
    "scperteval",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

L1, L2, COSINE = "l1", "l2", "cosine"
#: Which genes are left out: none; the targets of the query, of all vectors; those of all perturbations.
NONE, OWN, PANEL = "none", "own targets", "all targets"
#: Whose side each query is on: a prediction looks for its truth, or a truth for its prediction.
PREDICTIONS, TRUTHS = "predictions", "truths"
#: Distances that differ by less than this share of the numbers they are made of are tied.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Search:
    """What is looked for among what.

    Attributes
    ----------
    pairs : callable
        Which profiles, see `profiles`.
    distance : {"l1", "l2", "cosine"}
        Between them.
    left_out : {"none", "own targets", "all targets"}
        Genes that no vector has.
    queries : {"predictions", "truths"}
        Which of the two looks for its own among the others.
    least : int
        Perturbations of fewer true cells are no candidates.
    """

    pairs: Pairs
    distance: str
    left_out: str = NONE
    queries: str = PREDICTIONS
    least: int = 1


class Retrieval(NamedTuple):
    """What `find` returns, a row a perturbation.

    Attributes
    ----------
    closer : ndarray of int64, shape (conditions,)
        Candidates that are closer than the right one.
    tied, tied_before : ndarray of int64, shape (conditions,)
        Candidates, the right one left out, that are as far; those of them that come before it in the panel.
    candidates : int
        In all.
    """

    closer: Ints
    tied: Ints
    tied_before: Ints
    candidates: int


def find(comparison: Comparison, search: Search) -> Retrieval:
    """Rank the right candidate of every perturbation that is judged.

    Parameters
    ----------
    comparison : Comparison
        Truth and prediction.
    search : Search
        What is looked for. Candidates are all perturbations of the other side that have cells.

    Returns
    -------
    Retrieval
        0 for a perturbation that is not judged.
    """
    truth, prediction = comparison.truth, comparison.prediction

    def compute() -> Retrieval:
        there = [(side.sizes[:-1] > 0) & (truth.sizes[:-1] >= search.least) for side in (prediction, truth)]
        seekers, kept = there if search.queries == PREDICTIONS else there[::-1]
        rows, n = np.flatnonzero(comparison.judged & seekers & kept), int(kept.sum())
        found = np.zeros((3, len(kept)), np.int64)
        if n > 1 and len(rows):
            if search.left_out == OWN:
                distances, unsure = _distances(comparison, search, rows, kept)
            else:  # the same table in both directions, and for all that are looked for
                whole = replace(search, queries=PREDICTIONS, least=1)
                table = prediction.once(("distances", whole, truth), lambda: _distances(comparison, whole))
                distances, unsure = (
                    (each if search.queries == PREDICTIONS else each.T)[np.ix_(rows, kept)] for each in table
                )
            own = (np.cumsum(kept) - 1)[rows]
            places = np.arange(len(rows)), own
            over = distances - distances[places][:, None]
            unsure = unsure + unsure[places][:, None]
            tied = np.abs(over) <= unsure
            tied[places] = False
            found[0, rows], found[1, rows] = (over < -unsure).sum(axis=1), tied.sum(axis=1)
            found[2, rows] = (tied & (np.arange(n) < own[:, None])).sum(axis=1)
        return Retrieval(found[0], found[1], found[2], n)

    return prediction.once(("retrieval", search, truth), compute)


def _distances(
    comparison: Comparison, search: Search, rows: Ints | None = None, kept: npt.NDArray[np.bool_] | None = None
) -> tuple[Floats, Floats]:
    """Return distances of some queries to the candidates that are kept, and what rounding does to each.

    All rows when left out; those of perturbations without cells have no meaning. Euclidean distances are squared.
    """
    panel, backend, threads = comparison.panel, comparison.truth.backend, comparison.truth.threads
    true, predicted = search.pairs(comparison)
    queries, candidates = (predicted, true) if search.queries == PREDICTIONS else (true, predicted)
    if rows is not None and kept is not None:
        queries, candidates = queries[rows], candidates[kept]
    if search.left_out == PANEL:
        genes = np.setdiff1d(np.arange(len(panel.genes)), panel.all_targets)
        queries, candidates = queries[:, genes], candidates[:, genes]
    queries, candidates = np.nan_to_num(queries), np.nan_to_num(candidates)
    dropped = _targets(panel, rows) if search.left_out == OWN and rows is not None else []
    if search.distance == L1:
        found = backend.absolute_distances(queries, candidates, threads)
        unsure = _ROUNDING * found
        for place, genes in dropped:
            found[place] -= np.abs(queries[place, genes][:, None] - candidates[:, genes].T)
        return found, unsure
    if search.distance == L2:  # from their middle, where the products are small
        middle = candidates.mean(axis=0)
        queries, candidates = queries - middle, candidates - middle
    products = queries @ candidates.T
    of_queries = np.repeat(np.einsum("ij,ij->i", queries, queries)[:, None], len(candidates), axis=1)
    of_candidates = np.repeat(np.einsum("ij,ij->i", candidates, candidates)[None], len(queries), axis=0)
    unsure = _ROUNDING * (of_queries + of_candidates)
    for place, genes in dropped:
        mine, theirs = queries[place, genes][:, None], candidates[:, genes].T
        products[place] -= mine * theirs
        of_queries[place] -= mine**2
        of_candidates[place] -= theirs**2
    if search.distance == L2:
        return of_queries + of_candidates - 2 * products, unsure
    # A profile without direction is as far from all.
    least = flat(comparison) ** 2 * queries.shape[1]
    pointing = (of_queries > least) & (of_candidates > least)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = np.where(pointing, products / np.sqrt(of_queries * of_candidates), 0.0)
    return 1 - cosine, np.full(cosine.shape, _ROUNDING)


def _targets(panel: Panel, rows: Ints) -> list[tuple[Ints, Ints]]:
    """Return the queries that have a first target and these, a second one and so on."""
    targets = [panel.targets[row] for row in rows]
    found = []
    for turn in range(max(map(len, targets), default=0)):
        places = np.array([place for place, genes in enumerate(targets) if len(genes) > turn])
        found.append((places, np.array([targets[place][turn] for place in places])))
    return found


def _rank(found: Retrieval, ties: str) -> Floats:
    """Return how many candidates come before the right one: of those that are tied half, or those before it."""
    return np.asarray(found.closer + (found.tied / 2 if ties == "half" else found.tied_before), np.float64)


def retrieval(
    name: str, search: Search, meaning: str, *, of: str = "score", ties: str = "half", least_counted: int = 1
) -> Metric:
    """Return a metric of the rank of the right candidate.

    Parameters
    ----------
    name : str
        As its peer spells it.
    search : Search
        What is looked for among what.
    meaning : str
        One sentence.
    of : {"score", "rank", "farther"}
        1 less the rank, the rank, or the share of other candidates that are farther; ranks are divided by the number
        of candidates less `least_counted`.
    ties : {"half", "before"}
        Half of the tied candidates are before the right one, or those that the panel lists first, as in a sort.
    least_counted : {0, 1}
        1 where the right candidate is not counted.
    """

    def compute(comparison: Comparison) -> Values:
        found = find(comparison, search)
        n = len(comparison.judged)
        if found.candidates < 2:
            return undefined(n, "There are fewer than two perturbations to choose from.")
        if of == "farther":
            values = (found.candidates - 1 - found.closer - found.tied) / (found.candidates - 1)
        else:
            rank = _rank(found, ties) / (found.candidates - least_counted)
            values = rank if of == "rank" else 1 - rank
        return Values.mean(
            np.where(comparison.judged, values, np.nan),
            distance=search.distance,
            candidates=f"{found.candidates} " + ("true" if search.queries == PREDICTIONS else "predicted"),
            ties="lose" if of == "farther" else ties,
            left_out=search.left_out,
        )

    better = LOWER if of == "rank" else HIGHER
    return Metric(name, "retrieval", better, compute, meaning, 0.0 if of == "rank" else 1.0)


def discrimination(ties: str) -> tuple[Metric, ...]:
    """Return the perturbation discrimination scores of cell-eval under a rule for ties, "half" or "before"."""
    return tuple(
        retrieval(
            f"discrimination_score_{distance}",
            Search(effects, distance, OWN),
            f"Share of true effects that are not closer ({what}) to the prediction than the right one; own target out.",
            ties=ties,
            least_counted=0,
        )
        for distance, what in (
            (L1, "sum of absolute differences"),
            (L2, "Euclidean distance"),
            (COSINE, "cosine distance"),
        )
    )


#: Of cell-eval 0.8; tied effects count in the order of their names.
CELL_EVAL = discrimination("before")
_RIGHT = "that are not closer ({}) to the prediction than the right one; no target gene is seen"
#: Of cell-eval2: bulk profiles, the targets of all perturbations left out.
CELL_EVAL2 = cell_eval2(
    *(
        retrieval(
            f"pds_{distance}",
            Search(bulk_effects, distance, PANEL),
            f"Share of other true effects of bulk profiles {_RIGHT.format(distance)}.",
        )
        for distance in (COSINE, L1, L2)
    )
)
#: What a knock-down does to its own target is known beforehand, so no target gene is seen; ties count half.
OF_EFFECTS = (
    *(
        retrieval(
            f"pds_{distance}",
            Search(effects, distance, PANEL),
            f"Share of other true effects {_RIGHT.format(distance)}.",
        )
        for distance in (COSINE, L1, L2)
    ),
    retrieval(
        "centroid_accuracy",
        Search(means, L2, PANEL),
        "Share of the other true means that are farther from the predicted mean than the right one; no target is seen.",
        of="farther",
    ),
)
#: Of Systema.
SYSTEMA = (
    retrieval(
        "centroid_accuracy",
        Search(means, L2),
        "Share of the other true means that are farther from the predicted mean than the right one.",
        of="farther",
    ),
)
#: Of PerturBench: each truth looks for its prediction.
PERTURBENCH = (
    retrieval(
        "rmse_rank_average",
        Search(means, L2, queries=TRUTHS),
        "Share of predicted means that are closer to the true mean than the right one.",
        of="rank",
        least_counted=0,
    ),
    retrieval(
        "cosine_rank_logfc",
        Search(log_fold_changes, COSINE, queries=TRUTHS),
        "Share of predicted log fold changes that are closer to the true ones than the right ones.",
        of="rank",
        least_counted=0,
    ),
)


def scperteval(least: int = 30) -> tuple[Metric, ...]:
    """Return the retrieval metrics of scPertEval; perturbations of fewer than `least` cells have no value."""
    theirs = Search(means, L2, queries=TRUTHS, least=least)
    mine = Search(means, L2, least=least)
    other = "means that are closer than the right one"
    return of_enough_cells(
        least,
        retrieval("rank", theirs, f"Of each true mean: share of the other predicted {other}.", of="rank"),
        retrieval("transpose_rank", mine, f"Of each predicted mean: share of the other true {other}.", of="rank"),
        retrieval("nir", mine, f"1 less the share of the other true {other}, of each predicted mean."),
    )
