"""Row filters such as ``Metadata_x == 'a' & Metadata_conc > 5``: parsed, checked and never evaluated as code.

The language is the comparing part of `pandas.DataFrame.query`:

* comparisons ``== != < <= > >=``, ``in [..]`` and ``not in [..]``, chains such as ``1 < Metadata_conc <= 5``;
* ``and or not``, and ``& | ~`` with the precedence pandas gives them (``&`` binds like ``and``);
* column names, with backticks when they are not plain words: ```Metadata_my column` ``;
* text, numbers, ``True``, ``False`` and lists of these. ``== [..]`` means ``in [..]``.

A missing value is as in pandas: every comparison with it is false, except ``!=`` and ``not in``, which are
true. So ``Metadata_x == Metadata_x`` keeps the rows that have a value, and so does ``Metadata_x not in
[None]``. Stricter than pandas: a column is compared with its own type only (text with text, numbers with
numbers), an unknown word is an error, and ``== None``, which is never true in pandas, is refused.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from ..errors import InputError, examples
from .filter_grammar import check_condition, literal_value, parse_tree
from .frames import did_you_mean

__all__ = ["Derivation", "Filter", "apply_derive", "parse_derive", "parse_filter"]

_Comparison = Callable[[pl.Series, object], pl.Series]
_OPERATORS: dict[type[ast.cmpop], tuple[str, _Comparison]] = {
    ast.Eq: ("==", lambda a, b: a == b),
    ast.NotEq: ("!=", lambda a, b: a != b),
    ast.Lt: ("<", lambda a, b: a < b),
    ast.LtE: ("<=", lambda a, b: a <= b),
    ast.Gt: (">", lambda a, b: a > b),
    ast.GtE: (">=", lambda a, b: a >= b),
}
_MIRRORED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.Eq,
    ast.NotEq: ast.NotEq,
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
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
    _tree: ast.expr = field(repr=False, compare=False)
    _names: dict[str, str] = field(repr=False, compare=False)

    def mask(self, frame: pl.DataFrame) -> pl.Series:
        """Say which rows pass.

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
                    hint = f"; the columns are {examples(frame.columns, 8)}, and a value needs quotes"
                raise InputError(f"the filter {self.text!r} names {column!r}, which is not a column{hint}")
        return _Evaluation(self, frame).truth(self._tree).alias("mask")


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
    names: dict[str, str] = {}
    tree = parse_tree(text, names)
    columns: dict[str, None] = {}
    check_condition(tree, text, names, columns, 0)
    if not columns:
        raise InputError(f"the filter {text!r} names no column")
    return Filter(text, tuple(columns), tree, names)


