"""How much of the variance batches explain, before and after integration."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..cells import Groups
from ..finding import Finding, undefined
from ..space import Space

__all__ = ["explained_by", "pcr_comparison"]

#: Shares of variance up to this are rounding.
_NOTHING = 1e-12


def explained_by(x: npt.NDArray[np.floating], groups: Groups) -> float:
    """Return the share of the variance of x (n, d) that lies between groups.

    This is the R2 of all principal components on the groups, weighted by their variance: a rotation changes neither the
    variance nor what of it lies between groups, so no component is needed.
    """
    moved = x.astype(np.float64) - x.mean(axis=0, dtype=np.float64)
    total = float(np.einsum("ij,ij->", moved, moved))
    if total == 0:
        return 0.0
    order = np.argsort(groups.codes, kind="stable")
    starts = np.concatenate([[0], np.cumsum(groups.sizes)[:-1]])
    sums = np.add.reduceat(moved[order], starts, axis=0)
    return float((sums**2).sum(axis=1) @ (1 / groups.sizes) / total)


def pcr_comparison(space: Space) -> Finding:
    """Return the share of the batch variance of the unintegrated cells that integration took away, at least 0."""
    batch, batch_before = space.cells.batch, space.batch_before
    assert batch is not None
    assert batch_before is not None
    assert space.unintegrated is not None
    if len(batch) < 2:
        return undefined("There is one batch: nothing can be taken away.")
    before, after = explained_by(space.unintegrated, batch_before), explained_by(space.x, batch)
    if before <= _NOTHING:
        return undefined("Batches explain nothing of the unintegrated cells.")
    params = {"before": before, "after": after}
    return Finding(max((before - after) / before, 0.0), params=params)
