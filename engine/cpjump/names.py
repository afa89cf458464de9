"""Names of the CPJUMP1 benchmark that files, tables, figures and options share."""

from __future__ import annotations

from typing import Final

__all__ = [
    "ALL",
    "BATCH",
    "CONFIGURATION",
    "GROUP",
    "HEADLINE",
    "KERNELS",
    "LEVEL",
    "METHODS",
    "METRICS",
    "SUFFIX",
    "TASKS",
    "TIMELINES",
    "TITLES",
]

BATCH: Final = "2020_11_04_CPJUMP1"


SUFFIX: Final = "_normalized_feature_select_negcon_batch.csv.gz"


TIMELINES: Final = ("short", "long")


TASKS: Final = ("replicability", "matching", "gene_compound_matching")


#: Largest q-value that is called significant.
LEVEL: Final = 0.05


#: Tasks as people read them.
TITLES: Final = {
    "replicability": "Replicability",
    "matching": "Target matching",
    "gene_compound_matching": "Gene-compound matching",
}


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


#: Of the groups of both runs, mean AP above chance (see `runs.ScoredRun`) and mean AP; fraction retrieved of
#: the groups of each run, and of the groups of both.
METRICS: Final = (
    "mean_normalized_average_precision",
    "mean_average_precision",
    "fraction_retrieved",
    "fraction_retrieved_common",
)


#: By which runs are ranked.
HEADLINE: Final = METRICS[0]


METHODS: Final = ("none", "kernel-pca", "sphering", "mad")


KERNELS: Final = ("linear", "poly", "rbf", "sigmoid", "cosine")
