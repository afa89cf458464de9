"""The tables around the profiles: plates, what lies in their wells, and what compounds target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import polars as pl

from ...errors import InputError, examples
from ...readers.packaged import data_folder
from ...readers.small_table import read_table
from ...tables.label_lists import label_lists
from ...tables.profiles import Profiles, Source
from ..names import MODALITIES
from ..options import Options

__all__ = [
    "PUBLISHED_KEYS",
    "Experiments",
    "Plate",
    "PlateReader",
    "experiments",
    "packaged",
    "plate_map",
    "published",
    "target_lists",
]

# Longest exposure, in hours, that counts as the short time point of a modality.
SHORT_HOURS: Final = {"compound": 24, "crispr": 96, "orf": 48}
EXPERIMENT_TABLE: Final = "experiment-metadata.tsv"
TARGET_TABLES: Final = (
    "JUMP-Target-1_compound_targets.tsv",
    "JUMP-Target-1_compound_metadata_additional_annotations.tsv",
)
#: What names a run in the table of published results.
PUBLISHED_KEYS: Final = ("task", "Cell", "Modality1", "time1", "Modality2", "time2")
_EXPERIMENT_COLUMNS: Final = (
    "Batch",
    "Assay_Plate_Barcode",
    "Perturbation",
    "Cell_type",
    "Time",
    "Density",
    "Antibiotics",
    "Cell_line",
)


@dataclass(frozen=True)
class Plate:
    """One plate of the benchmark."""

    name: str
    modality: str
    cell: str
    time: str
    hours: int

    @property
    def description(self) -> str:
        """The name of its configuration: ``compound_A549_short``."""
        return f"{self.modality}_{self.cell}_{self.time}"


@dataclass(frozen=True)
class Experiments:
    """The plates to score, in the order of the experiment table, and where they were read from."""

    plates: tuple[Plate, ...]
    source: Source
    n_table: int
    dropped: dict[str, int]

    def configurations(self) -> dict[str, tuple[Plate, ...]]:
        """Plates of each description, descriptions in order of first appearance."""
        found: dict[str, list[Plate]] = {}
        for plate in self.plates:
            found.setdefault(plate.description, []).append(plate)
        return {name: tuple(plates) for name, plates in found.items()}


def packaged() -> Path:
    """Return the folder of the packaged CPJUMP1 tables."""
    return data_folder() / "cpjump1"


def experiments(options: Options) -> Experiments:
    """Choose the plates: the batch, standard density, no antibiotics, no compounds on Cas9 cells.

    Parameters
    ----------
    options : Options
        ``metadata``, ``batch``, ``cells``, ``timelines`` and ``limit_plates`` are read.

    Returns
    -------
    Experiments
        The plates and how many each filter dropped.

    Raises
    ------
    InputError
        When the table or a column is missing, a value is not understood, or no plate is left.
    """
    path = (options.metadata or packaged()) / EXPERIMENT_TABLE
    table, source = read_table(path, _EXPERIMENT_COLUMNS)
    batch = table.filter(pl.col("Batch") == options.batch)
    if batch.is_empty():
        raise InputError(
            f"The table '{path}' has no plate of batch '{options.batch}': "
            f"its batches are {examples(table['Batch'].unique(maintain_order=True), 10)}."
        )
    for column in ("Assay_Plate_Barcode", "Perturbation", "Cell_type"):
        if batch[column].null_count():
            raise InputError(
                f"The column {column} of '{path}' is blank in {batch[column].null_count()} rows of batch "
                f"'{options.batch}': fill them in, or take the rows out."
            )
    hours = batch["Time"].cast(pl.Int64, strict=False)
    if hours.null_count():
        raise InputError(
            f"The column Time of '{path}' has values that are not whole hours: "
            f"{examples(batch['Time'].filter(hours.is_null()))}."
        )
    batch = batch.with_columns(hours.alias("hours"), pl.col("Perturbation").str.to_lowercase())
    unknown = batch.filter(~pl.col("Perturbation").is_in(MODALITIES))["Perturbation"].unique()
    if len(unknown):
        raise InputError(
            f"The column Perturbation of '{path}' has unknown values {examples(unknown)}: "
            f"known are {', '.join(MODALITIES)}."
        )
    time = (
        pl.when(pl.col("hours") <= pl.col("Perturbation").replace_strict(SHORT_HOURS, return_dtype=pl.Int64))
        .then(pl.lit("short"))
        .otherwise(pl.lit("long"))
    )
    kept = batch.with_columns(time.alias("time"))
    dropped: dict[str, int] = {}
    for reason, keep in (
        ("density is not 100", pl.col("Density") == "100"),
        ("antibiotics", pl.col("Antibiotics") == "absent"),
        ("compounds on Cas9 cells", (pl.col("Perturbation") != "compound") | (pl.col("Cell_line") != "Cas9")),
        ("listed twice", pl.col("Assay_Plate_Barcode").is_first_distinct()),
        ("timeline not asked for", pl.col("time").is_in(options.timelines)),
    ):
        before, kept = kept.height, kept.filter(keep.fill_null(False))
        dropped[reason] = before - kept.height
    if options.cells is not None:
        unknown_cells = [cell for cell in options.cells if cell not in set(batch["Cell_type"])]
        if unknown_cells:
            known = examples(batch["Cell_type"].unique(maintain_order=True))
            raise InputError(
                f"No plate of batch '{options.batch}' has the cells {examples(unknown_cells)}: known are {known}."
            )
        before, kept = kept.height, kept.filter(pl.col("Cell_type").is_in(options.cells))
        dropped["cells not asked for"] = before - kept.height
    if options.limit_plates is not None:
        dropped["beyond limit_plates"] = max(0, kept.height - options.limit_plates)
        kept = kept.head(options.limit_plates)
    if kept.is_empty():
        raise InputError(f"The table '{path}' has no plate left after the filters: {_reasons(dropped)}.")
    plates = tuple(
        Plate(*row)
        for row in kept.select("Assay_Plate_Barcode", "Perturbation", "Cell_type", "time", "hours").iter_rows()
    )
    return Experiments(plates, source, batch.height, {key: count for key, count in dropped.items() if count})


def target_lists(folder: Path | None) -> tuple[pl.DataFrame, Source]:
    """Read the targets of the compounds.

    Parameters
    ----------
    folder : Path, optional
        Where to look; None is the packaged table. Beside the two known names, a single other TSV with the
        columns ``broad_sample`` and ``target_list`` will do.

    Returns
    -------
    frame : polars.DataFrame
        ``Metadata_broad_sample`` and ``Metadata_matching_target`` (list of distinct text, never empty).
    source : Source
        The file.
    """
    base = folder or packaged()
    columns = ("broad_sample", "target_list")
    found = [base / name for name in TARGET_TABLES if (base / name).is_file()][:1] or _tables_with(base, columns)
    if len(found) != 1:
        several = f"has several tables of compound targets ({examples(path.name for path in found)})"
        problem = several if found else "has no table of compound targets"
        raise InputError(
            f"The folder '{base}' {problem}: put one TSV with the columns broad_sample and target_list "
            f"in it, such as {TARGET_TABLES[0]}."
        )
    table, source = read_table(found[0], columns)
    table = table.filter(pl.col("broad_sample").is_not_null())
    try:
        split = label_lists(table["target_list"]).lists
    except InputError as error:  # its advice is an option that this command does not have
        raise InputError(
            f"The table '{found[0]}' does not say what separates the targets of its target_list: write 'a|b'."
        ) from error
    lists = pl.DataFrame({"Metadata_broad_sample": table["broad_sample"], "Metadata_matching_target": split})
    duplicates = lists.filter(pl.col("Metadata_broad_sample").is_duplicated())["Metadata_broad_sample"].unique()
    if len(duplicates):
        raise InputError(f"The table '{found[0]}' lists compounds more than once: {examples(duplicates)}.")
    return lists.filter(pl.col("Metadata_matching_target").list.len() > 0), source


@lru_cache(maxsize=3)
def plate_map(modality: str) -> pl.DataFrame:
    """Return the 384 wells of the packaged plate map of a modality, annotated as profile files are.

    Parameters
    ----------
    modality : {"compound", "crispr", "orf"}
        Every plate of a modality has the same map.

    Returns
    -------
    polars.DataFrame
        ``Metadata_Well``, ``Metadata_broad_sample`` (missing: DMSO or an empty well),
        ``Metadata_control_type``, ``Metadata_pert_type``, and ``Metadata_gene`` (genetic) or
        ``Metadata_pert_iname`` (compound).
    """
    wells, _ = read_table(packaged() / f"JUMP-Target-1_{modality}_platemap.tsv")
    annotations = TARGET_TABLES[0] if modality == "compound" else f"JUMP-Target-1_{modality}_metadata.tsv"
    named = "pert_iname" if modality == "compound" else "gene"
    about, _ = read_table(packaged() / annotations)
    return wells.join(
        # nulls_equal: the row of DMSO has a blank key, as its wells have
        about.select("broad_sample", "control_type", "pert_type", named),
        on="broad_sample",
        how="left",
        nulls_equal=True,
        maintain_order="left",
    ).select(
        pl.col("well_position").alias("Metadata_Well"),
        pl.col("broad_sample", "control_type", "pert_type", named).name.prefix("Metadata_"),
    )


def published() -> pl.DataFrame:
    """Return the published fractions retrieved of CellProfiler profiles.

    Returns
    -------
    polars.DataFrame
        One row a run: `PUBLISHED_KEYS` (missing for the genetic side outside of gene-compound matching) and
        ``published``.
    """
    table, _ = read_table(packaged() / "reference_results.csv", separator=",")
    stored = ("task", "cell", "query_modality", "query_time", "genetic_modality", "genetic_time")
    return table.select(
        *(pl.col(name).alias(key) for name, key in zip(stored, PUBLISHED_KEYS, strict=True)),
        pl.col("fraction_retrieved").cast(pl.Float64).alias("published"),
    )


def _tables_with(folder: Path, columns: tuple[str, ...]) -> list[Path]:
    def heads(path: Path) -> set[str]:
        with path.open(encoding="utf-8", errors="replace") as handle:
            return set(handle.readline().rstrip("\r\n").split("\t"))

    return [path for path in sorted(folder.glob("*.tsv")) if heads(path).issuperset(columns)]


def _reasons(dropped: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in dropped.items() if count) or "none was listed"


# Reads the plates of one configuration; None when none of them has profiles.
PlateReader = Callable[[Sequence[Plate]], Profiles | None]
