"""Sorting inside kernels, without Numba's own, which takes longer to compile than a kernel."""

from __future__ import annotations

import numpy as np

from ..compile import njit

__all__ = ["descending", "sort_ascending"]

#: Values that are sorted by insertion, before such runs are merged.
RUN = 32
#: Most values of a bucket that is sorted by insertion.
FULL = 32


@njit
def sort_ascending(values, space):
    """Sort values (n,) of whole numbers, ascending, in place; space (at least n,), of the same type, is scratch."""
    n = values.size
    for start in range(0, n, RUN):
        for i in range(start + 1, min(start + RUN, n)):
            value = values[i]
            at = i
            while at > start and values[at - 1] > value:
                values[at] = values[at - 1]
                at -= 1
            values[at] = value
    width = RUN
    while width < n:
        for start in range(0, n - width, 2 * width):
            # The first run is set aside, so that both can be merged to where they lie.
            for i in range(width):
                space[i] = values[start + i]
            last = min(start + 2 * width, n)
            a, b, at = 0, start + width, start
            while a < width:
                if b < last and values[b] < space[a]:
                    values[at] = values[b]
                    b += 1
                else:
                    values[at] = space[a]
                    a += 1
                at += 1
        width *= 2


@njit
def descending(values, space, table):
    """Return in which row of space (2, at least p) int64 the stable order of values (p,) from high to low is.

    Equal buckets of the value range come first, which leaves little to sort: the bucket of a value does not rise as
    the value does, rounding included. Where a bucket is full (ties, an outlier), runs are merged instead. table (at
    least p + 1,) int64 is scratch.
    """
    n = values.size
    if n > RUN and _place_by_buckets(values, space, table):
        _insert(values, space[0], 0, n)
        return 0
    for i in range(n):
        space[0, i] = i
    for start in range(0, n, RUN):
        _insert(values, space[0], start, min(start + RUN, n))
    here = 0
    width = RUN
    while width < n:
        for start in range(0, n, 2 * width):
            middle, last = min(start + width, n), min(start + 2 * width, n)
            a, b = start, middle
            for at in range(start, last):
                if b == last or (a < middle and values[space[here, a]] >= values[space[here, b]]):
                    space[1 - here, at] = space[here, a]
                    a += 1
                else:
                    space[1 - here, at] = space[here, b]
                    b += 1
        here = 1 - here
        width *= 2
    return here


@njit
def _place_by_buckets(values, space, table):
    """Write the values' numbers to space[0], in the order of their buckets, high to low; False if a bucket is full."""
    n = values.size
    low, high = values[0], values[0]
    for i in range(n):
        low, high = min(low, values[i]), max(high, values[i])
    scale = n / (high - low)
    for bucket in range(n + 1):
        table[bucket] = 0
    for i in range(n):
        place = (high - values[i]) * scale
        place = place if place > 0.0 else 0.0  # also where it is no number: all values are equal, or some infinite
        space[1, i] = np.int64(place if place < n - 1.0 else n - 1.0)
        table[space[1, i] + 1] += 1
    fullest = 0
    for bucket in range(1, n + 1):
        fullest = max(fullest, table[bucket])
        table[bucket] += table[bucket - 1]
    if fullest > FULL:
        return False
    for i in range(n):
        at = table[space[1, i]]
        space[0, at] = i
        table[space[1, i]] = at + 1
    return True


@njit
def _insert(values, order, first, last):
    """Sort order[first:last], numbers of values, by insertion: from high to low, equal ones as they are."""
    for i in range(first + 1, last):
        mine = order[i]
        value = values[mine]
        at = i
        while at > first and values[order[at - 1]] < value:
            order[at] = order[at - 1]
            at -= 1
        order[at] = mine
