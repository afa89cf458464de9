"""Options of every command that reads tables of labels. Imports nothing heavy: ``--help`` reads it."""

from __future__ import annotations

from dataclasses import dataclass

from ..options import option

__all__ = ["TextOptions"]


@dataclass(frozen=True, kw_only=True)
class TextOptions:
    """Which texts of a table mean missing; see `labels.MISSING_TEXT`."""

    missing_text: tuple[str, ...] = option(
        "Texts that mean missing, beside the empty one. default: NA, N/A, NaN, <NA>, None, NULL and their kind, as "
        "pandas reads them; 'default,unknown' adds one, and '' leaves the empty text alone.",
        ("default",),
        many="comma",
    )
