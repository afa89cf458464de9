"""How far the predicted cells of a perturbation are from its true ones: energy distances and maximum mean discrepancy.

**Forms**, each in the name of its metric. For n true cells x and m predicted cells y of a perturbation:

- ``energy_distance_u``: 2 mean |x - y| - mean |x - x'| - mean |y - y'|, the latter over pairs of different cells.
- ``energy_distance_v``: the same with each cell's distance from itself counted in, 0: larger than the former by about
  (mean |x - x'|) / n + (mean |y - y'|) / m, so that it depends on numbers of cells (pertpy since mid 2025, cell-eval).
- ``energy_distance_sq_u``, ``energy_distance_sq_v``: of squared distances (pertpy until then, scPerturb). Means and
  variances give them, so they know nothing of other differences; the latter is twice ``mmd2_linear_v``.
- ``mmd2_rbf_u``: mean k(x, x') + mean k(y, y') - 2 mean k(x, y) over pairs of different cells, with k(a, b) =
  exp(-|a - b|^2 / (2 s^2)), s the median distance of all pairs of different cells of truth and prediction together.
- ``mmd2_linear_v``: squared distance of the means (the default of pertpy).

The ``_u`` forms have no bias, so they are below 0 by chance where the two are alike.

**Spaces**: all genes, 50 principal components of the true cells (`statistics.components`), and the 50 genes that differ
most.

**Cost**: (n + m)^2 d flops and (n + m)^2 / 2 roots and exponentials a perturbation and space; all forms come of one
visit (`Backend.compare_samples`), to the last bit whatever the order of the cells. 100 perturbations of 180 cells with
1,000 genes, sparse, take 1.1 CPU s a prediction: products of all genes 0.5 s of it, bringing cells along components
and comparing them there 0.25 s, the 50 genes 0.15 s. Components of 20,000 cells take 2 CPU s once. `pearson_edistance`
takes 2.8 CPU s a screen of 2,000 controls: for each perturbation its cells times the control cells.

References
----------
Székely and Rizzo 2013, J Stat Plan Inference 143:1249. Gretton et al. 2012, JMLR 13:723. Peidli et al. 2024, Nat
Methods 21:531 (scPerturb). scPertEval 0.2, pertpy 1.4 and cell-eval 0.8 for their forms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ....kernels.backend import Apart
from ....kernels.cores import run_jobs
from ....kernels.expression import Expression
from ...statistics.components import COMPONENTS, Components, components_of, drawn_cells
from ..comparison import HIGHER, LOWER, Comparison, Metric, Values, undefined
from ..screens.side import Side

__all__ = ["FORMS", "TOP_GENES", "Scores", "Space", "distances", "pearson_edistance", "spaces", "top_genes"]

#: Genes that differ most, of a perturbation.
TOP_GENES = 50
#: Cells times control cells times genes, above which `pearson_edistance` is not computed: some 1,000 CPU s a screen.
MOST_PRODUCTS = 10**13
#: Cells of a large screen that are brought along components at once.
_ROWS = 1 << 13

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
#: Test statistics of the truth, (conditions, genes), whose size orders the genes.
Scores = Callable[[Side], Floats]


@dataclass(frozen=True, eq=False)
class Space:
    """Where distances are measured.

    Attributes
    ----------
    name : str
        Last part of the names of metrics.
    peer : str
        The same in names of scPertEval; empty where it has none.
    meaning : str
        As the end of a sentence.
    rows : callable
        ``(comparison, side, condition) -> (n, d)``: the cells of a perturbation.
    moments : callable
        ``(comparison, side) -> (sums, squares)``, (conditions, d) each: of those cells.
    """

    name: str
    peer: str
    meaning: str
    rows: Callable[[Comparison, Side, int], npt.NDArray[np.floating]]
    moments: Callable[[Comparison, Side], tuple[Floats, Floats]]


def spaces(scores: Scores) -> tuple[Space, ...]:
    """Return all genes, principal components of the truth, and the genes with the largest scores."""

    def chosen(comparison: Comparison) -> Ints:
        return comparison.truth.once(("top genes", scores), lambda: top_genes(scores(comparison.truth)))

    def top_rows(comparison: Comparison, side: Side, condition: int) -> npt.NDArray[np.floating]:
        return np.ascontiguousarray(_cells(side, condition)[:, chosen(comparison)[condition]])

    def top_moments(comparison: Comparison, side: Side) -> tuple[Floats, Floats]:
        sums, genes = side.log_sums, chosen(comparison)
        return np.take_along_axis(sums.sums[:-1], genes, 1), np.take_along_axis(sums.squares[:-1], genes, 1)

    return (
        Space(
            "all_genes",
            "",
            "all genes",
            lambda comparison, side, condition: _cells(side, condition),
            lambda comparison, side: (side.log_sums.sums[:-1], side.log_sums.squares[:-1]),
        ),
        Space(
            f"pca_{COMPONENTS}",
            f"pca_k={COMPONENTS}",
            f"{COMPONENTS} principal components of the true cells",
            lambda comparison, side, condition: side.cells(condition, _along(comparison, side)),
            _component_moments,
        ),
        Space(
            f"top_{TOP_GENES}_de",
            f"top_k={TOP_GENES}",
            f"the {TOP_GENES} genes that differ most between the perturbation and the others in the truth",
            top_rows,
            top_moments,
        ),
    )


def top_genes(scores: Floats, k: int = TOP_GENES) -> Ints:
    """Return the genes of the largest absolute scores of each perturbation, (conditions, k), the largest first.

    Of equal ones the first in the file; those without a score come last.
    """
    return np.argsort(-np.abs(scores), axis=1, kind="stable")[:, :k].astype(np.int64)


def _cells(side: Side, condition: int) -> npt.NDArray[np.floating]:
    """Return the cells of a condition, dense."""
    found = side.logged_rows(np.flatnonzero(side.screen.conditions == condition))
    return np.asarray(found if isinstance(found, np.ndarray) else found.toarray())


def _components(comparison: Comparison) -> Components:
    whole = comparison.whole

    def compute() -> Components:
        if not whole.is_large:
            return components_of(whole.logged, COMPONENTS)
        return components_of(whole.logged_rows(drawn_cells(len(whole.screen))), COMPONENTS)

    return whole.once(("components", COMPONENTS), compute)


def _along(comparison: Comparison, side: Side) -> Floats:
    """Return the cells of a side along the components of the truth, (n, k)."""

    def compute() -> Floats:
        fitted, n = _components(comparison), len(side.screen)
        if not side.is_large:
            return fitted.of(side.logged)
        parts = (slice(start, start + _ROWS) for start in range(0, n, _ROWS))
        return np.concatenate([fitted.of(side.logged_rows(part)) for part in parts])

    return side.once(("along", comparison.whole), compute)


def _component_moments(comparison: Comparison, side: Side) -> tuple[Floats, Floats]:
    rows = Expression.of(_along(comparison, side))
    n = len(side.panel.conditions)
    sums = side.once(
        ("component sums", comparison.whole),
        lambda: side.backend.group_sums(rows, side.screen.conditions, n + 1, side.threads),
    )
    return sums.sums[:-1], sums.squares[:-1]


def _lacking(comparison: Comparison) -> dict[int, str]:
    """Return why perturbations have no distance."""
    found = {}
    for code, sizes in enumerate(zip(comparison.truth.sizes[:-1], comparison.prediction.sizes[:-1], strict=True)):
        few = [f"{size} {word}" for size, word in zip(sizes, ("true", "predicted"), strict=True) if size < 2]
        if few:
            found[code] = f"Distances need 2 cells of both truth and prediction, but there are {' and '.join(few)}."
    return found


def _no_cells(comparison: Comparison) -> str:
    """Return why there are no distances at all; else nothing."""
    for side in (comparison.truth, comparison.prediction):
        if not side.screen.of_cells:
            return f"{side.screen.name} has means of conditions, not cells, and distances are those of cells."
    return ""


def _apart(comparison: Comparison, space: Space) -> list[Apart | None]:
    """Return what tells truth and prediction apart, a perturbation each; None where there are too few cells."""
    truth, prediction = comparison.truth, comparison.prediction
    lacking = _lacking(comparison)

    def one(condition: int) -> Apart:
        true, predicted = (space.rows(comparison, side, condition) for side in (truth, prediction))
        return truth.backend.compare_samples(true, predicted)

    def compute() -> list[Apart | None]:
        codes = [code for code in range(len(truth.panel.conditions)) if code not in lacking]
        if codes:
            space.rows(comparison, truth, codes[0])  # what all share is made before the threads begin
            space.rows(comparison, prediction, codes[0])
        work = ((truth.sizes + prediction.sizes) ** 2).tolist()
        found = run_jobs([(work[code], partial(one, code)) for code in codes], truth.threads)
        known = dict(zip(codes, found, strict=True))
        return [known.get(code) for code in range(len(truth.panel.conditions))]

    return prediction.once(("apart", space, truth, comparison.whole), compute)


def _energy(apart: Apart, n: int, m: int, same: int) -> float:
    """Return the energy distance; `same` is 1 where pairs are of different cells, else 0."""
    within, between, other = apart.distances
    return float(2 * between / (n * m) - within / (n * (n - same)) - other / (m * (m - same)))


def _radial(apart: Apart, n: int, m: int) -> float:
    within, between, other = apart.similarities
    return float(within / (n * (n - 1)) + other / (m * (m - 1)) - 2 * between / (n * m))


def _of_pairs(
    of: Callable[[Apart, int, int], float], space: Space, needs_median: bool, comparison: Comparison
) -> Values:
    """Return a function of distances of pairs, a perturbation each."""
    if why := _no_cells(comparison):
        return undefined(len(comparison.panel.conditions), why)
    reasons = _lacking(comparison)
    values = np.full(len(comparison.panel.conditions), np.nan)
    sizes = zip(comparison.truth.sizes[:-1].tolist(), comparison.prediction.sizes[:-1].tolist(), strict=True)
    for code, (apart, (n, m)) in enumerate(zip(_apart(comparison, space), sizes, strict=True)):
        if apart is None:
            continue
        if needs_median and not apart.median > 0:
            reasons[code] = "Half of the pairs of cells do not differ, so their median distance is 0 and no width."
            continue
        values[code] = of(apart, n, m)
    return Values.mean(values, reasons, **_params(comparison, space))


def _of_moments(factor: float, same: int, space: Space, comparison: Comparison) -> Values:
    """Return `factor` times the squared distance of means, less what sampling adds to it where `same` is 1."""
    if why := _no_cells(comparison):
        return undefined(len(comparison.panel.conditions), why)
    reasons = _lacking(comparison)
    means, noise = [], np.zeros(len(comparison.panel.conditions))
    with np.errstate(invalid="ignore", divide="ignore"):
        for side in (comparison.truth, comparison.prediction):
            sums, squares = space.moments(comparison, side)
            n = side.sizes[:-1, None]
            means.append(sums / n)
            noise += (np.maximum(squares - sums**2 / n, 0) / n / (n - 1)).sum(axis=1)
        found = factor * (((means[0] - means[1]) ** 2).sum(axis=1) - same * noise)
    found[list(reasons)] = np.nan
    return Values.mean(found, reasons, **_params(comparison, space))


def _params(comparison: Comparison, space: Space) -> dict[str, Any]:
    if not space.name.startswith("pca"):
        return {"space": space.name}
    fitted = _components(comparison)
    return {"space": space.name, "components": fitted.axes.shape[1], "cells_of_components": fitted.cells}


_V, _U = partial(_energy, same=0), partial(_energy, same=1)
#: Forms of distances: what is computed in a space, and what it is.
FORMS: dict[str, tuple[Callable[[Space, Comparison], Values], str]] = {
    "energy_distance_u": (
        lambda space, comparison: _of_pairs(_U, space, False, comparison),
        "Energy distance of euclidean distances, unbiased",
    ),
    "energy_distance_v": (
        lambda space, comparison: _of_pairs(_V, space, False, comparison),
        "Energy distance of euclidean distances, with each cell's distance from itself (pertpy)",
    ),
    "energy_distance_sq_u": (
        partial(_of_moments, 2.0, 1),
        "Energy distance of squared euclidean distances, unbiased (scPerturb)",
    ),
    "energy_distance_sq_v": (
        partial(_of_moments, 2.0, 0),
        "Energy distance of squared euclidean distances, with each cell's distance from itself (pertpy before 2025)",
    ),
    "mmd2_rbf_u": (
        lambda space, comparison: _of_pairs(_radial, space, True, comparison),
        "Squared maximum mean discrepancy of a radial kernel as wide as the median distance, unbiased",
    ),
    "mmd2_linear_v": (
        partial(_of_moments, 1.0, 0),
        "Squared maximum mean discrepancy of a linear kernel: squared distance of means",
    ),
}
_PEERS = {"energy_distance_u": "energy_distance", "mmd2_rbf_u": "unbiased_mmd_median"}


def distances(scores: Scores) -> tuple[Metric, ...]:
    """Return every form in every space, then those of scPertEval under its names, and `pearson_edistance`.

    Parameters
    ----------
    scores : callable
        ``truth -> (conditions, genes)``: how much genes differ between each perturbation and all others, of any sign.
    """
    every, made, peers = spaces(scores), [], []
    for space in every:
        for form, (compute, meaning) in FORMS.items():
            sentence = f"{meaning}, between true and predicted cells, along {space.meaning}."
            made.append(Metric(f"{form}_{space.name}", "distribution", LOWER, partial(compute, space), sentence, 0.0))
            if form in _PEERS and space.peer:
                name = f"{_PEERS[form]}_{space.peer}"
                peers.append(Metric(name, "distribution", LOWER, partial(compute, space), sentence, 0.0))
    return (*made, *peers, _PEARSON)


def _from_control(side: Side) -> Floats:
    """Return the energy distance (euclidean, V) of each perturbation from the control, NaN without cells."""
    control = side.panel.control_code

    def compute() -> Floats:
        theirs, m = _cells(side, control), int(side.sizes[control])
        nothing, itself = np.zeros(m, np.int64), np.array([[0, 0]])
        among = float(side.backend.pair_sums(theirs, nothing, 1, itself, side.threads)[0]) / m**2

        def one(code: int) -> float:
            mine, n = _cells(side, code), int(side.sizes[code])
            labels = np.repeat([0, 1], [n, m])
            within, between = side.backend.pair_sums(
                np.concatenate([mine, theirs]), labels, 2, np.array([[0, 0], [0, 1]])
            )
            return float(2 * between / (n * m) - within / n**2 - among)

        found = np.full(control, np.nan)
        codes = np.flatnonzero(side.sizes[:-1] > 0).tolist()
        found[codes] = run_jobs([(int(side.sizes[code]), partial(one, code)) for code in codes], side.threads)
        return found

    return side.once("energy from control", compute)


def pearson_edistance(comparison: Comparison) -> Values:
    """Correlate, over perturbations, true and predicted energy distances from the control (cell-eval 0.8).

    Each side is compared with its own control. The distances are V-statistics, so that with unequal numbers of cells
    they are larger for the smaller perturbations on both sides, whatever was predicted. Of screens with more than
    `MOST_PRODUCTS` cells times control cells times genes it is not defined.
    """
    n = len(comparison.panel.conditions)
    if why := _no_cells(comparison):
        return undefined(n, why)
    if not (comparison.truth.sizes[-1] and comparison.prediction.sizes[-1]):
        return undefined(n, "Truth or prediction has no control cells.")
    for side in (comparison.truth, comparison.prediction):
        cells, controls, genes = len(side.screen), int(side.sizes[-1]), len(side.panel.genes)
        if cells * controls * genes > MOST_PRODUCTS:
            return undefined(n, f"Distances of {cells:,} cells from {controls:,} control cells take too long.")
    judged = comparison.judged
    if judged.sum() < 2:
        return undefined(n, "A correlation over perturbations needs two of them.")
    true, predicted = (_from_control(side)[judged] for side in (comparison.truth, comparison.prediction))
    if np.ptp(true) == 0 or np.ptp(predicted) == 0:
        return undefined(n, "All perturbations are equally far from the control.")
    return Values.single(float(np.corrcoef(true, predicted)[0, 1]), n, perturbations=int(judged.sum()))


_PEARSON = Metric(
    "pearson_edistance",
    "distribution",
    HIGHER,
    pearson_edistance,
    "Pearson correlation, over perturbations, of true and predicted energy distances from the control.",
    1.0,
)
