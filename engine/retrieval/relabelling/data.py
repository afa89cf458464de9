"""The profiles and rules behind a table of queries, which ``null="permutation"`` relabels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ....kernels.backend import Backend, Status
from ....kernels.codes import PairCodes, column_index
from ....kernels.names import Similarity
from ...devices import backend_of
from ...errors import InputError
from ...tables.frames import column_names, feature_matrix, metadata_frame, select_columns
from ..degenerate import Handled, handle_degenerate, refuse_degenerate
from ..given import split_table, unpacked
from ..options import ALIASES, Scoring, scoring_of
from ..pair_rules import Columns, PairPlan, PairRules, compile_pairs, named_columns

__all__ = ["RelabelledRows", "Relabelling"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RelabelledRows:
    """Profiles, rules and scoring of the queries whose labels are exchanged.

    Attributes
    ----------
    metadata : polars.DataFrame, n rows
        One row a profile.
    features : ndarray of float, shape (n, d)
        Row i belongs to row i of `metadata`.
    rules : PairRules
        Which pairs are positive, and which negative.
    scoring : Scoring
        Distance, ties and device.
    queries : ndarray of bool, shape (n,), or None
        Rows that were scored; None: all.
    similarity : callable or None
        Takes the place of the distance, as in `score`.
    """

    metadata: pl.DataFrame
    features: npt.NDArray[np.floating]
    rules: PairRules
    scoring: Scoring
    queries: npt.NDArray[np.bool_] | None = None
    similarity: Similarity | None = None

    @cached_property
    def _handled(self) -> Handled:
        """What becomes of rows that have no similarity, where these are not refused."""
        return handle_degenerate(self.features, self.similarity or self._named, self.scoring.degenerate)

    @cached_property
    def usable(self) -> RelabelledRows:
        """The rows without those that are left out for having no similarity."""
        good = self._handled.rows
        if good is None:
            return self
        queries = None if self.queries is None else np.asarray(self.queries, bool)[good]
        scoring = replace(self.scoring, degenerate="refuse")
        return RelabelledRows(self.metadata[good], self.features[good], self.rules, scoring, queries, self.similarity)

    @cached_property
    def plan(self) -> PairPlan:
        """The rules as codes, over the rows that their filters keep."""
        return compile_pairs(
            self.metadata, self.rules, None if self.queries is None else np.asarray(self.queries, bool)
        )

    @cached_property
    def kept(self) -> pl.DataFrame:
        """Metadata of the rows that the filters keep."""
        return self.metadata if len(self.plan.rows) == len(self.metadata) else self.metadata[self.plan.rows]

    @cached_property
    def x(self) -> npt.NDArray[np.floating]:
        """Features of these rows."""
        return self.features if len(self.plan.rows) == len(self.features) else self.features[self.plan.rows]

    @cached_property
    def asked(self) -> npt.NDArray[np.bool_]:
        """Which of these rows are queries."""
        whole = np.ones(len(self.metadata), bool) if self.queries is None else np.asarray(self.queries, bool)
        return whole[self.plan.rows]

    @property
    def _named(self) -> str:
        return ALIASES.get(self.scoring.distance, self.scoring.distance)

    @cached_property
    def distance(self) -> str | Similarity:
        """The distance, or a function in its place."""
        return self._handled.distance

    @property
    def ties(self) -> str:
        """Tie policy."""
        return self.scoring.ties

    @cached_property
    def backend(self) -> Backend[Any]:
        """The kernels that run."""
        return backend_of(self.scoring.device, self.scoring.precision)

    @cached_property
    def fingerprints(self) -> npt.NDArray[np.uint64]:
        """A number of each row that depends on its features alone; rows in its order are in no order of a file."""
        x, found = self.x, np.empty(len(self.x), np.uint64)
        powers = np.cumprod(np.full(x.shape[1], 0x9E3779B97F4A7C15, np.uint64), dtype=np.uint64)
        step = max((1 << 22) // x.shape[1], 1)
        for first in range(0, len(x), step):
            words = np.ascontiguousarray(x[first : first + step], np.float64).view(np.uint64)
            words = (words ^ (words >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
            words ^= words >> np.uint64(32)
            found[first : first + step] = (words * powers).sum(axis=1, dtype=np.uint64)
        return found

    def prepared(self, negatives: PairCodes) -> Any:
        """Set up the counting of similarities under a rule of negatives."""
        if not self._handled.n_bad:
            refuse_degenerate(self.x, self.distance, self.plan.rows)
        prepared = self.backend.prepare(self.x, self.distance, negatives)
        if prepared.status is Status.REFUSED:
            raise InputError(f"Distance {self._named!r}: {prepared.reason}; use another distance, or other features.")
        return prepared

    def no_negatives(self) -> PairCodes:
        """Return a rule that no pair meets: similarities are then computed and nothing is counted."""
        none = column_index([], len(self.x))
        return PairCodes(column_index([np.arange(len(self.x))], len(self.x)), none, none)


class Relabelling:
    """The profiles and rules behind a table of average precision, for ``null="permutation"``.

    Parameters
    ----------
    meta, feats, pos_sameby, pos_diffby, neg_sameby, neg_diffby
        What `average_precision` was called with.
    multilabel_col : str, optional
        The list column, of `multilabel.average_precision`.
    distance, ties, device, degenerate
        As there.
    queries : array of bool, shape (n,), optional
        As there.
    obsm : str, optional
        As there.

    Raises
    ------
    InputError
        A column that is not there, or an unknown choice.

    Examples
    --------
    >>> rule = (["Metadata_compound"], [], ["Metadata_Plate"], ["Metadata_control"])
    >>> ap = fb.average_precision(meta, x, *rule, queries=treated)
    >>> data = fb.Relabelling(meta, x, *rule, queries=treated)
    >>> fb.mean_average_precision(ap, ["Metadata_compound"], 100_000, 0.05, 0, null="permutation", relabelling=data)
    """

    def __init__(
        self,
        meta: Any,
        feats: Any = None,
        pos_sameby: Columns = (),
        pos_diffby: Columns = (),
        neg_sameby: Columns = (),
        neg_diffby: Columns = (),
        multilabel_col: str | None = None,
        *,
        distance: str | Similarity = "cosine",
        ties: str = "expected",
        device: str = "auto",
        degenerate: str = "refuse",
        queries: Any = None,
        obsm: str | None = None,
    ) -> None:
        rules = PairRules(
            pos_sameby=pos_sameby,
            pos_diffby=pos_diffby,
            neg_sameby=neg_sameby,
            neg_diffby=neg_diffby,
            multilabel_col=multilabel_col,
        )
        named = {what: getattr(rules, what) for what in ("pos_sameby", "pos_diffby", "neg_sameby", "neg_diffby")}
        given = unpacked(meta, feats, obsm)
        known = column_names(given.meta) or []
        used = named_columns(named, known) | ({multilabel_col: "multilabel_col"} if multilabel_col is not None else {})
        select_columns(given.meta, used)  # says which is not there
        if given.feats is None and known:
            given = split_table(given.meta, used)
        frame, _ = metadata_frame(given.meta)
        scoring, similarity = scoring_of(distance, ties=ties, device=device, degenerate=degenerate)
        self.rows = RelabelledRows(
            frame,
            feature_matrix(given.feats, len(frame), finite=False),
            rules,
            scoring,
            None if queries is None else np.asarray(queries),
            similarity,
        )
