"""The contract of a backend: the functions that `reference`, `cpu` and `xla` share, with their arguments and layouts.

The definitions, with their full docstrings, are those of `reference`; each line here says where. A backend may take
more arguments, by keyword and with a default. A new kernel is a method here and a function of the same name in each of
the three packages; the tests find it by this class.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar, cast

import numpy as np
import numpy.typing as npt

from .codes import KeyIndex, LabelPartners, PairCodes, Partners
from .expression import Expression, GroupSums, RankSums
from .names import Similarity
from .sparse_counts import SparseCounts

__all__ = ["Apart", "Backend", "Neighbors", "Outranking", "Prepared", "Status", "bound", "functions"]

Bits = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]


class Status(Enum):
    """What became of a problem that a backend was given. Kernels return it, since they never raise."""

    READY = "ready"
    #: The kernels of the CPU count in place of the device; the numbers are the same.
    ON_HOST = "on host"
    #: Similarities that are not defined: there is no result.
    REFUSED = "refused"


class Prepared(Protocol):
    """What `Backend.prepare` returns, and `Backend.count_outranking` takes; the rest of it is the backend's own."""

    @property
    def status(self) -> Status:
        """Who counts, if anyone can."""

    @property
    def reason(self) -> str:
        """Why the status is not ``READY``, as part of a sentence; else empty."""

    @property
    def precision(self) -> str:
        """What tiles are multiplied in: one of `names.PRECISIONS`."""

    @property
    def norms(self) -> Floats:
        """Length of each row, shape (n,), of the distances that divide by it (`names.Distance`)."""


P = TypeVar("P", bound=Prepared)


class Outranking(NamedTuple):
    """What `Backend.count_outranking` returns, slot by slot.

    Attributes
    ----------
    values : ndarray of float64, shape (m,)
        Ranking value of each positive, see `reference.similarity`.
    above, tied : ndarray of int64, shape (m,)
        Negatives of the query strictly above it, and equal to it.
    rechecked : int
        Entries that were first computed in lower precision and then again in float64.
    status : Status
        ``REFUSED`` if a similarity that counts is not a number: the arrays then mean nothing.
    reason : str
        Why, as part of a sentence; else empty.
    """

    values: Floats
    above: Ints
    tied: Ints
    rechecked: int
    status: Status = Status.READY
    reason: str = ""


class Neighbors(NamedTuple):
    """What `Backend.nearest_neighbors` returns: the nearest other rows of each row, nearest first.

    Attributes
    ----------
    indices : ndarray of int64, shape (n, k)
        Rows.
    values : ndarray of float64, shape (n, k)
        Their ranking values, see `reference.similarity`: higher is nearer.
    """

    indices: Ints
    values: Floats


class Apart(NamedTuple):
    """What `Backend.compare_samples` returns, of samples of n and m rows.

    Attributes
    ----------
    distances : ndarray of float64, shape (3,)
        Sums of the euclidean distances of all n^2 pairs within the one, of all n m between the two, and of all m^2
        within the other.
    median : float
        Median distance of all pairs of different rows of both together; NaN where there is no pair.
    similarities : ndarray of float64, shape (3,)
        Sums of exp(-d^2 / (2 median^2)) of the n (n - 1) pairs of different rows within the one, the n m between, and
        the m (m - 1) within the other; NaN where the median is 0.
    """

    distances: Floats
    median: float
    similarities: Floats


