"""Sorting inside kernels, without Numba's own, which takes longer to compile than a kernel."""

from __future__ import annotations

from ..compile import njit

__all__ = ["sort_ascending"]

#: Values that are sorted by insertion, before such runs are merged.
RUN = 32


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
