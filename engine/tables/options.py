"""Options of every command that reads tables of labels. Imports nothing heavy: ``--help`` reads it."""

from __future__ import annotations

from dataclasses import dataclass

from ..options import option

__all__ = ["MissingOptions", "TextOptions"]

MISSING = ("error", "drop-features")


@dataclass(frozen=True, kw_only=True)
class TextOptions:
    """Which texts of a table mean missing; see `labels.MISSING_TEXT`."""

    missing_text: tuple[str, ...] = option(
        "Texts that mean missing, beside the empty one. default: NA, N/A, NaN, <NA>, None, NULL and their kind, as "
        "pandas reads them; 'default,unknown' adds one, and '' leaves the empty text alone.",
        ("default",),
        many="comma",
    )


@dataclass(frozen=True, kw_only=True)
class MissingOptions(TextOptions):
    """What becomes of features that are no numbers, of every command that reads features."""

    missing: str = option("What to do about feature columns with NaN or infinity.", "error", choices=MISSING)
