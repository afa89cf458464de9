"""Names to choose from: what is not one of them is refused with the closest. Imports nothing heavy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from .errors import InputError

__all__ = ["check_one", "did_you_mean"]


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