class Backend(Protocol[P]):
    """The functions of a backend, each a total function of arrays and scalars."""

    __name__: str

    def prepare(self, features: npt.NDArray[np.floating], distance: str | Similarity, negatives: PairCodes) -> P:
        """Set up the counting for a feature matrix and a rule of negative pairs: `reference.ranking`."""

    def count_outranking(
        self,
        prepared: P,
        queries: npt.NDArray[np.integer],
        offsets: Ints,
        positives: npt.NDArray[np.integer],
        threads: int = 0,
        progress: Callable[[float], None] | None = None,
    ) -> Outranking:
        """Count the negatives that outrank and tie each positive: `reference.ranking`."""

    def nearest_neighbors(
        self,
        features: npt.NDArray[np.floating],
        k: int,
        distance: str,
        threads: int = 0,
        progress: Callable[[float], None] | None = None,
    ) -> Neighbors:
        """Find the k nearest other rows of each row: `reference.proximity.neighbors`."""

    def distance_sums(
        self,
        features: npt.NDArray[np.floating],
        labels: npt.NDArray[np.integer],
        n_labels: int,
        threads: int = 0,
        progress: Callable[[float], None] | None = None,
    ) -> Ints:
        """Add up euclidean distances of each row to the rows of each label: `reference.proximity.label_distances`."""

    def distance_unit(self, features: npt.NDArray[np.floating]) -> float:
        """Return the unit of these sums: `reference.proximity.label_distances`."""

    def cosine_sums(self, features: npt.NDArray[np.floating], labels: npt.NDArray[np.integer], n_labels: int) -> Floats:
        """Add up the cosine distances of each row to the rows of each label: `reference.proximity.label_distances`."""

    def absolute_distances(
        self, one: Floats, other: Floats, threads: int = 0, progress: Callable[[float], None] | None = None
    ) -> Floats:
        """Add up absolute differences of two sets of rows: `reference.proximity.absolute_distances`."""

    def pair_sums(
        self,
        features: npt.NDArray[np.floating],
        labels: npt.NDArray[np.integer],
        n_labels: int,
        pairs: npt.NDArray[np.integer],
        threads: int = 0,
        progress: Callable[[float], None] | None = None,
    ) -> Floats:
        """Add up euclidean distances between the rows of pairs of labels: `reference.proximity.samples`."""

    def compare_samples(
        self,
        one: npt.NDArray[np.floating],
        other: npt.NDArray[np.floating],
        threads: int = 0,
        progress: Callable[[float], None] | None = None,
    ) -> Apart:
        """Add up distances within and between two samples, and a kernel of them: `reference.proximity.samples`."""

    def inverse_simpson(
        self, distances: Floats, codes: npt.NDArray[np.integer], n_codes: int, perplexity: float
    ) -> Floats:
        """Return the inverse Simpson index of the labels around each row: `reference.proximity.neighborhoods`."""

    def rank_sums(
        self,
        expression: Expression,
        groups: npt.NDArray[np.integer],
        n_groups: int,
        reference: int = -1,
        threads: int = 0,
        progress: Callable[[float], None] | None = None,
    ) -> RankSums:
        """Compare groups of cells by the ranks of their values, gene by gene: `reference.expression.rank_sums`."""

    def group_sums(
        self,
        expression: Expression,
        groups: npt.NDArray[np.integer],
        n_groups: int,
        threads: int = 0,
        progress: Callable[[float], None] | None = None,
    ) -> GroupSums:
        """Add up the values of groups of cells, and their squares, gene by gene: `reference.expression.group_sums`."""

    def average_precision(self, offsets: Ints, values: Floats, above: Ints, tied: Ints, ties: str) -> Floats:
        """Turn counts into average precision under a tie policy: `reference.average_precision`."""

    def count_partners(self, codes: PairCodes) -> Ints:
        """Count the partners of each row under a pair rule: `reference.pairs`."""

    def partners(self, codes: PairCodes, rows: npt.NDArray[np.integer]) -> Partners:
        """List the partners of rows: `reference.pairs`."""

    def label_partners(self, codes: PairCodes, labels: KeyIndex, rows: npt.NDArray[np.integer]) -> LabelPartners:
        """List the partners of each (row, label): `reference.pairs`."""

    def group_means(self, values: Floats, rows: Ints, offsets: Ints) -> Floats:
        """Average the values of groups, rounded once: `reference.means`."""

    def expected_ap(self, n_pos: npt.ArrayLike, n_total: npt.ArrayLike) -> Floats:
        """Return the mean of AP under random ranking: `reference.null`."""

    def variance_ap(self, n_pos: int, n_total: int) -> float:
        """Return the variance of AP under random ranking: `reference.null`."""

    def enumerate_ap(self, n_pos: int, n_total: int) -> Floats:
        """Return AP of every placement of the positives: `reference.null`."""

    def count_tail(self, n_pos: int, n_total: int, total: float, limit: int) -> int:
        """Count the placements whose sum reaches a threshold: `reference.null`."""

    def stream_key(self, *parts: int) -> int:
        """Fold integers into the key of a random stream: `reference.null`."""

    def sample_ap(self, key: int, first: int, count: int, n_pos: int, n_total: int) -> Floats:
        """Draw AP of random placements: `reference.null`."""

    def advance_survival(
        self, survival: Floats, starts: Ints, lows: Ints, errors: Floats, cells: int, rank: int, until: int
    ) -> None:
        """Sweep survival functions of partial sums over ranks, in place: `reference.null`."""

    def advance_moments(
        self, moments: Floats, slopes: Floats, tilts: Floats, cells: int, rank: int, until: int
    ) -> None:
        """Sweep joint moments of a sum and its rounding error, in place: `reference.null`."""

    def descend_distribution(
        self, n_pos: int, n_total: int, until: int, cells: int, negligible: float
    ) -> tuple[Floats, Ints, Floats, float]:
        """Return the distribution of the terms beyond a rank: `reference.null_split`."""

    def split_tail(self, masses: Floats, tops: Ints, survival: Floats, starts: Ints, finer: int, edges: Ints) -> float:
        """Add up the tails of the two parts of a sum: `reference.null_split`."""

    def characteristic(
        self, n_pos: int, theta: tuple[float, float, int], lowest: Ints, highest: Ints
    ) -> npt.NDArray[np.complex128]:
        """Return the characteristic function of the sum behind AP: `reference.null_inversion`."""

    def characteristic_lists(
        self, n_pos: Ints, theta: tuple[float, float, int], totals: Ints
    ) -> npt.NDArray[np.complex128]:
        """Return the same of several lists from one sweep: `reference.null_inversion`."""

    def exponential_moments(self, n_pos: Ints, t: Floats, totals: Ints) -> Floats:
        """Return E[exp(t S)] of several lists from one sweep: `reference.null_inversion`."""

    def advance_scaled(self, tables: Floats, weights: Floats, means: Floats, cells: float) -> None:
        """Sweep survival functions over blocks of ranks, in place: `reference.null_scaled`."""

    def scaled_tail(self, tables: Floats, k: int, weights: Floats, means: Floats, cells: float) -> Floats:
        """Return a survival function after one more block of ranks: `reference.null_scaled`."""

    def tail_sum(self, s: Floats, unit: float, phi: npt.NDArray[np.complex128]) -> Floats:
        """Return tails from a characteristic function: `reference.null_inversion`."""

    def count_sums(self, one: Floats, two: Floats, three: Floats, edge: float, strict: bool) -> int:
        """Count the triples whose sum reaches a threshold: `reference.null_sums`."""

    def spectral_tails(
        self,
        spectra: Floats,
        size: int,
        offsets: Ints,
        parts: Ints,
        times: Ints,
        weights: Floats,
        cells: Ints,
        decay: float,
        negligible: float,
    ) -> Floats:
        """Return tails of sums of draws from Fourier transforms: `reference.null_sums`."""

    def shuffle_cells(self, key: int, first: int, count: int, offsets: Ints) -> Ints:
        """Exchange rows at random within cells: `reference.null_relabelling`."""

    def sample_sets(self, key: int, first: int, count: int, offsets: Ints, taken: Ints) -> Ints:
        """Choose rows of cells at random: `reference.null_relabelling`."""

    def ranked_sums(
        self, table: npt.NDArray[np.unsignedinteger], inverse: Floats, draw_offsets: Ints, draws: Ints, sets: Ints
    ) -> Floats:
        """Add up AP over sets of rows whose ranks are known: `reference.null_relabelling`."""

    def relabelled_ap(
        self,
        values: Floats,
        rows: Ints,
        queries: Ints,
        pos_offsets: Ints,
        positives: Ints,
        neg_offsets: Ints,
        negatives: Ints,
        ties: str,
    ) -> Floats:
        """Return AP of queries at whose places other rows stand: `reference.null_relabelling`."""

    def relabelled_sums(
        self,
        queries: Ints,
        offsets: Ints,
        mates: Ints,
        values: Floats,
        above: Ints,
        tied: Ints,
        negative: npt.NDArray[np.bool_],
        extra_offsets: Ints,
        extras: Ints,
        draw_offsets: Ints,
        draws: Ints,
        sets: Ints,
        blocks: Ints,
        ties: str,
    ) -> tuple[Floats, Ints]:
        """Add up AP over sets of rows that are given a label: `reference.null_relabelling`."""

    def count_confusion(
        self, truth: Codes, predictions: Codes, n_labels: int, weights: Ints | None = None, threads: int = 0
    ) -> SparseCounts:
        """Count cells by truth, prediction and rank of the truth: `reference.confusion`."""

    def ancestor_bits(self, parent_offsets: Ints, parents: Codes) -> Bits:
        """Return the ancestors of each node as bit rows: `reference.ontology`."""

    def ancestor_hops(self, parent_offsets: Ints, parents: Codes) -> tuple[Ints, Codes, Codes]:
        """List the ancestors of each node with the fewest edges up to them: `reference.ontology`."""

    def path_lengths(self, rows: Codes, cols: Codes, offsets: Ints, nodes: Codes, hops: Codes) -> tuple[Codes, Codes]:
        """Count the edges between nodes by way of a common ancestor: `reference.ontology`."""

    def node_counts(self, rows: Codes, cols: Codes, counts: Ints, bits: Bits, n_nodes: int) -> Ints:
        """Count true positives, false positives and false negatives of each node: `reference.ontology`."""

    def overlaps(self, rows: Codes, cols: Codes, bits: Bits) -> Codes:
        """Count the ancestors that truth and prediction share: `reference.ontology`."""

    def best_predictions(self, truth: Codes, predictions: Codes, bits: Bits, threads: int = 0) -> Codes:
        """Find the prediction nearest to the truth among the first ranks: `reference.ontology`."""


def functions() -> tuple[str, ...]:
    """Return the names of the functions that every backend has."""
    return tuple(name for name, member in vars(Backend).items() if inspect.isfunction(member) and name[0] != "_")


class _Bound:
    """The functions of a package, with some keyword arguments set."""

    def __init__(self, package: Backend[Any], settings: dict[str, object]) -> None:
        self.__name__ = package.__name__
        for name in functions():
            function = getattr(package, name)
            taken = settings.keys() & inspect.signature(function).parameters.keys()
            setattr(self, name, partial(function, **{key: settings[key] for key in taken}) if taken else function)


def bound(package: Backend[P], **settings: object) -> Backend[P]:
    """Return a backend whose functions have keyword arguments set, wherever they take them."""
    return cast(Backend[P], _Bound(package, settings))
