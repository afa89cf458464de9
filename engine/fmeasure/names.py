"""Names and phrases that options, tables, notes and figures of the F-measure share."""

from __future__ import annotations

import re

__all__ = [
    "ALIGN",
    "CALL_COLUMNS",
    "CELL",
    "MACRO",
    "MATCH",
    "MATCH_OF_RUNS",
    "NO_VALUE",
    "ROOT",
    "ROOT_PREDICTIONS",
    "RULES",
    "SAMPLE",
    "SPELLING",
    "UNKNOWN",
    "counted",
    "is_call_column",
    "is_label_column",
    "safe_name",
]

#: The term "cell" of the Cell Ontology.
ROOT = "CL:0000000"

#: How cells of truth and predictions find each other.
ALIGN = ("id", "position")
#: What becomes of labels outside the ontology, and of predictions of the root; what labels are: see `labels.Policy`.
UNKNOWN = ("error", "drop", "miss", "root")
ROOT_PREDICTIONS = ("keep", "miss", "drop")
MATCH = ("id", "name", "any")
#: What a run may be asked to take labels for: the same, or told of each column.
MATCH_OF_RUNS = (*MATCH, "auto")
SPELLING = ("plain", "exact")
#: What an undefined ratio is worth, and the classes of flat macro means: see `metrics.averages`.
RULES = ("cellarium", "sklearn")
MACRO = ("active", "true")

#: What bootstrap units may be called beside columns: cells, and samples (files of truth).
CELL, SAMPLE = "cell", "sample"

#: The group or cluster of cells without a value.
NO_VALUE = "(none)"

#: Columns of the scored cells that are no columns of ``obs``; with more than one rank, also `nearest_2` and so on.
CALL_COLUMNS = ("cell_id", "truth", "predicted", "hit_rank", "score")


def is_call_column(name: str) -> bool:
    """Return whether a column of the scored cells is one of the calls, and not of ``obs``."""
    return name in CALL_COLUMNS or name.startswith("nearest_")


def is_label_column(name: str) -> bool:
    """Return whether a column of the scored cells holds labels, which are codes in memory and text in files."""
    return name in ("truth", "predicted") or name.startswith("nearest_")


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, in the plural unless the count is 1: ``1 cell``, ``1,200 cells``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def safe_name(name: str) -> str:
    """Return a name that can be that of a folder, as cellarium-cas makes it."""
    return re.sub(r"[/\\:]", "_", name)
