"""The columns of what ``fastbench map`` writes."""

from __future__ import annotations

from ..results.tables import Column

__all__ = ["GROUPED_BY", "GROUP_COLUMNS", "METADATA", "QUERY_COLUMNS"]

#: What columns mean that the input decides.
METADATA = "Metadata of the profile, as read or derived."
GROUPED_BY = "Value that the queries of the group share."

QUERY_COLUMNS = (
    Column("n_pos_pairs", "integer", "Positives of the query."),
    Column("n_total_pairs", "integer", "Positives and negatives of the query."),
    Column("average_precision", "number", "Average precision of the query."),
    Column(
        "normalized_average_precision",
        "number",
        "Average precision above its expected value under random ranking, as a share of what is possible above it.",
    ),
    Column(
        "ap_optimistic",
        "number",
        "Average precision if ties went to the positives; there when a query is tied.",
        optional=True,
    ),
    Column(
        "ap_pessimistic",
        "number",
        "Average precision if ties went to the negatives; there when a query is tied.",
        optional=True,
    ),
    Column("n_exchangeable", "integer", "Rows of the query's block that its label could be given to, itself included."),
    Column("n_carriers", "integer", "Rows among them that carry the label."),
)
GROUP_COLUMNS = (
    Column("mean_average_precision", "number", "Mean (or median) average precision of the queries of the group."),
    Column("mean_normalized_average_precision", "number", "The same of their normalized average precision."),
    Column("p_value", "number", "Probability of a value as high under random ranking, see definition."),
    Column("p_floor", "number", "Smallest p-value that a relabelling of the data could give; none is below it."),
    Column("stage1_p_value", "number", "Least p-value of the outer group.", optional=True),
    Column("stage1_corrected_p_value", "number", "The same, corrected over outer groups.", optional=True),
    Column("stage1_significant", "boolean", "Whether the outer group passes the first stage.", optional=True),
    Column("corrected_p_value", "number", "P-value after the Benjamini-Hochberg correction."),
    Column("below_p", "boolean", "Whether the p-value is below the threshold."),
    Column("below_corrected_p", "boolean", "Whether the corrected p-value is below the threshold."),
    Column("n_queries", "integer", "Queries of the group."),
)
