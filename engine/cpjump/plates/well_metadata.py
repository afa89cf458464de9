"""What lies in the wells of plates, without features: from the packaged plate maps, or from profile files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from ...readers.arrow import arrow_columns, arrow_frame
from ...readers.column_roles import METADATA_PREFIXES, tidy_metadata
from ...readers.digests import source_of
from ...readers.formats import ARROW, TEXT, existing_path, format_of
from ...readers.profiles import read_profiles
from ...readers.text import type_text, without_missing_text
from ...tables.labels import DEFAULT, missing_texts
from ...tables.profiles import Profiles, Source, stack_metadata
from .files import GENE, KEYS, ReaderMemory, check_columns, check_contents, plate_files, with_text
from .metadata import Plate, plate_map

__all__ = ["WellReader", "profile_wells", "wells_on_maps"]

# Gives the wells of plates as profiles of no features, plate by plate; a plate that is not known has none.
WellReader = Callable[[Sequence[Plate]], Profiles]


def wells_on_maps(plates: Sequence[Plate]) -> Profiles:
    """Return the 384 wells of each plate as the packaged plate map of its modality has them.

    Parameters
    ----------
    plates : sequence of Plate
        Plates of one modality.

    Returns
    -------
    Profiles
        Metadata as profile files have it (`metadata.plate_map`), and no features.
    """
    frames = [plate_map(plate.modality).select(pl.lit(plate.name).alias(KEYS[0]), pl.all()) for plate in plates]
    return _featureless(pl.concat(frames), (), ())


def profile_wells(
    folder: Path, batch: str, suffix: str, memory: ReaderMemory, missing_text: Sequence[str] = (DEFAULT,)
) -> WellReader:
    """Return what reads the metadata columns of profile files, and nothing else of them.

    Parameters
    ----------
    folder, batch, suffix
        Where the profile files of a plate are, see `files.plate_files`.
    memory : ReaderMemory
        The files read before, so that one plate copied over another is refused; filled with what is read now.
    missing_text : sequence of str, default ("default",)
        Texts that mean missing, see `labels.missing_texts`.

    Returns
    -------
    callable
        Plates without a file are left out; at least one plate must have one.
    """

    def read(plates: Sequence[Plate]) -> Profiles:
        owned = [(path, plate) for plate in plates for path in plate_files(folder, batch, plate.name, suffix)]
        needed = KEYS if plates[0].modality == "compound" else (*KEYS, GENE)
        frames = [_metadata_columns(path) for path, _ in owned]
        for (path, _), frame in zip(owned, frames, strict=True):
            check_columns(path, frame.columns, needed)
        text = [i for i, (path, _) in enumerate(owned) if format_of(path) in TEXT]
        frames, notes = without_missing_text(frames, missing_texts(missing_text))
        typed = type_text([frames[i] for i in text])
        for i, frame in zip(text, typed, strict=True):
            frames[i] = frame
        sources = []
        for (path, _), frame in zip(owned, frames, strict=True):
            sources.append(source_of(path, frame.height))
        metadata, more = stack_metadata(frames, [frame.height for frame in frames])
        wells = with_text(_featureless(metadata, tuple(sources), (*notes, *more)))
        check_contents(wells, [plate for _, plate in owned], memory.profile_files)
        return wells

    return read


def _metadata_columns(path: Path) -> pl.DataFrame:
    from ...readers.text_table import text_columns, text_names

    shown, suffix = str(path), format_of(existing_path(path))
    if suffix in TEXT:
        names = [name for name in text_names(path, shown) if name.startswith(METADATA_PREFIXES)]
        check_columns(path, names, KEYS)
        columns = text_columns(path, shown, names, ())
        return pl.DataFrame({name: pl.from_arrow(values) for name, values in columns.items()})
    if suffix in ARROW:
        names = [name for name in arrow_columns(path, shown)[0] if name.startswith(METADATA_PREFIXES)]
        check_columns(path, names, KEYS)
        return tidy_metadata(arrow_frame(path, shown, names))
    return read_profiles(path, missing="drop-features").metadata


def _featureless(metadata: pl.DataFrame, sources: tuple[Source, ...], notes: tuple[str, ...]) -> Profiles:
    return Profiles(metadata, np.empty((metadata.height, 0), np.float32), (), sources, notes)
