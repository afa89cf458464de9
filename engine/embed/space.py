"""One embedding, and what its metrics share: nearest neighbours and sums of distances, each found once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ...kernels.backend import Backend
from ..results.cache import Cache
from .cells import Cells, Groups, Ints, Known
from .options import CLASSIFIERS

__all__ = ["MOST_NEIGHBORS", "WERE_GIVEN", "Mode", "Prediction", "Space", "TooFewNeighborsError", "silhouettes_of"]

#: Neighbours, itself included, of the metric that needs most (entropy per cell).
MOST_NEIGHBORS = 200

#: How the reason of a metric ends for which too few neighbours were given.
WERE_GIVEN = "were given."

Floats = npt.NDArray[np.float64]
Advance = Callable[[float], None]


@dataclass(frozen=True)
class Prediction:
    """How labels are predicted.

    Attributes
    ----------
    classifiers : tuple of {"lr", "knn", "rf"}
        By which.
    aggregate : {"none", "mean", "median"}
        How cells of a donor and label are put together before labels are transferred.
    """

    classifiers: tuple[str, ...] = CLASSIFIERS
    aggregate: str = "none"


@dataclass(frozen=True)
class Mode:
    """Whose numbers metrics give.

    Attributes
    ----------
    compat : bool
        Whether they are those of cz-benchmarks and scib-metrics, where these differ from the definition.
    seed : int
        Of what these tools draw without a seed.
    """

    compat: bool = False
    seed: int = 0

    @property
    def params(self) -> dict[str, str]:
        """What the params of a value say where the mode matters."""
        return {"mode": "compat"} if self.compat else {}


class TooFewNeighborsError(Exception):
    """Fewer neighbours were given than a metric is defined by; its text is a sentence."""


class Space:
    """Vectors of cells, and what is known of the cells.

    Parameters
    ----------
    x : ndarray of float32 or float64, shape (n, d)
        Finite.
    cells : Cells
        Of the same n cells.
    backend : Backend
        The kernels.
    unintegrated : ndarray, shape (n, e), optional
        Vectors before integration, for metrics that compare.
    threads : int, default 0
        Worker threads; 0 takes all cores.
    neighbors : callable, optional
        Gives indices and distances of the nearest others, (n, k) each, where they are known.
    prediction : Prediction, optional
        How labels are predicted.
    advance : callable, optional
        Called with the share of a long step that is done.
    known : Known, optional
        What is known of labels that are perturbations.
    batch_before : Groups, optional
        Batches of the unintegrated cells, where those of the cells were shuffled.
    cache : Cache, optional
        Where neighbours and sums of distances are kept between runs; nowhere when left out.
    mode : Mode, optional
        Whose numbers are given.

    Attributes
    ----------
    seconds : dict of str to float
        What was found once for several metrics, and how long that took.
    """

    def __init__(
        self,
        x: npt.NDArray[np.floating],
        cells: Cells,
        backend: Backend[Any],
        *,
        unintegrated: npt.NDArray[np.floating] | None = None,
        threads: int = 0,
        neighbors: Callable[[], tuple[Ints, Floats]] | None = None,
        prediction: Prediction = Prediction(),
        advance: Advance | None = None,
        known: Known | None = None,
        batch_before: Groups | None = None,
        cache: Cache | None = None,
        mode: Mode = Mode(),
    ) -> None:
        self.x, self.cells, self.backend = x, cells, backend
        self.unintegrated, self.threads, self.advance = unintegrated, threads, advance
        self.prediction, self.mode = prediction, mode
        self._given = neighbors
        self.known = known or Known()
        self.batch_before = batch_before or cells.batch
        self.seconds: dict[str, float] = {}
        self.cache = cache or Cache()

    def __len__(self) -> int:
        return len(self.x)

    def with_cells(self, cells: Cells) -> Space:
        """Return the same vectors and neighbours, of cells of other labels, batches or order."""
        return self.like(self.x, cells, lambda: self._nearest)

    def like(
        self, x: npt.NDArray[np.floating], cells: Cells, neighbors: Callable[[], tuple[Ints, Floats]] | None = None
    ) -> Space:
        """Return other vectors or other cells, judged in the same way."""
        return Space(
            x,
            cells,
            self.backend,
            unintegrated=self.unintegrated,
            threads=self.threads,
            neighbors=neighbors,
            prediction=self.prediction,
            known=self.known,
            batch_before=self.batch_before,
            cache=self.cache,
            mode=self.mode,
        )

    def of(self, rows: Ints) -> Space:
        """Return some of the cells."""
        found = self.like(np.ascontiguousarray(self.x[rows]), self.cells.of(rows))
        found.unintegrated = None if self.unintegrated is None else self.unintegrated[rows]
        found.batch_before = None if self.batch_before is None else self.batch_before.of(rows)
        return found

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[what] = time.perf_counter() - started

    @cached_property
    def is_constant(self) -> bool:
        """Whether all vectors are equal."""
        return bool((self.x == self.x[:1]).all())

    @cached_property
    def _nearest(self) -> tuple[Ints, Floats]:
        if self._given is not None:
            return self._given()
        with self._timed("neighbors"):
            return self.nearest(self.x, min(MOST_NEIGHBORS, len(self)) - 1, self.advance)

    def nearest(self, x: npt.NDArray[np.floating], k: int, advance: Advance | None = None) -> tuple[Ints, Floats]:
        """Return the k nearest others of rows and their euclidean distances, (n, k) each."""

        def compute() -> tuple[npt.NDArray[Any], ...]:
            found = self.backend.nearest_neighbors(x, k, "euclidean", self.threads, advance)
            return found.indices.astype(np.int32), found.values  # half the bytes on disk

        settings = ["nearest_neighbors", self.backend.__name__, k, "euclidean"]
        indices, values = self.cache.arrays(compute, float(len(x)) ** 2 * x.shape[1], settings, x)
        distances = -values
        return indices.astype(np.int64), np.sqrt(distances, out=distances)

    def neighbors(self, k: int) -> tuple[Ints, Floats]:
        """Return the k nearest others of each cell and their euclidean distances, (n, k) each; all of fewer cells.

        Raises
        ------
        TooFewNeighborsError
            Where neighbours were given, and are fewer.
        """
        indices, distances = self._nearest
        known, wanted = indices.shape[1], min(k, len(self) - 1)
        if known < wanted:
            raise TooFewNeighborsError(
                f"It needs {wanted} neighbours of each cell without itself, and {known} {WERE_GIVEN}"
            )
        return indices[:, :k], distances[:, :k]

    @cached_property
    def label_sums(self) -> Floats:
        """Sums of euclidean distances of each cell to the cells of each label, (n, labels)."""
        with self._timed("sums of distances to labels"):
            return self.sums(self.x, self.cells.labels)

    @cached_property
    def label_silhouettes(self) -> Floats:
        """Silhouette of each cell among the labels, (n,); 0 for a label of one cell."""
        return silhouettes_of(self.label_sums, self.cells.labels)

    def sums(self, x: npt.NDArray[np.floating], groups: Groups) -> Floats:
        """Return the sums of euclidean distances of rows to those of each group."""

        def compute() -> tuple[npt.NDArray[Any], ...]:
            return (self.backend.distance_sums(x, groups.codes, len(groups), self.threads, self.advance),)

        settings = ["distance_sums", self.backend.__name__, len(groups)]
        (counted,) = self.cache.arrays(compute, float(len(x)) ** 2 * x.shape[1], settings, x, groups.codes)
        return np.asarray(counted * self.backend.distance_unit(x))


def silhouettes_of(sums: Floats, groups: Groups, *, pooled: bool = False) -> Floats:
    """Return the silhouette of each row from its sums of distances to groups.

    Parameters
    ----------
    sums : ndarray, shape (n, g)
        Sums of distances.
    groups : Groups
        Of the rows.
    pooled : bool, default False
        Whether the other groups count together (BRAS), instead of the nearest of them.

    Returns
    -------
    ndarray of float64, shape (n,)
        (b - a) / max(a, b), with a the mean distance to the others of its own group and b that to other groups
        (Rousseeuw 1987, J Comput Appl Math 20:53); 0 where the group has no other row, or both are 0.
    """
    sizes, rows = groups.sizes, np.arange(len(sums))
    own = groups.codes
    with np.errstate(divide="ignore", invalid="ignore"):
        a = sums[rows, own] / (sizes[own] - 1)
        if pooled:
            b = (sums.sum(axis=1) - sums[rows, own]) / (len(sums) - sizes[own])
        else:
            means = sums / sizes
            means[rows, own] = np.inf
            b = means.min(axis=1)
        found = (b - a) / np.maximum(a, b)
    return np.where(np.isfinite(found) & (sizes[own] > 1), found, 0.0)
