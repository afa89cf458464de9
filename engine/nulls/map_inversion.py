"""The null distribution of a weighted mean of many independent AP from its characteristic function.

Rounded to a grid, the errors of many draws add up to a wide bracket. The characteristic function of a sum of
independent parts is the product of theirs, each exact at every frequency (`kernels.reference.null_inversion`), so it
is inverted as that of a single large shape is, see `inversion`. What is aliased is less than 1e-15 (bounds
of Bernstein and Chernoff). Rounding and truncation errors are measured, not proven. To be used at all, the draws must
hold many positives of shapes with many placements (a sum of a few values is a lattice, whose characteristic function
comes back); it must die out; and it must stay small at probes up to a thousand times the last frequency. Otherwise the
caller convolves.

Where all queries of a group have the same number of positives, the mean is a multiple of a sum of S = P AP, and what
is laid on the ladder is the half-period of that sum: groups of different sizes, such as classes, then have frequencies
of S in common, and one sweep over ranks serves them all. Such a sum reaches no further than Chernoff's bound from exact
moments says, a tenth of Bernstein's in long lists, so that fewer frequencies are needed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from threading import Lock
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ...kernels.dispatch import get_backend
from .inversion import ALIASING, SHARED, SMALL, InvertedTail, corridor

__all__ = ["Spectra", "is_smooth"]

Floats = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]
Shape = tuple[int, int]
#: ((P, L), weight, number of draws), ...
Draws = tuple[tuple[Shape, float, int], ...]

_SMOOTH = 48  # positives in all draws that count, as for a single shape
_VARIED = 1_000  # placements of a shape that counts
_BATCH = 128  # frequencies at a time
_BATCHES = 32
_WIDEST = 1.001  # half-period: more than the range of a mean; others are this by powers of the square root of 2
_NARROWEST = -12
_RARE = 34.6  # -log of the probability of what is aliased
#: Exponents of Chernoff's bound; more than about log(L / P) is no use.
_EXPONENTS: Final = 2.0 ** (np.arange(-12, 6) / 2)
_PROBES = 64
_PROBE_STEP = 5 * math.pi  # of the first probe: incommensurable, and the last probe is 1000 times the first
_PROBED = 1e-9  # largest modulus of a probe; the terms of the sum fall with the frequency too
_MOST_WORK = 3e9  # complex multiplications
_CACHED = 1 << 16  # batches
#: Positives up to which all numbers of positives are kept at each rank, so that lists share a sweep; of groups whose
#: queries all have one number of positives, up to `inversion.SHARED`.
_SHARED = 40
_TOGETHER = 8_192  # lists of a sweep

#: What parts that share sweeps have in common; empty: it shares none.
_Family = tuple[float, ...]


class _Part(NamedTuple):
    """Draws of a shape in a sum, and the frequencies that are asked for: odd multiples of ``unit * scale``, of S."""

    shape: Shape
    times: int
    scale: float
    unit: float
    family: _Family


class _Asked(NamedTuple):
    """The parts of a sum, and the unit of the frequencies of the mean."""

    unit: float
    parts: tuple[_Part, ...]


class Spectra:
    """Characteristic functions of weighted AP, computed once for all the groups of a run.

    Parameters
    ----------
    groups : iterable of draws, optional
        The draws of all groups, as `tail` takes them. Lists of several lengths with one P then share a sweep over
        ranks, which changes no number.
    """

    def __init__(self, groups: Iterable[Draws] = ()) -> None:
        self._known: dict[tuple[Shape, float, float, int], Complex] = {}
        self._locks: dict[tuple[_Family, int], Lock] = {}
        self._lock = Lock()
        self._shapes: dict[_Family, set[Shape]] = {}
        self._moments: dict[Shape, Floats] = {}
        self._asks: dict[Draws, _Asked] = {}
        some = [draws for draws in groups if _worth(draws)]
        alike: dict[int, set[Shape]] = {}
        for draws in some:
            if _scale(draws):
                for (n_pos, n_total), _, _ in draws:
                    alike.setdefault(n_total.bit_length(), set()).add((n_pos, n_total))
        for shapes in alike.values():
            self._find_moments(shapes)
        for draws in some:
            for part in self._asked(draws).parts:
                if part.family:
                    self._shapes.setdefault(part.family, set()).add(part.shape)

    def spread(self, groups: Iterable[Draws]) -> list[Draws]:
        """Order groups so that neighbours share no sweep, for threads that would wait for each other's."""
        seen: Counter[_Family] = Counter()
        order: list[tuple[int, int, Draws]] = []
        for draws in groups:
            family = self._asked(draws).parts[0].family if _worth(draws) else ()
            order.append((seen[family], len(order), draws))
            seen[family] += 1
        return [draws for _, _, draws in sorted(order)]

    def tail(self, draws: Draws) -> InvertedTail | None:
        """Tail of the sum of independent weighted AP, or None where it cannot be trusted or costs too much.

        Parameters
        ----------
        draws : tuple of ((P, L), weight, number of draws)
            The weights times the numbers add up to 1.

        Returns
        -------
        InvertedTail or None
            It depends on `draws` alone.
        """
        if not _worth(draws):
            return None
        asked = self._asked(draws)
        limit = min(_BATCHES, int(_MOST_WORK / (_work(draws) * _BATCH)))
        phi: list[Complex] = []
        left = 1.0
        while left > SMALL and len(phi) < limit:
            phi.append(self._product(asked, len(phi)))
            left = float(np.abs(phi[-1][-_BATCH // 4 :]).max())
        if left > SMALL or np.abs(self._product(asked, -len(phi))).max() > _PROBED:
            return None
        error = ALIASING + 10 * left
        error += 16 * 2.0**-53 * sum(times * math.sqrt(n_total) for (_, n_total), _, times in draws)
        theta: Floats = (2 * np.arange(len(phi) * _BATCH, dtype=np.float64) + 1) * asked.unit
        return InvertedTail(theta, np.concatenate(phi), error, 0.0, 1.0)

    def _product(self, asked: _Asked, batch: int) -> Complex:
        product = np.ones(1, np.complex128)
        for part in asked.parts:
            product = product * self._part(part, batch) ** part.times
        return product

    def _part(self, part: _Part, batch: int) -> Complex:
        """One batch of frequencies; batch -n: the probes beyond n batches."""
        backend = get_backend()
        shape, _, scale, unit, family = part
        key = (shape, scale, unit, batch)
        found = self._known.get(key)
        if found is not None:
            return found
        first, step, count = _odd(batch * _BATCH) * unit, 2 * unit, _BATCH
        if batch < 0:
            first, count = _odd(-batch * _BATCH) * unit, _PROBES
            step = first * _PROBE_STEP
        theta = (first * scale, step * scale, count)
        if not family:
            found = backend.characteristic(shape[0], theta, *corridor(*shape))
            self._keep({key: found})
            return found
        with self._lock:
            lock = self._locks.setdefault((family, batch), Lock())
        with lock:  # another thread may be at it
            found = self._known.get(key)
            if found is None:
                some = sorted(self._shapes.get(family, set()) | {shape}, key=lambda each: each[::-1])
                if len(some) > _TOGETHER:
                    some = [shape]
                n_pos, n_total = np.array(some).T.copy()
                parts = backend.characteristic_lists(n_pos, theta, n_total)
                self._keep({(each, scale, unit, batch): phi for each, phi in zip(some, parts, strict=True)})
                found = parts[some.index(shape)]
        return found

    def _asked(self, draws: Draws) -> _Asked:
        """Return the frequencies at which a sum asks for its parts."""
        found = self._asks.get(draws)
        if found is None:
            found = self._asks[draws] = self._new(draws)
        return found

    def _new(self, draws: Draws) -> _Asked:
        reach, scale = _reach(draws), _scale(draws)
        if not scale:
            unit = math.pi / _half_period(reach)
            parts = [
                _Part(shape, times, weight / shape[0], unit, (weight, unit, shape[0]) if shape[0] <= _SHARED else ())
                for shape, weight, times in draws
            ]
            return _Asked(unit, tuple(parts))
        # of the sum of S, which the mean is `scale` times of
        reach = min(reach, _WIDEST, scale * self._sum_reach(draws))
        unit = math.pi / 2.0 ** (math.ceil(2 * math.log2(reach / scale)) / 2)
        parts = [_Part(shape, times, 1.0, unit, (1.0, unit, shape[1].bit_length())) for shape, _, times in draws]
        return _Asked(unit / scale, tuple(parts))

    def _sum_reach(self, draws: Draws) -> float:
        """Return what a sum of S exceeds with a probability of at most exp(-_RARE): Chernoff's bound."""
        self._find_moments(shape for shape, _, _ in draws if shape not in self._moments)
        log_moment = sum(times * self._moments[shape] for shape, _, times in draws)
        reach: float = ((_RARE + log_moment) / _EXPONENTS).min()
        return reach * (1 + 1e-9)  # for rounding

    def _find_moments(self, shapes: Iterable[Shape]) -> None:
        some = sorted(shapes, key=lambda shape: shape[::-1])
        if some:
            n_pos, n_total = np.array(some).T.copy()
            found = np.log(get_backend().exponential_moments(n_pos, _EXPONENTS, n_total))
            self._moments.update(zip(some, found, strict=True))

    def _keep(self, parts: dict[tuple[Shape, float, float, int], Complex]) -> None:
        with self._lock:
            if len(self._known) + len(parts) > _CACHED:
                self._known.clear()
            self._known.update(parts)


def _scale(draws: Draws) -> float:
    """Return what a mean is times a sum of S, where all have one number of positives that is not large; else 0."""
    scales = {weight / n_pos for (n_pos, _), weight, _ in draws}
    return scales.pop() if len(scales) == 1 and all(n_pos <= SHARED for (n_pos, _), _, _ in draws) else 0.0


def _worth(draws: Draws) -> bool:
    """Return whether a sum may be inverted at all."""
    return is_smooth(draws) and _work(draws) * _BATCH <= _MOST_WORK


def _reach(draws: Draws) -> float:
    """More than the distance of 0 and of far quantiles of the mean from each other."""
    backend = get_backend()
    mean = sum(times * weight * float(backend.expected_ap(*shape)) for shape, weight, times in draws)
    variance = sum(times * weight**2 * float(backend.variance_ap(*shape)) for shape, weight, times in draws)
    linear = _RARE * max(weight for _, weight, _ in draws) / 3
    return mean + linear + math.sqrt(linear**2 + 2 * _RARE * variance)


def _half_period(reach: float) -> float:
    """Return what a mean reaches, or more, on a ladder that groups share."""
    step = math.ceil(2 * math.log2(reach / _WIDEST)) if reach > 0 else _NARROWEST
    return float(_WIDEST * 2 ** (min(max(step, _NARROWEST), 0) / 2))


def _odd(index: int) -> int:
    return 2 * index + 1


def _work(draws: Draws) -> float:
    return sum(_width(*shape) for shape, _, _ in draws)


@lru_cache(maxsize=1 << 16)
def _width(n_pos: int, n_total: int) -> float:
    lowest, highest = corridor(n_pos, n_total)
    return float((highest - lowest + 1).sum())


def is_smooth(draws: Draws) -> bool:
    """Return whether a sum has enough positives of varied shapes to be inverted."""
    count = 0
    for (n_pos, n_total), _, times in draws:
        fewer = min(n_pos, n_total - n_pos)
        if n_pos > 1 and fewer > 0 and math.comb(n_total, min(fewer, 3)) >= _VARIED:
            count += fewer * times
    return count >= _SMOOTH
