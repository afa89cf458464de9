"""Wells, queries and pairs of a run in which every perturbation takes part, from the plate maps alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from .plates.metadata import Plate, plate_map
from .presets import Preset

__all__ = ["expected_counts", "perturbations"]

Counts = dict[str, int]


def perturbations(modality: str, targets: pl.DataFrame) -> pl.DataFrame:
    """List the treated perturbations of a modality with the labels they are matched by.

    Parameters
    ----------
    modality : {"compound", "crispr", "orf"}
        Whose packaged plate map to read.
    targets : polars.DataFrame
        Targets of compounds, as `metadata.target_lists` gives them.

    Returns
    -------
    polars.DataFrame
        ``Metadata_broad_sample``, ``wells`` (on one plate) and ``Metadata_matching_target`` (list; missing
        for a compound without targets).
    """
    treated = (
        plate_map(modality)
        .filter(
            pl.col("Metadata_broad_sample").is_not_null(),
            pl.col("Metadata_control_type").fill_null("") != "negcon",
        )
        .group_by("Metadata_broad_sample", maintain_order=True)
    )
    if modality == "compound":
        return treated.agg(pl.len().alias("wells")).join(
            targets, on="Metadata_broad_sample", how="left", maintain_order="left"
        )
    gene = pl.concat_list(pl.col("Metadata_gene").first()).alias("Metadata_matching_target")
    return treated.agg(pl.len().alias("wells"), gene)


def expected_counts(
    task: str, first: Sequence[Plate], second: Sequence[Plate], targets: pl.DataFrame, preset: Preset
) -> Counts:
    """Count a run as if every perturbation passed the gate and no plate were missing.

    Parameters
    ----------
    task : {"replicability", "matching", "gene_compound_matching"}
        The task.
    first, second : sequence of Plate
        Plates of its configuration, and of the genetic configuration in gene-compound matching (else empty).
    targets : polars.DataFrame
        Targets of compounds.
    preset : Preset
        Decides the negatives of gene-compound matching.

    Returns
    -------
    dict
        ``profiles`` scored against each other, ``queries`` (rows, or lists of a label and a row), ``groups``,
        ``positive_pairs`` (once a label) and ``negative_pairs``, unordered.
    """
    if task == "replicability":
        return _replicability(first)
    left = perturbations(first[0].modality, targets).drop_nulls("Metadata_matching_target")
    if task == "matching":
        return _matching(left, multilabel=first[0].modality == "compound")
    return _cross(left, perturbations(second[0].modality, targets), preset)


def _replicability(plates: Sequence[Plate]) -> Counts:
    modality = plates[0].modality
    wells = plate_map(modality)
    control = wells["Metadata_control_type"].fill_null("") == "negcon"
    labelled = wells["Metadata_broad_sample"].is_not_null() | (modality == "compound")
    n_control = int(control.sum())
    copies = wells.filter(labelled & ~control)["Metadata_broad_sample"].value_counts()["count"].to_numpy() * len(plates)
    return {
        "profiles": int(labelled.sum()) * len(plates),
        "queries": int(copies.sum()),
        "groups": len(copies),
        "positive_pairs": int((copies * (copies - 1) // 2).sum()),
        "negative_pairs": int(copies.sum()) * n_control,
    }


def _matching(rows: pl.DataFrame, *, multilabel: bool) -> Counts:
    carried = _incidence(rows, sorted(set(rows["Metadata_matching_target"].explode())))
    carriers = carried.sum(axis=0)
    if not multilabel:  # a guide whose gene has no other guide takes no part at all
        carried = carried[:, carriers >= 2]
        carried = carried[carried.any(axis=1)]
        carriers = carried.sum(axis=0)
    n = len(carried)
    sharing = (_sharing(carried, carried) - n) // 2
    return {
        "profiles": n,
        "queries": int(carriers[carriers >= 2].sum()),
        "groups": int((carriers >= 2).sum()),
        "positive_pairs": int((carriers * (carriers - 1) // 2).sum()),
        "negative_pairs": n * (n - 1) // 2 - sharing,
    }


def _cross(compounds: pl.DataFrame, genes: pl.DataFrame, preset: Preset) -> Counts:
    labels = sorted(set(genes["Metadata_matching_target"].explode()))
    left, right = _incidence(compounds, labels), _incidence(genes, labels)
    left = left[left.any(axis=1)]
    n_left, n_right = left.sum(axis=0), right.sum(axis=0)
    both = (n_left > 0) & (n_right > 0)
    sharing = 0 if preset.negatives_contain_positives else _sharing(left, right)
    return {
        "profiles": len(left) + len(right),
        "queries": int((n_left + n_right)[both].sum()),
        "groups": int(both.sum()),
        "positive_pairs": int((n_left * n_right).sum()),
        "negative_pairs": len(left) * len(right) - sharing,
    }


def _sharing(left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]) -> int:
    """Count the pairs of a row of each table that carry a label in common."""
    # NumPy multiplies floating-point numbers many times as fast as integers, and these stay far below 2**24.
    return int(np.count_nonzero(left.astype(np.float32) @ right.T.astype(np.float32)))


def _incidence(rows: pl.DataFrame, labels: Sequence[str]) -> npt.NDArray[np.int64]:
    """Mark which row carries which label; labels that are not listed are left out."""
    place = {label: i for i, label in enumerate(labels)}
    marks = np.zeros((rows.height, len(labels)), np.int64)
    for row, carried in enumerate(rows["Metadata_matching_target"]):
        marks[row, [place[label] for label in carried if label in place]] = 1
    return marks
