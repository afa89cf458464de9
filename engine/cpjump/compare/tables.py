"""The columns of what ``fastbench cpjump compare`` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...results.tables import Column
from ..names import CONFIGURATION

__all__ = ["BY_RUN", "COLUMNS", "FRACTIONS", "GAINED_LOST", "PAIRS", "VERDICT"]

#: What columns mean that are named by a run.
BY_RUN = "Of the run that the column is named by: fraction retrieved, groups, groups retrieved, mean AP."

_SIMULATED = Column("simulated", "boolean", "True: the features of a run were simulated.", optional=True)
_MEANINGS = {
    "task": "Task.",
    "Description": "Configuration; all: over those that both runs have.",
    "Cell": "Cell line.",
    "Modality1": "Modality.",
    "time1": "Time label.",
    "timepoint1": "Hours.",
    "Modality2": "Genetic modality, in gene-compound matching.",
    "time2": "Time label of it.",
    "timepoint2": "Hours of it.",
}
_CONFIGURATION = tuple(
    Column(name, "integer" if name.startswith("timepoint") else "text", _MEANINGS[name]) for name in CONFIGURATION
)
_SIDES = (Column("run_a", "text", "The run."), Column("run_b", "text", "The run that it is compared with."))
_TESTED = (
    Column("lower", "number", "Lower end of the 95 % interval of the difference."),
    Column("upper", "number", "Upper end of the 95 % interval of the difference."),
)

VERDICT = (
    Column("task", "text", "Task."),
    Column("run", "text", "The run."),
    Column("verdict", "text", "How it stands to the baseline, see docs/comparison.md."),
    Column("value_a", "number", "Mean AP above chance of all groups in the run."),
    Column("value_b", "number", "The same in the baseline."),
    Column("difference", "number", "value_a - value_b."),
    *_TESTED,
    Column("q_value", "number", "Of the difference, Benjamini-Hochberg over all comparisons of the metric."),
    Column("groups_common", "integer", "Groups that both runs scored."),
    Column("fr_difference", "number", "Difference of the fraction of all groups that is retrieved."),
    Column("fr_q_value", "number", "Of that difference."),
    Column("gained", "integer", "Groups that the run alone retrieves."),
    Column("lost", "integer", "Groups that the baseline alone retrieves."),
    Column("lost_at_gate", "integer", "Groups that the baseline scored and the run lost at its gate."),
    Column("status", "text", "tested, or why there is no p-value."),
    Column("better_in", "integer", "Configurations in which the run is better, q < 0.05."),
    Column("worse_in", "integer", "Configurations in which the run is worse, q < 0.05."),
    Column("configurations", "integer", "Configurations of both."),
    _SIMULATED,
)
PAIRS = (
    *_CONFIGURATION,
    *_SIDES,
    Column("metric", "text", "What is compared, see docs/comparison.md."),
    Column("value_a", "number", "Mean over the groups in run_a."),
    Column("value_b", "number", "Mean over the groups in run_b."),
    Column("difference", "number", "value_a - value_b."),
    *_TESTED,
    Column("p_value", "number", "Two-sided, of the randomisation test."),
    Column("q_value", "number", "Benjamini-Hochberg over all rows of the metric."),
    Column("status", "text", "tested, or why there is no p-value."),
    Column("units", "integer", "Clusters that swap sides."),
    Column("groups_a", "integer", "Groups that run_a scored."),
    Column("groups_b", "integer", "Groups that run_b scored."),
    Column("groups_common", "integer", "Groups that both scored."),
    Column("groups_compared", "integer", "Groups that the metric is of."),
    Column("lost_at_gate_a", "integer", "Groups that run_b scored and run_a lost at its gate."),
    Column("lost_at_gate_b", "integer", "Groups that run_a scored and run_b lost at its gate."),
    Column("retrieved_only_a", "integer", "Groups that run_a alone retrieves."),
    Column("retrieved_only_b", "integer", "Groups that run_b alone retrieves."),
    Column("only_a_at_gate", "integer", "Those of retrieved_only_a that run_b lost at its gate."),
    Column("only_b_at_gate", "integer", "Those of retrieved_only_b that run_a lost at its gate."),
    Column("mcnemar_p", "number", "Exact McNemar test on common groups, in replicability."),
    Column("mcnemar_q", "number", "Benjamini-Hochberg over those tests."),
    _SIMULATED,
)
FRACTIONS = (
    *_CONFIGURATION,
    Column("published", "number", "Published fraction of CellProfiler profiles.", optional=True),
    _SIMULATED,
)
GAINED_LOST = (
    *_CONFIGURATION,
    Column("group", "text", "Perturbation, or target."),
    Column("name", "text", "Name of the compound, or gene."),
    *_SIDES,
    Column("change", "text", "gained: run_a alone retrieves it; lost: run_b alone."),
    Column("at_gate", "boolean", "Whether the other run lost it at its gate."),
    Column("mean_average_precision_a", "number", "Mean AP in run_a; missing where it did not score it."),
    Column("mean_average_precision_b", "number", "Mean AP in run_b; missing where it did not score it."),
    Column("q_value_a", "number", "q-value in run_a."),
    Column("q_value_b", "number", "q-value in run_b."),
    _SIMULATED,
)
COLUMNS: Mapping[str, Sequence[Column]] = {
    "verdict.csv": VERDICT,
    "comparison.csv": PAIRS,
    "fractions.csv": FRACTIONS,
    "gained_lost.csv": GAINED_LOST,
}
