"""Result folders, read to be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import polars as pl

from ..choices import did_you_mean
from ..command.measure import Measure
from ..errors import InputError
from ..options import options_of
from ..results.earlier import check_unchanged, manifest_of

__all__ = [
    "KEY",
    "Run",
    "baseline_first",
    "command_of",
    "differing_options",
    "named_folders",
    "read_run",
]

#: Column of the joined keys of a row.
KEY = "key"


class Named(Protocol):
    """Anything that is called by a name."""

    @property
    def name(self) -> str:
        """What it is called in tables and figures."""


R = TypeVar("R", bound=Named)


@dataclass(frozen=True)
class Run:
    """One result folder.

    Attributes
    ----------
    name : str
        What it is called in tables and figures.
    manifest : mapping
        What it says of itself.
    keys : tuple of str
        Columns that name a row.
    frame : polars.DataFrame
        The keys as text, the values as float64 and the flag.
    """

    name: str
    manifest: Mapping[str, Any]
    keys: tuple[str, ...]
    frame: pl.DataFrame


def named_folders(texts: Sequence[str], least: int = 2) -> dict[str, Path]:
    """Name result folders: ``NAME=DIR``, or the name of the folder.

    Parameters
    ----------
    texts : sequence of str
        As the user gave them. What is a folder as it stands is one, whatever its name holds.
    least : int, default 2
        How many are needed.

    Returns
    -------
    dict of str to Path
        In the order given.

    Raises
    ------
    InputError
        Fewer than `least`, no name, or two of one name.
    """
    found: dict[str, Path] = {}
    for text in texts:
        name, equals, place = text.partition("=")
        folder = Path(place if equals and not Path(text).is_dir() else text).expanduser()
        name = name.strip() if equals and not Path(text).is_dir() else folder.resolve().name
        if folder.is_file():
            raise InputError(f"'{folder}' is a file: give the result folder that it is in, '{folder.parent}'.")
        if not name:
            raise InputError(f"The result '{text}' has no name: give it as NAME=DIR.")
        if name in found:
            raise InputError(
                f"Two results are called {name!r} ('{found[name]}' and '{folder}'): name them yourself, NAME=DIR."
            )
        found[name] = folder
    if len(found) < least:
        raise InputError(f"A comparison needs two or more result folders, but got {len(found)}: give another.")
    return found


def command_of(folder: Path) -> str:
    """Return which command wrote a result folder; what is no result of fastbench is refused."""
    return str(manifest_of(folder).get("command"))


def read_run(name: str, folder: Path, command: str, measure: Measure) -> Run:
    """Read the table of a result folder.

    Parameters
    ----------
    name : str
        What to call it.
    folder : Path
        The result folder.
    command : str
        The command that must have written it.
    measure : Measure
        What of it is compared.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        It is of another command, or its table is damaged.
    """
    manifest = manifest_of(folder, command)
    path = folder / measure.file
    again = f"run 'fastbench {command}' again."
    try:
        table = measure.rows(pl.read_csv(path, infer_schema_length=None))
        keys = tuple(measure.keys(table))
        passes = [pl.col(measure.passes).cast(pl.Boolean)] if measure.passes else []
        numbers = [pl.col(each).cast(pl.Float64).fill_nan(None) for each in measure.values]
        frame = table.select(*(pl.col(key).cast(pl.String).fill_null("") for key in keys), *numbers, *passes)
    except (OSError, ValueError, OverflowError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0].rstrip(".")
        raise InputError(f"The table '{path}' cannot be used ({reason}): {again}") from error
    check_unchanged(folder, manifest, measure.file)
    if not keys or frame.select(keys).is_duplicated().any():
        raise InputError(f"The table '{path}' has two rows of one {measure.unit}: {again}")
    return Run(name, manifest, keys, frame.with_columns(pl.concat_str(keys, separator=" | ").alias(KEY)))


def baseline_first(runs: Sequence[R], baseline: str) -> list[R]:
    """Return the runs, the one that the others are compared with first."""
    names = [run.name for run in runs]
    if not baseline:
        return list(runs)
    if baseline not in names:
        listed = ", ".join(map(repr, names))
        raise InputError(f"No run is called {baseline!r}{did_you_mean(baseline, names) or '.'} The runs are {listed}.")
    return sorted(runs, key=lambda run: run.name != baseline)


def differing_options(runs: Sequence[Run], declared: type) -> list[str]:
    """Return one sentence for each option, but their inputs, that decides numbers and in which the runs differ."""
    notes = []
    for each in options_of(declared):
        if each.reads or not each.decides:
            continue
        given = [(run.name, (run.manifest.get("options") or {}).get(each.name)) for run in runs]
        values = list(dict.fromkeys(repr(value) for _, value in given))
        if len(values) > 1:
            shown = "; ".join(
                f"{value} in {', '.join(name for name, own in given if repr(own) == value)}" for value in values
            )
            notes.append(f"The option {each.name} differs ({shown}): differences between runs may come from it.")
    return notes
