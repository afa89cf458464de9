"""What every exchange of labels has: its data, the values it observes, and the p-values that it counts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ...nulls.distribution import PValues
from ...tables.groups import Groups
from ..options import NullModel
from .data import RelabelledRows

__all__ = ["COUNTED", "Exchanger"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Relabellings of a group up to which all are counted.
COUNTED = 20_000
_REACHES = 1e-12  # values that are closer, relative to their size, are equal: they are sums in another order


class Exchanger(ABC):
    """Relabels groups and counts how often that does as well as the data.

    Parameters
    ----------
    data : RelabelledRows
        The profiles.
    members : Groups
        Rows of the queries of each of g groups.
    label : ndarray of int64, shape (g,)
        The label of each group, of a list column.
    model : NullModel
        How p-values are found.
    progress : callable, optional
        Called with (done, in all) of each round.

    Attributes
    ----------
    observed : ndarray of float64, shape (g,)
        What is tested, of the data.
    """

    def __init__(
        self,
        data: RelabelledRows,
        members: Groups,
        label: Ints,
        model: NullModel,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self._data, self._members, self._label = data, members, label
        self._model, self._progress = model, progress
        self._known = PValues(*(np.full(len(members), np.nan) for _ in range(3)))
        self.observed: Floats = np.full(len(members), np.nan)

    def counted(self) -> PValues:
        """Return exact p-values where all relabellings are counted, NaN elsewhere."""
        return self._known

    @abstractmethod
    def count(self, groups: Ints, first: int, size: int) -> Ints:
        """Count the draws that reach the observed value, of each group."""

    def _count_reached(self, values: Floats, observed: float) -> int:
        """Count the values that reach an observed one."""
        if self._model.resolved_tail == ">":
            return int((values > observed * (1 + _REACHES)).sum())
        return int((values >= observed * (1 - _REACHES)).sum())
