"""The columns of what ``fastbench cpjump`` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ..results.tables import Column
from .names import GENE_COMPOUND_MATCHING, MODALITY, SAMPLE, TARGET, TASKS

__all__ = ["AVERAGE_PRECISION", "BY_CELL", "COLUMNS", "RUNS", "SUMMARY", "fraction_columns", "map_columns"]

_TASK: Final = Column("task", "text", "Task: replicability, matching or gene_compound_matching.")
_DESCRIPTION: Final = Column(
    "Description", "text", "Configuration, as compound_A549_short; two of them in gene-compound matching."
)
_SIMULATED: Final = Column("simulated", "boolean", "True: the features were simulated.", optional=True)
_CELL: Final = Column("Cell", "text", "Cell line.")


def _side(number: str = "", what: str = "", modalities: str = "compound, crispr or orf") -> tuple[Column, ...]:
    return (
        Column(f"Modality{number}", "text", f"Kind of perturbation{what}: {modalities}."),
        Column(f"time{number}", "text", f"Time label{what}: short or long."),
        Column(f"timepoint{number}", "integer", f"Time from perturbation to imaging{what}.", "h"),
    )


def _configuration(task: str) -> tuple[Column, ...]:
    sides = _side()
    if task == GENE_COMPOUND_MATCHING:
        sides = (*_side("1", " of the first side", "compound"), *_side("2", " of the second side", "crispr or orf"))
    return (_DESCRIPTION, _CELL, *sides)


_GROUPS: Final = (
    Column("mean_average_precision", "number", "Mean average precision of the queries of the group."),
    Column(
        "nlog10pvalue",
        "number",
        "Mean of -log10 p over the queries of the group; with exact p-values -log10 of the p-value of the mean.",
    ),
    Column("q_value", "number", "P-value of the group after the Benjamini-Hochberg correction over its run."),
    Column("nlog10qvalue", "number", "-log10 of the q-value."),
    Column("above_p_threshold", "boolean", "Whether the p-value is below the threshold."),
    Column("above_q_threshold", "boolean", "Whether the q-value is below the threshold: the group is retrieved."),
)


def map_columns(task: str) -> Sequence[Column]:
    """Return the columns of ``<task>_map.csv``: one row a group."""
    by = Column(SAMPLE, "text", "Perturbation whose replicates are the group.")
    if task != "replicability":
        by = Column(TARGET, "text", "Gene that the perturbations of the group target.")
    return (by, *_GROUPS, *_configuration(task), _SIMULATED)


def fraction_columns(task: str) -> Sequence[Column]:
    """Return the columns of ``<task>_fr.csv``: one row a run."""
    percents = []
    for name, of, score in (
        ("replicability", "replicates", "percent_replicating"),
        ("matching", "perturbations of one target", "percent_matching"),
    ):
        if name == task:
            meaning = f"Share of groups whose median correlation between {of} is above that of random pairs."
            percents = [
                Column(score, "number", meaning),
                Column(f"{score}_threshold", "number", "95th percentile of the median of random pairs."),
            ]
    return (
        *_configuration(task),
        Column("fr", "number", "Fraction retrieved: share of groups whose q-value is below the threshold."),
        Column("groups", "integer", "Groups that were scored."),
        Column("groups_retrieved", "integer", "Groups whose q-value is below the threshold."),
        Column("published", "number", "Fraction retrieved published for CellProfiler profiles, where it compares."),
        *percents,
        _SIMULATED,
    )


#: What the columns of a summary mean that are called by cell lines.
BY_CELL: Final = "Fraction retrieved of the cell line that the column is called by."
SUMMARY: Final = tuple(
    Column(name, "text", meaning, optional=True)
    for name, meaning in (
        ("Modality", "Kind of perturbation: compound, crispr or orf."),
        ("time", "Time label: short or long."),
        ("Modality1", "Kind of perturbation of the first side: compound."),
        ("time1", "Time label of the first side: short or long."),
        ("Modality2", "Kind of perturbation of the second side: crispr or orf."),
        ("time2", "Time label of the second side: short or long."),
    )
)

AVERAGE_PRECISION: Final = (
    _TASK,
    _DESCRIPTION,
    Column(SAMPLE, "text", "Perturbation of the query."),
    Column("Metadata_Plate", "text", "Plate of the query; missing where queries are perturbations.", optional=True),
    Column("Metadata_Well", "text", "Well of the query; missing where queries are perturbations.", optional=True),
    Column(MODALITY, "text", "Kind of perturbation of the query: compound, crispr or orf."),
    Column(TARGET, "text", "Label that the query is scored for.", optional=True),
    Column("average_precision", "number", "Average precision of the query."),
    Column("ap_optimistic", "number", "Average precision if ties went to the positives.", optional=True),
    Column("ap_pessimistic", "number", "Average precision if ties went to the negatives.", optional=True),
    Column("n_pos_pairs", "integer", "Positives of the query."),
    Column("n_total_pairs", "integer", "Positives and negatives of the query."),
    Column("p_value", "number", "P-value of the average precision; missing: the query was not scored."),
)

#: One row a run; what does not apply to a run is missing.
RUNS: Final = (
    _TASK,
    _DESCRIPTION,
    Column("reported", "boolean", "False: the run was only needed by the gate."),
    Column("outcome", "text", "scored, or why nothing was."),
    Column("fr", "number", "Fraction retrieved."),
    Column("plates", "integer", "Plates with profiles."),
    Column("plates_missing", "integer", "Plates without profiles."),
    *(
        Column(name, "integer", meaning, optional=True)
        for name, meaning in (
            ("wells_read", "Wells that were read."),
            ("wells_empty", "Wells that were left out because they are empty."),
            ("wells_absent", "Wells of the plate maps that have no profile."),
            ("wells_off_map", "Profiles of wells that are on no plate map; they are scored."),
            ("wells_filtered", "Wells that were not to be scored."),
            ("wells_named_dmso", "Compound wells without a name, which are called DMSO."),
            ("wells", "Wells that take part."),
            ("control_wells", "Negative controls among them."),
            ("perturbations", "Perturbations before the gate."),
            ("dropped_by_gate", "Perturbations that are not replicable."),
            ("dropped_no_target", "Perturbations that have no target."),
            ("dropped_no_sister_guide", "Guides and ORFs whose gene has no other one left."),
            ("dropped_no_shared_target", "Compounds none of whose targets is perturbed."),
            ("profiles", "Profiles that are scored against each other."),
            ("labels", "Labels of the queries."),
            ("labels_with_one_carrier", "Labels that one profile alone has."),
            ("queries", "Queries: profiles, or pairs of a profile and a label."),
            ("queries_without_positives", "Queries that have no positive."),
            ("queries_without_negatives", "Queries that have no negative."),
            ("tied_queries", "Queries of which a positive ties with a negative."),
            ("rechecked_similarities", "Similarities that were computed again in float64."),
            ("positive_pairs", "Positive pairs."),
            ("negative_pairs", "Negative pairs."),
            ("queries_with_sampled_null", "Queries whose p-value was sampled, since it could not be computed."),
            ("groups", "Groups that were scored."),
            ("groups_not_scored", "Groups of which no query could be scored."),
            ("groups_retrieved", "Groups whose q-value is below the threshold."),
        )
    ),
)

#: Columns of every table by file name.
COLUMNS: Final[Mapping[str, Sequence[Column]]] = {
    **{f"{task}_map.csv": map_columns(task) for task in TASKS},
    **{f"{task}_fr.csv": fraction_columns(task) for task in TASKS},
    **{f"tables/{task}_summary.csv": SUMMARY for task in TASKS},
    "tables/runs.csv": RUNS,
    "average_precision.parquet": AVERAGE_PRECISION,
}
