"""Compiled forms of `reference.null_split`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..compile import njit

__all__ = ["descend_distribution", "split_tail"]


def descend_distribution(n_pos: int, n_total: int, until: int, cells: int, negligible: float) -> Any:
    """Joint distribution of k and of the rounded sum beyond rank `until`; arguments and results as in the reference."""
    masses = np.zeros((n_pos + 1, n_pos * (n_pos + 1) // 2 * cells // (until + 1) + n_pos + 2))
    masses[n_pos, 0] = 1.0
    tops = np.full(n_pos + 1, -1)
    tops[n_pos] = 0
    reached = np.zeros(n_pos + 2)
    reached[n_pos] = 1.0
    errors = np.zeros((3, n_pos + 1))
    dropped = _descend(n_pos, n_total, until, cells, float(negligible), masses, tops, reached, errors)
    return masses, tops, errors, dropped


@njit
def _descend(n_pos, n_total, until, cells, negligible, masses, tops, reached, errors):
    """Sweep from the last rank down to `until`, in place; return the mass that was dropped."""
    dropped = 0.0
    for r in range(n_total, until, -1):
        for k in range(max(n_pos - (n_total - r) - 1, 0), n_pos + 1):
            keep = max(r - k, 0) / r
            take = (k + 1) / r
            stay = keep * reached[k]
            come = take * reached[k + 1]
            reached[k] = stay + come
            mine = masses[k, : tops[k] + 1]
            for i in range(mine.size):
                mine[i] *= keep
            if come > 0:
                step = (2 * (k + 1) * cells + r) // (2 * r)
                off = step - (k + 1) * cells / r
                if stay > 0:
                    errors[0, k] = min(errors[0, k], errors[0, k + 1] + off)
                    errors[1, k] = max(errors[1, k], errors[1, k + 1] + off)
                else:
                    errors[0, k] = errors[0, k + 1] + off
                    errors[1, k] = errors[1, k + 1] + off
                errors[2, k] = (stay * errors[2, k] + come * (errors[2, k + 1] + off)) / reached[k]
                if tops[k + 1] >= 0:
                    top = tops[k + 1]
                    above = masses[k + 1, : top + 1]
                    moved = masses[k, step : step + top + 1]
                    for i in range(moved.size):
                        moved[i] += take * above[i]
                    tops[k] = max(tops[k], top + step)
            lost = 0.0
            while tops[k] >= 0 and lost + masses[k, tops[k]] <= negligible:
                lost += masses[k, tops[k]]
                masses[k, tops[k]] = 0.0
                tops[k] -= 1
            dropped += lost
    return dropped


@njit
def split_tail(masses: Any, tops: Any, survival: Any, starts: Any, finer: int, edges: Any) -> float:
    """Sum over k of the tails of the two parts together; arguments as in the reference."""
    total = 0.0
    for k in range(tops.size):
        size = starts[k + 1] - starts[k]
        u = max(edges[k] - (size - 1) * finer, 0)  # below it, A~ would have to be beyond its greatest value
        while u <= tops[k]:
            at = -((u - edges[k]) // finer)
            last = tops[k]  # of the cells of B~ that need the same A~
            if at > 0:
                last = min(last, edges[k] - (at - 1) * finer - 1)
            mass = 0.0
            for i in range(u, last + 1):
                mass += masses[k, i]
            total += mass * survival[starts[k] + max(at, 0)]
            u = last + 1
    return total
