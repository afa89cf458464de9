"""Row filters such as ``Metadata_x == 'a' & Metadata_conc > 5``: parsed, checked and never evaluated as code.

The language is the comparing part of `pandas.DataFrame.query`:

* comparisons ``== != < <= > >=``, ``in [..]`` and ``not in [..]``, chains such as ``1 < Metadata_conc <= 5``;
* ``and or not``, and ``& | ~`` with the precedence pandas gives them (``&`` binds like ``and``);
* column names, with backticks when they are not plain words: ```Metadata_my column` ``;
* text, numbers, ``True``, ``False`` and lists of these. ``== [..]`` means ``in [..]``;
* the methods ``x.isin([..])``, ``x.isna()``, ``x.notna()``, ``x.str.startswith('a')``, ``x.str.endswith('a')`` and
  ``x.str.contains('a|b')``, whose text is a regular expression of Rust unless ``regex=False``.

A missing value is as in pandas: every comparison with it is false, except ``!=`` and ``not in``, which are
true; no text method finds anything in it. So ``Metadata_x == Metadata_x`` keeps the rows that have a value, and so
does ``Metadata_x not in [None]``. Stricter than pandas: a column is compared with its own type only (text with text,
numbers with numbers; True and False are 1 and 0), an unknown word is an error, and ``== None``, which is never true
in pandas, is refused.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl
import polars.selectors as cs

from ..choices import did_you_mean
from ..errors import InputError, UnknownNameError, examples
from .filter_grammar import Column, Comparison, Condition, Joined, Literal, Matches, Not, columns_of, parse

__all__ = ["Derivation", "Filter", "apply_derive", "near_values", "parse_derive", "parse_filter"]

#: Values of a column that are looked at for one that was meant.
_LOOKED_AT: Final = 5000

_OPERATORS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Filter:
    """A parsed row filter.

    Attributes
    ----------
    text : str
        As given.
    columns : tuple of str
        The columns it names, in order of first appearance.
    """

    text: str
    columns: tuple[str, ...]
    _condition: Condition = field(repr=False, compare=False)

    def mask(self, frame: pl.DataFrame) -> pl.Series:
        """Return which rows pass.

        Parameters
        ----------
        frame : polars.DataFrame
            Metadata, n rows.

        Returns
        -------
        polars.Series of n Boolean
            Without nulls.

        Raises
        ------
        InputError
            For a column that `frame` lacks, or a comparison of a column with a value of another type.
        """
        for column in self.columns:
            if column not in frame.columns:
                hint = did_you_mean(column, frame.columns)
                if not hint:
                    hint = f"; the columns are {examples(frame.columns, 8)}, and a value needs quotes."
                raise UnknownNameError(f"The filter {self.text!r} names {column!r}, which is not a column{hint}")
        chosen = frame.select(cs.by_name(self.columns))
        passes = _Compiler(self.text, chosen.schema).condition(self._condition)
        try:
            return chosen.with_columns(passes.alias("mask"))["mask"]
        except pl.exceptions.PolarsError as error:
            reason = str(error).partition("\n")[0]
            raise InputError(f"The filter {self.text!r} does not go with these columns: {reason}.") from error


def parse_filter(text: str) -> Filter:
    """Parse a row filter without evaluating anything.

    Parameters
    ----------
    text : str
        For example ``"Metadata_control == 'neg' & Metadata_conc > 5"``; see the module for the language.

    Returns
    -------
    Filter

    Raises
    ------
    InputError
        Quoting the piece that is not in the language: a call, an attribute, arithmetic, or anything else
        code-like.
    """
    condition = parse(text)
    if isinstance(condition, Literal):
        raise InputError(f"The filter {text!r} names no column: {condition.value!r} is not a condition.")
    return Filter(text, columns_of(condition), condition)


@dataclass(frozen=True)
class _Compiler:
    """From a condition to one expression over the columns of a schema; it is never null."""

    text: str
    schema: pl.Schema

    def condition(self, part: Condition) -> pl.Expr:
        if isinstance(part, Joined):
            join = pl.all_horizontal if part.all else pl.any_horizontal
            return join([self.condition(inner) for inner in part.parts])
        if isinstance(part, Not):
            return ~self.condition(part.part)
        if isinstance(part, Comparison):
            return self.comparison(part)
        if isinstance(part, Matches):
            return self.matches(part)
        if self.schema[part.name] != pl.Boolean:
            raise self.error(
                f"uses the column {part.name!r} as a condition, but it is {self.kind(part)}, not true or false; "
                "compare it with a value"
            )
        return self.column(part).fill_null(False)

    def column(self, column: Column) -> pl.Expr:
        values, dtype = cs.by_name(column.name).as_expr(), self.schema[column.name]
        if dtype in (pl.Categorical, pl.Enum):
            return values.cast(pl.String)
        if dtype.is_float():
            return values.fill_nan(None)
        # Wide integers hold every literal and every column type exactly, also uint64 beside int64.
        return values.cast(pl.Int128) if dtype.is_integer() else values

    def comparison(self, part: Comparison) -> pl.Expr:
        differs = part.operator in ("!=", "not in")
        if isinstance(part.other, tuple):
            inside = self.within(part.column, part.other)
            return ~inside if differs else inside
        if isinstance(part.other, Column):
            if self.kind(part.column) != self.kind(part.other):
                raise self.error(
                    f"compares {part.column.name!r}, which is {self.kind(part.column)}, with {part.other.name!r}, "
                    f"which is {self.kind(part.other)}"
                )
            other = self.column(part.other)
        else:
            other = self.literal(part.column, part.other)
        dtype = self.schema[part.column.name]
        if dtype == pl.Null:
            return pl.lit(differs)
        if dtype.is_nested() and part.operator not in ("==", "!="):
            raise self.error(f"uses {part.operator} on {part.column.name!r}, which is {self.kind(part.column)}")
        compared: pl.Expr = _OPERATORS[part.operator](self.column(part.column), other)
        return compared.fill_null(differs)

    def matches(self, part: Matches) -> pl.Expr:
        if self.kind(part.column) not in ("text", "empty"):
            raise self.error(
                f"uses str.{part.how} on {part.column.name!r}, which is {self.kind(part.column)}, not text"
            )
        values = self.column(part.column).cast(pl.String)
        if part.how == "contains":
            text = part.texts[0]
            if part.regex:
                found = values.str.contains(text if part.case else f"(?i){text}")
            else:
                plain = values if part.case else values.str.to_lowercase()
                found = plain.str.contains(text if part.case else text.lower(), literal=True)
        else:
            one = values.str.starts_with if part.how == "startswith" else values.str.ends_with
            found = pl.any_horizontal([one(text) for text in part.texts]) if part.texts else pl.lit(False)
        return found.fill_null(False)

    def within(self, column: Column, values: tuple[Literal, ...]) -> pl.Expr:
        """Return membership; a None in the list is the missing value, as in pandas."""
        equal = [Comparison(column, "==", value) for value in dict.fromkeys(values) if value.value is not None]
        parts = [self.comparison(part) for part in equal]
        if len(equal) < len(set(values)):
            parts.append(self.column(column).is_null())
        return pl.any_horizontal(parts) if parts else pl.lit(False)

    def literal(self, column: Column, literal: Literal) -> pl.Expr:
        """Return the value for a comparison with the column, if it is of the column's type."""
        kind, value, dtype = self.kind(column), literal.value, self.schema[column.name]
        if kind == "true or false" and type(value) in (int, float) and value in (0, 1):
            value = bool(value)
        elif kind == "numbers" and isinstance(value, bool):
            value = int(value)
        mine = "text" if isinstance(value, str) else "true or false" if isinstance(value, bool) else "numbers"
        if dtype != pl.Null and kind != mine:
            hints = {"text": f"; write {str(value)!r}", "true or false": "; write True or False"}
            raise self.error(
                f"compares {column.name!r} with {value!r}, but the column is of type {dtype} ({kind})"
                f"{hints.get(kind, '')}"
            )
        if not isinstance(value, int) or isinstance(value, bool):
            return pl.lit(value)
        if abs(value) > 2**126:
            raise self.error(f"holds a number that is too large: {value}")
        return pl.lit(value, dtype if dtype.is_float() else pl.Int128)

    def kind(self, column: Column) -> str:
        dtype = self.schema[column.name]
        if dtype in (pl.String, pl.Categorical, pl.Enum):
            return "text"
        if dtype == pl.Boolean:
            return "true or false"
        if dtype.is_numeric():
            return "numbers"
        return "empty" if dtype == pl.Null else str(dtype)

    def error(self, what: str) -> InputError:
        return InputError(f"The filter {self.text!r} {what}.")


