"""What the values of a matrix are: counts or log1p of scaled counts, declared or proven."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...errors import InputError
from ..screens.screen import COUNTS, LOG1P
from .files import Found

__all__ = ["LARGEST_LOG", "Facts", "Kind", "facts_of", "kind_of"]

#: log1p of scaled counts stays below: more would be three million counts of one gene in one cell.
LARGEST_LOG = 15.0
#: Totals that differ by less, in proportion, are one total but for rounding.
SAME_TOTAL = 1e-3
_VALUES = 2**22  # looked at at once

Floats = npt.NDArray[np.float64]


class Place(NamedTuple):
    """A value of a matrix."""

    row: int
    gene: str
    value: float

    def __str__(self) -> str:
        return f"{self.value:g} in row {self.row + 1}, gene {self.gene!r}"


class Facts(NamedTuple):
    """What was seen of the values of a matrix, all of them.

    Attributes
    ----------
    most : Place
        The largest value.
    least : Place or None
        The smallest, where it is below 0.
    fraction : Place or None
        The first value that is not whole.
    totals : tuple of float
        5th, 50th and 95th percentile over cells of the sum of expm1; empty where all values are whole.
    total : float or None
        The one total that expm1 of every cell sums to.
    """

    most: Place
    least: Place | None
    fraction: Place | None
    totals: tuple[float, ...] = ()
    total: float | None = None


class Kind(NamedTuple):
    """What values are.

    Attributes
    ----------
    values : {"counts", "log1p"}
        Counts, or log1p of scaled counts.
    total : float or None
        The one total of all cells, of log1p values where there is one.
    notes : tuple of str
        On what ground it was said.
    """

    values: str
    total: float | None = None
    notes: tuple[str, ...] = ()


def facts_of(found: Found) -> Facts:
    """Look at every value.

    Raises
    ------
    InputError
        At the first that is NaN or infinite, with its row and gene; where all are 0.
    """
    stored = found.matrix if isinstance(found.matrix, np.ndarray) else found.matrix.data
    flat = stored.reshape(-1)

    def place(at: int) -> Place:
        if isinstance(found.matrix, np.ndarray):
            row, column = divmod(at, found.matrix.shape[1])
        else:
            row = int(np.searchsorted(found.matrix.indptr, at, side="right")) - 1
            column = int(found.matrix.indices[at])
        return Place(row, found.genes[column], float(flat[at]))

    most, least, fraction = -1, -1, -1
    for start, block in _blocks(flat):
        if not np.isfinite(block).all():
            at = start + int(np.flatnonzero(~np.isfinite(block))[0])
            raise InputError(f"'{found.shown}' has {place(at)}: values must be finite; leave out that cell or gene.")
        high, low = start + int(block.argmax()), start + int(block.argmin())
        most = high if most < 0 or flat[high] > flat[most] else most
        least = low if flat[low] < 0 and (least < 0 or flat[low] < flat[least]) else least
        if fraction < 0 and (broken := block != np.floor(block)).any():
            fraction = start + int(np.flatnonzero(broken)[0])
    if most < 0 or (flat[most] <= 0 and least < 0):
        raise InputError(f"'{found.shown}': all values are 0.")
    facts = Facts(place(most), None if least < 0 else place(least), None if fraction < 0 else place(fraction))
    if facts.fraction is None or facts.most.value >= LARGEST_LOG:
        return facts
    sums = _unlogged_totals(found.matrix)
    sums = sums[sums != 0]
    low_, middle, high_ = np.quantile(sums, [0.05, 0.5, 0.95]).tolist()
    one = bool((np.abs(sums - middle) <= SAME_TOTAL * middle).all())
    return facts._replace(totals=(low_, middle, high_), total=middle if one else None)


def _blocks(flat: npt.NDArray[Any]) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    return ((start, flat[start : start + _VALUES]) for start in range(0, len(flat), _VALUES))


def _unlogged_totals(matrix: Any) -> Floats:
    """Return the sum of expm1 of each row."""
    n, width = matrix.shape
    found = np.zeros(n)
    step = max(1, _VALUES // max(1, width))
    for start in range(0, n, step):
        block = matrix[start : start + step]
        if isinstance(block, np.ndarray):
            found[start : start + step] = np.expm1(block).sum(axis=1, dtype=np.float64)
        else:
            rows = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
            found[start : start + step] = np.bincount(rows, np.expm1(block.data), block.shape[0])
    return found


def kind_of(found: Found, facts: Facts, declared: str, *, beside: str = "", given_total: float | None = None) -> Kind:
    """Say what values are.

    Parameters
    ----------
    found : Found
        The matrix, for messages.
    facts : Facts
        What was seen of it.
    declared : {"auto", "counts", "log1p"}
        What the user says.
    beside : {"", "counts", "log1p"}
        Of a prediction: what the truth is.
    given_total : float, optional
        The total that the user says log1p values have.

    Raises
    ------
    InputError
        When they cannot be what they are said to be, or it cannot be proven what they are.
    """
    if declared == COUNTS:
        return _counts(found, facts)
    if declared == LOG1P:
        return _log1p(found, facts, is_truth=not beside)
    if facts.least is not None:
        raise InputError(
            f"'{found.shown}' has {facts.least}: neither counts nor log1p of counts are below 0. Scaled values (z) are "
            "not judged; a model that gives log1p values below 0 is read with --input log1p."
        )
    if facts.fraction is None:
        return Kind(COUNTS)
    if facts.total is not None:
        return Kind(LOG1P, facts.total)
    if facts.totals and beside and (beside == LOG1P or given_total is not None):
        why = "since the truth is" if beside == LOG1P else "since --total says what they were scaled to"
        return Kind(LOG1P, None, (f"'{found.shown}' is taken as log1p values, {why}; {_spread(facts)}.",))
    seen = _spread(facts) if facts.totals else f"the largest is {facts.most}, too large for a logarithm"
    raise InputError(
        f"'{found.shown}': nothing proves what its values are. They are no counts ({facts.fraction}), and {seen}; "
        "declare them with --input log1p (natural logarithm of 1 + scaled counts) or --input counts."
    )


def _spread(facts: Facts) -> str:
    low, middle, high = facts.totals
    return f"expm1 of a cell sums to {middle:,.0f} in the middle ({low:,.0f} to {high:,.0f} in 90 % of the cells)"


def _counts(found: Found, facts: Facts) -> Kind:
    if facts.least is not None:
        raise InputError(f"--input counts: '{found.shown}' has {facts.least}, but counts are 0 or more.")
    if facts.total is not None:
        raise InputError(
            f"--input counts: '{found.shown}' has log1p values, since expm1 of every cell sums to {facts.total:,.0f}."
        )
    if facts.fraction is None:
        return Kind(COUNTS)
    return Kind(COUNTS, None, (f"'{found.shown}' has counts that are not whole, such as {facts.fraction}.",))


def _log1p(found: Found, facts: Facts, *, is_truth: bool) -> Kind:
    if facts.fraction is None:
        raise InputError(f"--input log1p: all values of '{found.shown}' are whole numbers, as counts are.")
    if facts.most.value >= LARGEST_LOG:
        raise InputError(
            f"--input log1p: '{found.shown}' has {facts.most}, but log1p of scaled counts stays below {LARGEST_LOG:g}."
        )
    if facts.least is not None and is_truth:
        raise InputError(f"--input log1p: '{found.shown}' has {facts.least}, but log1p of counts is 0 or more.")
    notes = () if facts.total is not None else (f"'{found.shown}': {_spread(facts)}.",)
    if facts.least is not None:
        notes = (*notes, f"'{found.shown}' has values below 0, down to {facts.least}, which no log1p of counts has.")
    return Kind(LOG1P, facts.total, notes)
