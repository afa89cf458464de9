"""Families of perturbations, the clusters of the cluster bootstrap: those of one gene, compounds that share targets."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import polars as pl

from ...readers.small_table import read_table
from ..names import MODALITIES
from ..plates.metadata import packaged, plate_map, target_lists

__all__ = ["perturbation_families"]

#: Share of their targets from which two compounds are of one family.
SHARED: Final = 0.2


@lru_cache(maxsize=1)
def perturbation_families() -> dict[str, str]:
    """Return the family of each perturbation of the packaged plate maps, a cluster of the cluster bootstrap.

    Guides and ORFs of a gene are one family with the compounds whose primary target it is; so are compounds that share
    a fifth of their targets (of all that either has), and perturbations that are linked by way of others.

    Returns
    -------
    dict of str to str
        Sample to the name of its family: the first of its members in the order of the alphabet.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    compounds, _ = read_table(packaged() / "JUMP-Target-1_compound_targets.tsv")
    primary = compounds.drop_nulls(["broad_sample", "target"]).select("broad_sample", "target")
    genes = [
        plate_map(name).select("Metadata_broad_sample", "Metadata_gene") for name in MODALITIES if name != "compound"
    ]
    of_genes = [frame.drop_nulls().unique().rows() for frame in (primary, *genes)]
    edges = [(sample, f"gene {gene}") for rows in of_genes for sample, gene in rows]
    lists, _ = target_lists(None)
    exploded = lists.explode("Metadata_matching_target")
    samples = exploded["Metadata_broad_sample"].rank("dense").to_numpy() - 1
    targets = exploded["Metadata_matching_target"].rank("dense").to_numpy() - 1
    names = exploded["Metadata_broad_sample"].unique().sort().to_list()
    table = coo_matrix((np.ones(len(samples)), (samples, targets))).tocsr()
    shared = (table @ table.T).tocoo()
    sizes = np.asarray(table.sum(axis=1)).ravel()
    near = shared.data >= SHARED * (sizes[shared.row] + sizes[shared.col] - shared.data)
    edges += [(names[i], names[j]) for i, j in zip(shared.row[near].tolist(), shared.col[near].tolist(), strict=True)]
    every = sorted({node for edge in edges for node in edge})
    place = {node: i for i, node in enumerate(every)}
    rows, cols = np.array([[place[a], place[b]] for a, b in edges]).T
    graph = coo_matrix((np.ones(len(rows)), (rows, cols)), shape=(len(every), len(every)))
    _, family = connected_components(graph, directed=False)
    first = pl.DataFrame({"node": every, "family": family}).with_columns(
        pl.col("node").first().over("family").alias("name")
    )
    return dict(first.select("node", "name").iter_rows())
