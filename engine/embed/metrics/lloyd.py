"""K-means as scib-metrics runs it: one start by the random numbers of JAX, seed 0, and 300 steps."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["kmeans_of_scib"]

_STEPS = 300
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint32]


def _threefry(key: Words, count: int) -> tuple[Words, Words]:
    """Return the words of the counters 0 .. count - 1: Threefry-2x32 of 20 rounds (Salmon et al. 2011, SC '11)."""
    one, two = int(key[0]), int(key[1])
    keys = [np.uint32(word) for word in (one, two, one ^ two ^ _PARITY)]
    left = np.full(count, keys[0])
    right = np.arange(count, dtype=np.uint32) + keys[1]
    for turn in range(5):
        for bits in _ROTATIONS[turn % 2]:
            left = left + right
            right = ((right << np.uint32(bits)) | (right >> np.uint32(32 - bits))) ^ left
        left = left + keys[(turn + 1) % 3]
        right = right + keys[(turn + 2) % 3] + np.uint32(turn + 1)
    return left, right


def _split(key: Words, count: int = 2) -> list[Words]:
    """Return new keys, as ``jax.random.split``."""
    return list(np.stack(_threefry(key, count), axis=1))


def _one(key: Words, n: int) -> int:
    """Return one of n numbers, as ``jax.random.choice`` without weights: the first of a permutation."""
    order = np.arange(n)
    for _ in range(math.ceil(3 * math.log(max(n, 1)) / math.log(2**32 - 1))):
        key, now = _split(key)
        left, right = _threefry(now, n)
        order = order[np.argsort(left ^ right, kind="stable")]
    return int(order[0])


def _some(key: Words, share: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
    """Return different numbers by their share, as ``jax.random.choice`` with weights and without replacement."""
    left, right = _threefry(key, len(share))
    uniform = (((left ^ right) >> np.uint32(9)) | np.uint32(0x3F800000)).view(np.float32) - np.float32(1)
    uniform = np.maximum(uniform, np.finfo(np.float32).tiny)
    with np.errstate(divide="ignore"):
        shifted = np.log(share) - np.log(-np.log(uniform))
    return np.argsort(-shifted, kind="stable")[:count]


def _squares(x: Floats, places: Floats) -> Floats:
    """Return squared distances of rows to places, (n, k)."""
    return np.stack([((x - place) ** 2).sum(axis=1) for place in places], axis=1)


def _nearest(x: Floats, places: Floats) -> npt.NDArray[np.int64]:
    """Return the nearest place of each row."""
    found: npt.NDArray[np.int64] = ((places**2).sum(axis=1) - 2 * (x @ places.T)).argmin(axis=1)
    return found


def _starts(x: Floats, k: int) -> Floats:
    """Return places by k-means++ (Arthur and Vassilvitskii 2007), the best of 2 + ln k candidates each."""
    (key,) = _split(np.zeros(2, np.uint32), 1)
    key, now = _split(key)
    places = [x[_one(now, len(x))]]
    nearest = _squares(x, np.array(places))[:, 0]
    for _ in range(k - 1):
        key, now = _split(key)
        with np.errstate(invalid="ignore"):  # of fewer different rows than places
            share = (nearest / nearest.sum()).astype(np.float32)
        tried = _some(now, share, 2 + int(math.log(k)))
        left = np.minimum(nearest[:, None], _squares(x, x[tried]))
        best = int(left.sum(axis=0).argmin())
        places.append(x[tried[best]])
        nearest = left[:, best]
    return np.array(places)


def kmeans_of_scib(x: npt.NDArray[np.floating], k: int) -> npt.NDArray[np.int64]:
    """Return the cluster of each row of x, (n,).

    `scib_metrics.utils.KMeans` with its defaults, in float64 where that has float32: sums that float32 rounds to the
    other side may give another start. A cluster that has lost its rows moves to the mean of all.
    """
    moved = x.astype(np.float64) - x.mean(axis=0, dtype=np.float64)
    places = _starts(moved, k)
    clusters = _nearest(moved, places)
    for _ in range(_STEPS):
        sums = np.stack([np.bincount(clusters, column, k) for column in moved.T], axis=1)
        places = sums / np.maximum(np.bincount(clusters, minlength=k), 1)[:, None]
        before, clusters = clusters, _nearest(moved, places)
        if np.array_equal(before, clusters):
            break
    return clusters
