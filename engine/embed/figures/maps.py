"""Maps of cells in two dimensions, as UMAP lays them out: to be looked at, not measured."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ...errors import InputError
from ...figures.style import GREY, OKABE_ITO, house_style, new_page, save_page
from ..cells import Groups, Ints
from .names import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MOST_CELLS", "Map", "draw_maps", "laid_out", "refuse_without_umap"]

#: Cells that are laid out, drawn at random where there are more; neighbours and seed, as scanpy has them.
MOST_CELLS, NEIGHBORS, SEED = 20_000, 15, 42
_LISTED = 20  # groups that a legend has
_INCHES = 6.4


class Map(NamedTuple):
    """Where cells lie.

    Attributes
    ----------
    places : ndarray of float32, shape (n, 2)
        In the order of the cells that are drawn.
    as_it_is : bool
        Whether the embedding has two columns, which need no layout.
    """

    places: npt.NDArray[np.float32]
    as_it_is: bool


def refuse_without_umap(dimensions: int) -> None:
    """Raise `InputError` where an embedding of so many dimensions needs a layout and umap-learn is not installed."""
    if dimensions > 2 and find_spec("umap") is None:
        raise InputError(
            "--umap needs umap-learn: pip install 'fastbench[umap]' (embeddings of two columns are drawn without it)."
        )


def laid_out(x: npt.NDArray[np.floating]) -> Map | None:
    """Return where UMAP puts the cells of an embedding; two columns stay as they are, one has no map.

    Parameters
    ----------
    x : ndarray, shape (n, d)
        Vectors. The layout has a seed, and is found by one thread.
    """
    if x.shape[1] < 2 or len(x) < 3:
        return None
    if x.shape[1] == 2:
        return Map(np.ascontiguousarray(x, dtype=np.float32), True)
    import umap

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of one thread, and of cells in separate pieces
        layout = umap.UMAP(n_neighbors=min(NEIGHBORS, len(x) - 1), random_state=SEED, n_jobs=1)
        return Map(np.ascontiguousarray(layout.fit_transform(x), dtype=np.float32), False)


def draw_maps(
    maps: Mapping[str, Map], rows: Ints, groups: Mapping[str, Groups], path_png: Path, path_svg: Path, subtitle: str
) -> None:
    """Draw maps side by side: a row an embedding, a column what cells are coloured by.

    Parameters
    ----------
    maps : mapping of str to Map
        By embedding, one or more.
    rows : ndarray of int64, shape (n,)
        Which cells are drawn.
    groups : mapping of str to Groups
        Of all cells: "label", and "batch" where there are batches.
    path_png, path_svg : Path
        Where to write.
    subtitle : str
        What was judged.
    """
    width, height = _INCHES * max(len(groups), 1.2), 0.4 + 4.6 * len(maps)
    order = np.random.default_rng(SEED).permutation(len(rows))  # so that no group hides the others
    note = "Distances between groups on such a map mean little; the metrics are of all dimensions."
    with house_style():
        page = new_page(width, height, "Maps of the cells", subtitle, note=note)
        panels = page.subplots(len(maps), len(groups), squeeze=False)
        for line, (name, each) in enumerate(maps.items()):
            for column, (what, of) in enumerate(groups.items()):
                axes = panels[line, column]
                codes = of.codes[rows]
                colours = _colours(len(of))
                axes.scatter(
                    *each.places[order].T, s=_size(len(rows)), c=colours[codes[order]], linewidths=0, rasterized=True
                )
                way = "as it is" if each.as_it_is else "UMAP"
                axes.set_title(f"{shortened(name)} ({way}), by {what}", fontsize=12, loc="left")
                axes.set(xticks=[], yticks=[])
                for side in axes.spines.values():
                    side.set_visible(False)
                _list(axes, of, codes, colours)
        save_page(page, path_png, path_svg)


def _size(n: int) -> float:
    return float(np.clip(20_000 / n, 1.5, 24))


def _colours(count: int) -> npt.NDArray[np.float64]:
    """Return a colour for each group: those that all can tell apart where they are enough."""
    from matplotlib import colormaps, colors

    if count <= len(OKABE_ITO):
        return np.array([colors.to_rgb(each) for each in OKABE_ITO[: max(count, 1)]])
    if count <= 20:
        return np.array(colormaps["tab20"](np.arange(count)))[:, :3]
    return np.array(colormaps["turbo"](np.random.default_rng(SEED).permutation(count) / count))[:, :3]


def _list(axes: Axes, groups: Groups, codes: Ints, colours: npt.NDArray[np.float64]) -> None:
    """Name the groups beside the map, those of most cells first."""
    sizes = np.bincount(codes, minlength=len(groups))
    order = np.argsort(-sizes, kind="stable")
    for code in order[:_LISTED]:
        axes.scatter([], [], s=40, color=[colours[code]], label=shortened(groups.names[code]), linewidths=0)
    left = len(order) - _LISTED
    title = f"the largest of {len(order)}" if left > 0 else None
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        fontsize=9,
        labelcolor=GREY,
        borderpad=0,
        title=title,
        title_fontsize=9,
    )