# --- derived columns ---


@dataclass(frozen=True)
class Derivation:
    """A parsed ``Metadata_new = ...``.

    Attributes
    ----------
    name : str
        The new column.
    text : str
        The right side, as given.
    columns : tuple of str
        The columns it is made from.
    """

    name: str
    text: str
    columns: tuple[str, ...]
    _source: Condition | Literal = field(repr=False, compare=False)

    def apply(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return `frame` with the new column last; an existing column of that name raises `InputError`."""
        if self.name in frame.columns:
            raise InputError(f"Cannot derive {self.name!r}: a column of that name exists; choose another name.")
        if isinstance(self._source, Literal):
            return frame.with_columns(pl.lit(self._source.value).alias(self.name))
        if isinstance(self._source, Column) and self._source.name in frame.columns:
            return frame.with_columns(frame[self._source.name].alias(self.name))
        return frame.with_columns(Filter(self.text, self.columns, self._source).mask(frame).alias(self.name))


def parse_derive(text: str) -> Derivation:
    """Parse the definition of a new metadata column.

    Parameters
    ----------
    text : str
        ``"Metadata_negcon = Metadata_broad_sample == 'DMSO'"``. The right side is a filter (the column is
        true or false), one column name (a copy), or a literal (the same value in every row).

    Returns
    -------
    Derivation

    Raises
    ------
    InputError
        For a text of another form, or a name that does not start with ``Metadata_``.
    """
    found = re.fullmatch(r"\s*(?:`([^`]+)`|(\w+))\s*=(?!=)(.*)", text, re.DOTALL)
    if not found or not found[3].strip():
        raise InputError(f"{text!r} does not define a column; write for example \"Metadata_new = Metadata_x == 'a'\".")
    name, right = found[1] or found[2], found[3].strip()
    if not name.startswith("Metadata_"):
        raise InputError(f"A derived column must be named Metadata_..., not {name!r}.")
    source = parse(right)
    if source == Literal(None):
        raise InputError(f"{text!r} defines an empty column; give a value.")
    return Derivation(name, right, () if isinstance(source, Literal) else columns_of(source), source)


def apply_derive(frame: pl.DataFrame, text: str) -> pl.DataFrame:
    """Add the column that `text` defines, see `parse_derive`; an existing column is never replaced."""
    return parse_derive(text).apply(frame)


def near_values(frame: pl.DataFrame, text: str) -> str:
    """Return ``"; did you mean 'DMSO'?"`` for the first text of a filter that none of its columns holds, or nothing.

    Parameters
    ----------
    frame : polars.DataFrame
        Metadata.
    text : str
        The filter.
    """
    texts = [column for column in parse_filter(text).columns if frame.schema.get(column) == pl.String]
    values = {value for column in texts for value in frame[column].drop_nulls().unique().head(_LOOKED_AT).to_list()}
    named = [one or other for one, other in re.findall(r"""'([^']*)'|"([^"]*)\"""", text)]
    return next((hint for name in named if name not in values and (hint := did_you_mean(name, values))), "")
