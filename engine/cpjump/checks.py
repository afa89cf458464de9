"""Checks that the options of the CPJUMP1 commands share."""

from __future__ import annotations

from collections.abc import Iterable

from ..choices import check_one
from ..errors import InputError

__all__ = ["check_at_least", "known_label", "known_labels"]


def check_at_least(name: str, value: int, least: int) -> None:
    """Raise `InputError` when the value of an option is below the least that makes sense."""
    if value < least:
        raise InputError(f"{name} is {value:,}: give a whole number of at least {least:,}.")


def known_label(name: str, value: str, known: Iterable[str]) -> str:
    """Return a label without white space and in lower case; `InputError` when it is not a known one."""
    label = value.strip().lower()
    check_one(name, label, known)
    return label


def known_labels(name: str, values: Iterable[str], known: tuple[str, ...]) -> tuple[str, ...]:
    """Return labels as `known_label` does, each once and in the order of the known ones.

    Raises
    ------
    InputError
        For an unknown label, or none at all.
    """
    asked = {known_label(name, value, known) for value in values}
    if not asked:
        raise InputError(f"{name} is empty: choose from {', '.join(known)}.")
    return tuple(label for label in known if label in asked)
