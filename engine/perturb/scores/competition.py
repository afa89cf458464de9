"""The one number of each Virtual Cell Challenge, with the bounds that its rule sets."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl

from ..comparison import LOWER
from .summary import shown_context

__all__ = ["competition_scores"]

#: Metrics of the rule of 2026, with the bounds of their scores.
_2026 = {
    "pds_cosine": (-math.inf, math.inf),
    "expr_mse_unbiased_capped_norm": (0.0, 1.0),
    "de_wilcoxon_direction_fidelity_yield_raw": (-math.inf, math.inf),
    "de_wilcoxon_direction_reach_raw": (-math.inf, math.inf),
    "de_wilcoxon_sig_jaccard": (-math.inf, math.inf),
    "de_wilcoxon_lfc_nmae": (-6.0, math.inf),
}
_2025 = ("mae", "discrimination_score_l1", "overlap_at_N")


def _of_2025(row: Mapping[str, Any]) -> float:
    """Return how far a value is from the baseline to a perfect one, never below 0: a bad value costs nothing."""
    value, base = row["value"], row["baseline"]
    if value is None or base is None:
        return 0.0
    if row["better"] == LOWER:
        return max(1 - value / base, 0.0) if base else 0.0
    return max((value - base) / (1 - base), 0.0) if base != 1 else 0.0


def _of_2026(row: Mapping[str, Any]) -> float:
    low, high = _2026[row["metric_type"]]
    return float(np.clip(row["score"], low, high)) if row["score"] is not None else 0.0


_RULES: dict[str, tuple[tuple[str, ...], Callable[[Mapping[str, Any]], float]]] = {
    "vcc2025": (_2025, _of_2025),
    "vcc2026": (tuple(_2026), _of_2026),
}


def competition_scores(preset: str, summary: pl.DataFrame) -> dict[str, float]:
    """Return the number that a competition would give each prediction; nothing for other presets.

    Parameters
    ----------
    preset : str
        ``vcc2025``: mean over three metrics of (u - b) / (1 - b) or 1 - u / b, cut off below 0. ``vcc2026``: mean over
        six of (u - b) / (r - b), that of the error within 0..1 and that of fold changes not below -6; a score that is
        not defined counts 0.
    summary : polars.DataFrame
        With the columns of ``summary.csv``.

    Returns
    -------
    dict of str to float
        By prediction. The baseline and the replicate are those of this run, not the ones that a competition froze.
    """
    if preset not in _RULES:
        return {}
    names, rule = _RULES[preset]
    table = shown_context(summary).filter(pl.col("metric_type").is_in(names))
    found: dict[str, float] = {}
    for (prediction,), rows in table.group_by("prediction", maintain_order=True):
        if len(rows) == len(names):
            found[str(prediction)] = float(np.mean([rule(row) for row in rows.iter_rows(named=True)]))
    return found
