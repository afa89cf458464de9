"""What of a command's result is compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Measure"]


def _nothing(manifest: Mapping[str, Any]) -> str:
    return ""


def _all(frame: pl.DataFrame) -> pl.DataFrame:
    return frame


@dataclass(frozen=True)
class Measure:
    """The table of a result that is compared, row by row.

    Attributes
    ----------
    file : str
        Name of the table in the result folder.
    keys : callable
        ``frame -> names``: the columns that name a row, such as the group; rows of two results are paired by them.
    values : mapping of str to str
        Columns that are compared, higher is better, and what they are called; the first is the headline.
    passes : str, default ""
        Column of true and false: what is gained and lost.
    passes_name : str, default "passing"
        What the share of rows that pass is called.
    unit : str, default "row"
        What a row is, as sentences say it.
    rows : callable, optional
        ``frame -> frame``: the rows that are compared; all when left out.
    clusters : sequence of str, optional
        Keys that name what is independent, where rows are not.
    refusal : callable, optional
        ``manifest -> reason``: why rows are not independent and no p-value is given; empty where they are.
    """

    file: str
    keys: Callable[[pl.DataFrame], Sequence[str]]
    values: Mapping[str, str]
    passes: str = ""
    passes_name: str = "passing"
    unit: str = "row"
    rows: Callable[[pl.DataFrame], pl.DataFrame] = _all
    clusters: Sequence[str] = ()
    refusal: Callable[[Mapping[str, Any]], str] = _nothing

    @property
    def headline(self) -> str:
        """The column that verdicts are about."""
        return next(iter(self.values))
