"""What metrics give where the answer is known: random vectors, shuffled labels, perfect vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ...kernels.backend import Backend
from .cells import Cells, Groups
from .finding import Metric
from .space import Space

__all__ = ["ANCHOR_CELLS", "COLUMNS", "WORST_AND_BEST", "anchor_spaces", "rescaled"]

#: Anchors are found from at most so many cells, drawn by label.
ANCHOR_CELLS = 20_000
#: Names of anchors as columns of ``results.csv``.
COLUMNS = {"random": "random", "shuffled": "shuffled", "labels": "one_hot_labels", "batches": "one_hot_batches"}
#: The anchors whose scores are 0 and 1, by family; perfect order is 1 by definition.
WORST_AND_BEST = {"biology": ("random", "labels"), "batch": ("batches", "shuffled"), "order": ("shuffled", "ordered")}
#: Dimensions of random vectors, and spread around a perfect place: no two cells coincide.
_DIMENSIONS, _SPREAD = 32, 0.05


def anchor_spaces(
    x: npt.NDArray[np.floating],
    cells: Cells,
    backend: Backend[Any],
    seed: int,
    threads: int,
    neighbors: Callable[[], Any] | None = None,
) -> Iterator[tuple[str, Space]]:
    """Give the anchors by name.

    Parameters
    ----------
    x : ndarray, shape (n, d)
        The embedding that is judged.
    cells : Cells
        Of its cells.
    backend, threads
        The kernels.
    seed : int
        Of what is random.
    neighbors : callable, optional
        Returns the neighbours of the embedding, which shuffled labels share.

    Yields
    ------
    name : str
        ``random`` (normal vectors), ``shuffled`` (the embedding, with labels, batches and order moved to other cells),
        ``labels`` (one place a label) or ``batches`` (one place a batch).
    space : Space
        Ready to be judged.
    """
    rng = np.random.default_rng(seed)
    yield (
        "random",
        Space(rng.normal(size=(len(cells), _DIMENSIONS)).astype(np.float32), cells, backend, threads=threads),
    )
    known = neighbors() if neighbors is not None else None
    yield "shuffled", Space(x, cells.shuffled(seed), backend, threads=threads, neighbors=known)
    yield "labels", Space(_placed(cells.labels, rng), cells, backend, threads=threads)
    if cells.batch is not None:
        yield "batches", Space(_placed(cells.batch, rng), cells, backend, threads=threads)


def _placed(groups: Groups, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return one-hot vectors of groups with a little noise."""
    found = _SPREAD * rng.normal(size=(len(groups.codes), len(groups)))
    found[np.arange(len(found)), groups.codes] += 1
    return found.astype(np.float32)


def rescaled(metric: Metric, value: float, anchors: Mapping[str, float]) -> float:
    """Return a value between what is worst and best of its family: 0 and 1; NaN where the two do not differ.

    Of biology and order, 0 is what random vectors give and 1 what perfect ones do (one place a label); of batches, 0
    is one place a batch, and 1 what shuffled batches give. It is not cut off.
    """
    worst, best = WORST_AND_BEST[metric.family]
    low, high = anchors.get(worst, np.nan), anchors.get(best, 1.0 if metric.family == "order" else np.nan)
    return float((value - low) / (high - low)) if high - low != 0 else float("nan")
