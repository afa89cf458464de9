"""The files of embeddings: a folder with one CellCLIP file a plate, or one file with the vectors of many plates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ...choices import did_you_mean
from ...errors import InputError, examples
from ...readers.vector_table import VectorTable
from ...readers.vectors import FORMATS, open_table

__all__ = ["OneFile", "PlateFolder", "is_one_file", "open_embeddings"]


def is_one_file(path: Path) -> bool:
    """Return whether embeddings are one file (or folder of zarr), and not a folder with one a plate."""
    return not path.is_dir() or path.suffix.lower() == ".zarr"


def open_embeddings(
    path: str | Path,
    keys: str | Path | None,
    obsm: str | None,
    batch: str,
    zarr_fill: bool = False,
    *,
    key: Sequence[str] = (),
    embedding: str = "",
) -> PlateFolder | OneFile:
    """Open a folder with a file for each plate, or one file, see `embeddings.embedding_reader`."""
    place = Path(path).expanduser()
    if not place.exists():
        beside = [item.name for item in place.parent.iterdir()] if place.parent.is_dir() else []
        raise InputError(f"There are no embeddings at '{path}'{did_you_mean(place.name, beside) or '.'}")
    if is_one_file(place):
        table = None if keys is None else Path(keys).expanduser()
        return OneFile(open_table(place, table, obsm, zarr_fill, key=key, embedding=embedding))
    of_one_file = {
        "A table of keys": keys is not None,
        "An entry of obsm": obsm is not None,
        "--key": bool(key),
        "--embedding": bool(embedding),
    }
    for given in (name for name, is_given in of_one_file.items() if is_given):
        raise InputError(f"{given} goes with one file, but '{path}' is a folder: give the file itself.")
    return PlateFolder(place, batch)


class OneFile:
    """A file with the vectors of any plates."""

    def __init__(self, table: VectorTable) -> None:
        self._table = table

    def __contains__(self, plate: str) -> bool:
        return plate in self._table.plates

    def tables(self, plates: Iterable[str]) -> list[VectorTable]:
        """Return the file."""
        return [self._table]


class PlateFolder:
    """A folder with a file for each plate."""

    def __init__(self, folder: Path, batch: str) -> None:
        self._folder, self._batch = folder, batch
        if not next(folder.glob("*.h5"), None) and not next((folder / batch).glob("*.h5"), None):
            raise InputError(
                f"The folder '{folder}' has no file <plate>.h5 or {batch}/<plate>.h5: give such a folder, or one file "
                f"with all embeddings ({FORMATS})."
            )

    def __contains__(self, plate: str) -> bool:
        return self.file(plate) is not None

    def tables(self, plates: Iterable[str]) -> list[VectorTable]:
        """Return the files of some plates; those without one are left out."""
        found = {plate: self.file(plate) for plate in plates}
        return [_table_of_plate(path, plate) for plate, path in found.items() if path is not None]

    def file(self, plate: str) -> Path | None:
        """Return the file of a plate, None without one."""
        places = {(folder / f"{plate}.h5").resolve(): folder for folder in (self._folder, self._folder / self._batch)}
        found = [folder / f"{plate}.h5" for path, folder in places.items() if path.is_file()]
        if len(found) > 1:
            raise InputError(
                f"Plate {plate} has embeddings both in '{found[0]}' and in '{found[1]}': keep one of them."
            )
        return found[0] if found else None


def _table_of_plate(path: Path, plate: str) -> VectorTable:
    table = open_table(path, None, None)
    others = table.plates - {plate}
    if others:
        raise InputError(
            f"'{path}' should hold plate {plate}, but has rows of {examples(sorted(others), 3)}: give a file of "
            "several plates by itself, or correct its names."
        )
    return table
