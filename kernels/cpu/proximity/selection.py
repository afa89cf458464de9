"""Choosing the largest of some values."""

from __future__ import annotations

from ...compile import njit

__all__ = ["kth_largest", "write_nearest"]


@njit
def kth_largest(values, n, k):
    """Return the k-th largest of values[:n], which change places (Hoare's selection)."""
    low, high = 0, n - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] > pivot:
                i += 1
            while values[j] < pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k - 1 <= j:
            high = j
        elif k - 1 >= i:
            low = i
        else:
            break
    return values[k - 1]


@njit
def write_nearest(values, places, count, order, indices, out):
    """Write the k = out.size of `count` places with the largest values, the first of equals first.

    order (2, at least count) is scratch: runs of it are merged from one half to the other.
    """
    for j in range(count):
        order[0, j] = j
    side = 0
    width = 1
    while width < count:
        for start in range(0, count, 2 * width):
            a, middle = start, min(start + width, count)
            b, stop = middle, min(start + 2 * width, count)
            for at in range(start, stop):
                take = b == stop
                if a < middle and b < stop:
                    one, other = order[side, a], order[side, b]
                    take = values[one] > values[other] or (values[one] == values[other] and places[one] < places[other])
                if take:
                    order[1 - side, at] = order[side, a]
                    a += 1
                else:
                    order[1 - side, at] = order[side, b]
                    b += 1
        side = 1 - side
        width *= 2
    for j in range(out.size):
        indices[j] = places[order[side, j]]
        out[j] = values[order[side, j]]
