"""The errors a user can meet: each is one sentence that says what, where, which values and what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterable

__all__ = [
    "DISK_FULL",
    "DependentQueriesWarning",
    "FastbenchError",
    "InputError",
    "SampledNullWarning",
    "UnknownNameError",
    "UnpairedException",
    "counted",
    "examples",
]

#: Numbers of the errors of the system that mean: there is no room.
DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class FastbenchError(Exception):
    """Base of every error that fastbench raises on purpose."""


class InputError(FastbenchError, ValueError):
    """Bad input or bad usage; the command line prints its sentence and exits with 2."""


class UnknownNameError(InputError, KeyError):
    """A column or row of that name does not exist; also a `KeyError`, which pandas raises there."""

    __str__ = Exception.__str__  # that of KeyError puts the sentence in quotes


class UnpairedException(InputError):  # noqa: N818  (the name copairs users catch)
    """No positive or no negative pair exists under the given rules."""


class SampledNullWarning(UserWarning):
    """Exact p-values were asked for, and the null of some queries is too large to compute."""


class DependentQueriesWarning(UserWarning):
    """Rows of one perturbation are queries of their own in a group of several."""


#: Signs of a value that a sentence shows: a long path is whole, a vector is not.
_MOST_SIGNS = 200


def _short(value: object) -> str:
    """Return how Python prints a value, cut where it is long."""
    text = repr(value)
    return text if len(text) <= _MOST_SIGNS else f"{text[:_MOST_SIGNS]}... ({len(text)} signs)"


def examples(values: Iterable[object], limit: int = 5) -> str:
    """Show the first few values of a collection in an error sentence.

    Parameters
    ----------
    values : iterable
        The offending values.
    limit : int, default 5
        How many to show.

    Returns
    -------
    str
        ``'a', 'b', 'c' and 12 more``. What is longer than a line, such as a vector, is cut.
    """
    seen = list(values)
    shown = ", ".join(_short(value) for value in seen[:limit])
    rest = len(seen) - limit
    return f"{shown} and {rest} more" if rest > 0 else shown


def counted(count: int, one: str, several: str = "") -> str:
    """Return a number with what it counts, ``1 row`` or ``3 rows``; `several` where that is not `one` with an s."""
    return f"{count:,} {one}" if count == 1 else f"{count:,} {several or one + 's'}"
