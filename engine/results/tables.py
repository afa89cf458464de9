"""Tables of a result with declared columns: name, type, unit and meaning, in one place."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

__all__ = ["Column", "Kind", "Table", "frame_of", "or_none"]

Kind = Literal["text", "integer", "number", "boolean", "list"]


@dataclass(frozen=True)
class Column:
    """What a column of a result holds.

    Attributes
    ----------
    name : str
        Its name in the file.
    kind : {"text", "integer", "number", "boolean", "list"}
        Type of its values; missing ones are possible in all.
    meaning : str
        One sentence, as the manifest and the documentation print it.
    unit : str, default ""
        Unit of the values, where they have one.
    optional : bool, default False
        Whether the table may lack it.
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    optional: bool = False


@dataclass(frozen=True)
class Table:
    """A table of a result with its declaration.

    Attributes
    ----------
    frame : polars.DataFrame
        The values.
    columns : sequence of Column
        Declared columns.
    others : str, default ""
        What the columns mean that only the input decides, such as metadata; empty: there are none.
    """

    frame: pl.DataFrame
    columns: Sequence[Column]
    others: str = ""

    def check(self, name: str) -> None:
        """Raise `TypeError` when the frame is not what is declared: an internal error."""
        declared = {column.name: column for column in self.columns}
        schema = self.frame.schema
        missing = [c.name for c in self.columns if not c.optional and c.name not in schema]
        strange = [] if self.others else [name for name in schema if name not in declared]
        wrong = [
            f"{name} is {dtype}, not {declared[name].kind}"
            for name, dtype in schema.items()
            if name in declared and not _is(dtype, declared[name].kind)
        ]
        if missing or strange or wrong:
            raise TypeError(f"{name}: columns missing {missing}, not declared {strange}, of another type {wrong}")

    def as_dict(self) -> dict[str, Any]:
        """Return rows and columns for the manifest."""
        declared = {column.name: column for column in self.columns}
        columns = []
        for name, dtype in self.frame.schema.items():
            about: dict[str, Any] = {"name": name, "type": str(dtype)}
            column = declared.get(name)
            if column is not None and column.unit:
                about["unit"] = column.unit
            columns.append(about | {"meaning": column.meaning if column is not None else self.others})
        return {"rows": self.frame.height, "columns": columns}


def _is(dtype: pl.DataType, kind: Kind) -> bool:
    if dtype == pl.Null:
        return True
    if kind == "text":
        return dtype in (pl.String, pl.Categorical, pl.Enum)
    if kind == "integer":
        return dtype.is_integer()
    if kind == "number":
        return dtype.is_numeric()
    if kind == "boolean":
        return dtype == pl.Boolean
    return dtype.is_nested()


#: What each kind of a column of rows is held as.
_HELD = {"text": pl.String, "number": pl.Float64, "integer": pl.Int64, "boolean": pl.Boolean}


def frame_of(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> pl.DataFrame:
    """Return rows as a table of declared columns."""
    return pl.DataFrame(rows, schema={column.name: _HELD[column.kind] for column in columns}, orient="row")


def or_none(value: float) -> float | None:
    """Return a number as a table has it: None where there is none."""
    return None if math.isnan(value) else float(value)
