"""What a retrieval benchmark returns: average precision of each query, and what was counted on the way."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["Retrieval", "RetrievalReport"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RetrievalReport:
    """What was counted on the way.

    Attributes
    ----------
    n_rows, n_filtered : int
        Rows scored against each other, and rows that the filters took away.
    n_queries : int
        Average precision values: rows with a positive (multilabel: (row, label) lists).
    n_without_positives, n_without_negatives : int
        Rows asked for (multilabel: (row, label) lists) that have no positive pair and so no AP, and rows that have
        no negative pair (AP is 1 by definition).
    n_positive_pairs, n_negative_pairs : int
        Unordered pairs under the rules; for a list column, positives count once a label.
    n_tied_queries : int
        Queries of which a positive and a negative have exactly equal similarity.
    n_compared : int
        Similarities of a query to a negative that ranks depend on.
    n_rechecked : int
        Those of them that float32 could not decide and float64 decided.
    certified : bool
        Whether ranks are those of float64 arithmetic in a fixed order, on any machine; False for scipy's metrics.
    ties, distance, precision, device : str
        As asked for, and where the kernels ran.
    warnings : tuple of str
        Near-duplicate labels in the columns used, and what is uncertain.
    """

    n_rows: int
    n_filtered: int
    n_queries: int
    n_without_positives: int
    n_without_negatives: int
    n_positive_pairs: int
    n_negative_pairs: int
    n_tied_queries: int
    n_compared: int
    n_rechecked: int
    certified: bool
    ties: str
    distance: str
    precision: str
    device: str
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the counts for a manifest, with the share that was rechecked."""
        return asdict(self) | {"share_rechecked": self.n_rechecked / max(self.n_compared, 1)}


@dataclass(frozen=True)
class Retrieval:
    """Average precision of each query, with the report.

    Attributes
    ----------
    frame : polars.DataFrame
        The filtered metadata plus ``n_pos_pairs``, ``n_total_pairs``, ``average_precision``,
        ``normalized_average_precision``; for a list column one row a (profile, label). Where a positive and a
        negative of some query are equally similar, also ``ap_optimistic`` and ``ap_pessimistic``: the AP if ties
        went to the positives, and to the negatives.
    rows : ndarray of int64
        Row of the given metadata behind each row of `frame`.
    report : RetrievalReport
        Counts.
    """

    frame: pl.DataFrame
    rows: Ints
    report: RetrievalReport