class _Evaluation:
    """The truth of one filter over the rows of one frame."""

    def __init__(self, query: Filter, frame: pl.DataFrame) -> None:
        self.query = query
        self.frame = frame

    def truth(self, node: ast.expr) -> pl.Series:
        if isinstance(node, ast.BoolOp):
            parts = [self.truth(value) for value in node.values]
            whole = parts[0]
            for part in parts[1:]:
                whole = whole & part if isinstance(node.op, ast.And) else whole | part
            return whole
        if isinstance(node, ast.UnaryOp):
            return ~self.truth(node.operand)
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            pairs = zip(node.ops, sides[:-1], sides[1:], strict=True)
            whole = self.frame.select(pl.repeat(True, pl.len(), dtype=pl.Boolean)).to_series()
            for operator, left, right in pairs:
                whole = whole & self.compare(operator, left, right)
            return whole
        assert isinstance(node, ast.Name)
        column = self.column(node)
        if column.dtype != pl.Boolean:
            raise InputError(
                f"the filter {self.query.text!r} uses the column {column.name!r} as a condition, but it is "
                f"{_kind(column.dtype)}, not true or false; compare it with a value"
            )
        return column.fill_null(False)

    def column(self, node: ast.Name) -> pl.Series:
        series = self.frame[self.query._names.get(node.id, node.id)]
        if series.dtype in (pl.Categorical, pl.Enum):
            return series.cast(pl.String)
        if series.dtype.is_float():
            return series.fill_nan(None)
        # Wide integers hold every literal and every column type exactly, also uint64 beside int64.
        return series.cast(pl.Int128) if series.dtype.is_integer() else series

    def compare(self, operator: ast.cmpop, left: ast.expr, right: ast.expr) -> pl.Series:
        if not isinstance(left, ast.Name):
            assert isinstance(right, ast.Name)
            return self.compare(_MIRRORED[type(operator)](), right, left)
        column = self.column(left)
        if isinstance(right, (ast.List, ast.Tuple)):
            inside = self.within(column, [literal_value(item, self.query.text, {}) for item in right.elts])
            return ~inside if isinstance(operator, (ast.NotIn, ast.NotEq)) else inside
        word, function = _OPERATORS[type(operator)]
        other: object
        if isinstance(right, ast.Name):
            second = self.column(right)
            if _kind(column.dtype) != _kind(second.dtype):
                raise InputError(
                    f"the filter {self.query.text!r} compares {column.name!r}, which is {_kind(column.dtype)}, with "
                    f"{second.name!r}, which is {_kind(second.dtype)}"
                )
            other = second
        else:
            other = self.fitting(column, literal_value(right, self.query.text, {}))
        if column.dtype == pl.Null:
            return self.constant(word == "!=")
        try:
            return function(column, other).fill_null(word == "!=")
        except (pl.exceptions.PolarsError, TypeError) as error:
            raise InputError(
                f"the filter {self.query.text!r} uses {word} on {column.name!r}, which is {_kind(column.dtype)}"
            ) from error

    def within(self, column: pl.Series, values: list[object]) -> pl.Series:
        """Membership; a None in the list is the missing value, as in pandas."""
        inside = column.is_null() if None in values else self.constant(False)
        if column.dtype == pl.Null:
            return inside
        for value in dict.fromkeys(v for v in values if v is not None):
            inside = inside | (column == self.fitting(column, value)).fill_null(False)
        return inside

    def constant(self, value: bool) -> pl.Series:
        return pl.Series([value]).new_from_index(0, self.frame.height)

    def fitting(self, column: pl.Series, value: object) -> object:
        """Return the value for a comparison with the column, if it is of the column's type."""
        kind = _kind(column.dtype)
        mine = "text" if isinstance(value, str) else "true or false" if isinstance(value, bool) else "numbers"
        if column.dtype != pl.Null and kind != mine:
            hint = ""
            if kind == "text":
                hint = f"; write {str(value)!r}"
            elif kind == "true or false":
                hint = "; write True or False"
            raise InputError(
                f"the filter {self.query.text!r} compares {column.name!r} with {value!r}, but the column is of type "
                f"{self.frame.schema[column.name]} ({kind}){hint}"
            )
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**126:
            raise InputError(f"the filter {self.query.text!r} holds a number that is too large: {value}")
        return value


def _kind(dtype: pl.DataType) -> str:
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "text"
    if dtype == pl.Boolean:
        return "true or false"
    if dtype.is_numeric():
        return "numbers"
    return "empty" if dtype == pl.Null else str(dtype)


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
    _source: Filter | None = field(repr=False, compare=False)
    _literal: object = field(repr=False, compare=False)

    def apply(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return `frame` with the new column last; an existing column of that name raises `InputError`."""
        if self.name in frame.columns:
            raise InputError(f"cannot derive {self.name!r}: a column of that name exists; choose another name")
        if self._source is None:
            return frame.with_columns(pl.lit(self._literal).alias(self.name))
        if isinstance(self._source._tree, ast.Name) and self.columns[0] in frame.columns:
            return frame.with_columns(frame[self.columns[0]].alias(self.name))
        return frame.with_columns(self._source.mask(frame).alias(self.name))


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
        raise InputError(f"{text!r} does not define a column; write for example \"Metadata_new = Metadata_x == 'a'\"")
    name, right = found[1] or found[2], found[3].strip()
    if not name.startswith("Metadata_"):
        raise InputError(f"a derived column must be named Metadata_..., not {name!r}")
    names: dict[str, str] = {}
    tree = parse_tree(right, names)
    if isinstance(tree, (ast.Constant, ast.UnaryOp)) and not isinstance(
        getattr(tree, "op", None), (ast.Not, ast.Invert)
    ):
        value = literal_value(tree, right, names)
        if value is None:
            raise InputError(f"{text!r} defines an empty column; give a value")
        return Derivation(name, right, (), None, value)
    query = parse_filter(right)
    return Derivation(name, right, query.columns, query, None)


def apply_derive(frame: pl.DataFrame, text: str) -> pl.DataFrame:
    """Add the column that `text` defines, see `parse_derive`; an existing column is never replaced."""
    return parse_derive(text).apply(frame)
