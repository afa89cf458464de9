"""What lies in every well of the 40 plates: the table that CPJUMP1 is split by."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import polars as pl

from ...errors import InputError, examples
from ...readers.small_table import read_table
from ...tables.profiles import Source
from ..names import MODALITIES
from ..options import Options
from ..plates.metadata import (
    EXPERIMENT_TABLE,
    TARGET_TABLES,
    experiments,
    packaged,
    plate_map,
    target_lists,
)

__all__ = ["TREATED", "WELL", "poscon", "restricted", "sources", "split_table", "tidy_wells"]

#: What names a well.
WELL: Final = ("Metadata_Plate", "Metadata_Well")
#: Wells with a perturbation that is not a negative control.
TREATED: Final = pl.col("Metadata_negcon_or_other") == "pert"
_KEYS: Final = "target_split_keys.tsv"
_TYPES: Final = {"orf": "ORF", "crispr": "CRISPR", "compound": "Compound"}  # in the order of the published table


@lru_cache(maxsize=1)
def split_table() -> pl.DataFrame:
    """Return one row a well of the 40 standard plates, named as in the published ``cpjump1_metadata.csv``.

    Plates by modality (ORF, CRISPR, compound) and in the order of the experiment table, wells A01 to P24. The
    published table was made from profiles without outliers and lacks 85 of these wells; which, it does not say.

    Returns
    -------
    polars.DataFrame
        15,360 rows: ``Metadata_Plate``, ``Metadata_Well``, ``Metadata_broad_sample`` (``DMSO`` and ``empty``
        where the plate map is blank), ``Metadata_pert_type``, ``Metadata_control_type``, ``Metadata_cell_line``,
        ``Metadata_timepoint`` (hours), ``Metadata_experiment_type`` (ORF, CRISPR, Compound), ``Metadata_target``
        (the gene; of a compound, its primary target; of a guide without a gene, its kind of site),
        ``Metadata_pert_iname``, ``Metadata_InChIKey``, ``Metadata_gene``, ``Metadata_negcon_or_other`` (negcon, pert,
        empty), ``Metadata_timepoint_code`` (low, high), ``Metadata_target_radix`` (published random rank of the
        target), ``n`` (experiment types that have the target), ``Metadata_target_is_across`` (whether all three
        have), and ``Metadata_target_list`` (all targets of a compound; this one is not in the published table).
    """
    keys, _ = read_table(packaged() / _KEYS)
    # DMSO has the target NA, which is a missing one.
    keys = keys.select(
        pl.col("Metadata_target").replace({"NA": None}),
        pl.col("Metadata_target_radix").cast(pl.Int64),
        pl.col("n_experiment_types").cast(pl.Int64).alias("n"),
        (pl.col("Metadata_target_is_across") == "TRUE"),
    )
    code = pl.col("Metadata_timepoint").rank("dense").over("Metadata_experiment_type")
    return (
        pl.concat([_plates(modality) for modality in _TYPES], how="diagonal")
        .with_columns(pl.when(code == 1).then(pl.lit("low")).otherwise(pl.lit("high")).alias("Metadata_timepoint_code"))
        .join(keys, on="Metadata_target", how="left", nulls_equal=True, maintain_order="left")
        .select(
            *WELL,
            "Metadata_broad_sample",
            "Metadata_pert_type",
            "Metadata_control_type",
            "Metadata_cell_line",
            "Metadata_timepoint",
            "Metadata_experiment_type",
            "Metadata_target",
            "Metadata_pert_iname",
            "Metadata_InChIKey",
            "Metadata_gene",
            "Metadata_negcon_or_other",
            "Metadata_timepoint_code",
            "Metadata_target_radix",
            "n",
            "Metadata_target_is_across",
            "Metadata_target_list",
        )
    )


def _plates(modality: str) -> pl.DataFrame:
    """Cross the plates of a modality with its map."""
    plates = [plate for plate in experiments(Options()).plates if plate.modality == modality]
    frame = pl.DataFrame(
        {
            "Metadata_Plate": [plate.name for plate in plates],
            "Metadata_cell_line": [plate.cell for plate in plates],
            "Metadata_timepoint": [plate.hours for plate in plates],
        }
    )
    wells = _compounds() if modality == "compound" else _genes(modality)
    return frame.join(wells, how="cross", maintain_order="left_right").with_columns(
        pl.lit(_TYPES[modality]).alias("Metadata_experiment_type")
    )


def _compounds() -> pl.DataFrame:
    about, _ = read_table(packaged() / "JUMP-Target-1_compound_metadata.tsv")
    primary, _ = read_table(packaged() / TARGET_TABLES[0])
    lists, _ = target_lists(None)
    sample = "Metadata_broad_sample"
    # The row of DMSO is named NA in the one and blank in the other, as its wells are.
    keys = about.select(pl.col("broad_sample").replace({"NA": None}).alias(sample), Metadata_InChIKey="InChIKey")
    targets = primary.select(pl.col("broad_sample").alias(sample), Metadata_target="target")
    wells = plate_map("compound").with_columns(_control_or_perturbation(pl.lit("negcon")))
    for other in (keys, targets, lists.rename({"Metadata_matching_target": "Metadata_target_list"})):
        wells = wells.join(other, on=sample, how="left", nulls_equal=True, maintain_order="left")
    return wells.with_columns(pl.col(sample).fill_null("DMSO"))


def _genes(modality: str) -> pl.DataFrame:
    empty = pl.col("Metadata_broad_sample").is_null()
    wells = plate_map(modality).with_columns(_control_or_perturbation(pl.lit("empty")))
    target = pl.col("Metadata_gene")
    if modality == "crispr":  # controls have no gene but a kind of site, such as "NO_SITE (5 zeros)"
        about, _ = read_table(packaged() / "JUMP-Target-1_crispr_metadata.tsv")
        site = pl.col("negcon_control_type").str.split(" (").list.first()
        sites = about.select(pl.col("broad_sample").alias("Metadata_broad_sample"), site.alias("site"))
        wells = wells.join(sites, on="Metadata_broad_sample", how="left", maintain_order="left")
        target = pl.col("Metadata_gene").fill_null(pl.col("site"))
    return wells.with_columns(
        pl.when(empty).then(pl.lit("empty")).otherwise(target).alias("Metadata_target"),
        pl.col("Metadata_pert_type").fill_null("empty"),
        pl.col("Metadata_broad_sample").fill_null("empty"),
    ).drop("site", strict=False)


def _control_or_perturbation(blank: pl.Expr) -> pl.Expr:
    """Return whether a well is a control or a perturbation; `blank` is what a well without a sample is."""
    return (
        pl.when(pl.col("Metadata_broad_sample").is_null())
        .then(blank)
        .when(pl.col("Metadata_control_type") == "negcon")
        .then(pl.lit("negcon"))
        .otherwise(pl.lit("pert"))
        .alias("Metadata_negcon_or_other")
    )


def poscon() -> pl.Expr:
    """Select positive controls: they are treated wells here and controls to some loaders."""
    return pl.col("Metadata_control_type").fill_null("").str.starts_with("poscon")


def sources() -> tuple[Source, ...]:
    """List the packaged files that the table is made of, with their digests."""
    names = [EXPERIMENT_TABLE, TARGET_TABLES[0], _KEYS]
    names += [f"JUMP-Target-1_{modality}_{kind}.tsv" for modality in MODALITIES for kind in ("platemap", "metadata")]
    found = [read_table(packaged() / name)[1] for name in names]
    return tuple(
        Source(f"packaged:{name}", s.sha256, s.n_bytes, s.n_rows) for name, s in zip(names, found, strict=True)
    )


def tidy_wells(frame: pl.DataFrame) -> pl.DataFrame:
    """Write plates and wells as the table does: ``BR00116991__2020-11-05...`` is its plate, ``a1`` is A01."""
    plate, well = (pl.col(name).cast(pl.String).str.strip_chars() for name in WELL)
    return frame.with_columns(
        plate.str.split("__").list.first(), well.str.to_uppercase().str.replace(r"^([A-P])(\d)$", "${1}0${2}")
    )


def restricted(wells: pl.DataFrame) -> pl.DataFrame:
    """Keep the wells of a data set, in the order of the table.

    Parameters
    ----------
    wells : polars.DataFrame
        ``Metadata_Plate`` (or the folder of its images) and ``Metadata_Well``; duplicates count once.

    Raises
    ------
    InputError
        When a well is on none of the 40 plates, control or not: it cannot be split by what is not known of it.
    """
    asked = tidy_wells(wells.select(WELL)).unique(maintain_order=True)
    unknown = asked.join(split_table(), on=WELL, how="anti", nulls_equal=True, maintain_order="left")
    if unknown.height:
        named = examples("/".join(name or "blank" for name in row) for row in unknown.iter_rows())
        raise InputError(
            f"{unknown.height} wells of the data set are on no plate of the CPJUMP1 benchmark ({named}): take them "
            "out, or correct their plate and well."
        )
    return split_table().join(asked, on=WELL, how="semi", maintain_order="left")
