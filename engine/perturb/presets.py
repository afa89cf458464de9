"""Sets of metrics, with the settings that they are computed with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..choices import did_you_mean
from ..errors import InputError
from .comparison import Metric

__all__ = ["Preset", "chosen"]


@dataclass(frozen=True)
class Preset:
    """Metrics and what they share.

    Attributes
    ----------
    name : str
        As ``--preset`` has it.
    total : float
        To which the counts of a cell are scaled before log1p.
    own_controls : bool
        Whether effects of a prediction are taken against its own control cells, instead of the true ones.
    literal : bool
        Whether a perturbation acts on the gene of its name alone, so that ``A+B`` is no gene.
    needs_counts : bool
        Whether the metrics need counts.
    metrics : tuple of Metric
        In the order of the tables.
    """

    name: str
    total: float
    own_controls: bool
    literal: bool
    needs_counts: bool
    metrics: tuple[Metric, ...]


def chosen(preset: Preset, names: Sequence[str]) -> list[Metric]:
    """Return some metrics of a preset, or all.

    Raises
    ------
    InputError
        When there is no such metric.
    """
    there = {metric.name: metric for metric in preset.metrics}
    unknown = [name for name in names if name not in there]
    if unknown:
        hint = did_you_mean(unknown[0], list(there)) or f"; there are {', '.join(there)}."
        raise InputError(f"--metrics: the preset {preset.name!r} has no {unknown[0]!r}{hint}")
    return [metric for metric in preset.metrics if not names or metric.name in names]
