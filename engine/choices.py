"""Checks of what users choose: names, levels, tails, numbers of draws. Imports nothing heavy."""

from __future__ import annotations

import difflib
import numbers
from collections.abc import Iterable

from .errors import InputError

__all__ = ["check_level", "check_one", "check_sampling", "check_tail", "did_you_mean"]

_MOST_SAMPLES = 100_000_000


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'a' or 'b'?"``, or an empty string when nothing known is close to `name`."""
    names = [str(item) for item in known]
    close = [item for item in names if item.casefold() == name.casefold()]
    close += [item for item in difflib.get_close_matches(name, names, n=3, cutoff=0.6) if item not in close]
    return "; did you mean " + " or ".join(repr(item) for item in close[:3]) + "?" if close else ""


def check_one(name: str, value: str, choices: Iterable[str]) -> None:
    """Raise `InputError` when the value of an argument is not one of its choices."""
    known = tuple(choices)
    if value not in known:
        listed = ", ".join(map(repr, known))
        hint = did_you_mean(str(value), known) or "."
        raise InputError(f"{name} must be one of {listed}, but it is {value!r}{hint}")


def check_level(threshold: float, *, closed: bool = False) -> None:
    """Raise `InputError` for a level that is not between 0 and 1; `closed`: they are levels too."""
    inside = not isinstance(threshold, (bool, str)) and (0 < threshold < 1 or (closed and threshold in (0, 1)))
    if not inside:
        raise InputError(f"threshold must lie between 0 and 1, but it is {threshold!r}.")


def check_tail(tail: str) -> None:
    """Raise `InputError` for a tail that is neither ``>=`` nor ``>``."""
    if tail not in (">=", ">"):
        raise InputError(f"tail must be '>=' or '>', but it is {tail!r}.")


def check_sampling(null_size: int, seed: int) -> None:
    """Raise `InputError` for a null size or a seed that cannot be."""
    for name, number, least in (("null_size", null_size, 1), ("seed", seed, 0)):
        if isinstance(number, bool) or not isinstance(number, numbers.Integral) or number < least:
            raise InputError(f"{name} must be a whole number of at least {least}, but it is {number!r}.")
    if null_size > _MOST_SAMPLES:
        raise InputError(
            f"null_size is {null_size}, but samples beyond {_MOST_SAMPLES} are not worth their time and memory "
            f"({8 * null_size / 2**30:.0f} GiB a shape); use fewer, or p_values='exact'."
        )
