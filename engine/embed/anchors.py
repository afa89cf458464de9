"""What metrics give where the answer is known: random vectors, shuffled labels and batches, perfect vectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .cells import Cells, Groups
from .finding import Metric
from .space import Space

__all__ = ["ANCHOR_CELLS", "COLUMNS", "Anchor", "anchors_of", "ends_of", "rescaled", "worst_and_best"]

#: Anchors are found from at most so many cells, drawn at random.
ANCHOR_CELLS = 20_000
#: Names of anchors as columns of ``results.csv``.
COLUMNS = {"random": "random", "shuffled": "shuffled", "labels": "one_hot_labels", "batches": "one_hot_batches"}
#: The anchors whose scores are 0 and 1, by family; 0 and 1 as ends are the values themselves.
_ENDS = {"biology": ("random", "labels"), "batch": ("batches", "shuffled"), "order": ("shuffled", "1")}
#: Of metrics of other ends: one place a label has no distances between labels, one place a batch no diffusion.
_OTHER_ENDS = {"scgraph": ("random", "1"), "kbet_per_label": ("0", "shuffled")}
_KNOWN = {"0": 0.0, "1": 1.0}
#: Ends that are not so far apart leave nothing to be told: a score would be the chance of a few cells.
_LEAST_ROOM = 0.02
#: Dimensions of random vectors, and spread around a perfect place: no two cells coincide.
_DIMENSIONS, _SPREAD = 32, 0.05


class Anchor(NamedTuple):
    """An embedding whose values are known, or cells whose labels are.

    Attributes
    ----------
    name : str
        A key of `COLUMNS`.
    space : Space
        Ready to be judged.
    mixes : tuple of str
        The metrics that it is put beside, by what they mix (`Metric.mixes`).
    """

    name: str
    space: Space
    mixes: tuple[str, ...]

    def serves(self, metric: Metric) -> bool:
        """Return whether a metric is put beside it."""
        return self.name in metric.anchors and metric.mixes in self.mixes


def anchors_of(whole: Space, seed: int) -> Iterator[Anchor]:
    """Give the anchors of an embedding, one by one.

    Parameters
    ----------
    whole : Space
        The embedding that is judged. Where batches are shuffled, all of its cells and their neighbours stay, since it
        is they that could be mixed better; the others are of `ANCHOR_CELLS`.
    seed : int
        Of what is random.

    Yields
    ------
    Anchor
        ``random``: normal vectors. ``shuffled``: the embedding; of metrics that mix, with batches (species) moved
        among the cells of each label, which is the best that the design allows, left out where no label has two; of
        others, with labels and order moved among all cells. ``labels``: one place a label. ``batches``: one place a
        batch (species).
    """
    space = whole
    if len(whole) > ANCHOR_CELLS:
        drawn = np.random.default_rng(seed).choice(len(whole), ANCHOR_CELLS, replace=False)
        space = whole.of(np.sort(drawn))
    rng = np.random.default_rng(seed)
    cells, every = space.cells, ("", "batch", "species")
    yield Anchor("random", space.like(rng.normal(size=(len(cells), _DIMENSIONS)).astype(np.float32), cells), every)
    yield Anchor("shuffled", space.with_cells(cells.shuffled_labels(seed)), ("",))
    mixed = {"batch": whole.cells.batch, "species": whole.cells.species}
    can = [name for name, groups in mixed.items() if groups is not None and _can_mix(whole.cells, groups)]
    yield Anchor("shuffled", whole.with_cells(whole.cells.shuffled_batches(seed)), tuple(can))
    yield Anchor("labels", space.like(_placed(cells.labels, rng), cells), every)
    if cells.batch is not None:
        yield Anchor("batches", space.like(_placed(cells.batch, rng), cells), ("", "batch"))
    if cells.species is not None:
        yield Anchor("batches", space.like(_placed(cells.species, rng), cells), ("species",))


def _can_mix(cells: Cells, groups: Groups) -> bool:
    """Return whether a label has cells of two groups."""
    return bool((cells.groups_of_labels(groups) > 1).any())


def worst_and_best(metric_type: str, family: str) -> tuple[str, str]:
    """Return the anchors whose scores are 0 and 1, keys of `COLUMNS`; "0" and "1" are these values."""
    return _OTHER_ENDS.get(metric_type, _ENDS.get(family, ("", "")))


def _placed(groups: Groups, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return one-hot vectors of groups with a little noise."""
    found = _SPREAD * rng.normal(size=(len(groups.codes), len(groups)))
    found[np.arange(len(found)), groups.codes] += 1
    return found.astype(np.float32)


def ends_of(row: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Return the values whose scores are 0 and 1, of a row of ``results.csv``; None where an anchor has no value."""
    worst, best = worst_and_best(row["metric_type"], row["family"])
    low, high = (row[COLUMNS[end]] if end in COLUMNS else _KNOWN.get(end) for end in (worst, best))
    return low, high


def rescaled(metric: Metric, value: float, anchors: Mapping[str, float]) -> float:
    """Return a value between what is worst and best of its metric, 0 and 1; NaN where these are nearly the same.

    Of labels, 0 is what random vectors give and 1 what perfect ones do (one place a label); of batches, 0 is one place
    a batch, and 1 what batches shuffled inside labels give. It is not cut off.
    """
    low, high = (anchors.get(end, _KNOWN.get(end, np.nan)) for end in worst_and_best(metric.name, metric.family))
    return float((value - low) / (high - low)) if high - low >= _LEAST_ROOM else float("nan")
