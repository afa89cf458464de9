"""Azimuth calls read in the order of the cells, and mapped to ontology terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ...choices import did_you_mean
from ...errors import InputError, examples
from ...readers.cells import column_names, read_cells
from ..ontology.ontology import Ontology
from ..ontology.write import inconsistent_pairs
from ..runs.align import align
from .crosswalk import read_azimuth_crosswalk
from .mapping import LabelMapping, map_level, mapping_notes, refuse_unmapped
from .options import AzimuthOptions

__all__ = ["AzimuthCalls", "read_azimuth"]

_PREFIX, _SCORE = "predicted.", ".score"
#: Inconsistent pairs in a manifest.
_SHOWN_PAIRS = 100


@dataclass(frozen=True)
class AzimuthCalls:
    """Calls of n cells at K levels, in the order of the cells; rank 1 is the most granular level.

    Attributes
    ----------
    table : polars.DataFrame
        What ``inferred_labels.csv`` holds: the cell id (a column without a name), then labels, names and scores.
    terms : ndarray of int32, shape (n, K)
        Position of each call in `Ontology.terms`; -1 for none. Without an ontology all are -1.
    scores : ndarray of float64, shape (n, K)
        NaN where missing.
    levels : polars.DataFrame
        One row a level: `rank`, `level` and `score` (the columns), distinct `labels`, distinct `terms` that they
        became, cells `mapped`, `unmapped` (not in the crosswalk), `outside` (the id is not in the ontology) and
        `missing` (no label), `mean_score`, and cells `without_score`.
    unmapped : polars.DataFrame
        `level`, `label`, `id` (null where the crosswalk has none) and `cells`, the most frequent first in a level.
    inconsistent : polars.DataFrame
        See `inconsistent_pairs`; empty without an ontology.
    extra_rows : int
        Rows of the Azimuth file of no cell; left out.
    notes : tuple of str
        All that was noticed, in words.
    sources : tuple of dict
        The files and what was read of them.
    """

    table: pl.DataFrame
    terms: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float64]
    levels: pl.DataFrame
    unmapped: pl.DataFrame
    inconsistent: pl.DataFrame
    extra_rows: int
    notes: tuple[str, ...]
    sources: tuple[dict[str, Any], ...]

    def account(self) -> dict[str, Any]:
        """Return what became of the calls, for the manifest; of inconsistent pairs the most frequent."""
        pairs = self.inconsistent
        shown = {"pairs": len(pairs), "cells": pairs["cells"].sum(), "most_frequent": pairs.head(_SHOWN_PAIRS)}
        return {"levels": self.levels, "unmapped": self.unmapped, "inconsistent": shown}


def read_azimuth(options: AzimuthOptions, ontology: Ontology | None) -> AzimuthCalls:
    """Read the calls of the cells, and map them to terms.

    Parameters
    ----------
    options : AzimuthOptions
        Its `ontology` is not read here.
    ontology : Ontology, optional
        Which ids are terms. Without one, all that the crosswalk has count.

    Returns
    -------
    AzimuthCalls

    Raises
    ------
    InputError
        See `convert_azimuth`.
    """
    if options.unmapped == "root" and ontology and ontology.root not in ontology.terms:
        raise InputError(
            f"{ontology.source} does not have its root {ontology.root} as a term, so no call can become it."
        )
    crosswalk = read_azimuth_crosswalk(options)
    columns = _find_levels(options)
    cells = read_cells(options.h5ad, [])
    found = read_cells(
        options.azimuth_csv, [label for label, _ in columns], [score for _, score in columns], missing_text=()
    )
    rows = _rows(cells.ids, found.ids, options)
    mapping = LabelMapping(options, crosswalk, ontology)
    levels = [map_level(found, label, score, rows, mapping) for label, score in columns]
    refuse_unmapped(levels, options)
    table: dict[str, Any] = {"": cells.ids}
    for what in ("label", "name", "score"):
        table |= {f"cas_cell_type_{what}_{k}": level.columns[what] for k, level in enumerate(levels, start=1)}
    terms = np.stack([level.terms for level in levels], axis=1)
    pairs = inconsistent_pairs(terms, ontology)
    lost = [(level.name, *each) for level in levels for each in level.lost]
    schema: dict[str, Any] = {"level": pl.String, "label": pl.String, "id": pl.String, "cells": pl.Int64}
    extra_rows = len(found.ids) - len(rows)
    notes = list(crosswalk.notes)
    if extra_rows:
        notes.append(f"{extra_rows} rows of {options.azimuth_csv} are of no cell of {options.h5ad}, and were left out.")
    notes += mapping_notes(levels, mapping)
    if len(pairs):
        worst = [f"{finer} under {coarser}" for finer, coarser in pairs.select("finer", "coarser").head(3).iter_rows()]
        notes.append(
            f"{pairs['cells'].sum()} calls, of {len(pairs)} distinct pairs, are not below the next coarser call of the "
            f"same cell in the ontology ({examples(worst, 3)})."
        )
    return AzimuthCalls(
        table=pl.DataFrame(table),
        terms=terms,
        scores=np.stack([level.scores for level in levels], axis=1),
        levels=pl.DataFrame([{"rank": k, **level.counts} for k, level in enumerate(levels, start=1)]),
        unmapped=pl.DataFrame(lost, schema=schema, orient="row"),
        inconsistent=pairs,
        extra_rows=extra_rows,
        notes=tuple(notes),
        sources=(found.source, cells.source, crosswalk.source),
    )


# --- levels and rows ---


def _find_levels(options: AzimuthOptions) -> list[tuple[str, str]]:
    """Find the columns of labels and scores, most granular first."""
    path, names = options.azimuth_csv, column_names(options.azimuth_csv)
    asked = [_level(text, names) for text in options.levels]
    labels = [label for label, _ in asked]
    if len(set(labels)) < len(labels):
        raise InputError(f"The levels ({examples(labels)}) name a column twice; name each once.")
    for name in (name for level in asked for name in level):
        if name not in names:
            raise InputError(
                f"{path} has no column {name!r}{did_you_mean(name, names) or '.'} "
                f"Its columns are {examples(names, 10)}."
            )
    # Azimuth writes coarse levels first.
    found = [(name, name + _SCORE) for name in names if name.startswith(_PREFIX) and name + _SCORE in names][::-1]
    if not (asked or found):
        raise InputError(
            f"{path} has no column predicted.<level> with a predicted.<level>.score beside it; its columns are "
            f"{examples(names, 10) or 'none'}; name those of the levels, each as LABEL:SCORE."
        )
    return asked or found


def _level(text: str, names: Sequence[str]) -> tuple[str, str]:
    """Read ``LABEL[:SCORE]``; a label may be written without ``predicted.``, and hold a colon."""

    def column(label: str) -> str:
        return f"{_PREFIX}{label}" if label not in names and f"{_PREFIX}{label}" in names else label

    parts = text.split(":")
    splits = [(":".join(parts[:i]), ":".join(parts[i:])) for i in range(len(parts), 0, -1)]
    label, score = next((each for each in splits if column(each[0]) in names), (parts[0], ":".join(parts[1:])))
    return column(label), score or column(label) + _SCORE


def _rows(cells: pl.Series, barcodes: pl.Series, options: AzimuthOptions) -> npt.NDArray[np.int64]:
    """Find the row of the Azimuth file of each cell."""
    for ids, path, what in ((barcodes, options.azimuth_csv, "barcodes"), (cells, options.h5ad, "cell ids")):
        repeated = ids.filter(ids.is_duplicated()).drop_nulls().unique(maintain_order=True)
        if len(repeated):
            raise InputError(
                f"{path}: {len(repeated)} {what} come more than once ({examples(repeated)}); give each cell an id of "
                "its own, for example with the name of its sample in front."
            )
    known = barcodes.is_in(cells.implode()).fill_null(False)
    kept = np.flatnonzero(known.to_numpy())
    where = f"{options.azimuth_csv} (predictions) and {options.h5ad} (truth)"
    if len(kept) < len(cells):
        align(cells, barcodes, where=where)  # it says what is missing, and what most ids seem to differ by
    order, _ = align(cells, barcodes.filter(known), where=where)
    return kept if order is None else kept[order]
