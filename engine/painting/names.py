"""Names of the metrics that ``fastbench map --metrics`` takes. Imports nothing: options read it."""

from __future__ import annotations

__all__ = ["METRIC_NAMES", "NEED_CONTROLS"]

METRIC_NAMES = ("grit", "hitk", "replicating", "reproducibility", "enrichment", "mp-value", "precision-at-k")
#: Those that compare with controls.
NEED_CONTROLS = ("grit", "mp-value")
