"""Names and phrases that options, tables, notes and figures of the F-measure share."""

from __future__ import annotations

__all__ = ["CELL", "NO_VALUE", "SAMPLE", "counted"]

#: What bootstrap units may be called beside columns: cells, and samples (files of truth).
CELL, SAMPLE = "cell", "sample"

#: The group or cluster of cells without a value.
NO_VALUE = "(none)"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, in the plural unless the count is 1: ``1 cell``, ``1,200 cells``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
