"""The columns of what ``fastbench perturb`` writes."""

from __future__ import annotations

from ...results.tables import Column

__all__ = [
    "DIFFERENCE_COLUMNS",
    "DIFFERENTIAL_COLUMNS",
    "LEADER_COLUMNS",
    "RESULT_COLUMNS",
    "STRATUM_COLUMNS",
    "SUMMARY_COLUMNS",
]

_PREDICTION = Column("prediction", "text", "Its name; baselines begin with 'baseline'.")
_METRIC = Column("metric_type", "text", "Metric, as its peer spells it.")
_SUBSET = Column("subset", "text", "Genes that it is computed from: all, or which.")

RESULT_COLUMNS = (
    _PREDICTION,
    Column("context", "text", "Cell type or other context; all: there is one."),
    Column("condition", "text", "Perturbation."),
    _SUBSET,
    _METRIC,
    Column("value", "number", "Value of the metric; missing where it is not defined."),
    Column("baseline", "number", "The metric of a prediction that knows the mean response alone."),
    Column("replicate", "number", "The metric of half of the true cells against the other half: mean over halvings."),
    Column("score", "number", "The value between baseline (0) and replicate (1), not cut off."),
    Column("status", "text", "Why the value is missing; else 'ok'."),
    Column("n_cells_true", "integer", "Cells of the perturbation in the truth."),
    Column("n_cells_pred", "integer", "Cells of it in the prediction."),
)
SUMMARY_COLUMNS = (
    _PREDICTION,
    Column("context", "text", "Cell type or other context; all: the mean over them, each counting the same."),
    _SUBSET,
    _METRIC,
    Column("family", "text", "What is judged."),
    Column("better", "text", "Which values are better: higher or lower."),
    Column(
        "value",
        "number",
        "Mean over perturbations, or the one value in all; a perturbation of which the prediction says nothing has the "
        "baseline's.",
    ),
    Column("lower", "number", "Lower bound of the bootstrap interval, over perturbations; of means."),
    Column("upper", "number", "Upper bound."),
    Column("baseline", "number", "The metric of a prediction that knows the mean response alone."),
    Column("replicate", "number", "The metric of half of the true cells against the other half: mean over halvings."),
    Column("replicate_sd", "number", "Its standard deviation over halvings."),
    Column("score", "number", "The value between baseline (0) and replicate (1), not cut off."),
    Column(
        "drf",
        "number",
        "Dynamic range: how far the replicate is from the baseline, of the way to a perfect value; mean over "
        "perturbations, each cut off at -1 and 1.",
    ),
    Column("bds", "number", "Share of perturbations whose replicate is better than the baseline."),
    Column("n_conditions", "integer", "Perturbations that have a value."),
    Column(
        "n_missing",
        "integer",
        "Perturbations of the truth that the prediction lacks, which count as the mean response.",
    ),
    Column("status", "text", "Why there is no value or no score; else 'ok'."),
)
DIFFERENCE_COLUMNS = (
    _PREDICTION,
    Column("against", "text", "The other prediction."),
    _SUBSET,
    _METRIC,
    Column("value", "number", "Mean over perturbations and contexts."),
    Column("value_against", "number", "The same of the other."),
    Column("difference", "number", "How much better the prediction is than the other: above 0 is better."),
    Column("lower", "number", "Lower bound of the interval."),
    Column("upper", "number", "Upper bound."),
    Column("p_value", "number", "Of a randomisation test that swaps the two predictions by perturbation."),
    Column("q_value", "number", "The p-value adjusted over the metrics of a pair (Benjamini and Hochberg)."),
    Column("n_conditions", "integer", "Perturbations with a value in both."),
    Column("status", "text", "tested, or why there is no p-value."),
)
STRATUM_COLUMNS = (
    _PREDICTION,
    Column("context", "text", "Cell type or other context."),
    Column("stratum", "text", "effect_size, likeness (to the mean response) and cells, in thirds; training."),
    Column("level", "text", "low, middle or high; seen or unseen in training."),
    _METRIC,
    Column("value", "number", "Mean over the perturbations of the level."),
    Column("baseline", "number", "The same of a prediction that knows the mean response alone."),
    Column("replicate", "number", "The same of half of the true cells against the other half."),
    Column("score", "number", "The value between baseline (0) and replicate (1), not cut off."),
    Column("n_conditions", "integer", "Perturbations of the level with a value."),
    Column("status", "text", "Why there is no score; else 'ok'."),
)
LEADER_COLUMNS = (
    _PREDICTION,
    Column("baseline", "boolean", "Whether it is one of the baselines that are judged beside the predictions."),
    Column("score", "number", "Mean over the metrics that all predictions have, each limited to -1 .. 2."),
    Column("n_metrics", "integer", "How many these are."),
    Column(
        "competition",
        "number",
        "The number that the competition of the preset (vcc2025, vcc2026) would give, with the bounds of its rule, "
        "from the baseline and replicate of this run.",
        optional=True,
    ),
    Column("better", "integer", "Metrics in which it is better than the mean response, q below 0.05."),
    Column("worse", "integer", "Metrics in which it is worse."),
    Column("tested", "integer", "Metrics that were tested."),
    Column("n_missing", "integer", "Perturbations of the truth that it lacks, at most over contexts."),
    Column("rank", "integer", "1 is best by score."),
)
DIFFERENTIAL_COLUMNS = (
    Column("context", "text", "Cell type or other context, where there are several.", optional=True),
    Column("target", "text", "Perturbation."),
    Column("feature", "text", "Gene."),
    Column("target_mean", "number", "Mean of the perturbation's cells, of what fold changes are between."),
    Column("ref_mean", "number", "The same of the control cells, or of those of other perturbations."),
    Column("target_membership", "integer", "Cells of the perturbation."),
    Column("ref_membership", "integer", "Cells that they are compared with."),
    Column(
        "log2_fold_change", "number", "Log2 of the ratio of the means, with the pseudocount; infinite where one is 0."
    ),
    Column("percent_change", "number", "How much larger the first mean is, of the second; 0 where both are 0."),
    Column("p_value", "number", "Of a two-sided test."),
    Column("statistic", "number", "U of the perturbation's cells, or t."),
    Column("fdr", "number", "The p-value adjusted (Benjamini and Hochberg)."),
)
