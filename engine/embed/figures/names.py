"""Names in pictures of embeddings."""

from __future__ import annotations

from ...figures.style import wrapped

__all__ = ["metric_name", "shortened"]

_NAMES = {
    "adjusted_rand_index": "Leiden, ARI",
    "normalized_mutual_info": "Leiden, NMI",
    "leiden_adjusted_rand_index": "best Leiden, ARI",
    "leiden_normalized_mutual_info": "best Leiden, NMI",
    "kmeans_adjusted_rand_index": "k-means, ARI",
    "kmeans_normalized_mutual_info": "k-means, NMI",
    "isolated_labels_f1": "isolated labels, F1",
    "silhouette_score": "silhouette",
    "clisi": "cLISI",
    "ilisi": "iLISI",
    "cilisi": "CiLISI",
    "ksim": "kSIM",
    "kbet": "kBET",
    "bras": "BRAS",
    "kbet_per_label": "kBET inside labels",
    "sbee": "sBEE",
    "scgraph": "scGraph",
    "pcr_comparison": "PCR comparison",
}
_LABEL_INCHES = 3.0


def metric_name(metric_type: str) -> str:
    """Return what a metric is called in pictures."""
    return _NAMES.get(metric_type, metric_type.replace("_", " "))


def shortened(name: str) -> str:
    """Return a name that fits beside an axis; of long ones the middle is left out."""
    return wrapped(name, _LABEL_INCHES, 11, lines=1)
