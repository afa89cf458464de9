"""Names of devices, precisions, tie policies and distances, as users spell them. Imports nothing."""

from __future__ import annotations

__all__ = ["DEVICES", "DISTANCES", "METRICS", "PRECISIONS", "TIES"]


#: What ``device`` may be.
DEVICES = ("auto", "cpu", "reference", "cpu-xla", "gpu")


#: Arithmetic of the tiles that ``gpu`` and ``cpu-xla`` multiply, see `xla.precision`; counts do not depend on it.
#: ``auto`` takes the fastest: fp16x3 where the fused kernel runs (`xla.fused`), else float32.
PRECISIONS = ("auto", "float32", "tf32", "bf16x3", "fp16x3")


#: Tie policies; the position is the code that compiled kernels use.
TIES = ("expected", "optimistic", "pessimistic")


#: Supported distances; the position is the code that compiled kernels use.
DISTANCES = ("cosine", "abs_cosine", "correlation", "euclidean", "manhattan", "chebyshev")


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
