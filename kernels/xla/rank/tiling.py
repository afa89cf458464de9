"""How the work is cut: a small set of tile sizes, so that ragged problems share compiled programs.

Every size is rounded up to one of a few, and padding costs arithmetic but never a compilation.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = [
    "COLUMN_SIZES",
    "MOST_THRESHOLDS",
    "QUERY_SIZES",
    "largest_tile",
    "padded_rows",
    "padded_size",
    "pieces",
    "query_size",
    "ranges",
    "widths",
]

Ints = npt.NDArray[np.int64]

#: Queries and columns of a tile, by size of device memory (the largest is chosen only on a GPU).
QUERY_SIZES = (64, 512, 4096)
COLUMN_SIZES = (256, 2048, 8192)
#: Padded thresholds a query: few classes, each with room for one more than the positives.
WIDTHS = (4, 8, 16, 32)
WIDE_STEP = 4
#: Thresholds of one tile, padding included: 12 bytes each on the device, beside 8 for the counts.
MOST_THRESHOLDS = 1 << 24
#: Set-up of a column tile, in columns.
PIECE_COST = 256
#: Bytes that a tile entry takes at most, with all that is derived from it.
ENTRY_BYTES = 24


def largest_tile(free: int | None) -> tuple[int, int]:
    """Return the largest number of queries and of columns of a tile, given the free bytes of a device (None: CPU)."""
    if free is None:
        return QUERY_SIZES[1], COLUMN_SIZES[1]
    for queries, columns in zip(QUERY_SIZES[:0:-1], COLUMN_SIZES[:0:-1], strict=True):
        if queries * columns * ENTRY_BYTES <= free // 4:
            return queries, columns
    return QUERY_SIZES[0], COLUMN_SIZES[0]


def widths(sizes: Ints) -> Ints:
    """Return the padded number of thresholds for each number of positives; greater than it, a power of two."""
    classes = list(WIDTHS)
    while classes[-1] <= sizes.max(initial=0):
        classes.append(classes[-1] * WIDE_STEP)
    return np.array(classes, np.int64)[np.searchsorted(classes, sizes, side="right")]


def padded_rows(n: int, columns: int) -> int:
    """Return the rows to reserve for n, so that a tile of `columns` can start anywhere; few values in an octave."""
    step = max(columns, (1 << n.bit_length()) // 16)
    return -(-n // step) * step + columns


def padded_size(n: int, least: int) -> int:
    """Return the items to reserve for n: a power of two, and at least so many."""
    return max(1 << max(n - 1, 0).bit_length(), least)


def ranges(bounds: Ints) -> Ints:
    """Return the disjoint ranges (r, 2), ascending, that together hold the candidates of all rows of `bounds`."""
    fresh = np.concatenate([[True], np.any(bounds[1:] != bounds[:-1], axis=1)])  # neighbours mostly have the same
    each = np.unique(bounds[fresh[: len(bounds)]].reshape(-1, 2), axis=0)
    each = each[each[:, 0] < each[:, 1]]
    if not len(each):
        return each
    reach = np.maximum.accumulate(each[:, 1])
    opens = np.flatnonzero(np.concatenate([[True], each[1:, 0] > reach[:-1]]))
    return np.stack([each[opens, 0], np.maximum.reduceat(each[:, 1], opens)], axis=1)


def pieces(bounds: list[Ints], most: int) -> tuple[int, list[npt.NDArray[np.int32]]]:
    """Cut the candidates of several tiles of queries into column tiles of one size.

    Parameters
    ----------
    bounds : list of ndarray of int64, shape (q, 4)
        Candidate ranges of the queries of each tile, see `kernels.cpu.ranking`.
    most : int
        Largest size.

    Returns
    -------
    columns : int
        The size, one of `COLUMN_SIZES`: that of the least work.
    lists : list of ndarray of int32, shape (l, 2)
        First column and end of each column tile, for each tile of queries; the last of a range may be shorter.
    """
    spans = [ranges(each) for each in bounds]

    def cost(columns: int) -> int:
        counts = [int(np.sum(-(-(span[:, 1] - span[:, 0]) // columns))) for span in spans]
        return max(counts, default=0) * (columns + PIECE_COST)

    columns = min((size for size in COLUMN_SIZES if size <= most), key=cost)
    lists = []
    for span in spans:
        starts = [np.arange(first, last, columns) for first, last in span]
        ends = [np.minimum(start + columns, last) for start, (_, last) in zip(starts, span, strict=True)]
        lists.append(
            np.stack([np.concatenate(starts), np.concatenate(ends)], axis=1).astype(np.int32)
            if starts
            else np.empty((0, 2), np.int32)
        )
    return columns, lists


def query_size(n_queries: int, span: float, width: int, most: int) -> int:
    """Return the queries of a tile: as many as there are, but not more than a typical block has rows.

    Parameters
    ----------
    n_queries : int
        Queries left to a device.
    span : float
        Rows from the first to the last candidate of a typical query: the queries of a tile share their columns.
    width : int
        Padded thresholds.
    most : int
        Largest size.
    """
    useful = min(n_queries, span)
    for size in QUERY_SIZES:
        if size >= useful or size >= most or size * 8 * width > MOST_THRESHOLDS:
            return size
    return QUERY_SIZES[-1]
