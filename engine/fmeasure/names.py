"""Names that options, tables and notes of the F-measure share."""

from __future__ import annotations

__all__ = ["CELL", "NO_VALUE", "SAMPLE"]


#: What bootstrap units may be called beside columns: cells, and samples (files of truth).
CELL, SAMPLE = "cell", "sample"


#: The group or cluster of cells without a value.
NO_VALUE = "(none)"
