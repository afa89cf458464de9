"""The columns of what ``fastbench fmeasure`` writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from ..results.tables import Column, Kind, Table

if TYPE_CHECKING:
    from .scores.summary import Report

__all__ = ["TABLES", "cells_table", "class_table", "flat_table", "hierarchical_table", "node_table", "report_tables"]

CELLS = "cells"

GROUP = Column("group_name", "text", "Values of the keys of the group, joined by |.")
MODEL = Column("model_name", "text", "Model that made the predictions.")
SAMPLE_NAME = Column("sample_name", "text", "Run, as its folder is called.")
N_SAMPLES = Column("n_samples", "integer", "Runs of the group.")
TEST_SAMPLE = Column("test_sample", "text", "File of the true labels.")

_AVERAGES = {
    "micro": "all cells together",
    "macro": "the mean over classes",
    "weighted": "the mean over classes, weighted by their true cells",
}


def _averages(prefix: str = "", suffix: str = "", where: str = "") -> list[Column]:
    """Return the columns of `scores.metrics.averages`."""

    def one(name: str, kind: Kind, meaning: str, unit: str = "") -> Column:
        return Column(f"{prefix}{name}{suffix}", kind, f"{meaning}{where}.", unit)

    scores = [
        one(f"{score}_{average}", "number", f"{words}, {_AVERAGES[average]}")
        for average, order in (
            ("micro", ("precision", "recall", "f1")),
            ("macro", ("f1", "precision", "recall")),
            ("weighted", ("precision", "recall", "f1")),
        )
        for score in order
        for words in ({"precision": "Precision", "recall": "Recall", "f1": "F1"}[score],)
    ]
    return [
        one("tp", "integer", "True positives", CELLS),
        one("fp", "integer", "False positives", CELLS),
        one("fn", "integer", "False negatives", CELLS),
        *scores,
    ]


HIERARCHICAL = _averages("h_", where=", labels counting together with their ancestors")


def flat_table(frame: pl.DataFrame, names: Sequence[Column], top_k: int) -> Table:
    """Declare flat metrics of samples or groups, of the top 1 to `top_k`."""
    ranks = [
        each
        for k in range(1, top_k + 1)
        for each in _averages(suffix=f"_k{k}", where="" if k == 1 else f"; right when any of the first {k} ranks is")
    ]
    return Table(frame, [*names, *ranks])


def hierarchical_table(frame: pl.DataFrame, names: Sequence[Column]) -> Table:
    """Declare hierarchical metrics of samples or groups."""
    return Table(frame, [*names, *HIERARCHICAL])


def _one_by_one(what: Column) -> list[Column]:
    return [
        GROUP,
        what,
        Column("name", "text", "Its name in the ontology; the id where it has none."),
        Column("support", "integer", "Cells with it as truth.", CELLS),
        Column("predicted", "integer", "Cells with it as prediction.", CELLS),
        Column("tp", "integer", "Cells with it as both.", CELLS),
        Column("fp", "integer", "Cells with it as prediction alone.", CELLS),
        Column("fn", "integer", "Cells with it as truth alone.", CELLS),
        Column("precision", "number", "Share of its predictions that are right."),
        Column("recall", "number", "Share of its cells that are found."),
        Column("f1", "number", "F1 of these."),
    ]


CLASSES = _one_by_one(Column("label", "text", "Label of the class."))
NODES = _one_by_one(Column("node", "text", "Node; terms below it count as it."))


def class_table(frame: pl.DataFrame) -> Table:
    """Declare the scores of classes."""
    return Table(frame, CLASSES, "Share of its cells that any of the first ranks (_k) finds.")


def node_table(frame: pl.DataFrame) -> Table:
    """Declare the scores of nodes of the ontology."""
    return Table(frame, NODES)


CELL_COLUMNS = [
    Column("cell_id", "text", "Cell, as the file of the truth calls it."),
    Column("truth", "text", "True label."),
    Column("predicted", "text", "Prediction of rank 1; missing where there is none."),
    Column("hit_rank", "integer", "First rank that is the truth; 0 for none."),
    Column("score", "number", "Score of the prediction of rank 1.", optional=True),
]


def cells_table(frame: pl.DataFrame) -> Table:
    """Declare the scored cells of a run."""
    return Table(
        frame, CELL_COLUMNS, "Best prediction on the ontology of the first ranks (nearest_), or a column of obs."
    )


N_CELLS = Column("n_cells", "integer", "Scored cells.", CELLS)
_SUMMARY = [
    N_CELLS,
    Column("n_without_prediction", "integer", "Scored cells without a prediction.", CELLS),
    Column("n_true_classes", "integer", "Labels that are the truth of a cell."),
    Column("n_predicted_classes", "integer", "Labels that are the prediction of a cell."),
    Column("n_macro_classes", "integer", "Labels that flat macro means are over: as truth or prediction (--macro)."),
    Column("accuracy", "number", "Share of the cells whose prediction is the truth."),
    Column("balanced_accuracy", "number", "Mean recall of the classes."),
    Column("matthews_correlation", "number", "Matthews correlation coefficient."),
    Column("cohen_kappa", "number", "Cohen's kappa."),
    *(each for each in _averages() if each.name.startswith("f1_")),
    *(
        Column(each.name, each.kind, each.meaning, optional=True)
        for each in HIERARCHICAL
        if each.name not in ("h_tp", "h_fp", "h_fn")
    ),
    Column("h_f1_micro_information", "number", "h_f1_micro, nodes weighted by information content.", optional=True),
    Column("h_precision_per_cell", "number", "Mean hierarchical precision of single cells.", optional=True),
    Column("h_recall_per_cell", "number", "Mean hierarchical recall of single cells.", optional=True),
    Column("h_f1_per_cell", "number", "Mean hierarchical F1 of single cells.", optional=True),
    Column(
        "mean_ontology_distance", "number", "Mean edges from prediction to truth over a common ancestor.", optional=True
    ),
    Column("n_without_distance", "integer", "Cells of which no such way is known.", CELLS, optional=True),
]
_OF_SCORES = [
    Column("n_scored", "integer", "Cells whose prediction has a score.", CELLS, optional=True),
    Column("mean_score", "number", "Mean score.", optional=True),
    Column("expected_calibration_error", "number", "Mean distance of score and accuracy.", optional=True),
    Column("coverage_accuracy_area", "number", "Area under accuracy against coverage.", optional=True),
    Column("coverage_at_accuracy_0.9", "number", "Largest coverage with an accuracy of 0.9.", optional=True),
]
_MORE_RANKS = "Metric of the first ranks (_k), or F-beta of --beta."

_CONFUSIONS = [
    GROUP,
    Column("truth", "text", "True label."),
    Column("truth_name", "text", "Its name in the ontology."),
    Column("predicted", "text", "Prediction; missing where there is none."),
    Column("predicted_name", "text", "Its name in the ontology."),
    Column("cells", "integer", "Cells of this truth with this prediction.", CELLS),
    Column("share_of_truth", "number", "Their share of the cells of the truth."),
    Column("distance", "integer", "Edges from one to the other over a common ancestor.", optional=True),
    Column("relation", "text", "Whether the prediction is an ancestor or descendant of the truth.", optional=True),
    Column("lowest_common_ancestor", "text", "Term that the shortest way leads over.", optional=True),
    Column("lowest_common_ancestor_name", "text", "Its name in the ontology.", optional=True),
]
_COVERAGE = [
    GROUP,
    Column("threshold", "number", "Least score of the predictions that are kept."),
    Column("coverage", "number", "Share of all cells that are kept."),
    Column("accuracy", "number", "Accuracy of those."),
    Column("h_f1", "number", "Hierarchical F1 of those; missing without an ontology."),
]
_CALIBRATION = [
    GROUP,
    Column("bin_lower", "number", "Lower bound of the score."),
    Column("bin_upper", "number", "Upper bound of the score."),
    Column("bin_mean_score", "number", "Mean score of the cells of the bin."),
    Column("accuracy", "number", "Accuracy of those."),
    Column("n_cells", "integer", "Cells of the bin.", CELLS),
]
_INTERVALS = [
    GROUP,
    Column("metric", "text", "Name of the metric."),
    Column("value", "number", "Metric of all cells."),
    Column("lower", "number", "Lower bound of the 95 % percentile interval."),
    Column("upper", "number", "Upper bound of the 95 % percentile interval."),
]
_PAIR = [
    Column("model_a", "text", "One model or group."),
    Column("model_b", "text", "The other one."),
]
_ALONE = [
    Column("right_only_a", "integer", "Cells that model_a alone has right.", CELLS),
    Column("right_only_b", "integer", "Cells that model_b alone has right.", CELLS),
]
_DIFFERENCES = [
    *_PAIR,
    Column("metric", "text", "Name of the metric."),
    Column("value_a", "number", "Metric of model_a on the cells that both scored."),
    Column("value_b", "number", "Metric of model_b on them."),
    Column("difference", "number", "value_a - value_b."),
    Column("lower", "number", "Lower bound of the 95 % percentile interval of the difference."),
    Column("upper", "number", "Upper bound of the 95 % percentile interval of the difference."),
    Column("p_value", "number", "Two-sided, from the draws, or of the randomisation test of clusters."),
    Column("cells", "integer", "Cells that both scored.", CELLS),
    *_ALONE,
    Column("mcnemar_exact_p", "number", "McNemar's exact test on right_only_a and right_only_b; of accuracy alone."),
    Column("mcnemar_mid_p", "number", "Its mid-p-value."),
]
_BY_CLASS = [
    *_PAIR,
    Column("label", "text", "Class."),
    Column("name", "text", "Its name.", optional=True),
    Column("support", "integer", "Cells of that truth.", CELLS),
    Column("recall_a", "number", "Recall of model_a."),
    Column("recall_b", "number", "Recall of model_b."),
    Column("recall_difference", "number", "recall_a - recall_b."),
    Column("f1_a", "number", "F1 of model_a."),
    Column("f1_b", "number", "F1 of model_b."),
    Column("f1_difference", "number", "f1_a - f1_b."),
    *_ALONE,
]
#: Declared columns of a comparison of models by file name.
COMPARISON_TABLES: dict[str, Sequence[Column]] = {
    "models.csv": [GROUP, N_CELLS],
    "comparison.csv": _DIFFERENCES,
    "comparison_per_class.csv": _BY_CLASS,
    "intervals.csv": _INTERVALS,
}


def report_tables(report: Report) -> dict[str, Table]:
    """Return the summary tables by file name, those that there are."""
    found: dict[str, tuple[pl.DataFrame | None, Sequence[Column], str]] = {
        "summary_per_sample.csv": (report.by_sample, TABLES["summary_per_sample.csv"], _MORE_RANKS),
        "summary_per_group.csv": (report.summary, TABLES["summary_per_group.csv"], _MORE_RANKS),
        "top_confusions.csv": (report.confusions, _CONFUSIONS, ""),
        "coverage.csv": (report.coverage, _COVERAGE, ""),
        "calibration.csv": (report.calibration, _CALIBRATION, ""),
        "intervals.csv": (report.intervals, _INTERVALS, ""),
        "comparison.csv": (report.comparison, _DIFFERENCES, ""),
        "comparison_per_class.csv": (report.classes, _BY_CLASS, ""),
    }
    return {
        name: Table(frame, columns, others) for name, (frame, columns, others) in found.items() if frame is not None
    }


def comparison_tables(
    models: pl.DataFrame, intervals: pl.DataFrame | None, comparison: pl.DataFrame, classes: pl.DataFrame
) -> dict[str, Table]:
    """Return the tables of a comparison of models by file name."""
    found = {
        "models.csv": Table(models, [GROUP, N_CELLS], "Metric of the cells that all models scored."),
        "comparison.csv": Table(comparison, _DIFFERENCES),
        "comparison_per_class.csv": Table(classes, _BY_CLASS),
    }
    return found if intervals is None else found | {"intervals.csv": Table(intervals, _INTERVALS)}


#: Declared columns by file name; per class and per node as `class_table` and `node_table` have them.
TABLES: dict[str, Sequence[Column]] = {
    "summary_per_group.csv": [GROUP, N_SAMPLES, *_SUMMARY, *_OF_SCORES],
    "summary_per_sample.csv": [SAMPLE_NAME, MODEL, TEST_SAMPLE, *_SUMMARY],
    "f_measure_per_group.csv": [GROUP, *_averages(suffix="_k1")],
    "f_measure_per_sample.csv": [MODEL, TEST_SAMPLE, *_averages(suffix="_k1")],
    "hierarchical_f_measure_per_group.csv": [GROUP, *HIERARCHICAL],
    "hierarchical_f_measure_per_sample.csv": [MODEL, TEST_SAMPLE, *HIERARCHICAL],
    "per_class.csv": CLASSES,
    "per_node.csv": NODES,
    "top_confusions.csv": _CONFUSIONS,
    "coverage.csv": _COVERAGE,
    "calibration.csv": _CALIBRATION,
    "intervals.csv": _INTERVALS,
    "cells/*.parquet": CELL_COLUMNS,
}
