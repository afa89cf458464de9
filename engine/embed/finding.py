"""What a metric found, and what is known of a metric before it is computed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .space import Space

__all__ = ["ANCHORS", "WHOLE", "Finding", "Key", "Metric", "Named", "named", "packed", "undefined", "unpacked"]

#: The variant of a finding that has no other beside it, or sums them up.
WHOLE = "all"
#: What most metrics are put beside, see `anchors`.
ANCHORS = ("random", "shuffled", "labels", "batches")


@dataclass(frozen=True)
class Finding:
    """The value of a metric, with its detail.

    Attributes
    ----------
    value : float
        NaN where it is not defined.
    reason : str
        Why it is not, as a sentence; else empty.
    per_label : mapping of str to float
        The value of each label (or batch, fold, class).
    per_cell : ndarray of float64, shape (n,), optional
        What each cell adds: the value is their mean, or their median where `statistic` says so. NaN: nothing.
    statistic : {"mean", "median", "other"}
        How the value follows from those of the cells.
    rescaled : tuple of (float, float)
        The value is this intercept and slope of that mean or median.
    params : mapping
        What it was computed with.
    variant : str
        What tells it from others of its name, such as the classifier.
    """

    value: float
    reason: str = ""
    per_label: Mapping[str, float] = field(default_factory=dict)
    per_cell: npt.NDArray[np.float64] | None = None
    statistic: str = "other"
    rescaled: tuple[float, float] = (0.0, 1.0)
    params: Mapping[str, Any] = field(default_factory=dict)
    variant: str = WHOLE


def undefined(reason: str, variant: str = WHOLE, **params: Any) -> Finding:
    """Return what stands for a value that is not defined."""
    return Finding(math.nan, reason, params=params, variant=variant)


class Named(NamedTuple):
    """A finding and its name.

    Attributes
    ----------
    name : str
        The metric_type of cz-benchmarks.
    finding : Finding
        Its name and variant together occur once a task.
    """

    name: str
    finding: Finding


#: What a metric may return.
Found = Finding | Mapping[str, Finding] | Sequence[Named]


def named(found: Found, name: str) -> list[Named]:
    """Return the findings of a metric with their names; `name` is that of one alone."""
    if isinstance(found, Finding):
        return [Named(name, found)]
    if isinstance(found, Mapping):
        return [Named(key, each) for key, each in found.items()]
    return list(found)


@dataclass(frozen=True)
class Metric:
    """A metric of embeddings.

    Attributes
    ----------
    name : str
        As its peer spells it.
    task : str
        The task that it belongs to.
    family : {"biology", "batch", "order", "perturbation"}
        What is judged.
    compute : callable
        ``space -> finding``, or findings by name where several come together, a list where names recur.
    meaning : str
        One sentence.
    needs : tuple of str
        Which of batch, order, species, unintegrated, relations and control-labels must be given.
    anchors : tuple of str
        What it is put beside: of costly metrics only what their scores need.
    """

    name: str
    task: str
    family: str
    compute: Callable[[Space], Found]
    meaning: str
    needs: tuple[str, ...] = ()
    anchors: tuple[str, ...] = ANCHORS

    @property
    def mixes(self) -> str:
        """Of what it asks whether it is mixed: "batch" or "species"; "" of other metrics."""
        if self.family != "batch":
            return ""
        return "species" if "species" in self.needs else "batch"


class Key(NamedTuple):
    """What names a finding.

    Attributes
    ----------
    metric : Metric
        That found it.
    name : str
        The metric_type.
    variant : str
        As in `Finding`.
    """

    metric: Metric
    name: str
    variant: str


def packed(name: str, finding: Finding) -> dict[str, Any]:
    """Return a finding as a step keeps it."""
    return {
        "name": name,
        "variant": finding.variant,
        "value": None if math.isnan(finding.value) else finding.value,
        "reason": finding.reason,
        "per_label": dict(finding.per_label),
        "per_cell": finding.per_cell,
        "statistic": finding.statistic,
        "rescaled": list(finding.rescaled),
        "params": dict(finding.params),
    }


def unpacked(kept: Mapping[str, Any]) -> tuple[str, Finding]:
    """Return the name and the finding that `packed` was given."""
    value = math.nan if kept["value"] is None else kept["value"]
    start, slope = kept["rescaled"]
    return kept["name"], Finding(
        value,
        kept["reason"],
        kept["per_label"],
        kept["per_cell"],
        kept["statistic"],
        (start, slope),
        kept["params"],
        kept["variant"],
    )
