"""The profile files of plates: where they lie, and what must be true of each before plates are stacked.

A file in the wrong folder, a plate copied over another, or a column that one plate lacks would give numbers
all the same, and wrong ones: each is refused here, file by file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from ...choices import did_you_mean
from ...errors import InputError, examples
from ...readers.formats import TEXT, format_of
from ...readers.text_table import text_names
from ...tables.profiles import Profiles
from ..names import MODALITIES
from .metadata import Plate, plate_map

__all__ = [
    "GENE",
    "KEYS",
    "ReaderMemory",
    "check_columns",
    "check_contents",
    "column_names",
    "is_control",
    "plate_files",
    "with_text",
]

# Columns that every plate needs, and the one that plates of guides and ORFs need beside them.
KEYS: Final = ("Metadata_Plate", "Metadata_Well", "Metadata_broad_sample", "Metadata_control_type")
GENE: Final = "Metadata_gene"


@dataclass
class ReaderMemory:
    """What a reader of plates must remember from one configuration to the next, to refuse copies and to tell once.

    Attributes
    ----------
    profile_files : dict
        Digest of every profile file read to its path and plate.
    vector_files : dict
        Digest of every file of embeddings read to its path.
    dimensions : dict
        Length of the vectors, as text, to the file that has it.
    told : dict
        Notes on files that serve several configurations; the values are None.
    """

    profile_files: dict[str, tuple[str, Plate]] = field(default_factory=dict)
    vector_files: dict[str, str] = field(default_factory=dict)
    dimensions: dict[str, str] = field(default_factory=dict)
    told: dict[str, None] = field(default_factory=dict)

    def as_tree(self) -> dict[str, Any]:
        """Return plain values, as a step keeps them."""
        files = {digest: [path, *vars(plate).values()] for digest, (path, plate) in self.profile_files.items()}
        return vars(self) | {"profile_files": files}

    def restore(self, tree: Mapping[str, Any]) -> None:
        """Add what `as_tree` returned in an earlier run."""
        for digest, (path, *plate) in tree["profile_files"].items():
            self.profile_files.setdefault(digest, (path, Plate(*plate)))
        for name in ("vector_files", "dimensions", "told"):
            known = getattr(self, name)
            for key, value in tree[name].items():
                known.setdefault(key, value)


def plate_files(profiles: Path, batch: str, plate: str, suffix: str) -> list[Path]:
    """List the profile files of a plate, by name.

    Parameters
    ----------
    profiles : Path
        Folder of profiles.
    batch, plate, suffix : str
        Files are ``<profiles>/<batch>/<plate>/*<suffix>`` or ``<profiles>/<plate>/*<suffix>``; hidden files
        are not among them.

    Raises
    ------
    InputError
        When both places have files: it is not known which of them counts.
    """
    folders = {folder.resolve(): folder for folder in (profiles / plate, profiles / batch / plate)}
    found = {folder: _files_in(folder, suffix) for folder in folders.values() if folder.is_dir()}
    found = {folder: paths for folder, paths in found.items() if paths}
    if len(found) > 1:
        one, other = found
        raise InputError(f"Plate {plate} has profiles both in '{one}' and in '{other}': keep one of the two.")
    return next(iter(found.values()), [])


def _files_in(folder: Path, suffix: str) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name.endswith(suffix) and path.name[0] != ".")


def check_columns(path: Path, columns: Sequence[str], needed: Sequence[str] = KEYS) -> None:
    """Check the header of one file: in a stack, a column that one plate lacks is blank and not missing.

    Raises
    ------
    InputError
        Naming the file, the columns it lacks, and what may have been meant.
    """
    absent = [name for name in needed if name not in columns]
    if absent:
        others = [name for name in columns if name.lower().startswith("meta") and name not in needed]
        raise InputError(
            f"The profile file '{path}' has no column {examples(absent)}: give profiles annotated with the plate map"
            f"{did_you_mean(absent[0], others) or '.'}"
        )


def column_names(path: Path) -> Sequence[str]:
    """Read the names of the columns: the first line of text, or the metadata of any other format."""
    if format_of(path) not in TEXT:
        from ...readers.profiles import read_profiles

        return read_profiles(path, missing="drop-features").metadata.columns
    try:
        return text_names(path, str(path))
    except (OSError, InputError):
        return (*KEYS, GENE)  # damaged: the reader says what is wrong with it


def with_text(profiles: Profiles) -> Profiles:
    """Make keys text whatever a reader guessed, and blank text missing."""
    keys = [name for name in (*KEYS, GENE) if name in profiles.metadata.columns]
    text = [pl.col(name).cast(pl.String).str.strip_chars().replace({"": None}) for name in keys]
    return profiles.with_metadata(profiles.metadata.with_columns(text))


def check_contents(profiles: Profiles, owners: Sequence[Plate], seen: dict[str, tuple[str, Plate]]) -> None:
    """Check that each file holds the plate of its folder, and no other file holds the same.

    Parameters
    ----------
    profiles : Profiles
        What was read from k files, keys as text; rows in the order of the files.
    owners : sequence of k Plate
        The plate in whose folder each file lies.
    seen : dict
        Digest of every file read so far to its path and plate; the files of this call are added.

    Raises
    ------
    InputError
        For two files of equal content, a file whose ``Metadata_Plate`` is not its plate, and one whose
        samples are those of another modality.
    """
    start = 0
    for source, plate in zip(profiles.sources, owners, strict=True):
        rows = profiles.metadata[start : start + source.n_rows]
        start += source.n_rows
        path, other = seen.setdefault(source.sha256, (source.path, plate))
        if (path, other) != (source.path, plate):
            whose = f"plate {plate.name}" if other == plate else f"plates {other.name} and {plate.name}"
            raise InputError(
                f"The profile files '{path}' and '{source.path}' of {whose} have identical content: "
                + ("take one of them out." if other == plate else "put the profiles of each plate in its folder.")
            )
        _check_plate(rows, source.path, plate)
        _check_modality(rows, source.path, plate)


def _check_plate(rows: pl.DataFrame, path: str, plate: Plate) -> None:
    others = rows["Metadata_Plate"].filter(rows["Metadata_Plate"].ne_missing(plate.name))
    if len(others):
        names = ["blank" if name is None else name for name in others.unique(maintain_order=True)]
        raise InputError(
            f"The profile file '{path}' lies in the folder of plate {plate.name}, but {len(others)} of its "
            f"{rows.height} rows have another Metadata_Plate ({examples(names)}): put the profiles of each plate in "
            "its own folder, or correct the column."
        )


def _check_modality(rows: pl.DataFrame, path: str, plate: Plate) -> None:
    named = set(rows["Metadata_broad_sample"].drop_nulls())
    if named & _samples(plate.modality):
        return
    for modality in MODALITIES:
        found = sorted(named & _samples(modality))
        if found:
            raise InputError(
                f"The profile file '{path}' should hold {plate.modality} plate {plate.name}, but its samples are those "
                f"of the {modality} plates ({examples(found, 3)}): put the profiles of plate {plate.name} there."
            )


def _samples(modality: str) -> set[str]:
    return set(plate_map(modality)["Metadata_broad_sample"].drop_nulls())


def is_control(profiles: Profiles) -> npt.NDArray[np.bool_]:
    """Return which wells are negative controls, bool (n,)."""
    return (profiles.metadata["Metadata_control_type"] == "negcon").fill_null(False).to_numpy()
