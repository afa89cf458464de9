"""Perturbations that must stay together, and their distribution over subsets of wanted sizes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["balance", "components", "target_labels"]


def target_labels(wells: pl.DataFrame, rule: str = "all") -> pl.DataFrame:
    """List the targets of each perturbation, once each.

    Parameters
    ----------
    wells : polars.DataFrame
        Treated wells with the columns of `wells.split_table`.
    rule : {"all", "perturbed", "primary"}, default "all"
        Of a compound: every target of its list; those that are the gene or the primary target of a well in `wells`;
        or its primary target only, as the published split has it. A guide or an ORF has its gene.

    Returns
    -------
    polars.DataFrame
        ``Metadata_broad_sample`` and ``label``, distinct rows.
    """
    samples = wells.unique("Metadata_broad_sample", maintain_order=True)
    sample, label = pl.col("Metadata_broad_sample"), pl.col("label")
    found = samples.select(sample, pl.col("Metadata_target").alias("label")).drop_nulls()
    if rule != "primary":
        listed = samples.select(sample, pl.col("Metadata_target_list").alias("label")).explode("label").drop_nulls()
        if rule == "perturbed":
            listed = listed.filter(label.is_in(found["label"].implode()))
        found = pl.concat([found, listed])
    return found.unique(maintain_order=True)


def components(wells: pl.DataFrame, rule: str = "all") -> pl.DataFrame:
    """Group perturbations that are bound, directly or through others, by a molecule, a gene or a target.

    Parameters
    ----------
    wells : polars.DataFrame
        Treated wells with the columns of `wells.split_table`.
    rule : {"all", "perturbed", "primary"}, default "all"
        Which targets bind, see `target_labels`. Equal InChIKeys and genes bind always.

    Returns
    -------
    polars.DataFrame
        ``Metadata_broad_sample`` and ``component`` (0, 1, ... in order of first appearance), one row a perturbation.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    samples = wells.select("Metadata_broad_sample", "Metadata_InChIKey").unique(maintain_order=True)
    molecules = samples.drop_nulls().rename({"Metadata_InChIKey": "label"})
    edges = pl.concat(
        [
            target_labels(wells, rule).with_columns(pl.lit("target").alias("kind")),
            molecules.with_columns(pl.lit("molecule").alias("kind")),
        ]
    )
    labels = edges.select("kind", "label").unique(maintain_order=True).with_row_index("column")
    rows = samples["Metadata_broad_sample"]
    placed = edges.join(labels, on=["kind", "label"]).join(rows.to_frame().with_row_index("row"), on=rows.name)
    # One graph of both: perturbations first, then the labels that bind them.
    size = len(rows) + labels.height
    ends = placed["row"].to_numpy(), placed["column"].to_numpy() + len(rows)
    graph = coo_array((np.ones(placed.height, np.int8), ends), shape=(size, size))
    number = connected_components(graph, directed=False)[1][: len(rows)]
    order = pl.Series("component", number).rank("dense")  # numbers of labels that bind nothing leave no gap
    return pl.DataFrame([rows, (order - 1).cast(pl.Int64)])


def balance(sizes: npt.ArrayLike, fractions: Sequence[float], seed: int = 0) -> npt.NDArray[np.int64]:
    """Distribute groups over subsets so that each gets about its fraction of the total.

    The largest group goes first, always to the subset that lacks most; groups of equal size go in a random order.
    No subset exceeds its fraction by more than the group that it was given last.

    Parameters
    ----------
    sizes : array_like of shape (n,)
        Sizes of the groups, positive.
    fractions : sequence of k floats
        At least 0, together 1. A subset of fraction 0 stays empty.
    seed : int, default 0
        Of the order of groups of equal size.

    Returns
    -------
    numpy.ndarray of shape (n,), int64
        Number of the subset of each group.
    """
    weights = np.asarray(sizes, np.int64)
    # lexsort: by size, and among equals by a random key; stable for a seed on every machine.
    order = np.lexsort((np.random.default_rng(seed).permutation(len(weights)), -weights))
    lacking = np.asarray(fractions, float) * int(weights.sum())
    open_subsets = np.flatnonzero(np.asarray(fractions) > 0)
    subset = np.empty(len(weights), np.int64)
    for group in order:
        subset[group] = open_subsets[np.argmax(lacking[open_subsets])]
        lacking[subset[group]] -= weights[group]
    return subset
