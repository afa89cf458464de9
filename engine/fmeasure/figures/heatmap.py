"""The figure of models by groups: the score of each model on each tissue, donor or whatever makes the groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ...figures.style import GREY, INK, house_style, new_page, save_page, wrapped
from ..names import counted
from .scores import METRIC_NAMES, SIMULATED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_heatmap", "heatmap_page", "models_by_group"]

_MODEL = "model_name"
#: Models and groups drawn; of more groups, those with the most cells.
_MODELS, _GROUPS = 30, 24
#: From pale to Okabe & Ito's blue, which numbers can be read on.
_COLOURS = ("#F4F8FB", "#9CC7E3", "#0072B2")
_ROW, _COLUMN = 0.5, 0.62  # inches
_NAMES = 2.6  # inches for the names of models
_UNDER = 1.5  # inches for the names of groups
_LEVEL = 1.2  # inches of a column from which its name is level


def models_by_group(
    summary: pl.DataFrame, keys: Mapping[str, Mapping[str, str]], metric: str
) -> tuple[str, pl.DataFrame] | None:
    """Return the scores by model and group.

    Parameters
    ----------
    summary : polars.DataFrame
        One row a group: `group_name`, `n_cells` and `metric`.
    keys : mapping of str to mapping of str to str
        What each group was made by, by its name.
    metric : str
        The score.

    Returns
    -------
    what : str
        The keys beside the model, joined by `` | ``.
    table : polars.DataFrame
        `model`, `group`, `score` (null where it does not exist), `n_cells`, one row a group of `summary`; or None
        instead of both where groups are not made by model and something else, or there is one of either alone.
    """
    others = [key for key in next(iter(keys.values()), {}) if key != _MODEL]
    if not others or any(_MODEL not in each for each in keys.values()):
        return None
    table = pl.DataFrame(
        {
            "model": [keys[name][_MODEL] for name in summary["group_name"]],
            "group": [" | ".join(keys[name][key] for key in others) for name in summary["group_name"]],
            "score": summary[metric].cast(pl.Float64).fill_nan(None),
            "n_cells": summary["n_cells"].cast(pl.Int64),
        }
    )
    return (" | ".join(others), table) if min(table["model"].n_unique(), table["group"].n_unique()) > 1 else None


def draw_heatmap(
    summary: pl.DataFrame,
    keys: Mapping[str, Mapping[str, str]],
    path: Callable[[str], Path],
    *,
    metric: str,
    subtitle: str,
    simulated: bool = False,
) -> None:
    """Draw ``figures/models_by_group.png`` and ``.svg``, where there are several models and several groups.

    Parameters
    ----------
    summary, keys, metric
        As in `models_by_group`.
    path : callable
        Gives the place of a file by its name.
    subtitle : str
        The cells that were scored.
    simulated : bool, default False
        The predictions were simulated: the header says so.
    """
    found = models_by_group(summary, keys, metric)
    if found is None:
        return
    with house_style():
        page = heatmap_page(*found, METRIC_NAMES[metric], subtitle=subtitle, simulated=simulated)
        save_page(page, path("figures/models_by_group.png"), path("figures/models_by_group.svg"))


def heatmap_page(what: str, table: pl.DataFrame, score: str, *, subtitle: str, simulated: bool = False) -> Figure:
    """Make the page: a row a model, the best on top; a column a group, the hardest at the left; the best of each bold.

    Parameters
    ----------
    what : str
        What the groups are.
    table : polars.DataFrame
        As from `models_by_group`.
    score : str
        What the score is called.
    subtitle : str
        The cells that were scored.
    simulated : bool, default False
        The predictions were simulated: the header says so.

    Returns
    -------
    matplotlib.figure.Figure
        The first axes hold the image, whose array is (models, groups).
    """
    from matplotlib.colors import LinearSegmentedColormap

    models, groups = _ordered(table, "model"), _ordered(table, "group")[::-1]
    notes = []
    if len(models) > _MODELS:
        notes.append(f"The best {_MODELS} of {len(models)} models.")
    if len(groups) > _GROUPS:
        cells = table.group_by("group").agg(pl.col("n_cells").max()).sort(-pl.col("n_cells"), "group")
        most = set(cells["group"].head(_GROUPS))
        notes.append(f"The {_GROUPS} of {len(groups)} groups with the most cells.")
        groups = [name for name in groups if name in most]
    models = models[:_MODELS]
    values = np.full((len(models), len(groups)), np.nan)
    at = {name: i for i, name in enumerate(models)}, {name: j for j, name in enumerate(groups)}
    for model, group, value in table.select("model", "group", "score").iter_rows():
        if value is not None and model in at[0] and group in at[1]:
            values[at[0][model], at[1][group]] = value
    notes.append("From the hardest group to the easiest; bold: the best model of a group.")
    if np.isnan(values).any():
        notes.append("–: no score.")
    width = max(8.0, _NAMES + 1.6 + _COLUMN * max(len(groups), 4))
    height = 0.5 + _UNDER + _ROW * max(len(models), 2)
    title = f"{score[0].upper()}{score[1:]} of {counted(len(models), 'model')} by {what}"
    page = new_page(width, height, title, subtitle, note=" ".join(notes), simulated=simulated, badge=SIMULATED)
    axes = page.add_subplot()
    colours = LinearSegmentedColormap.from_list("scores", _COLOURS)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    room = max(0.01, 0.02 * (high - low))
    low, high = max(0.0, low - room), min(1.0, high + room)
    image = axes.imshow(values, cmap=colours, vmin=low, vmax=high, aspect="auto")
    _write_values(page, values, low, high)
    axes.set_yticks(range(len(models)), [wrapped(name, _NAMES - 0.2, 12, lines=2) for name in models], fontsize=12)
    across = (width - _NAMES - 1.6) / max(len(groups), 1)
    level = across > _LEVEL
    names = [wrapped(name, (across if level else _UNDER) - 0.1, 11, lines=2) for name in groups]
    turned: dict[str, Any] = {} if level else {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(len(groups)), names, fontsize=11, **turned)
    axes.tick_params(length=0)
    axes.set_xticks(np.arange(len(groups) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(models) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(False)
    bar = page.colorbar(image, ax=axes, fraction=0.04, pad=0.02)
    bar.outline.set_visible(False)
    return page


def _ordered(table: pl.DataFrame, column: str) -> Sequence[str]:
    """Return models or groups by their mean score, the highest first; those without any last."""
    means = table.group_by(column).agg(pl.col("score").mean())
    names: list[str] = means.sort("score", column, descending=[True, False], nulls_last=True)[column].to_list()
    return names


def _write_values(page: Figure, values: np.ndarray, low: float, high: float) -> None:
    """Write each score into its cell, that of the best model of a column in bold."""
    axes = page.axes[0]
    printed = np.round(values, 2)
    best = np.array([np.nanmax(column) if np.isfinite(column).any() else np.nan for column in printed.T])
    for (i, j), value in np.ndenumerate(values):
        missing = bool(np.isnan(value))
        dark = not missing and (value - low) > 0.85 * (high - low)
        axes.text(
            j,
            i,
            "–" if missing else f"{value:.2f}",
            ha="center",
            va="center",
            fontsize=11,
            fontweight="bold" if printed[i, j] == best[j] else "normal",
            color=GREY if missing else "white" if dark else INK,
        )
