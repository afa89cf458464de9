"""Queries in batches, so that memory does not grow with the number of pairs, and what batches give put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...kernels import dispatch
from ...kernels.backend import Backend
from .pair_rules import PairPlan

__all__ = ["Batch", "batches", "joined", "reported"]

#: Positive entries handled at once: the CPU kernels take 44 bytes for each, 1.1 GB at most, and a tile serves both
#: sides only within a batch. Devices, which gain nothing by that, get fewer at a time.
BATCH_POSITIVES, DEVICE_POSITIVES = 24_000_000, 2_000_000
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Batch(NamedTuple):
    """The lists of positives of some queries, each with its AP."""

    query: Ints  # (u,) row of the query
    label: npt.NDArray[np.integer]  # (u,)
    n_pos: Ints  # (u,)
    ap: Floats  # (u,)
    low: Floats  # (u,) AP if ties went to the negatives
    high: Floats  # (u,) AP if ties went to the positives
    rechecked: int  # entries that float32 could not decide


def joined(batches: Sequence[Batch]) -> Batch:
    """Put the lists of batches one after the other."""

    def of(parts: Iterable[npt.NDArray[Any]], dtype: type[np.generic]) -> npt.NDArray[Any]:
        return np.concatenate([*parts, np.empty(0)]).astype(dtype)

    return Batch(
        of((b.query for b in batches), np.int64),
        of((b.label for b in batches), np.int64),
        of((b.n_pos for b in batches), np.int64),
        of((b.ap for b in batches), np.float64),
        of((b.low for b in batches), np.float64),
        of((b.high for b in batches), np.float64),
        sum(b.rechecked for b in batches),
    )


def batches(backend: Backend[Any], plan: PairPlan, asked: Ints, most: int | None = None) -> Iterator[Ints]:
    """Split the queries so that the positives of a batch stay within the limit, and at most `most` are in one."""
    if plan.labels is None:
        sizes = backend.count_partners(plan.positives)[asked]
    else:  # a list holds at most all carriers of its labels
        carriers = np.diff(plan.labels.key_offsets)[plan.labels.row_keys]
        total = np.concatenate([[0], np.cumsum(carriers)])
        sizes = (total[plan.labels.row_offsets[1:]] - total[plan.labels.row_offsets[:-1]])[asked]
    limit = min(BATCH_POSITIVES, DEVICE_POSITIVES) if dispatch.name(backend) == "xla" else BATCH_POSITIVES
    start = 0
    ends = np.cumsum(sizes)
    while start < len(asked):
        base = ends[start - 1] if start else 0
        stop = int(np.searchsorted(ends, base + limit, side="right"))
        stop = min(max(stop, start + 1), start + (most or len(asked)), len(asked))
        yield asked[start:stop]
        start = stop


def reported(
    batches: Iterator[Ints], total: int, progress: Callable[[int, int], None] | None
) -> Iterator[tuple[Ints, Callable[[float], None] | None]]:
    """Give each batch what it tells the share of its work that is done."""
    done = 0
    for batch in batches:
        if progress is None:
            yield batch, None
            continue

        def tell(share: float, done: int = done, size: int = len(batch)) -> None:
            progress(done + int(share * size), total)

        yield batch, tell
        done += len(batch)
        progress(done, total)
