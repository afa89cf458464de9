"""Which problems the XLA devices take, and which of them the fused kernel: all conditions, in one place.

One more is measured when the features are on the device, see `resident.is_trusted`.
"""

from __future__ import annotations

from typing import NamedTuple

import jax

from ...names import Distance
from ..context import free_bytes
from . import fused
from .precision import SPLIT

__all__ = [
    "Answer",
    "Problem",
    "bytes_for_tiles",
    "has_fused_kernel",
    "is_fused_usable_for",
    "is_fused_usable_with",
    "is_usable_for",
    "is_usable_for_lists",
]

#: Products of all rows with their candidates that a device is worth, in operations: a CPU does these in half a second
#: or less.
LEAST_FLOPS = {"gpu": 1e11}
#: Positives of one query, at most: places of counters are 32-bit numbers.
MOST_POSITIVES = 1 << 20
#: Compute capabilities of the GPUs that the fused kernel is for: A100, H100 and H200. It needs their shared memory.
FUSED_GPUS = ("8.0", "9.0")
#: Rows, at most, of the fused kernel: it adds up counts as float32, because JAX would add integers as if they were
#: floating-point numbers.
MOST_FUSED_ROWS = 1 << 24
#: Entries of the operand, at most, of the fused kernel: its places are 32-bit numbers.
MOST_FUSED_ENTRIES = 1 << 31
#: Thresholds (padded), at most, of the fused kernel, which compares them one by one.
MOST_FUSED_THRESHOLDS = 16


class Answer(NamedTuple):
    """Whether a problem can be taken."""

    usable: bool
    reason: str = ""  # why not, as part of a sentence


class Problem(NamedTuple):
    """What the choice depends on."""

    name: str  # of the distance
    distance: Distance | None  # None for a metric of scipy
    n_rows: int
    n_features: int
    itemsize: int  # bytes of a feature on the device
    pairs: float  # entries of all tiles
    has_keys: bool  # whether the keys of the rule have a compact form, see `keys`


def is_usable_for(problem: Problem, devices: tuple[jax.Device, ...], platform: str | None = None) -> Answer:
    """Return whether devices can count a problem, and are worth it.

    Parameters
    ----------
    problem : Problem
        What is to be counted.
    devices : tuple of jax.Device
        Those that would count.
    platform : str, optional
        What they were asked for as.
    """
    if problem.distance is None or not problem.distance.needs_norm:
        return Answer(False, f"{problem.name} is not a product of unit rows")
    if not devices:
        return Answer(False, f"there is no {platform or 'XLA'} device")
    if not problem.has_keys:
        return Answer(False, "the keys of the rule have no compact form")
    if 2.0 * problem.n_features * problem.pairs < LEAST_FLOPS.get(devices[0].platform, 0):
        return Answer(False, "so little work is done there before a GPU has compiled its programs")
    left = bytes_for_tiles(problem, devices[0])
    if left is not None and left <= 0:
        return Answer(False, "the features do not fit in the memory of a device")
    return Answer(True)


def is_usable_for_lists(most: int) -> bool:
    """Return whether devices can count for queries of up to so many positives."""
    return most <= MOST_POSITIVES


def bytes_for_tiles(problem: Problem, device: jax.Device) -> int | None:
    """Return the bytes that a device has beside what stays there, or None where it does not say."""
    free = free_bytes(device)
    if free is None:
        return None
    # operands, the float32 that they are made of, and features
    return free - problem.n_rows * problem.n_features * (8 + problem.itemsize)


def has_fused_kernel(device: jax.Device) -> bool:
    """Return whether the fused kernel is for a device."""
    return fused.IS_THERE and getattr(device, "compute_capability", "") in FUSED_GPUS


def is_fused_usable_for(devices: tuple[jax.Device, ...], shape: tuple[int, int]) -> bool:
    """Return whether the fused kernel runs on devices, for operands of a (padded) shape."""
    rows, width = shape
    return all(map(has_fused_kernel, devices)) and rows * width < MOST_FUSED_ENTRIES and rows < MOST_FUSED_ROWS


def is_fused_usable_with(precision: str, thresholds: int = 0) -> bool:
    """Return whether the fused kernel multiplies in a precision, and compares so many (padded) thresholds a query."""
    return precision in SPLIT and thresholds <= MOST_FUSED_THRESHOLDS
