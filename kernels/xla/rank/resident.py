"""What stays on the devices during one run: put there once, and tried before it is trusted."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np
import numpy.typing as npt
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ...backend import Status
from ...cpu import ranking as cpu
from ...cpu.rank.operands import CHUNK, unit_rows
from ...cpu.rank.thresholds import thresholds
from ...names import ABS_COSINE
from ...reference.similarity import LANES
from ..context import AXIS, settings
from . import precision as precisions
from .deciding import deciding_value, in_range
from .tiles import Resident
from .usable import is_fused_usable_with

__all__ = ["Prepared", "is_trusted", "upload"]

#: Pairs whose deciding values are compared between host and device before the device is trusted.
TRIALS = 1024

_operands = jax.jit(precisions.operands, static_argnums=1)
_in_range = jax.jit(in_range)
_deciding_value = jax.jit(deciding_value, static_argnums=5)


class Prepared(NamedTuple):
    """What one run needs again and again: the host's part, and what stays on the devices."""

    host: cpu.Prepared
    devices: tuple[jax.Device, ...]
    status: Status
    reason: str = ""  # why the devices do not count; empty when they do
    precision: str = "float32"
    resident: Resident | None = None  # None where the host counts
    forms: tuple[str, str] = ("", "")  # include, exclude: see `keys`
    tile: tuple[int, int] = (0, 0)  # largest number of queries and columns
    fused: str = ""  # how the fused kernel runs, see `tiles.Setup`

    @property
    def norms(self) -> npt.NDArray[np.float64]:
        """Length of each row, (n,), as in the CPU backend."""
        return self.host.norms

    def fused_for(self, width: int) -> str:
        """Return how the fused kernel runs for queries of so many padded thresholds; empty where it does not."""
        return self.fused if is_fused_usable_with(self.precision, width) else ""


def upload(
    host: cpu.Prepared,
    keys: tuple[npt.NDArray[np.int32], ...],
    dtype: np.dtype[Any],
    shape: tuple[int, int],
    devices: tuple[jax.Device, ...],
    precision: str,
) -> Resident:
    """Put on every device what stays there."""
    rows, n, d = host.rows, *host.rows.x.shape
    centred = host.distance is not None and host.distance.is_centred
    length, steps = shape[0], shape[1] // LANES
    units = np.zeros(shape, np.float32)
    unit_rows(rows.x, rows.at, rows.shift, rows.norm, units[:n, :d])

    def padded(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.concatenate([array, np.zeros((length - n, array.shape[1]), array.dtype)])

    features = np.zeros(shape, dtype)
    for start in range(0, n, CHUNK):
        at = rows.at[start : start + CHUNK]
        features[start : start + len(at), :d] = rows.x[at]
        if centred:
            features[start : start + len(at), :d] -= rows.shift[at, None]
    with settings():
        everywhere = NamedSharding(Mesh(np.array(devices), (AXIS,)), PartitionSpec())
        unit, include, exclude, feature, norm, zero = jax.device_put(
            (
                units,
                *(padded(each) for each in keys),
                features.reshape(length, steps, LANES),
                np.concatenate([rows.norm[rows.at], np.ones(length - n)]),
                np.zeros(1, np.int64),
            ),
            everywhere,
        )
        return Resident(_operands(unit, precision), include, exclude, feature, norm, zero)


def is_trusted(host: cpu.Prepared, resident: Resident) -> bool:
    """Return whether the device decides as the host does: by the range of the features, and on random pairs."""
    pairs = np.random.default_rng(0).integers(0, len(host.rows.x), (2, TRIALS))
    values, edges, order = np.empty(TRIALS), np.empty((2, TRIALS), np.float32), np.empty(TRIALS, np.int64)
    thresholds(
        host.rows,
        pairs[0],
        np.arange(TRIALS + 1),
        pairs[1],
        1.0,
        0.0,
        values,
        order,
        *edges,
    )
    r = resident
    with settings():
        if not _in_range(r.features):
            return False
        absolute = host.rows.distance == ABS_COSINE
        on_device = _deciding_value(r.features, r.norm, r.zero, *pairs.astype(np.int32), absolute)
        return bool(np.array_equal(values, np.asarray(on_device)))
