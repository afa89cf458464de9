"""Split manifests: one CSV row a well with its subset. Writing them, reading them, and choosing wells by them."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from ...choices import did_you_mean
from ...errors import InputError, examples
from ...readers.small_table import read_table
from ...results.files import csv_bytes, json_bytes, temporary_file, write_error
from ...results.json_files import read_json
from ...results.manifest import package_version
from ...results.replace import finish_replacing, replace_files
from ...tables.profiles import Source
from .strategies import SUBSETS, Split
from .wells import WELL, sources, tidy_wells

__all__ = ["Manifest", "WellFilter", "filter_wells", "output_paths", "read_manifest", "subset_name", "write_split"]

_REQUIRED: Final = ("subset", *WELL)
_ALIASES: Final = {"val": "validate"}


@dataclass(frozen=True)
class Manifest:
    """A split manifest as read.

    Parameters
    ----------
    wells : polars.DataFrame
        Its rows, all columns as text; ``subset`` is train, validate or test, plates and wells as `tidy_wells` writes
        them.
    source : Source
        The file.
    """

    wells: pl.DataFrame
    source: Source

    @property
    def sizes(self) -> dict[str, int]:
        """Rows of each subset that has any."""
        counts = dict(self.wells["subset"].value_counts().iter_rows())
        return {name: counts[name] for name in SUBSETS if name in counts}


@dataclass(frozen=True)
class WellFilter:
    """The wells of one subset, by plate.

    Parameters
    ----------
    subset : {"train", "validate", "test"}
        The subset.
    wells : dict
        Plate to its wells in the subset. A plate that is not a key has none and is to be dropped.
    """

    subset: str
    wells: dict[str, frozenset[str]]

    @property
    def plates(self) -> tuple[str, ...]:
        """The plates that occur in the subset, sorted."""
        return tuple(sorted(self.wells))

    def keep(self, metadata: pl.DataFrame) -> npt.NDArray[np.bool_]:
        """Return which rows to keep: wells of the subset, and all negative controls of its plates.

        Parameters
        ----------
        metadata : polars.DataFrame
            n rows with ``Metadata_Plate``, ``Metadata_Well`` and ``Metadata_control_type``.

        Returns
        -------
        numpy.ndarray of shape (n,), bool
        """
        tidy = tidy_wells(metadata.select(*WELL, "Metadata_control_type"))
        pairs = [(plate, well) for plate, wells in self.wells.items() for well in wells]
        chosen = pl.DataFrame(pairs, schema=dict.fromkeys(WELL, pl.String), orient="row")
        rows = tidy.join(chosen.with_columns(pl.lit(True).alias("chosen")), on=WELL, how="left", maintain_order="left")
        control = pl.col("Metadata_Plate").is_in(list(self.wells)) & (pl.col("Metadata_control_type") == "negcon")
        kept = rows.select(pl.col("chosen").fill_null(False) | control.fill_null(False))
        return kept.to_series().to_numpy()


def subset_name(text: str) -> str:
    """Return the name of a subset as manifests have it; ``val`` is validate, case and spaces do not count.

    Raises
    ------
    InputError
        For an unknown name.
    """
    name = text.strip().lower()
    name = _ALIASES.get(name, name)
    if name not in SUBSETS:
        raise InputError(f"Unknown subset {text!r}: choose from {', '.join(SUBSETS)}.")
    return name


def read_manifest(path: str | Path) -> Manifest:
    """Read a split manifest.

    Parameters
    ----------
    path : path
        A CSV file with at least the columns ``subset``, ``Metadata_Plate`` and ``Metadata_Well``.

    Raises
    ------
    InputError
        When it cannot be read, is not the table that the record beside it describes, lacks a column, has no row, a
        blank plate or well, an unknown subset, or a well in several subsets.
    """
    _finish(Path(path))
    frame, source = read_table(Path(path), separator=",", what="split manifest")
    _check_record(Path(path), source)
    absent = [name for name in _REQUIRED if name not in frame.columns]
    if absent:
        raise InputError(
            f"The split manifest '{path}' has no column {examples(absent)}: it needs {', '.join(_REQUIRED)}"
            f"{did_you_mean(absent[0], frame.columns) or '.'}"
        )
    if frame.is_empty():
        raise InputError(f"The split manifest '{path}' has no rows: give one row a well.")
    label = pl.col("subset").str.strip_chars().str.to_lowercase().replace(_ALIASES)
    frame = tidy_wells(frame).with_columns(label.alias("label"))
    for name in WELL:
        blank = frame[name].fill_null("") == ""
        if blank.any():
            rows = examples(blank.arg_true() + 2)
            raise InputError(
                f"The split manifest '{path}' has {blank.sum()} blank {name}, in lines {rows}: fill them in."
            )
    unknown = frame.filter(~pl.col("label").is_in(SUBSETS).fill_null(False))["subset"]
    if len(unknown):
        raise InputError(
            f"The split manifest '{path}' has {len(unknown)} rows of unknown subset "
            f"({examples(unknown.fill_null('').unique(maintain_order=True))}): choose from {', '.join(SUBSETS)}."
        )
    subsets = frame.group_by(WELL, maintain_order=True).agg(pl.col("label").unique(maintain_order=True))
    several = subsets.filter(pl.col("label").list.len() > 1)
    if len(several):
        plate, well, labels = several.row(0)
        raise InputError(
            f"The split manifest '{path}' puts {len(several)} wells in several subsets ({plate} {well}: "
            f"{', '.join(labels)}): give every well one."
        )
    return Manifest(frame.with_columns(subset="label").drop("label"), source)


def _finish(table: Path) -> None:
    """Finish what a run that was killed was replacing; a folder that cannot be written is read as it is."""
    with contextlib.suppress(OSError):
        finish_replacing(table.expanduser())


def _check_record(table: Path, source: Source) -> None:
    """Refuse a table that is not the one which the record beside it describes.

    Raises
    ------
    InputError
        Naming both files.
    """
    record = table.expanduser().with_suffix(".json")
    try:
        about = read_json(record)
    except (OSError, ValueError):
        return
    output = about.get("output") if isinstance(about, dict) and about.get("command") == "cpjump split" else None
    if not isinstance(output, dict) or output.get("path") != table.name:
        return
    if output.get("sha256") != source.sha256:
        raise InputError(
            f"The split manifest '{table}' is not the table that '{record}' describes: one of the two was changed or "
            "copied without the other; make the split again, or remove the record if the change was meant."
        )


def filter_wells(manifest: Manifest, subset: str) -> WellFilter:
    """Choose the wells of a subset.

    Parameters
    ----------
    manifest : Manifest
        As `read_manifest` gives it.
    subset : str
        ``train``, ``validate`` (or ``val``) or ``test``.

    Raises
    ------
    InputError
        When the subset is unknown or has no well.
    """
    name = subset_name(subset)
    rows = manifest.wells.filter(subset=name)
    if rows.is_empty():
        others = ", ".join(f"{label} ({n} wells)" for label, n in manifest.sizes.items())
        raise InputError(f"The split manifest '{manifest.source.path}' has no well in {name}: it has {others}.")
    plates = rows.group_by("Metadata_Plate", maintain_order=True).agg("Metadata_Well")
    return WellFilter(name, {plate: frozenset(wells) for plate, wells in plates.iter_rows()})


def output_paths(output: str | Path, overwrite: bool) -> tuple[Path, Path]:
    """Return where the CSV and the JSON beside it go, and check, before any work, that they may.

    Raises
    ------
    InputError
        When the name does not end in ``.csv``, a folder stands there, or a file does and `overwrite` is not set.
    """
    table = Path(output).expanduser()
    if table.suffix != ".csv":
        raise InputError(f"The output '{output}' is not a CSV file: give a name that ends in .csv.")
    record = table.with_suffix(".json")
    _finish(table)
    for path in (table, record):
        if path.is_dir():
            raise InputError(f"The output '{path}' is a folder: give the name of a file.")
        if path.exists() and not overwrite:
            raise InputError(f"The output '{path}' exists: choose another, or pass --overwrite to replace it.")
    return table, record


def write_split(split: Split, paths: tuple[Path, Path], about: dict[str, Any], notes: Sequence[str] = ()) -> None:
    """Write the manifest, and beside it a JSON record of how it was made.

    Parameters
    ----------
    split : Split
        The split.
    paths : tuple of Path
        As `output_paths` gives them. Missing folders are made.
    about : dict
        What else the record is to hold.
    notes : sequence of str
        Sentences to add to those of the split.

    Raises
    ------
    InputError
        When a file cannot be written.
    """
    table, record = paths
    try:
        table.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(table, error) from error
    content = csv_bytes(split.manifest)
    written = Source(table.name, hashlib.sha256(content).hexdigest(), len(content), split.manifest.height)
    summary = {
        "command": "cpjump split",
        "fastbench_version": package_version("fastbench"),
        "options": split.options.as_dict(),
        "inputs": [source.as_dict() for source in sources()],
        "output": written.as_dict(),
        "counts": split.counts(),
        "skipped_wells": split.skipped,
        "notes": [*split.notes, *notes],
        **about,
    }
    described = json_bytes(summary)
    with (
        temporary_file(table, lambda handle: handle.write(content)) as new_table,
        temporary_file(record, lambda handle: handle.write(described)) as new_record,
    ):
        try:
            replace_files({new_table: table, new_record: record}, table)
        except OSError as error:
            raise write_error(table, error) from error
