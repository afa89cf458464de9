"""What metrics give where the answer is known: random vectors, shuffled labels, perfect vectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from .cells import Groups
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


def anchor_spaces(space: Space, seed: int) -> Iterator[tuple[str, Space]]:
    """Give the anchors by name.

    Parameters
    ----------
    space : Space
        The embedding that is judged; shuffled labels share its neighbours.
    seed : int
        Of what is random.

    Yields
    ------
    name : str
        ``random`` (normal vectors), ``shuffled`` (the embedding, with labels, batches and order moved to other cells),
        ``labels`` (one place a label), ``batches`` or ``species`` (one place a batch or species).
    space : Space
        Ready to be judged.
    """
    rng = np.random.default_rng(seed)
    cells = space.cells
    yield "random", space.like(rng.normal(size=(len(cells), _DIMENSIONS)).astype(np.float32), cells)
    yield "shuffled", space.like(space.x, cells.shuffled(seed), space.neighbors(len(cells)))
    yield "labels", space.like(_placed(cells.labels, rng), cells)
    if cells.batch is not None:
        yield "batches", space.like(_placed(cells.batch, rng), cells)
    if cells.species is not None:
        yield "species", space.like(_placed(cells.species, rng), cells)


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
