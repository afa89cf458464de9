"""One file of vectors as a table: which plate and well each row is of, and how to read some of its rows.

Whatever the format, opening a file reads the names of plates and wells only. Vectors are read for the rows asked
for, a block at a time, or are memory-mapped (unpacked first, where they are packed); nothing is unpickled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from ..choices import did_you_mean
from ..errors import InputError, examples
from ..tables.profiles import Source
from ..tables.wells import PLATE, WELL, column_spelled, plain_wells
from .digests import source_of

__all__ = [
    "PLATE",
    "SAMPLE",
    "WELL",
    "VectorTable",
    "Vectors",
    "dimension_of",
    "key_columns",
    "read_rows",
    "table_of",
    "tidy_keys",
]

SAMPLE: Final = "Metadata_broad_sample"
_BLOCK: Final = 2**22  # values read at once: bounds the working memory

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class VectorTable:
    """The n vectors of a file, of which only the keys have been read.

    Attributes
    ----------
    shown : str
        The path, as the user gave it.
    keys : polars.DataFrame
        n rows in the order of the vectors: ``Metadata_Plate``, ``Metadata_Well`` (as ``B07``), and
        ``Metadata_broad_sample`` where the file has it; text, blanks null.
    fetch : callable
        Reads the vectors at k ascending positions, int (k,), as float32 (k, D), C-contiguous.
    files : tuple of Path
        What was read: the file or folder, and the table of its keys.
    one_row_a_well : bool
        Whether the format holds a well once, so that a second row of it is a fault.
    notes : tuple of str
        Sentences about what was left out or read in another way.
    """

    shown: str
    keys: pl.DataFrame
    fetch: Callable[[npt.NDArray[np.int64]], Vectors]
    files: tuple[Path, ...]
    one_row_a_well: bool = False
    notes: tuple[str, ...] = ()

    @cached_property
    def plates(self) -> frozenset[str]:
        """The plates that have a row."""
        return frozenset(self.keys[PLATE].drop_nulls().unique())

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """The files with their digests; ``n_rows`` counts all rows of the file, those of other plates too."""
        return tuple(source_of(path, self.keys.height) for path in self.files)


def table_of(
    shown: str,
    keys: pl.DataFrame,
    fetch: Callable[[npt.NDArray[np.int64]], Vectors],
    files: tuple[Path, ...],
    *,
    one_row_a_well: bool = False,
    notes: Iterable[str] = (),
) -> VectorTable:
    """Make a table of vectors, its keys tidied; see `VectorTable`."""
    tidied, key_notes = tidy_keys(keys)
    said = tuple(f"'{shown}': {note}" for note in (*notes, *key_notes))
    return VectorTable(shown, tidied, fetch, files, one_row_a_well, said)


def key_columns(names: Iterable[str], shown: str, key: Sequence[str] = ()) -> dict[str, str]:
    """Choose the columns of a table that say which well a row is of.

    Parameters
    ----------
    names : iterable of str
        The columns of the table.
    shown : str
        The table, for messages.
    key : sequence of 2 str, optional
        Those of plates and of wells; told by their names, in any usual spelling, when left out.

    Returns
    -------
    dict of str to str
        ``Metadata_Plate``, ``Metadata_Well`` and, where there are samples, ``Metadata_broad_sample``, to the column.

    Raises
    ------
    InputError
        Naming the column that is not there, and what may have been meant.
    """
    known = list(names)
    wanted = dict(zip((PLATE, WELL), key or (PLATE, WELL), strict=True))
    found = {usual: column_spelled(name, known) for usual, name in wanted.items()}
    absent = [wanted[usual] for usual, name in found.items() if name is None]
    if absent:
        hint = did_you_mean(absent[0], known) or f": its columns are {examples(known)}."
        raise InputError(f"'{shown}' has no column {examples(absent)}, which say the well of each row{hint}")
    columns = {usual: name for usual, name in found.items() if name is not None}
    return columns | ({SAMPLE: SAMPLE} if SAMPLE in known else {})


def tidy_keys(keys: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Make keys text without white space around it, blanks null, and wells as plate maps write them.

    Returns
    -------
    keys : polars.DataFrame
        ``a1`` and ``A1`` are ``A01``.
    notes : list of str
        How many wells were written in another way.
    """
    text = keys.select(pl.all().cast(pl.String).str.strip_chars().replace({"": None}))
    wells = plain_wells(text[WELL])
    changed = (wells != text[WELL]).fill_null(False)
    notes = []
    if changed.any():
        one, other = text[WELL].filter(changed)[0], wells.filter(changed)[0]
        notes.append(
            f"{changed.sum()} wells are written in another way ({one!r}) and read as the plate map's {other!r}."
        )
    return text.with_columns(wells.alias(WELL)), notes


def dimension_of(shape: tuple[int, ...], dtype: np.dtype[Any], shown: str, name: str, n_keys: int) -> int:
    """Check the shape and type of stored vectors, and return D.

    Parameters
    ----------
    shape : tuple of int
        (n, D), or (n, 1, D) as CellCLIP writes it.
    dtype : numpy.dtype
    shown, name : str
        The file and the array in it.
    n_keys : int
        Rows of the keys, n.

    Raises
    ------
    InputError
        For another shape, vectors that are not real numbers, and keys of another length.
    """
    if dtype.kind not in "fiu":
        raise InputError(f"'{shown}': {name} is of type {dtype}, but vectors of real numbers are needed.")
    if len(shape) == 3 and shape[1] > 1:
        raise InputError(
            f"'{shown}': {name} has the shape {shape}, {shape[1]} vectors a row (channels or crops): take their mean "
            "first, or store each as a row of its own."
        )
    if len(shape) not in (2, 3) or 0 in shape:
        raise InputError(f"'{shown}': {name} has the shape {shape}, but one vector a row is needed, (rows, numbers).")
    if shape[0] != n_keys:
        raise InputError(
            f"'{shown}': {name} has {shape[0]} rows but there are {n_keys} keys of plate and well: writing was cut "
            "off, or the two do not belong together."
        )
    return int(shape[-1])


def read_rows(read: Callable[[int, int], Any], rows: npt.NDArray[np.int64], dimension: int) -> Vectors:
    """Read vectors at ascending positions from what reads a range of rows, a block at a time.

    Parameters
    ----------
    read : callable
        Gives rows [start, stop) as (stop - start, D) or (stop - start, 1, D).
    rows : numpy.ndarray of int64, (k,)
        Ascending.
    dimension : int
        D.

    Returns
    -------
    numpy.ndarray of shape (k, D), float32, C-contiguous
        What is beyond float32 is infinite.
    """
    found = np.empty((len(rows), dimension), np.float32)
    step = max(1, _BLOCK // dimension)
    start = 0
    while start < len(rows):
        first = int(rows[start])
        stop = int(np.searchsorted(rows, first + step))
        block = np.asarray(read(first, int(rows[stop - 1]) + 1)).reshape(-1, dimension)
        with np.errstate(over="ignore"):
            found[start:stop] = block[rows[start:stop] - first]
        start = stop
    return found
