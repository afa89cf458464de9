"""Which metrics there are, and to which task each belongs."""

from __future__ import annotations

from collections.abc import Sequence

from ..choices import did_you_mean
from ..errors import InputError
from .finding import Metric
from .metrics import (
    clusters,
    consensus,
    diffusion,
    evaluator,
    graphs,
    neighborhoods,
    perturbations,
    prediction,
    regression,
    sequences,
    silhouettes,
    transfer,
)

__all__ = ["METRICS", "TASKS", "metrics_of"]

METRICS = (
    Metric(
        "clustering",
        "clustering",
        "biology",
        clusters.leiden_agreement,
        "Agreement of Leiden clusters with labels.",
        (),
        ("random", "labels"),
    ),
    Metric(
        "kmeans",
        "clustering",
        "biology",
        clusters.kmeans_agreement,
        "Agreement of k-means clusters with labels.",
        (),
        ("random", "labels"),
    ),
    Metric("silhouette_score", "embedding", "biology", silhouettes.label_silhouette, "Mean silhouette of labels."),
    Metric("clisi", "embedding", "biology", neighborhoods.clisi, "Median cLISI: labels apart."),
    Metric("ksim", "embedding", "biology", neighborhoods.ksim, "Cells whose neighbours are of their label."),
    Metric("graph_connectivity", "embedding", "biology", graphs.graph_connectivity, "Connected labels."),
    Metric(
        "isolated_labels",
        "embedding",
        "biology",
        silhouettes.isolated_labels,
        "Mean silhouette of labels in the fewest batches.",
        ("batch",),
    ),
    Metric(
        "entropy_per_cell",
        "batch_integration",
        "batch",
        neighborhoods.entropy_per_cell,
        "Mean entropy of batches around a cell.",
        ("batch",),
    ),
    Metric(
        "batch_silhouette",
        "batch_integration",
        "batch",
        silhouettes.batch_silhouette,
        "1 - |silhouette| of batches inside labels; misleads where batches are nested.",
        ("batch",),
    ),
    Metric(
        "bras", "batch_integration", "batch", silhouettes.bras, "Silhouettes of batches against all others.", ("batch",)
    ),
    Metric("ilisi", "batch_integration", "batch", neighborhoods.ilisi, "Median iLISI: batches mixed.", ("batch",)),
    Metric("cilisi", "batch_integration", "batch", neighborhoods.cilisi, "iLISI inside labels.", ("batch",)),
    Metric("kbet", "batch_integration", "batch", neighborhoods.kbet, "Share of cells that pass kBET.", ("batch",)),
    Metric(
        "pcr_comparison",
        "batch_integration",
        "batch",
        regression.pcr_comparison,
        "Batch variance that integration took away.",
        ("batch", "unintegrated"),
    ),
    Metric(
        "sequential_silhouette",
        "sequential_organization",
        "order",
        silhouettes.order_silhouette,
        "Mean silhouette of the places in the order.",
        ("order",),
    ),
    Metric(
        "sequential_alignment",
        "sequential_organization",
        "order",
        sequences.sequential_alignment,
        "How near in the order neighbours are.",
        ("order",),
    ),
    Metric(
        "scgraph",
        "embedding",
        "biology",
        consensus.scgraph,
        "Distances between labels as inside unintegrated batches.",
        ("batch", "unintegrated"),
    ),
    Metric(
        "kbet_per_label",
        "batch_integration",
        "batch",
        diffusion.kbet_per_label,
        "Share of cells that pass kBET inside their label, mean over labels.",
        ("batch",),
        ("shuffled",),
    ),
    Metric(
        "sbee",
        "batch_integration",
        "batch",
        evaluator.sbee,
        "Batches inside labels: mixed among neighbours, and as near as cells of one batch.",
        ("batch",),
        ("shuffled", "batches"),
    ),
    Metric(
        "label_prediction",
        "label_prediction",
        "biology",
        prediction.label_prediction,
        "Labels that classifiers predict in five folds.",
        (),
        ("random", "labels"),
    ),
    Metric(
        "cross-species_entropy",
        "cross-species_integration",
        "batch",
        transfer.species_entropy,
        "Mean entropy of species around a cell.",
        ("species",),
    ),
    Metric(
        "cross-species_silhouette",
        "cross-species_integration",
        "batch",
        transfer.species_silhouette,
        "1 - |silhouette| of species inside labels.",
        ("species",),
    ),
    Metric(
        "cross-species_label_prediction",
        "cross-species_label_prediction",
        "biology",
        transfer.label_transfer,
        "Labels that classifiers transfer between species.",
        ("species",),
        ("random", "labels"),
    ),
    Metric(
        "retrieval_map",
        "retrieval",
        "biology",
        perturbations.retrieval,
        "Mean over labels of mean average precision; positives of other batches where there are batches.",
    ),
    Metric(
        "recall_of_relations",
        "known_relations",
        "perturbation",
        perturbations.known_relations,
        "Known relations among the extreme cosines of mean vectors of labels.",
        ("relations",),
        (),
    ),
    Metric(
        "cluster_test",
        "known_relations",
        "perturbation",
        perturbations.clusters_of_relations,
        "Kolmogorov-Smirnov statistic of cosines inside clusters against those to other labels.",
        ("relations",),
        (),
    ),
    Metric(
        "perturbation_consistency",
        "perturbation_signal",
        "perturbation",
        perturbations.signal_consistency,
        "Mean cosine of cells of a label.",
        ("control-labels",),
        (),
    ),
    Metric(
        "perturbation_magnitude",
        "perturbation_signal",
        "perturbation",
        perturbations.magnitude,
        "Energy distance of labels from controls.",
        ("control-labels",),
        (),
    ),
)
TASKS = tuple(dict.fromkeys(metric.task for metric in METRICS))


def metrics_of(tasks: Sequence[str], given: Sequence[str]) -> list[Metric]:
    """Return the metrics of some tasks (all when there are none) that have what they need.

    Raises
    ------
    InputError
        When there is no such task, or one that was named lacks a column.
    """
    for name in tasks:
        if name not in TASKS:
            raise InputError(f"--tasks: there is no {name!r}{did_you_mean(name, TASKS) or f'; {TASKS} are there.'}")
    found = []
    for metric in METRICS:
        if tasks and metric.task not in tasks:
            continue
        missing = [need for need in metric.needs if need not in given]
        if not missing:
            found.append(metric)
    for name in tasks:
        if name not in {metric.task for metric in found}:
            lacking = [[n for n in metric.needs if n not in given] for metric in METRICS if metric.task == name]
            needs = min(lacking, key=len)  # which is enough for some of its metrics
            raise InputError(f"The task {name!r} needs {' and '.join('--' + need for need in needs)}.")
    return found
