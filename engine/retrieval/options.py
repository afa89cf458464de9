"""Options that retrieval benchmarks share: how profiles are scored, and which null distribution p-values follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...kernels.names import DEVICES, DISTANCES, METRICS, PRECISIONS, TIES, Similarity
from ..choices import check_level, check_sampling, check_tail, did_you_mean
from ..errors import InputError, examples
from ..options import check_choices, option

__all__ = [
    "AGGREGATES",
    "ALIASES",
    "DISTANCE_NAMES",
    "NULLS",
    "P_VALUES",
    "NullModel",
    "Scoring",
    "check_stages",
    "scoring_of",
]

#: Other names of scipy for distances that fastbench has under its own.
ALIASES = {"cityblock": "manhattan", "sqeuclidean": "euclidean"}
#: What ``distance`` may be: fastbench's own, whose ranks are certain, and scipy's.
DISTANCE_NAMES = (*DISTANCES, *ALIASES, *METRICS)
#: What may be done with rows that have no similarity to any other.
DEGENERATE = ("refuse", "drop", "last")
P_VALUES = ("exact", "sampled", "copairs")
NULLS = ("shared", "independent", "permutation")
AGGREGATES = ("mean", "median")


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """How similarities become average precision.

    Attributes
    ----------
    distance : str, default "cosine"
        A distance of fastbench (``kernels.names.DISTANCES``), or another name of `scipy.spatial.distance`.
    ties : {"expected", "optimistic", "pessimistic"}
        What equal similarities of a positive and a negative mean; "optimistic" is the rule of copairs.
    device : {"auto", "cpu", "reference", "cpu-xla", "gpu"}
        Which kernels run; the numbers are the same.
    precision : {"auto", "float32", "tf32", "bf16x3", "fp16x3"}
        What "gpu" and "cpu-xla" multiply in; the numbers are the same.
    degenerate : {"refuse", "drop", "last"}
        What becomes of rows with values that are not finite, or without a direction (all features zero under the
        cosine, equal under correlation): refused, left out, or ranked last by every query, tied with each other.

    Raises
    ------
    InputError
        On a value that is not a choice.
    """

    distance: str = option(
        f"{', '.join(DISTANCES)}, or a name of scipy.spatial.distance.", "cosine", choices=DISTANCE_NAMES
    )
    ties: str = option(
        "Rank of a positive that is as similar as a negative; optimistic: first, as in copairs.",
        "expected",
        choices=TIES,
    )
    device: str = option("Where kernels run; the numbers are the same.", "auto", choices=DEVICES, decides=False)
    precision: str = option(
        "What gpu and cpu-xla multiply in; the numbers are the same.", "auto", choices=PRECISIONS, decides=False
    )
    degenerate: str = option(
        "Rows with NaN or infinite features, or without a direction (all zero): refuse, drop, or rank last.",
        "refuse",
        choices=DEGENERATE,
    )

    def __post_init__(self) -> None:
        """Refuse bad values before anything is read."""
        check_choices(self)
        if self.precision not in ("auto", "float32") and self.device not in ("gpu", "cpu-xla"):
            raise InputError(
                f"Precision {self.precision!r} is for device 'gpu' and 'cpu-xla', but the device is {self.device!r}."
            )
        if self.degenerate == "last" and self.distance in METRICS:
            raise InputError(
                f"Rows cannot be ranked last under {self.distance!r}, which is scipy's; use degenerate 'drop'."
            )


def scoring_of(distance: Any, **others: str) -> tuple[Scoring, Similarity | None]:
    """Return how to score by a distance or, where it is one, a function, which stands beside the options then."""
    if isinstance(distance, str) or not callable(distance):
        return Scoring(distance=distance, **others), None
    return Scoring(**others), distance


def check_stages(columns: Sequence[str], outer: Sequence[str]) -> None:
    """Raise `InputError` where the outer columns of two stages (maybe none) are not a part of the grouping columns."""
    extra = [column for column in outer if column not in columns]
    if extra:
        hint = did_you_mean(extra[0], columns) or f"; they are {examples(columns)}."
        raise InputError(f"hierarchical_by must be among the sameby columns, but {extra[0]!r} is not{hint}")
    if set(outer) == set(columns):
        raise InputError(
            "hierarchical_by must leave out some of the sameby columns, but it names all of them "
            f"({examples(columns)}); leave it out for one stage."
        )


@dataclass(frozen=True, kw_only=True)
class NullModel:
    """Which null distribution the p-values of groups follow.

    Attributes
    ----------
    p_values : {"exact", "sampled", "copairs"}
        Computed, sampled, or as copairs 0.5.5 samples them.
    tail : {"", ">=", ">"}
        Whether draws equal to the observed value count; empty: as `p_values` has it.
    null : {"shared", "independent", "permutation"}
        Whether the members of a group share a draw; or the data are relabelled, see `retrieval.relabelling`.
    aggregate : {"mean", "median"}
        What of a group's AP is tested.
    null_size, seed : int
        Draws of a sampled null distribution (the most of a group, of relabellings), and their seed.
    threshold : float, default 0.05
        Significance level, in [0, 1].

    Raises
    ------
    InputError
        On a value that is not a choice or out of range, or values that do not go together.
    """

    p_values: str = option("How p-values are found; copairs reproduces copairs 0.5.5.", "exact", choices=P_VALUES)
    tail: str = option("'>=' or '>'; >= when left out (copairs: >).", "")
    null: str = option(
        "Whether the members of a group share a draw, or the data are relabelled.", "shared", choices=NULLS
    )
    aggregate: str = option("What of a group's AP is tested.", "mean", choices=AGGREGATES)
    null_size: int = option("Draws of a sampled null distribution.", 100_000)
    seed: int = option("Seed of a sampled null distribution.", 0)
    threshold: float = option("Significance threshold.", 0.05)

    def __post_init__(self) -> None:
        """Refuse bad values before anything is read."""
        check_choices(self)
        check_level(self.threshold, closed=True)
        check_sampling(self.null_size, self.seed)
        check_tail(self.resolved_tail)
        asked = (self.resolved_tail, self.null, self.aggregate)
        if self.p_values == "copairs" and asked != (">", "shared", "mean"):
            raise InputError(
                "p_values='copairs' goes with tail='>', null='shared' and aggregate='mean', but they are "
                f"{', '.join(map(repr, asked[:2]))} and {asked[2]!r}; use p_values='exact' or 'sampled'."
            )
        if self.null == "permutation" and self.p_values == "sampled":
            raise InputError(
                "null='permutation' draws relabellings wherever they are too many to count, so it goes with "
                "p_values='exact'; leave p_values='sampled' out."
            )

    @property
    def resolved_tail(self) -> str:
        """The tail, its default put in."""
        return self.tail or (">" if self.p_values == "copairs" else ">=")
