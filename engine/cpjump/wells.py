"""From the plates of a configuration to labelled wells, with an account of every one that is dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ..errors import InputError, examples
from ..profiles import Profiles, stack
from .metadata import Plate
from .options import Options
from .simulate import Simulator

__all__ = ["PlateReader", "Wells", "missing_plates", "plate_reader", "read_wells"]

# Reads the plates of one configuration; None when none of them has profiles.
PlateReader = Callable[[Sequence[Plate]], Profiles | None]
_KEYS = ("Plate", "Well", "broad_sample", "control_type", "gene")


@dataclass(frozen=True)
class Wells:
    """The wells of one configuration.

    Parameters
    ----------
    profiles : Profiles
        n wells with a label, with ``Metadata_negcon`` (1 control, 0 treated) and ``Metadata_modality``.
    read, empty, filled : int
        Wells read; dropped for having no perturbation; named DMSO because the name was blank.
    warnings : tuple of str
        Sentences about what was noticed.
    """

    profiles: Profiles
    read: int
    empty: int
    filled: int
    warnings: tuple[str, ...] = ()

    @property
    def treated(self) -> np.ndarray:
        """Which wells are not negative controls, bool (n,)."""
        return (self.profiles.metadata["Metadata_negcon"] == 0).to_numpy()


def plate_reader(options: Options) -> PlateReader:
    """Return what reads plates: the files under ``options.profiles``, or the simulation without it."""
    if options.profiles is None:
        simulator = Simulator(options.seed, options.simulated_features)
        return lambda plates: stack([simulator.plate(plate) for plate in plates])
    root = _plates_root(options.profiles, options.batch)

    def read(plates: Sequence[Plate]) -> Profiles | None:
        from ..readers import read_profiles

        paths = [path for plate in plates for path in plate_files(root, plate.name, options.suffix)]
        return read_profiles(paths, missing="drop-features") if paths else None

    return read


def missing_plates(plates: Sequence[Plate], options: Options) -> tuple[str, ...]:
    """Name the plates that have no profile file; simulated plates are never missing."""
    if options.profiles is None:
        return ()
    root = _plates_root(options.profiles, options.batch)
    return tuple(plate.name for plate in plates if not plate_files(root, plate.name, options.suffix))


def _plates_root(profiles: Path, batch: str) -> Path:
    """Plates lie under the folder of the batch where there is one, else in the folder itself."""
    return profiles / batch if (profiles / batch).is_dir() else profiles


def plate_files(root: Path, plate: str, suffix: str) -> list[Path]:
    """List the profile files of a plate, by name.

    Parameters
    ----------
    root : Path
        Folder of plates.
    plate, suffix : str
        Files are ``<root>/<plate>/*<suffix>``; hidden files are not among them.
    """
    folder = root / plate
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.name.endswith(suffix) and path.name[0] != ".")


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
        When a column that the benchmark reads is missing, or its plates are not the ones asked for.
    """
    profiles = read(plates)
    if profiles is None:
        return None
    modality, description = plates[0].modality, plates[0].description
    _check_columns(profiles, modality, description)
    profiles = _with_text(profiles)
    metadata = profiles.metadata
    warnings = [f"{description}: {note.rstrip('.')}." for note in profiles.notes]
    warnings += _oddities(metadata, plates)
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
    if modality == "compound":
        return Wells(labelled, metadata.height, 0, blank, tuple(warnings))
    return Wells(labelled.take(named.to_numpy()), metadata.height, blank, 0, tuple(warnings))


def _check_columns(profiles: Profiles, modality: str, description: str) -> None:
    needed = [f"Metadata_{name}" for name in (_KEYS[:-1] if modality == "compound" else _KEYS)]
    absent = [name for name in needed if name not in profiles.metadata.columns]
    if absent:
        where = f" ('{profiles.sources[0].path}')" if profiles.sources else ""
        raise InputError(
            f"The profiles of {description}{where} have no column {examples(absent)}: "
            "give profiles annotated with the plate map."
        )


def _with_text(profiles: Profiles) -> Profiles:
    """Make keys text whatever a reader guessed, and blank text missing."""
    keys = [f"Metadata_{name}" for name in _KEYS if f"Metadata_{name}" in profiles.metadata.columns]
    text = [pl.col(name).cast(pl.String).str.strip_chars().replace({"": None}) for name in keys]
    return profiles.with_metadata(profiles.metadata.with_columns(text))


def _oddities(metadata: pl.DataFrame, plates: Sequence[Plate]) -> list[str]:
    """Say what would change the numbers without a word: doubled wells, other plates, plates without controls."""
    description = plates[0].description
    found = []
    strangers = set(metadata["Metadata_Plate"]).difference(plate.name for plate in plates)
    if strangers:
        found.append(
            f"{description}: the column Metadata_Plate names other plates: {examples(sorted(map(str, strangers)))}."
        )
    twice = metadata.filter(metadata.select("Metadata_Plate", "Metadata_Well").is_duplicated())
    if twice.height:
        found.append(
            f"{description}: {twice.height} rows share plate and well with another row and count as "
            f"replicates of it, on plates {examples(twice['Metadata_Plate'].unique().sort())}."
        )
    nameless = metadata.filter(
        pl.col("Metadata_broad_sample").is_null() & pl.col("Metadata_control_type").is_null()
    ).height
    if nameless and plates[0].modality == "compound":
        found.append(
            f"{description}: {nameless} wells have neither a sample nor a control type; they are named DMSO and count "
            "as treated, not as controls."
        )
    controls = metadata.group_by("Metadata_Plate").agg((pl.col("Metadata_control_type") == "negcon").sum().alias("n"))
    bare = controls.filter(n=0)["Metadata_Plate"].sort()
    if len(bare):
        found.append(f"{description}: no well is a negative control (negcon) on plates {examples(bare)}.")
    return found
