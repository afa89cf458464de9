"""Names of devices, precisions, tie policies and distances, as users spell them. Imports nothing of fastbench."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = [
    "ABS_COSINE",
    "CHEBYSHEV",
    "CORRELATION",
    "COSINE",
    "DEVICES",
    "DISTANCES",
    "DISTANCE_TABLE",
    "EUCLIDEAN",
    "EXPECTED",
    "MANHATTAN",
    "METRICS",
    "OPTIMISTIC",
    "PESSIMISTIC",
    "PRECISIONS",
    "TIES",
    "Distance",
    "Similarity",
    "is_metric",
]


#: What ``device`` may be.
DEVICES = ("auto", "cpu", "reference", "cpu-xla", "gpu")


#: Arithmetic of the tiles that ``gpu`` and ``cpu-xla`` multiply, see `xla.rank.precision`; counts do not depend on it.
#: ``auto`` takes the fastest: fp16x3 where the fused kernel runs (`xla.rank.fused`), else float32.
PRECISIONS = ("auto", "float32", "tf32", "bf16x3", "fp16x3")


#: Tie policies; the position is the code that compiled kernels use.
TIES = ("expected", "optimistic", "pessimistic")
EXPECTED, OPTIMISTIC, PESSIMISTIC = range(len(TIES))


class Distance(NamedTuple):
    """What kernels need to know of a distance that fastbench computes itself.

    Attributes
    ----------
    code : int
        The number that compiled kernels know it by.
    needs_norm : bool
        Whether rows are divided by their length: similarities of directions.
    is_product : bool
        Whether it is a function of the product of two rows, so that float32 tiles approximate it.
    is_centred : bool
        Whether each row is first moved to mean zero.
    """

    code: int
    needs_norm: bool
    is_product: bool
    is_centred: bool


COSINE, ABS_COSINE, CORRELATION, EUCLIDEAN, MANHATTAN, CHEBYSHEV = range(6)

#: Distances by name.
DISTANCE_TABLE = {
    "cosine": Distance(COSINE, needs_norm=True, is_product=True, is_centred=False),
    "abs_cosine": Distance(ABS_COSINE, needs_norm=True, is_product=True, is_centred=False),
    "correlation": Distance(CORRELATION, needs_norm=True, is_product=True, is_centred=True),
    "euclidean": Distance(EUCLIDEAN, needs_norm=False, is_product=True, is_centred=False),
    "manhattan": Distance(MANHATTAN, needs_norm=False, is_product=False, is_centred=False),
    "chebyshev": Distance(CHEBYSHEV, needs_norm=False, is_product=False, is_centred=False),
}

#: Supported distances, in the order of their codes.
DISTANCES = tuple(DISTANCE_TABLE)


#: Names of scipy that may stand where a distance is asked for; scipy's own arithmetic decides their ranks.
METRICS = (
    "braycurtis",
    "canberra",
    "dice",
    "hamming",
    "jaccard",
    "jensenshannon",
    "mahalanobis",
    "minkowski",
    "rogerstanimoto",
    "russellrao",
    "seuclidean",
    "sokalsneath",
    "yule",
)

#: What users may give in the place of a name: similarities (m,) of the rows (m, d) of two arrays, higher is nearer.
Similarity = Callable[[Any, Any], Any]


def is_metric(distance: str | Similarity) -> bool:
    """Return whether values come from scipy or from a function of the user, not from arithmetic of our own."""
    return callable(distance) or distance in METRICS
