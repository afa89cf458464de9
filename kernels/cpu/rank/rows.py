"""The rows of a matrix, their places in working order, and what float64 values need to know of them."""

from __future__ import annotations

import itertools
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...compile import njit
from ...cores import run_jobs, usable_cores
from ...names import Distance
from ..similarity import moments

__all__ = ["Rows", "describe_rows", "gather"]

#: Bytes of rows that are worth a job of their own, and the most jobs a thread.
SHARE_BYTES, SHARES = 1 << 20, 4

Ints = npt.NDArray[np.int64]


class Rows(NamedTuple):
    """What float64 values are computed from. Features stay where the caller has them, whatever the working order."""

    x: npt.NDArray[np.floating]  # (n, d) C-contiguous
    at: Ints  # (n,) row at each place; all else is by row
    shift: npt.NDArray[np.float64]  # (n,)
    norm: npt.NDArray[np.float64]  # (n,)
    duplicate_of: Ints  # (n,) first row that equals this one; (0,) where float32 decides nothing
    distance: int  # its code, see `names.Distance`


def describe_rows(x: npt.NDArray[np.floating], at: Ints, distance: Distance) -> Rows:
    """Find the moments of the rows of x (n, d) and which are duplicates; n d entries are read, none is written.

    Parameters
    ----------
    x : ndarray of float32 or float64, shape (n, d)
        C-contiguous.
    at : ndarray of int64, shape (n,)
        The row at each place.
    distance : Distance
        What the rows are compared by.
    """
    n, d = x.shape
    shift, norm = np.empty((2, n))
    hashes = np.empty(n if distance.is_product else 0, np.uint64)
    bits = x.view(np.uint32 if x.dtype == np.float32 else np.uint64)
    fill = partial(_fill, x, distance.is_centred, distance.needs_norm, shift, norm, bits, _factors(d), hashes)
    shares = min(max(x.nbytes // SHARE_BYTES, 1), SHARES * usable_cores(), max(n, 1))
    edges = np.linspace(0, n, shares + 1).astype(np.int64).tolist()
    run_jobs([(last - first, partial(fill, first, last)) for first, last in itertools.pairwise(edges)])
    table = np.full(1 << (2 * hashes.size).bit_length(), -1, np.int64)
    duplicate_of = np.arange(hashes.size)
    _find_duplicates(x, hashes, table, duplicate_of)
    return Rows(x, at, shift, norm, duplicate_of, distance.code)


@lru_cache(maxsize=8)
def _factors(d: int) -> npt.NDArray[np.uint64]:
    return np.random.default_rng(0).integers(0, 2**63, d, dtype=np.uint64)


@njit
def _fill(x, is_centred, needs_norm, shift, norm, bits, factors, hashes, first, last):
    """Fill shift, norm and hashes, all (n,), of the rows first..last of x (n, d); bits (n, d) are those of x.

    A hash is a sum of bits times factors (d,), so that rows of equal bits share it.
    """
    for row in range(first, last):
        shift[row], norm[row] = moments(x, row, is_centred, needs_norm)
        if hashes.size:
            mine = bits[row]
            code = np.uint64(0)
            for k in range(mine.size):
                code += np.uint64(mine[k]) * factors[k]
            hashes[row] = code


@njit
def _find_duplicates(x, hashes, table, duplicate_of):
    """Write the first row that each equals to `duplicate_of` (n,), which holds each row's own number.

    `table` (m,), m a power of two above n, is full of -1. A row stands at the place that its hash gives, or at the next
    free one, if no row before it is equal.
    """
    last = np.uint64(table.size - 1)
    for row in range(hashes.size):
        code = hashes[row]
        place = (code ^ (code >> np.uint64(32))) & last
        while table[place] >= 0:
            other = table[place]
            same = hashes[other] == code
            k = 0
            while same and k < x.shape[1]:
                same = x[other, k] == x[row, k]
                k += 1
            if same:
                duplicate_of[row] = other
                break
            place = (place + np.uint64(1)) & last
        else:
            table[place] = row


@njit
def gather(x, rows, out):
    """Copy rows (q,) of x (n, d) to out (q, d), with other threads running."""
    for q in range(rows.size):
        given, copy = x[rows[q]], out[q]
        for k in range(copy.size):
            copy[k] = given[k]
