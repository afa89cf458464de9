"""From the plates of a configuration to labelled wells, with an account of every one that is dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl

from ..errors import InputError, examples
from ..profiles import Profiles, stack
from .metadata import Plate
from .options import Options
from .simulate import Simulator

__all__ = ["PlateReader", "Wells", "missing_plates", "plate_reader", "read_wells"]

# Reads one plate; None when its profiles are missing.
PlateReader = Callable[[Plate], Profiles | None]


@dataclass(frozen=True)
class Wells:
    """The wells of one configuration.

    Parameters
    ----------
    profiles : Profiles
        n wells with a label, with ``Metadata_negcon`` (1 control, 0 treated) and ``Metadata_modality``.
    read, empty, filled : int
        Wells read; dropped for having no perturbation; named DMSO because the name was blank.
    missing : tuple of str
        Plates without profiles.
    warnings : tuple of str
        Sentences about what was noticed.
    """

    profiles: Profiles
    read: int
    empty: int
    filled: int
    missing: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    @property
    def treated(self) -> np.ndarray:
        """Which wells are not negative controls, bool (n,)."""
        return (self.profiles.metadata["Metadata_negcon"] == 0).to_numpy()


def plate_reader(options: Options) -> PlateReader:
    """Return what reads a plate: the files under ``options.profiles``, or the simulation without it."""
    if options.profiles is None:
        return Simulator(options.seed, options.simulated_features).plate
    root = _plates_root(options.profiles, options.batch)

    def read(plate: Plate) -> Profiles | None:
        from ..readers import read_profiles

        paths = plate_files(root, plate.name, options.suffix)
        return read_profiles(paths) if paths else None

    return read


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
        Files are ``<root>/<plate>/*<suffix>``.
    """
    folder = root / plate
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.name.endswith(suffix) and not path.name.startswith("."))


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
        When a column that the benchmark reads is missing.
    """
    modality = plates[0].modality
    found = {plate: read(plate) for plate in plates}
    missing = tuple(plate.name for plate, profiles in found.items() if profiles is None)
    present = {plate: profiles for plate, profiles in found.items() if profiles is not None}
    if not present:
        return None
    for plate, profiles in present.items():
        _check_columns(plate, profiles)
    profiles = stack([_with_text(profiles) for profiles in present.values()])
    metadata = profiles.metadata
    warnings = [f"{plates[0].description}: {note}." for note in profiles.notes]
    twice = metadata.filter(metadata.select("Metadata_Plate", "Metadata_Well").is_duplicated())
    if len(twice):
        warnings.append(
            f"{plates[0].description}: {len(twice)} rows share plate and well with another row and count as "
            f"replicates of it, on plates {examples(twice['Metadata_Plate'].unique().sort())}."
        )
    named = metadata["Metadata_broad_sample"].is_not_null()
    filled = int((~named).sum()) if modality == "compound" else 0
    empty = 0 if modality == "compound" else int((~named).sum())
    sample = pl.col("Metadata_broad_sample")
    labelled = profiles.with_metadata(
        metadata.with_columns(
            sample.fill_null("DMSO") if modality == "compound" else sample,
            (pl.col("Metadata_control_type") == "negcon").fill_null(False).cast(pl.Int8).alias("Metadata_negcon"),
            pl.lit(modality).alias("Metadata_modality"),
        )
    )
    if empty:
        labelled = labelled.take(named.to_numpy())
    labelled, notes = _finite(labelled, plates[0].description)
    return Wells(labelled, metadata.height, empty, filled, missing, (*warnings, *notes))


def _check_columns(plate: Plate, profiles: Profiles) -> None:
    needed = ["Metadata_Plate", "Metadata_Well", "Metadata_broad_sample", "Metadata_control_type"]
    if plate.modality != "compound":
        needed.append("Metadata_gene")
    absent = [name for name in needed if name not in profiles.metadata.columns]
    if absent:
        where = profiles.sources[0].path if profiles.sources else plate.name
        raise InputError(
            f"The profiles of plate {plate.name} ('{where}') have no column {examples(absent)}: "
            "give profiles annotated with the plate map."
        )


def _with_text(profiles: Profiles) -> Profiles:
    """Make keys text whatever a reader guessed, and blank text missing."""
    known = ("Plate", "Well", "broad_sample", "control_type", "gene")
    keys = [f"Metadata_{name}" for name in known if f"Metadata_{name}" in profiles.metadata.columns]
    text = [pl.col(name).cast(pl.String).str.strip_chars().replace({"": None}) for name in keys]
    return profiles.with_metadata(profiles.metadata.with_columns(text))


def _finite(profiles: Profiles, description: str) -> tuple[Profiles, list[str]]:
    """Leave out features that are not a number somewhere: no similarity would be a number either."""
    finite = np.isfinite(profiles.features).all(axis=0)
    if finite.all():
        return profiles, []
    names = [name for name, good in zip(profiles.feature_names, finite, strict=True) if not good]
    if not finite.any():
        raise InputError(
            f"{description}: every feature has a missing or infinite value somewhere: impute or drop them first."
        )
    kept = replace(
        profiles,
        features=np.ascontiguousarray(profiles.features[:, finite]),
        feature_names=tuple(name for name, good in zip(profiles.feature_names, finite, strict=True) if good),
    )
    return kept, [
        f"{description}: {len(names)} features have missing or infinite values and were left out: {examples(names)}."
    ]


def missing_plates(plates: Sequence[Plate], options: Options) -> tuple[str, ...]:
    """Name the plates that have no profile file; simulated plates are never missing."""
    if options.profiles is None:
        return ()
    root = _plates_root(options.profiles, options.batch)
    return tuple(plate.name for plate in plates if not plate_files(root, plate.name, options.suffix))
