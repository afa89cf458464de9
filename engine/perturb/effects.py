"""True and predicted effects of one perturbation, gene by gene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ...kernels.backend import Backend
from ..choices import did_you_mean
from ..errors import InputError
from .differential.given import Given
from .differential.settings import CONTROL
from .differential.testing import differential
from .presets import Preset
from .screens.screen import Panel, Screen
from .screens.side import Side

__all__ = ["Effects", "chosen_condition", "effects_of", "refuse_unknown"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Effects:
    """Effects of one perturbation in one context.

    Attributes
    ----------
    condition, context : str
        Which.
    genes : tuple of str
        Names.
    true : ndarray of float64, shape (genes,)
        Mean log1p values less those of the control.
    significant : ndarray of bool, shape (genes,)
        Whether the true effect is.
    own : ndarray of int64
        The genes that the perturbation acts on.
    predicted : mapping of str to ndarray of float64, shape (genes,)
        By prediction; those that lack the perturbation are left out.
    """

    condition: str
    context: str
    genes: tuple[str, ...]
    true: Floats
    significant: npt.NDArray[np.bool_]
    own: npt.NDArray[np.int64]
    predicted: Mapping[str, Floats]

    def agreement(self, name: str) -> float:
        """Return Pearson's r of true and predicted effects, own targets left out; NaN where one does not vary."""
        kept = np.ones(len(self.genes), np.bool_)
        kept[self.own] = False
        true, predicted = self.true[kept], self.predicted[name][kept]
        if len(true) < 2 or np.ptp(true) == 0 or np.ptp(predicted) == 0:
            return float("nan")
        return float(np.corrcoef(true, predicted)[0, 1])


def refuse_unknown(condition: str, panel: Panel) -> None:
    """Raise `InputError` where ``--show`` names no perturbation."""
    if condition and condition not in panel.conditions:
        hint = did_you_mean(condition, panel.conditions) or "."
        raise InputError(f"--show: the truth has no perturbation {condition!r}{hint}")


def chosen_condition(results: pl.DataFrame, metric: str | None, name: str, asked: str = "") -> tuple[str, str] | None:
    """Return which perturbation is shown, and in which context.

    Parameters
    ----------
    results : polars.DataFrame
        With the columns of ``results.csv``.
    metric : str or None
        Whose scores decide; without any, the first perturbation is taken.
    name : str
        The prediction whose scores these are.
    asked : str, optional
        The perturbation, where the user names it; in the first context that has it.

    Returns
    -------
    tuple of str, or None
        The one with the median score, the lower of two; None where there is none.
    """
    rows = results.filter(pl.col("prediction") == name, pl.col("n_cells_pred") > 0)
    if asked:
        rows = rows.filter(pl.col("condition") == asked)
    scored = rows.filter(pl.col("metric_type") == (metric or ""), pl.col("score").is_not_null())
    if not asked and len(scored):
        rows = scored.sort("score", "condition", "context")[(len(scored) - 1) // 2 :]
    return None if rows.is_empty() else (str(rows["condition"][0]), str(rows["context"][0]))


def effects_of(
    condition: str,
    context: str,
    truth: Screen,
    predictions: Sequence[Screen],
    preset: Preset,
    backend: Backend[Any],
    threads: int = 0,
    given: Given | None = None,
) -> Effects:
    """Find the effects of a perturbation: of its cells and the control cells alone, so it takes little.

    Parameters
    ----------
    condition, context : str
        Which.
    truth : Screen
        True cells.
    predictions : sequence of Screen
        Of the same panel.
    preset : Preset
        To what counts are scaled, whose control cells are taken, and how genes are tested; always against the control.
    backend : Backend
        The kernels.
    threads : int, default 0
        Worker threads; 0 takes all cores.
    given : Given, optional
        Differential expression of the truth that was found elsewhere.
    """
    panel = truth.panel
    code, place = panel.conditions.index(condition), panel.contexts.index(context)

    def side(screen: Screen) -> Side:
        return Side(_alone(screen, code, place), place, preset.total, backend, threads)

    mine = side(truth)
    found = None if given is None else given.tables.get((truth.name, place))
    if found is not None:
        significant = found.significant[code]
    else:
        significant = differential(mine, replace(preset.tested, reference=CONTROL)).significant[0]
    predicted = {}
    for screen in predictions:
        if len(screen.rows(code, place)):
            theirs = _alone(screen, code, place)
            theirs = theirs if preset.own_controls else theirs.with_controls_of(mine.screen)
            predicted[screen.name] = Side(theirs, place, preset.total, backend, threads).effects[0]
    return Effects(condition, context, panel.genes, mine.effects[0], significant, panel.targets[code], predicted)


def _alone(screen: Screen, condition: int, context: int) -> Screen:
    """Return the cells of a perturbation and of the control, in one context, as a screen of that perturbation."""
    panel = screen.panel
    rows = np.sort(np.concatenate([screen.rows(each, context) for each in (condition, panel.control_code)]))
    narrow = replace(panel, conditions=(panel.conditions[condition],), targets=(panel.targets[condition],))
    found = screen.of(rows)
    return replace(found, panel=narrow, conditions=(found.conditions == panel.control_code).astype(np.int64))
