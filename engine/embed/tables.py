"""The columns of what ``fastbench embed`` writes."""

from __future__ import annotations

from ..results.tables import Column

__all__ = ["LABEL_COLUMNS", "OF_LABELS", "RESULT_COLUMNS", "SUMMARY_COLUMNS", "WIDE_COLUMNS"]

RESULT_COLUMNS = (
    Column("embedding", "text", "Its name."),
    Column("task", "text", "Task, as cz-benchmarks names it."),
    Column("metric_type", "text", "Metric."),
    Column("variant", "text", "What tells values of one metric apart, such as the classifier; all: the whole."),
    Column("family", "text", "What is judged: biology, batch, order or perturbation (which is in no total)."),
    Column("value", "number", "Value of the metric, higher is better; missing where it is not defined."),
    Column("status", "text", "Why the value is missing; else 'ok'."),
    Column("lower", "number", "Lower bound of the bootstrap interval; of metrics that are a mean or median of cells."),
    Column("upper", "number", "Upper bound."),
    Column("random", "number", "The metric of random vectors."),
    Column(
        "shuffled",
        "number",
        "The metric of this embedding with labels (the order; of batches, batches inside each label) shuffled.",
    ),
    Column("one_hot_labels", "number", "The metric of vectors with one place a label."),
    Column("one_hot_batches", "number", "The metric of vectors with one place a batch."),
    Column("score", "number", "The value between the worst (0) and the best (1) of these, not cut off."),
    Column("params", "text", "What it was computed with, as JSON."),
)
LABEL_COLUMNS = (
    Column("embedding", "text", "Its name."),
    Column("task", "text", "Task."),
    Column("metric_type", "text", "Metric."),
    Column("variant", "text", "As in results.csv."),
    Column("label", "text", "Label, place in the order, or fold of cells."),
    Column("n_cells", "integer", "Cells of the label; missing of others."),
    Column("value", "number", "Value of the metric among them."),
)
#: What the other columns of ``labels.csv`` mean.
OF_LABELS = "Value of this metric among the cells of the label, see per_label.csv."
WIDE_COLUMNS = (
    Column("embedding", "text", "Its name."),
    Column("label", "text", "Label."),
    Column("n_cells", "integer", "Its cells."),
)
SUMMARY_COLUMNS = (
    Column("embedding", "text", "Its name."),
    Column("biology", "number", "Mean score of the metrics of biology that all embeddings have."),
    Column("batch", "number", "The same of the metrics of batches."),
    Column("order", "number", "The same of the metrics of order."),
    Column("total", "number", "0.6 biology + 0.4 batch, as scib; the one that is there where one is missing."),
    Column("above_random", "boolean", "Whether the mean score of biology is above 0.05, what random vectors may have."),
    Column("rank", "integer", "1 is best by total; what is not above random vectors comes after all that is."),
)
