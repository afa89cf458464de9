"""How the distribution of a shape is found: a choice from the shape alone, so that no p-value depends on other shapes.

The width of a bracket is about the hazard of S = P AP (what part of a tail lies in the next unit of S) times the
sum of the rounding errors it has to allow for. Cells are chosen for 1 % of the p-value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from .inversion import inversion_work
from .split_bracket import SplitGrid

__all__ = ["Plan", "method_of", "plan_of"]

#: Placements of a shape that is enumerated, and most positives: an enumeration rewrites up to so many terms.
_ENUMERATED = 1_000_000
_LONGEST = 1_500
_LARGEST_LOG_COUNT = 290 * math.log(10)  # C(L, P) whose reciprocal is an ordinary float64
_SWEEP_WORK = 3e9  # cell updates, about 0.4 nanoseconds each; beyond it a distribution is split where that is less work
_MOST_WORK = 8e9  # cell updates
_MOST_INVERSION = 6e9  # complex multiplications, about 1.3 nanoseconds each
#: Fewest positives and negatives of a distribution that is smooth enough to be inverted (see `inversion`); and fewest
#: of either where a narrow bracket is too much work.
_SMOOTH = (48, 48)
_LESS_SMOOTH = (32, 96)
_STEP = 1_260  # cells are multiples of it: the terms k / r of the best ranks are not rounded at all
_LADDER = (2, 3, 4, 6, 8, 12, 16, 24, 36, 48, 64, 96, 128)
_HEAD = 512  # ranks of the first part of a split
_CLASSES = (8, 16, 32, 64)  # P up to which sweeps are shared
#: Fewest items, and fewest and most positives, of a distribution in octaves (`scaled`), where a proven bracket takes
#: more than so many operations, or an inversion, whose error is far smaller and whose sweeps shapes share.
_LONG, _SCALED, _QUICK_WORK, _QUICK_INVERSION = 2_000, (9, 64), 3e8, 8e8


@dataclass(frozen=True)
class Plan:
    """How one distribution is found.

    Attributes
    ----------
    method : str
        ``enumeration``, ``bracket``, ``inversion``, ``scaled`` or ``sampled``.
    cells, largest : int
        Of a bracket from one sweep: cells per unit of S, and the class of P.
    grid : SplitGrid or None
        Of a bracket in two parts.
    """

    method: str
    cells: int = 0
    largest: int = 0
    grid: SplitGrid | None = None


def method_of(n_pos: int, n_total: int) -> str:
    """Return how a distribution is found: ``enumeration``, ``bracket``, ``inversion``, ``scaled`` or ``sampled``."""
    return plan_of(n_pos, n_total).method


@lru_cache(maxsize=1 << 16)
def plan_of(n_pos: int, n_total: int) -> Plan:
    """Choose how the distribution of (P, L) is found, see `ap_null`."""
    negatives = n_total - n_pos
    if negatives <= 1 or n_pos == 1:
        return Plan("enumeration")
    log_count = math.lgamma(n_total + 1) - math.lgamma(n_pos + 1) - math.lgamma(negatives + 1)
    if log_count < 20 and n_pos <= _LONGEST and math.comb(n_total, n_pos) <= _ENUMERATED:
        return Plan("enumeration")
    in_octaves = n_total >= _LONG and _SCALED[0] <= n_pos <= _SCALED[1]
    if _invertible(n_pos, negatives, _SMOOTH) and not (
        in_octaves and inversion_work(n_pos, n_total) > _QUICK_INVERSION
    ):
        return Plan("inversion")
    if n_pos > _CLASSES[-1] or (log_count >= _LARGEST_LOG_COUNT and not in_octaves):
        return Plan("sampled")
    need = 100 * _error_cells(n_pos) * _hazard(n_pos, n_total)
    largest = next(most for most in _CLASSES if n_pos <= most)
    half_square = n_pos * (n_pos + 1) / 2
    cells = next((step * _STEP for step in _LADDER if step * _STEP >= need), 0)
    if in_octaves and not (cells and half_square * cells * n_total <= _QUICK_WORK):
        return Plan("scaled")
    if cells and half_square * cells * n_total <= _SWEEP_WORK:
        return Plan("bracket", cells, largest)
    if _invertible(n_pos, negatives, _LESS_SMOOTH):
        return Plan("inversion")
    split = _split(n_pos, n_total)
    if split is not None:
        return Plan("bracket", grid=split)
    # as fine as the work allows, but with at most four times the wanted width
    affordable = [step * _STEP for step in _LADDER if half_square * step * _STEP * n_total <= _MOST_WORK]
    if affordable and 4 * affordable[-1] >= need:
        return Plan("bracket", min(affordable[-1], cells or affordable[-1]), largest)
    return Plan("sampled")


def _invertible(n_pos: int, negatives: int, fewest: tuple[int, int]) -> bool:
    n_total = n_pos + negatives
    if n_pos < fewest[0] or negatives < fewest[1] or 0.1 * n_pos * n_total > _MOST_INVERSION:
        return False
    return inversion_work(n_pos, n_total) <= _MOST_INVERSION


def _error_cells(n_pos: int) -> float:
    """How far apart the allowed rounding errors of a bracket lie, in cells (see `bracket`)."""
    return min(n_pos, 2.8 * math.sqrt(n_pos))


def _hazard(n_pos: int, n_total: int) -> float:
    """About the largest hazard of S above its median down to tails of 1e-10."""
    mean = n_pos * ((n_pos - 1) / (n_total - 1) + (math.log(n_total) + 0.58) / n_total)
    return max(3 / mean, 0.88 * math.log(n_total / n_pos), 1.5)


def _split(n_pos: int, n_total: int) -> SplitGrid | None:
    """Choose the two grids, or None for a list that is not long enough or too much work."""
    if n_total <= 2 * _HEAD:
        return None
    hazard, early = _hazard(n_pos, n_total), n_pos * _HEAD / n_total
    # the body knows about `early` rounded terms of the first part; tails have more of them, in a less steep place
    need = max(300 * early * hazard, 350 * (early + 4) * math.log(n_total / n_pos), 40_320 if n_pos <= 8 else 0)
    most = min(n_pos, early + 9 * math.sqrt(early) + 9)
    for coarser in (1, 2, 4):
        cells = next((step * _STEP for step in _LADDER if step * _STEP >= need / coarser), 0)  # of a few, to share
        if not cells:
            continue
        finer = max(math.ceil(140 * n_pos * hazard / coarser / cells), 1)
        work = most * most / 2 * cells * _HEAD + n_pos**3 / 4 * cells * finer * math.log(n_total / _HEAD)
        if work <= _MOST_WORK:
            return SplitGrid(_HEAD, cells, finer)
    return None
