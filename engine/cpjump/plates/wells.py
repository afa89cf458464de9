"""From the plates of a configuration to labelled wells, with an account of every one that is dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from ...errors import examples
from ...tables.bookkeeping import is_bookkeeping
from ...tables.dominance import dominant_feature_notes
from ...tables.profiles import Profiles, stack
from ..options import Options
from .embeddings import embedding_files, embedding_reader, plates_without_embeddings
from .files import GENE, ReaderMemory, check_columns, check_contents, column_names, plate_files, with_text
from .metadata import Plate, PlateReader, plate_map
from .simulate import Simulator

__all__ = ["Wells", "files_of", "missing_plates", "no_controls", "plate_reader", "read_wells"]


@dataclass(frozen=True)
class Wells:
    """The wells of one configuration.

    Parameters
    ----------
    profiles : Profiles
        n wells with a label, with ``Metadata_negcon`` (1 control, 0 treated) and ``Metadata_modality``.
    read, empty, filled : int
        Wells read; dropped for having no perturbation; named DMSO because the name was blank.
    absent, off_map : int
        Wells of the plate map that have no profile; profiles of wells that are on no plate map (kept).
    warnings : tuple of str
        Sentences about what was noticed.
    """

    profiles: Profiles
    read: int
    empty: int
    filled: int
    absent: int = 0
    off_map: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def treated(self) -> np.ndarray:
        """Which wells are not negative controls, bool (n,)."""
        return (self.profiles.metadata["Metadata_negcon"] == 0).to_numpy()

    @property
    def plates_without_controls(self) -> tuple[str, ...]:
        """Plates with treated wells and no negative control, sorted: their wells cannot be scored."""
        plates = self.profiles.metadata.group_by("Metadata_Plate").agg((pl.col("Metadata_negcon") == 1).any())
        return tuple(plates.filter(~pl.col("Metadata_negcon"))["Metadata_Plate"].sort())


def no_controls(plates: Sequence[str]) -> str:
    """Return that plates have no negative control, in words."""
    named = f"plate {plates[0]}" if len(plates) == 1 else f"{len(plates)} plates ({', '.join(plates)})"
    return f"no well of {named} is a negative control (Metadata_control_type == 'negcon')"


def plate_reader(options: Options, memory: ReaderMemory | None = None) -> PlateReader:
    """Return what reads plates: embeddings, the files under ``options.profiles``, or the simulation without both.

    It remembers the files it has read, so that one plate copied over another is refused (`files`); `memory` holds those
    of before.
    """
    known = memory or ReaderMemory()
    if options.embeddings is not None:
        return embedding_reader(
            options.embeddings,
            well_aggregate=options.well_aggregate,
            missing_text=options.missing_text,
            memory=known,
            **_place_of_embeddings(options),
        )
    if options.profiles is None:
        simulator = Simulator(options.seed, options.simulated_features)
        return lambda plates: stack([simulator.plate(plate) for plate in plates])
    folder = options.profiles

    def read(plates: Sequence[Plate]) -> Profiles | None:
        files = {plate: plate_files(folder, options.batch, plate.name, options.suffix) for plate in plates}
        owned = [(path, plate) for plate, paths in files.items() for path in paths]
        if not owned:
            return None
        columns = {path: column_names(path) for path, _ in owned}
        for path in columns:
            check_columns(path, columns[path])
        profiles = with_text(_read([path for path, _ in owned], options.missing_text))
        check_contents(profiles, [plate for _, plate in owned], known.profile_files)
        if plates[0].modality != "compound":  # last: a compound plate in the wrong folder is called just that
            for path in columns:
                check_columns(path, columns[path], (GENE,))
        joined = tuple(
            f"plate {plate.name} is read from {len(paths)} files: {examples(path.name for path in paths)}"
            for plate, paths in files.items()
            if len(paths) > 1
        )
        return replace(profiles, notes=profiles.notes + joined)

    return read


def _read(paths: list[Path], missing_text: tuple[str, ...]) -> Profiles:
    """Read profile files as the published scripts do: bookkeeping of a compartment is a feature, too, and is told."""
    from ...readers.profiles import read_profiles

    found = read_profiles(paths, features="published", missing="drop-features", missing_text=missing_text)
    kept = [name for name in found.feature_names if is_bookkeeping(name)]
    if not kept:
        return found
    note = f"features that number or count objects are kept, as in the published scripts: {examples(kept)}"
    return replace(found, notes=(*found.notes, note))


def _place_of_embeddings(options: Options) -> dict[str, Any]:
    """Return where the embeddings of a plate are found, and the profiles that annotate them."""
    return {
        "keys": options.embedding_keys,
        "obsm": options.obsm,
        "key": options.key,
        "embedding": options.embedding or "",
        "zarr_fill": options.zarr_fill,
        "batch": options.batch,
        "profiles": options.profiles,
        "suffix": options.suffix,
    }


def missing_plates(plates: Sequence[Plate], options: Options) -> tuple[str, ...]:
    """Name the plates that have no profile file or embeddings; simulated plates are never missing."""
    if options.embeddings is not None:
        return plates_without_embeddings(plates, options.embeddings, **_place_of_embeddings(options))
    folder = options.profiles
    if folder is None:
        return ()
    return tuple(p.name for p in plates if not plate_files(folder, options.batch, p.name, options.suffix))


def files_of(plates: Sequence[Plate], options: Options) -> list[Path]:
    """List the files that are read for plates, in order; simulated plates have none."""
    if options.embeddings is not None:
        return embedding_files(plates, options.embeddings, **_place_of_embeddings(options))
    folder = options.profiles
    if folder is None:
        return []
    return [path for p in plates for path in plate_files(folder, options.batch, p.name, options.suffix)]


def read_wells(plates: Sequence[Plate], read: PlateReader) -> Wells | None:
    """Read the plates of one configuration and label their wells.

    A compound well without a name is DMSO. A genetic well without a name is empty and is dropped.

    Parameters
    ----------
    plates : sequence of Plate
        Plates of one configuration.
    read : callable
        See `plate_reader`.

    Returns
    -------
    Wells or None
        None when every plate is missing.

    Raises
    ------
    InputError
        When a file lacks a column that the benchmark reads, or holds what its folder does not say (`files`).
    """
    profiles = read(plates)
    if profiles is None:
        return None
    modality, description = plates[0].modality, plates[0].description
    metadata = profiles.metadata
    warnings = [f"{description}: {note.rstrip('.')}." for note in profiles.notes]
    warnings += [f"{description}: {note}" for note in dominant_feature_notes(profiles, "cosine")]
    warnings += _count_duplicate_and_unnamed_wells(metadata, plates)
    against = _against_plate_map(metadata, plates)
    warnings += against.notes
    sample = pl.col("Metadata_broad_sample")
    named = metadata["Metadata_broad_sample"].is_not_null()
    blank = int((~named).sum())
    labelled = profiles.with_metadata(
        metadata.with_columns(
            sample.fill_null("DMSO") if modality == "compound" else sample,
            (pl.col("Metadata_control_type") == "negcon").fill_null(False).cast(pl.Int8).alias("Metadata_negcon"),
            pl.lit(modality).alias("Metadata_modality"),
        )
    )
    empty, filled = (0, blank) if modality == "compound" else (blank, 0)
    if empty:
        labelled = labelled.take(named.to_numpy())
    return Wells(labelled, metadata.height, empty, filled, against.absent, against.off_map, tuple(warnings))


def _count_duplicate_and_unnamed_wells(metadata: pl.DataFrame, plates: Sequence[Plate]) -> list[str]:
    """Return notes on wells that change the numbers: listed more than once, or without a name."""
    description = plates[0].description
    found = []
    twice = metadata.filter(metadata.select("Metadata_Plate", "Metadata_Well").is_duplicated())
    if twice.height:
        found.append(
            f"{description}: {twice.height} rows share plate and well with another row and count as "
            f"replicates of it, on plates {examples(twice['Metadata_Plate'].unique().sort())}."
        )
    unnamed = metadata.filter(
        pl.col("Metadata_broad_sample").is_null() & pl.col("Metadata_control_type").is_null()
    ).height
    if unnamed and plates[0].modality == "compound":
        found.append(
            f"{description}: {unnamed} wells have neither a sample nor a control type; they are named DMSO and count "
            "as treated, not as controls."
        )
    return found


class _AgainstPlateMap(NamedTuple):
    """Wells of the plate map without a profile, profiles of wells on no map, and both in words."""

    absent: int
    off_map: int
    notes: list[str]


def _against_plate_map(metadata: pl.DataFrame, plates: Sequence[Plate]) -> _AgainstPlateMap:
    """Count the wells of the plate map without a profile, and profiles of wells on no map; name them by plate."""
    description = plates[0].description
    mapped = plate_map(plates[0].modality)["Metadata_Well"]
    absent: dict[str, list[str]] = {}
    off_map: dict[str, list[str]] = {}
    for (plate,), rows in metadata.group_by("Metadata_Plate", maintain_order=True):
        wells = rows["Metadata_Well"].fill_null("blank")
        absent[str(plate)] = mapped.filter(~mapped.is_in(wells.implode())).to_list()
        off_map[str(plate)] = wells.filter(~wells.is_in(mapped.implode())).to_list()
    notes = []
    for places, text in (
        (absent, "wells of the plate map have no profile"),
        (off_map, "profiles are of wells that are on no plate map, and are scored all the same"),
    ):
        listed = [f"plate {plate}: {len(wells)} ({examples(wells, 3)})" for plate, wells in places.items() if wells]
        if listed:
            notes.append(f"{description}: {sum(map(len, places.values()))} {text}; {'; '.join(listed)}.")
    return _AgainstPlateMap(sum(map(len, absent.values())), sum(map(len, off_map.values())), notes)
