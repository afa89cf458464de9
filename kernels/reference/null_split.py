"""The null distribution in two parts, the first R ranks and the rest, by definition (see `null`).

Given that k of the P positives are among the first R ranks, the sum S_P = A + B falls into two independent parts:
A, the terms 1 .. k at ranks up to R, whose distribution `null.advance_survival` gives, and B, the terms k + 1 .. P at
ranks beyond R. B is a sum of small terms with a short range, so it can have a finer grid than A at a small cost.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["descend_distribution", "split_tail"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def descend_distribution(
    n_pos: int, n_total: int, until: int, cells: int, negligible: float
) -> tuple[Floats, Ints, Floats, float]:
    """Return the joint distribution of k and of the rounded sum B~ of the terms beyond rank `until`.

    Read from the last rank down: of k positives among the first r ranks, rank r holds the k-th with probability
    k / r, and it adds k / r. Terms are rounded to the nearest multiple of 1 / `cells`.

    Parameters
    ----------
    n_pos, n_total, until : int
        P, L and R, R < L.
    cells : int
        Cells per unit of S.
    negligible : float
        The upper end of each distribution is dropped, every rank, while the dropped mass stays below this.

    Returns
    -------
    masses : ndarray of float64, shape (P + 1, size)
        P(k positives among the first R ranks, B~ = u / cells); 0 beyond the tops.
    tops : ndarray of int64, shape (P + 1,)
        Largest u of each k, -1 where there is none.
    errors : ndarray of float64, shape (3, P + 1)
        Least, greatest and mean of B~ - B given k, in cells, over all placements.
    dropped : float
        Total mass dropped.
    """
    masses = np.zeros((n_pos + 1, n_pos * (n_pos + 1) // 2 * cells // (until + 1) + n_pos + 2))
    masses[n_pos, 0] = 1.0
    tops = np.full(n_pos + 1, -1)
    tops[n_pos] = 0
    reached = np.zeros(n_pos + 1)  # P(k among the first r)
    reached[n_pos] = 1.0
    errors = np.zeros((3, n_pos + 1))
    dropped = 0.0
    for r in range(n_total, until, -1):
        for k in range(max(n_pos - (n_total - r) - 1, 0), n_pos + 1):
            keep, take = max(r - k, 0) / r, (k + 1) / r
            stay, come = keep * reached[k], (take * reached[k + 1] if k < n_pos else 0.0)
            reached[k] = stay + come
            masses[k] *= keep
            if come > 0:
                step = (2 * (k + 1) * cells + r) // (2 * r)
                off = step - (k + 1) * cells / r
                if stay > 0:
                    errors[0, k] = min(errors[0, k], errors[0, k + 1] + off)
                    errors[1, k] = max(errors[1, k], errors[1, k + 1] + off)
                else:
                    errors[:2, k] = errors[:2, k + 1] + off
                errors[2, k] = (stay * errors[2, k] + come * (errors[2, k + 1] + off)) / reached[k]
                if tops[k + 1] >= 0:
                    top = tops[k + 1]
                    masses[k, step : step + top + 1] += take * masses[k + 1, : top + 1]
                    tops[k] = max(tops[k], top + step)
            lost = 0.0
            while tops[k] >= 0 and lost + masses[k, tops[k]] <= negligible:
                lost += masses[k, tops[k]]
                masses[k, tops[k]] = 0.0
                tops[k] -= 1
            dropped += lost
    return masses, tops, errors, dropped


def split_tail(masses: Floats, tops: Ints, survival: Floats, starts: Ints, finer: int, edges: Ints) -> float:
    """Sum over k of P(k, A~ finer + B~ >= edge_k), A~ and B~ in cells of their own.

    Parameters
    ----------
    masses, tops
        Of B~, from `descend_distribution`.
    survival, starts
        Of A~, from `null.advance_survival`: G_k(v) = P(A~ >= v).
    finer : int
        Cells of B~ in one of A~.
    edges : ndarray of int64, shape (P + 1,)
        Thresholds, in cells of B~.

    Returns
    -------
    float
        The sum.
    """
    total = 0.0
    for k in range(len(tops)):
        tail = survival[starts[k] : starts[k + 1]]
        for u in range(tops[k] + 1):
            at = -((u - edges[k]) // finer)
            if at < len(tail):
                total += masses[k, u] * tail[max(at, 0)]
    return total
