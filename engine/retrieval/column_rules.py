"""Columns in which rows agree or differ, as users write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import InputError, examples

__all__ = ["ColumnRule", "Columns", "rule_of"]

Columns = str | Sequence[str] | Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class ColumnRule:
    """One side of a rule: columns that must all hold, and columns of which one must hold."""

    all: tuple[str, ...]
    any: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns named."""
        return self.all + self.any


def rule_of(columns: Columns, what: str) -> ColumnRule:
    """Return columns as users give them, a list, one name or a mapping, as a rule; `what` is what messages call it."""
    entries = [columns] if isinstance(columns, str) else columns
    if isinstance(entries, Mapping):
        entries = [entry for listed in entries.values() for entry in listed]
    if not isinstance(entries, Iterable) or not all(isinstance(entry, str) for entry in entries):
        raise InputError(f"{what} is {columns!r}; give a list of column names (an empty list for none).")
    if isinstance(columns, str):
        return ColumnRule((columns,), ())
    if isinstance(columns, Mapping):
        unknown = set(columns) - {"all", "any"}
        if unknown:
            raise InputError(f"{what}: unknown keys {examples(sorted(unknown))}; use 'all' and 'any'.")
        rule = ColumnRule(tuple(columns.get("all", ())), tuple(columns.get("any", ())))
        if len(rule.any) == 1:
            raise InputError(f"{what}: 'any' needs two or more columns, it has only {rule.any[0]!r}.")
        return rule
    return ColumnRule(tuple(columns), ())
