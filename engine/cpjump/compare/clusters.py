"""Clusters of groups that depend on each other: those that share a perturbation, directly or by way of others."""

from __future__ import annotations

import numpy as np
import polars as pl

__all__ = ["group_clusters"]


def group_clusters(members: pl.DataFrame) -> dict[str, str]:
    """Return the cluster of each group, a unit of the randomisation test.

    Groups that share a perturbation have its noise in common, and what is more, its passing of the gate; so have
    groups that are linked by way of others. A replicated perturbation is a cluster of its own.

    Parameters
    ----------
    members : polars.DataFrame
        ``group`` and ``sample``, the perturbations of the queries of each group; rows may repeat.

    Returns
    -------
    dict of str to str
        Group to the name of its cluster: the first of its groups in the order of the alphabet.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    edges = members.select("group", "sample").unique()
    groups = edges["group"].unique().sort()
    samples = edges["sample"].unique().sort()
    row = groups.search_sorted(edges["group"]).to_numpy()
    col = samples.search_sorted(edges["sample"]).to_numpy() + len(groups)
    n = len(groups) + len(samples)
    _, component = connected_components(coo_matrix((np.ones(len(row)), (row, col)), shape=(n, n)), directed=False)
    named = pl.DataFrame({"group": groups, "component": component[: len(groups)]})
    return dict(named.select("group", pl.col("group").first().over("component").alias("cluster")).iter_rows())
