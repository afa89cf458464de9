"""Names of the CPJUMP1 benchmark that files, tables, figures and options share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = [
    "ALL",
    "BATCH",
    "COMMON",
    "CONFIGURATION",
    "GENE_COMPOUND_MATCHING",
    "GROUP",
    "GROUPED_BY",
    "HEADLINE",
    "KERNELS",
    "LEVEL",
    "METHODS",
    "METRICS",
    "MODALITIES",
    "MODALITY",
    "RETRIEVED",
    "SAMPLE",
    "SUBSETS",
    "SUFFIX",
    "TARGET",
    "TASKS",
    "TIMELINES",
    "TITLES",
    "WELL_AGGREGATES",
]

BATCH: Final = "2020_11_04_CPJUMP1"
SUFFIX: Final = "_normalized_feature_select_negcon_batch.csv.gz"
TIMELINES: Final = ("short", "long")
MODALITIES: Final = ("compound", "crispr", "orf")

GENE_COMPOUND_MATCHING: Final = "gene_compound_matching"
TASKS: Final = ("replicability", "matching", GENE_COMPOUND_MATCHING)
#: Tasks as people read them: on the screen, in tables and in figures.
TITLES: Final[Mapping[str, str]] = {
    "replicability": "Replicability",
    "matching": "Target matching",
    GENE_COMPOUND_MATCHING: "Gene-compound matching",
}

#: Metadata columns of the perturbation, its target (a list of targets for compounds) and its modality.
SAMPLE: Final = "Metadata_broad_sample"
TARGET: Final = "Metadata_matching_target"
MODALITY: Final = "Metadata_modality"
#: The column whose values are the groups of a task.
GROUPED_BY: Final[Mapping[str, str]] = {
    "replicability": SAMPLE,
    "matching": TARGET,
    GENE_COMPOUND_MATCHING: TARGET,
}

#: Largest q-value that is called significant.
LEVEL: Final = 0.05

#: What says which configuration of which task a row belongs to; the genetic side is missing outside of
#: gene-compound matching.
CONFIGURATION: Final = (
    "task",
    "Description",
    "Cell",
    "Modality1",
    "time1",
    "timepoint1",
    "Modality2",
    "time2",
    "timepoint2",
)
#: Stands where the description of a configuration does, in rows over all of them.
ALL: Final = "all"
#: What identifies a group.
GROUP: Final = ("task", "Description", "group")

#: Of the groups of either run, mean AP above chance (see `runs.ScoredRun`), 0 for a group lost at the gate; of the
#: groups of both runs, the same, and mean AP; fraction retrieved of the groups of each run, of the groups of both, and
#: of the groups of either, where one lost at the gate is not retrieved.
METRICS: Final = (
    "mean_normalized_average_precision_all_groups",
    "mean_normalized_average_precision",
    "mean_average_precision",
    "fraction_retrieved",
    "fraction_retrieved_common",
    "fraction_retrieved_all_groups",
)
#: By which runs are ranked.
HEADLINE: Final = METRICS[0]
#: The same of the groups of both runs, and the fraction of the groups of either that is retrieved.
COMMON: Final = METRICS[1]
RETRIEVED: Final = METRICS[5]

#: Batch corrections, and the kernels of kernel PCA.
METHODS: Final = ("none", "kernel-pca", "sphering", "mad")
KERNELS: Final = ("linear", "poly", "rbf", "sigmoid", "cosine")

#: What may be done about several vectors of a well.
WELL_AGGREGATES: Final = ("mean", "median", "error")
#: Parts of a split.
SUBSETS: Final = ("train", "validate", "test")
