"""Tails of many sums of independent weighted AP on one grid: each part is transformed once, a sum is a product.

The groups of a run share their parts (the weighted AP of a shape). `convolution.sum_tail` would transform them anew for
each group, and back; here the Fourier transform of a part is kept, that of a group is a product, and only the tail that
is asked for is summed (`kernels.reference.null_sums`). Small tails are summed from tilted distributions, whose tilts
lie on a ladder, so that groups share these as well: any tilt is right, and one near the best loses little.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from ...kernels.cores import run_jobs, usable_cores
from ...kernels.dispatch import get_backend
from .convolution import (
    STEEPEST,
    TILT_BELOW,
    Draws,
    Part,
    Whole,
    counted_tail,
    enclosed,
    sum_tail,
    tail_index,
    tilted_mass,
    transform_error,
)

__all__ = ["Sums", "enclose_sums"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
T = TypeVar("T")

_MOST_BYTES = 256 << 20  # of the transforms of one tilt
_GENTLEST = 4.0  # tilt per unit of AP; each rung of the ladder is this factor steeper
_RUNG = 2 ** (1 / 3)
_COARSE = 16  # cells taken together where a tilt is chosen
_TOGETHER = 256  # sums of a job
_NEGLIGIBLE = 1e-13  # left out of a tail, which is less than the error of the transforms


@dataclass(frozen=True)
class Sums:
    """Sums of independent draws of parts, and where their tails are asked for.

    Attributes
    ----------
    draws : list of tuple of (int, int)
        Of each sum: the numbers of its parts, and how many draws there are of each.
    x : ndarray of float, shape (s,)
        The observed value of each.
    """

    draws: list[tuple[tuple[int, int], ...]]
    x: npt.NDArray[np.floating]


class _Transformed(NamedTuple):
    """Some parts on the grid, all tilted alike."""

    number: Ints  # place among the transforms of each part, or -1
    spectra: Floats  # (p, 2, N // 2 + 1)
    log_scale: Floats  # (p,) logarithm of what a distribution was divided by
    weights: Floats  # see `kernels.reference.null_sums.spectral_tails`
    theta: float  # tilt per cell


def enclose_sums(
    sums: Sums, parts: list[Part], cells: int, tail: str, progress: Callable[[int], None] | None = None
) -> tuple[Floats, Floats, Floats]:
    """Lower bound, upper bound and estimate of the tail of each sum.

    Parameters
    ----------
    sums : Sums
        The sums.
    parts : list of Part
        Weighted AP on the grid.
    cells : int
        Cells of the grid on [0, 1].
    tail : {">=", ">"}
        Whether equal values count.
    progress : callable, optional
        Called with the number of sums that are done.

    Returns
    -------
    lower, upper, value : ndarray of float64, shape (s,)
        They do not depend on the other sums.
    """
    lower, upper, value = (np.full(len(sums.x), np.nan) for _ in range(3))
    grid = _Grid(cells, parts)

    by_draws: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for i, mine in enumerate(sums.draws):
        by_draws.setdefault(mine, []).append(i)
    alike = list(by_draws.values())

    def count(some: list[int]) -> list[int]:
        """Fill in the sums that are counted or stand alone; return the others."""
        rest = []
        for same in (alike[number] for number in some):
            draws = _draws_of(sums.draws[same[0]], parts)
            p = counted_tail(draws, sums.x[same], tail)
            if p is not None:
                lower[same] = upper[same] = value[same] = p
            elif grid.holds(draws):
                rest += same
            else:
                for i in same:
                    (lower[i],), (upper[i],), (value[i],) = sum_tail(draws, cells, sums.x[[i]], tail)
        return rest

    left = _spread(count, list(range(len(alike))))
    done = len(sums.x) - len(left)
    if progress is not None:
        progress(done)
    left.sort(key=lambda i: (sums.draws[i], i))  # neighbours have parts in common
    for chunk in grid.chunks(left, sums):
        found = _enclose(grid, Sums([sums.draws[i] for i in chunk], sums.x[chunk]), tail)
        lower[chunk], upper[chunk], value[chunk] = found
        done += len(chunk)
        if progress is not None:
            progress(done)
    return lower, upper, value


def _spread(work: Callable[[list[int]], list[T]], some: list[int]) -> list[T]:
    """Return what `work` makes of slices of a list, which threads share out."""
    slices = [some[i : i + _TOGETHER] for i in range(0, len(some), _TOGETHER)]
    parts = run_jobs([(len(each), partial(work, each)) for each in slices], min(usable_cores(), 8))
    return [each for part in parts for each in part]


def _draws_of(draws: tuple[tuple[int, int], ...], parts: list[Part]) -> Draws:
    return [(parts[number], times) for number, times in draws]


@lru_cache
def _size_of(cells: int) -> int:
    """Length of the transforms, even: more than the greatest sum, whose terms are rounded up by half a cell at most."""
    from scipy import fft

    return 2 * int(fft.next_fast_len((cells + cells // 1024 + 3) // 2, real=True))


def _enclose(grid: _Grid, sums: Sums, tail: str) -> tuple[Floats, Floats, Floats]:
    """Enclose sums whose transforms fit into memory."""
    whole = _whole(grid, sums.draws)
    index = tail_index(whole, grid.cells, sums.x)
    p, error = np.empty(index.shape), np.empty(index.shape)

    def fill(parts: _Transformed, some: list[int]) -> list[None]:
        p[:, some], error[:, some] = _summed(parts, [sums.draws[i] for i in some], index[:, some])
        return []

    numbers = sorted({number for draws in sums.draws for number, _ in draws})
    _spread(partial(fill, grid.transformed(0, numbers)), list(range(len(sums.x))))
    steep: dict[int, list[int]] = {}
    for i in np.flatnonzero(p[1] < TILT_BELOW).tolist():
        steep.setdefault(grid.rung(sums.draws[i], float(sums.x[i]) * grid.cells), []).append(i)
    for rung, some in sorted(steep.items()):
        numbers = sorted({number for i in some for number, _ in sums.draws[i]})
        _spread(partial(fill, grid.transformed(rung, numbers)), some)
    return enclosed(whole, grid.cells, sums.x, tail, p, error)


def _whole(grid: _Grid, draws: list[tuple[tuple[int, int], ...]]) -> Whole:
    """Add up what is known of the parts of each sum."""
    offsets, numbers, times = _flat(draws)
    known = np.array([(part.low, part.high, part.shift, math.log(part.n_placements)) for part in grid.parts])
    return Whole(*np.add.reduceat(times[:, None] * known[numbers], offsets[:-1]).T)


def _flat(draws: list[tuple[tuple[int, int], ...]]) -> tuple[Ints, Ints, Ints]:
    """Return where the draws of each sum begin, and the number and the times of each."""
    flat = np.array([each for mine in draws for each in mine], np.int64).reshape(-1, 2)
    numbers, times = np.ascontiguousarray(flat.T)
    return np.cumsum([0, *map(len, draws)]), numbers, times


def _summed(parts: _Transformed, draws: list[tuple[tuple[int, int], ...]], index: Floats) -> tuple[Floats, Floats]:
    """P(sum of cells >= index) of some sums, and bounds of their errors; all of the shape (4, s)."""
    backend = get_backend()
    size = 2 * (parts.spectra.shape[2] - 1)
    offsets, numbers, times = _flat(draws)
    numbers = parts.number[numbers]
    cell = np.clip(index, 0, size).astype(np.int64)
    cells = np.ascontiguousarray(cell.T)
    known = parts.spectra, size, offsets, numbers, times, parts.weights
    p = backend.spectral_tails(*known, cells, parts.theta, _NEGLIGIBLE).T
    count = np.add.reduceat(times, offsets[:-1])
    error = transform_error(count, size) + _NEGLIGIBLE
    if parts.theta == 0.0:
        return np.clip(p, 0.0, 1.0), np.broadcast_to(error, p.shape)
    log_factor = np.add.reduceat(times * parts.log_scale[numbers], offsets[:-1]) - parts.theta * cell
    with np.errstate(divide="ignore"):  # in logarithms: far below x it may be beyond float64, and a tail is at most 1
        log_tails = np.log(np.maximum(p, 0.0))
    return np.exp(np.minimum(log_tails + log_factor, 0.0)), np.exp(np.minimum(np.log(error) + log_factor, 0.0))


class _Grid:
    """Parts on a grid, and their transforms, tilted by the rungs of a ladder."""

    def __init__(self, cells: int, parts: list[Part]) -> None:
        self.cells = cells
        self.parts = parts
        self.size = _size_of(cells)
        self._coarse: dict[int, tuple[Floats, Ints]] = {}
        self._means: dict[tuple[int, int], float] = {}
        self._top = math.ceil(math.log(STEEPEST * cells / _GENTLEST) / math.log(_RUNG)) + 1

    def holds(self, draws: Draws) -> bool:
        """Return whether a sum stays on the grid, and its transforms in memory."""
        most = sum((len(part.mass) - 1) * times for part, times in draws)
        return most < self.size and len(draws) * 8 * self.size <= _MOST_BYTES

    def chunks(self, left: list[int], sums: Sums) -> Iterator[list[int]]:
        """Split sums so that the transforms of their parts fit into memory."""
        chunk: list[int] = []
        numbers: set[int] = set()
        for i in left:
            mine = {number for number, _ in sums.draws[i]}
            if chunk and len(numbers | mine) * 8 * self.size > _MOST_BYTES:
                yield chunk
                chunk, numbers = [], set()
            chunk.append(i)
            numbers |= mine
        if chunk:
            yield chunk

    def _theta(self, rung: int) -> float:
        """Return the tilt per cell of a rung; rung 0 is no tilt."""
        return min(_GENTLEST * _RUNG ** (rung - 1) / self.cells, STEEPEST) if rung else 0.0

    def rung(self, draws: tuple[tuple[int, int], ...], cell: float) -> int:
        """Return the first rung that moves the mean of a sum to `cell` or beyond."""
        low, high = 1, self._top
        while low < high:
            middle = (low + high) // 2
            if sum(times * self._mean(number, middle) for number, times in draws) >= cell:
                high = middle
            else:
                low = middle + 1
        return low

    def _mean(self, number: int, rung: int) -> float:
        key = number, rung
        if key not in self._means:
            if number not in self._coarse:
                mass = self.parts[number].mass
                at = np.arange(0, len(mass), _COARSE)
                self._coarse[number] = np.add.reduceat(mass, at), at
            mass, at = self._coarse[number]
            tilted, _ = tilted_mass(mass, at, self._theta(rung))
            self._means[key] = float((tilted * at).sum() / tilted.sum())
        return self._means[key]

    def transformed(self, rung: int, numbers: list[int]) -> _Transformed:
        """Return the transforms of parts on a rung."""
        from scipy import fft

        theta, size = self._theta(rung), self.size
        place = np.full(len(self.parts), -1)
        place[numbers] = np.arange(len(numbers))
        spectra, log_scale = np.empty((len(numbers), 2, size // 2 + 1)), np.empty(len(numbers))

        def transform(some: list[int]) -> list[None]:
            for number in some:
                at, mass = place[number], self.parts[number].mass
                tilted, peak = (mass, 0.0) if theta == 0.0 else tilted_mass(mass, np.arange(len(mass)), theta)
                scale = tilted.sum()
                found = fft.rfft(tilted / scale, size)
                spectra[at, 0], spectra[at, 1] = found.real, found.imag
                log_scale[at] = math.log(scale) + peak
            return []

        _spread(transform, numbers)
        return _Transformed(place, spectra, log_scale, _weights(size, theta), theta)


def _weights(size: int, theta: float) -> Floats:
    """Return what a transform is multiplied by, see `kernels.reference.null_sums.spectral_tails`; size is even."""
    turn = np.exp(2j * np.pi * np.arange(size // 2 + 1) / size)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = 2 / size / (1 - np.exp(-theta) * turn)
    found[0] = 0.0 if theta == 0.0 else found[0] / 2
    found[-1] /= 2
    return np.stack([found.real, found.imag])
