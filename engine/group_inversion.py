"""The law of a weighted mean of many independent AP from its characteristic function.

Rounded to a grid, the errors of many draws add up to a wide bracket. The characteristic function of a sum of
independent parts is the product of theirs, each exact at every frequency (`kernels.reference.null_inversion`), so it
is inverted as that of a single large shape is, see `null_inverted`. A mean lies in 0 .. 1, so nothing is aliased.
Rounding and truncation errors are measured, not proven. To be used at all, the draws must hold many positives of
shapes with many placements (a sum of a few values is a lattice, whose characteristic function comes back); it must
die out; and it must stay small at probes up to a thousand times the last frequency. Otherwise the caller convolves.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from .null_inverted import ALIASING, SMALL, InvertedTail, corridor

__all__ = ["Spectra"]

Floats = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]
Shape = tuple[int, int]

_SMOOTH = 48  # positives in all draws that count, as for a single shape
_VARIED = 1_000  # placements of a shape that counts
_BATCH = 64  # frequencies at a time
_BATCHES = 64
_HALF_PERIOD = 1.001  # more than the range of a mean
_PROBES = 32
_PROBED = 1e-9  # largest modulus of a probe; the terms of the sum fall with the frequency too
_MOST_WORK = 3e9  # complex multiplications
_CACHED = 1 << 16  # batches


class Spectra:
    """Characteristic functions of weighted AP, computed once for all the groups of a run."""

    def __init__(self) -> None:
        self._known: dict[tuple[Shape, float, int], Complex] = {}

    def tail(self, draws: tuple[tuple[Shape, float, int], ...]) -> InvertedTail | None:
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
        if not _is_smooth(draws):
            return None
        work = sum(_work(shape) for shape, _, _ in draws)
        if _MOST_WORK < work * _BATCH:
            return None
        limit = min(_BATCHES, int(_MOST_WORK / (work * _BATCH)))
        phi: list[Complex] = []
        left = 1.0
        while left > SMALL and len(phi) < limit:
            phi.append(self._product(draws, len(phi)))
            left = float(np.abs(phi[-1][-_BATCH // 4 :]).max())
        if left > SMALL or np.abs(self._product(draws, -len(phi))).max() > _PROBED:
            return None
        error = ALIASING + 10 * left
        error += 16 * 2.0**-53 * sum(times * math.sqrt(n_total) for (_, n_total), _, times in draws)
        theta = _frequencies(0, len(phi) * _BATCH)
        return InvertedTail(theta, np.concatenate(phi), error, 0.0, 1.0)

    def _product(self, draws: tuple[tuple[Shape, float, int], ...], batch: int) -> Complex:
        product = np.ones(1, np.complex128)
        for shape, weight, times in draws:
            product = product * self._part(shape, weight, batch) ** times
        return product

    def _part(self, shape: Shape, weight: float, batch: int) -> Complex:
        """One batch of frequencies; batch -n: the probes beyond n batches."""
        from ..kernels.cpu.null_inversion import characteristic

        key = (shape, weight, batch)
        if key not in self._known:
            theta = _frequencies(batch * _BATCH, (batch + 1) * _BATCH)
            if batch < 0:
                theta = _frequencies(-batch * _BATCH, -batch * _BATCH + 1) * np.geomspace(1, 1000, _PROBES)
            if len(self._known) >= _CACHED:
                self._known.clear()
            self._known[key] = characteristic(shape[0], theta * (weight / shape[0]), *corridor(*shape))
        return self._known[key]


def _frequencies(first: int, end: int) -> Floats:
    odd: Floats = (2 * np.arange(first, end) + 1) * (math.pi / _HALF_PERIOD)
    return odd


def _work(shape: Shape) -> float:
    lowest, highest = corridor(*shape)
    return float((highest - lowest + 1).sum())


def _is_smooth(draws: tuple[tuple[Shape, float, int], ...]) -> bool:
    count = 0
    for (n_pos, n_total), _, times in draws:
        fewer = min(n_pos, n_total - n_pos)
        if n_pos > 1 and fewer > 0 and math.comb(n_total, min(fewer, 3)) >= _VARIED:
            count += fewer * times
    return count >= _SMOOTH
