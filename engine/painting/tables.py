"""The columns of what metrics of replicates are written to."""

from __future__ import annotations

from ..results.tables import Column

__all__ = ["METRIC_COLUMNS", "METRIC_GROUP_COLUMNS"]

METRIC_COLUMNS = (
    Column("metric", "text", "Metric."),
    Column("at", "number", "Quantile, percentage, length of the list or level that it is taken at; else missing."),
    Column("value", "number", "Value of the metric; missing where it is not defined."),
    Column("p_value", "number", "Of enrichment: Fisher's exact test, one-sided."),
    Column("threshold", "number", "Correlation above which a pair (or a group's median) counts."),
    Column("n", "integer", "What was counted or averaged over: profiles, pairs, hits or groups."),
    Column("status", "text", "Why the value is missing; else 'ok'."),
)
METRIC_GROUP_COLUMNS = (
    Column("n_profiles", "integer", "Profiles of the group."),
    Column("is_control", "boolean", "Whether they are all controls; such groups are in no mean of the groups."),
    Column("median_correlation", "number", "Median correlation of pairs of the group.", optional=True),
    Column(
        "replicating",
        "boolean",
        "Whether that is above the 0.95 quantile of pairs of different groups.",
        optional=True,
    ),
    Column("grit", "number", "Mean grit of the profiles of the group.", optional=True),
    Column("mean_rank", "number", "Mean rank of replicates among all other profiles, 0 is the nearest.", optional=True),
    Column("precision_at_k", "number", "Mean share of replicates among the k nearest profiles.", optional=True),
    Column("recall_at_k", "number", "Mean share of the replicates that are among the k nearest.", optional=True),
    Column("mp_distance", "number", "Squared Mahalanobis distance of the mean from the controls.", optional=True),
    Column("mp_value", "number", "P-value by permutation, (b + 1) / (N + 1).", optional=True),
    Column("mp_value_peer", "number", "The same as cytominer-eval, b / N.", optional=True),
)
