"""Columns in which rows agree or differ, as users write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import InputError, examples

if TYPE_CHECKING:
    import polars as pl

__all__ = ["ColumnRule", "Columns", "rule_of", "why_no_pair"]

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


def why_no_pair(frame: pl.DataFrame, same: ColumnRule, diff: ColumnRule) -> str:
    """Say which columns leave no pair: those in which no two rows agree, or none differ.

    Parameters
    ----------
    frame : polars.DataFrame, n rows
        The metadata. A value that is missing equals none.
    same, diff : ColumnRule
        Columns in which a pair agrees, and in which it differs.
    """
    import polars as pl

    rows = f"the {len(frame):,} rows"
    if len(frame) < 2:
        return "there is one row alone"
    plain = [name for name in (*same.all, *diff.all) if not frame.schema[name].is_nested()]
    for name in same.all:
        if name in plain and frame[name].drop_nulls().n_unique() == len(frame[name].drop_nulls()):
            return f"no two of {rows} agree in {name!r}"
    for name in diff.all:
        if name in plain and frame[name].n_unique() == 1:
            return f"each of {rows} has {frame[name][0]!r} in {name!r}"
    together = [name for name in same.all if name in plain]
    if len(together) > 1 and not frame.drop_nulls(together).select(pl.struct(together).is_duplicated().any()).item():
        return f"no two of {rows} agree in each of {examples(together)}"
    if together and (apart := [name for name in diff.all if name in plain]):
        groups = frame.drop_nulls(together).group_by(together).agg(pl.struct(apart).n_unique().alias("several"))
        if (groups["several"] == 1).all():
            return f"rows that agree in {examples(together)} ({len(groups):,} groups) never differ in {examples(apart)}"
    return f"no two of {rows} meet them together"
