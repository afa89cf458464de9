"""What a command is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    import polars as pl

    from ..results.folder import ResultFolder
    from ..results.tables import Column, Table
    from .job import Job
    from .measure import Measure

__all__ = ["Command", "Plan", "Report", "Result", "WithFiles", "Work"]

#: Options, and result, of a command.
O = TypeVar("O")  # noqa: E741
R = TypeVar("R", bound="Result")


class Plan(Protocol):
    """What a command would do, before it does it."""

    def frame(self) -> pl.DataFrame:
        """Return one row a step of the work."""

    def cost(self) -> Mapping[str, float]:
        """Return counts of the work, with ``seconds`` and ``peak_megabytes`` (estimates)."""

    def notes(self) -> Sequence[str]:
        """Return what was noticed, one sentence each."""


@dataclass(frozen=True)
class Work:
    """A plan that is given by its parts.

    Attributes
    ----------
    steps : polars.DataFrame
        One row a step.
    costs : mapping of str to float
        Counts of the work, ``seconds`` and ``peak_megabytes``.
    noticed : sequence of str
        Sentences.
    unit : str, default "steps"
        What a row is, in the plural.
    """

    steps: pl.DataFrame
    costs: Mapping[str, float]
    noticed: Sequence[str] = ()
    unit: str = "steps"

    def frame(self) -> pl.DataFrame:
        """Return one row a step of the work."""
        return self.steps

    def cost(self) -> Mapping[str, float]:
        """Return counts of the work."""
        return self.costs

    def notes(self) -> Sequence[str]:
        """Return what was noticed."""
        return self.noticed


class Result(Protocol):
    """What a command found, as the one writer of results takes it."""

    def tables(self) -> Mapping[str, Table | pl.DataFrame]:
        """Return tables by file name; the ending says the format, ``.csv`` or ``.parquet``."""

    def draw(self, path: Callable[[str], Path]) -> None:
        """Draw the figures; `path` gives the place of a file by its name."""

    def account(self) -> Mapping[str, Any]:
        """Return entries of the manifest: inputs, dropped, notes, device, timings, statistic."""

    def summary(self) -> Mapping[str, Any]:
        """Return what ``--json`` prints."""


@runtime_checkable
class WithFiles(Protocol):
    """A result that is more than tables and figures."""

    def write_files(self, folder: ResultFolder) -> Mapping[str, Any]:
        """Write the other files; return the declarations of tables among them, as the manifest keeps them."""


def _draw_nothing(path: Callable[[str], Path]) -> None:
    pass


@dataclass(frozen=True)
class Report:
    """A result that is given by its parts.

    Attributes
    ----------
    found : mapping of str to Table
        Tables by file name.
    accounts : mapping
        Entries of the manifest.
    drawing : callable, optional
        Draws the figures.
    headline : mapping, optional
        What ``--json`` prints.
    """

    found: Mapping[str, Table]
    accounts: Mapping[str, Any] = field(default_factory=dict)
    drawing: Callable[[Callable[[str], Path]], None] = _draw_nothing
    headline: Mapping[str, Any] = field(default_factory=dict)

    def tables(self) -> Mapping[str, Table]:
        """Return tables by file name."""
        return self.found

    def draw(self, path: Callable[[str], Path]) -> None:
        """Draw the figures."""
        self.drawing(path)

    def account(self) -> Mapping[str, Any]:
        """Return entries of the manifest."""
        return self.accounts

    def summary(self) -> Mapping[str, Any]:
        """Return what ``--json`` prints."""
        return self.headline


@dataclass(frozen=True)
class Command(Generic[O, R]):
    """A command: its options, plan, work and comparison. The functions import what they need when they are called.

    Attributes
    ----------
    name : str
        As the command line has it; in the manifest.
    options : type
        Dataclass whose fields are made by `options.option`.
    run : callable
        ``(options, job) -> result``: does the work.
    plan : callable, optional
        ``options -> plan``: for ``--dry-run``.
    measure : Measure, optional
        What of its results `fastbench compare` compares.
    columns : callable, optional
        Declared columns of its tables by file name, for the documentation.
    resumable : bool, default True
        Whether it keeps finished steps.
    output : str, default ""
        Result folder when none is named; empty: it must be named.
    output_flag : str, default "--output"
        How the command line spells the result folder.
    takes_place_of : callable, optional
        Returns whether a file of that name may be replaced although no manifest lists it, such as those of the tool
        that the command replaces.
    """

    name: str
    options: type[O]
    run: Callable[[O, Job], R]
    plan: Callable[[O], Plan] | None = None
    measure: Measure | None = None
    columns: Callable[[], Mapping[str, Sequence[Column]]] = dict
    resumable: bool = True
    output: str = ""
    output_flag: str = "--output"
    takes_place_of: Callable[[str], bool] = lambda name: False
