"""Which cells are judged, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ...choices import did_you_mean
from ...errors import InputError, counted, examples
from ...painting.relation_files import read_relations
from ...readers.embeddings.neighbors import Neighbors, check_neighbors
from ...tables.profiles import Source
from ..cells import Cells, Groups, Known, grouped
from ..counts import Before, before_integration
from ..metrics.neighborhoods import KSIM_NEIGHBORS, KSIM_SHARE
from ..options import EmbedOptions
from ..space import MOST_NEIGHBORS
from .vector_notes import vector_notes

__all__ = ["COUNTS", "Inputs", "columns_of", "judged", "require_labels"]

#: Sizes between which float32 and the search for a perplexity keep their digits.
SIZES = (1e-9, 1e9)
#: The embedding that --count-column makes: one number a cell or well.
COUNTS = "cells_per_well"
#: Labels that are numbers, of fewer cells each than this on average, are probably measurements.
MOST_LIKE_NUMBERS = 5
_TRANSFER = "cross-species_label_prediction"


@dataclass(frozen=True)
class Inputs:
    """Embeddings of the same cells.

    Attributes
    ----------
    vectors : dict of str to ndarray of float32, shape (n, d)
        By name.
    cells : Cells
        What is known of the cells.
    ids : polars.DataFrame
        The columns that were asked for, a row a cell.
    before : Before
        Vectors before integration, or counts of which they are to be made.
    sources : tuple of Source
        The files.
    notes : tuple of str
        What was left out.
    dropped : dict of str to int
        Cells by reason.
    known : Known
        What is known of labels that are perturbations.
    neighbors : Neighbors or None
        Of the first embedding, where they were given.
    """

    vectors: dict[str, npt.NDArray[np.float32]]
    cells: Cells
    ids: pl.DataFrame
    before: Before = field(default_factory=Before)
    sources: tuple[Source, ...] = ()
    notes: tuple[str, ...] = ()
    dropped: dict[str, int] = field(default_factory=dict)
    known: Known = field(default_factory=Known)
    neighbors: Neighbors | None = None

    @property
    def needs_met(self) -> list[str]:
        """Needs of metrics of perturbations that are met."""
        relations = self.known.relations
        given = {"relations": relations.pairs or relations.clusters, "control-labels": self.known.controls}
        return [name for name, value in given.items() if value]

    @property
    def given(self) -> list[str]:
        """What metrics may need and is there."""
        known = [name for name in ("batch", "order", "species") if getattr(self.cells, name) is not None]
        known += self.needs_met
        there = self.before.vectors is not None or self.before.counts is not None
        return [*known, "unintegrated"] if there else known


def columns_of(options: EmbedOptions) -> dict[str, str]:
    """Return the columns that options name; those of the packaged sample where nothing is named."""
    sample = not options.embeddings
    columns = {
        "labels": options.labels or ("bulk_labels" if sample else ""),
        "batch": options.batch or ("phase" if sample else ""),
        "donor": options.donor,
        "order": options.order,
        "species": options.species,
        "count-column": options.count_column,
    }
    return {name: column for name, column in columns.items() if column}


def require_labels(wanted: Mapping[str, str], there: Sequence[str]) -> None:
    """Refuse a run without labels, and name the columns that there are."""
    if "labels" not in wanted:
        known = f"; there are {examples(there, 12)}" if there else ""
        raise InputError(f"--labels is needed: the column that says what each cell is{known}.")


def judged(
    vectors: Mapping[str, npt.NDArray[np.float32]],
    metadata: pl.DataFrame,
    options: EmbedOptions,
    *,
    unintegrated: Any = None,
    sources: tuple[Source, ...] = (),
    notes: Sequence[str] = (),
    neighbors: Neighbors | None = None,
    names: Mapping[str, Sequence[str]] | None = None,
) -> Inputs:
    """Leave out cells that cannot be judged.

    Parameters
    ----------
    vectors : mapping of str to ndarray of float32, shape (n, d)
        Embeddings of the same n cells.
    metadata : polars.DataFrame
        n rows with the columns that the options name.
    options : EmbedOptions
        Columns, `least_cells`, `subsample`.
    unintegrated : ndarray or sparse matrix, shape (n, e), optional
        Vectors before integration, or raw counts.
    sources, notes
        Of the reading.
    neighbors : Neighbors, optional
        Of the embedding, which then is one, and of which all cells are judged.
    names : mapping of str to sequence of str, optional
        Names of the dimensions of embeddings that have any.

    Returns
    -------
    Inputs

    Raises
    ------
    InputError
        When no cell is left, an embedding has no dimension, or the order is no numbers.
    """
    wanted = columns_of(options)
    if options.mode == "compat" and options.tasks == (_TRANSFER,):  # which takes missing labels for one
        metadata = metadata.with_columns(pl.col(wanted["labels"]).cast(pl.String).fill_null("nan"))
    keep, dropped, more = _judged(metadata, wanted, options)
    rows = np.flatnonzero(keep)
    if options.subsample and options.subsample < len(rows):
        rows = _sample(metadata[wanted["labels"]].cast(pl.String).to_numpy(), rows, options.subsample, options.seed)
        more.append(f"{len(rows):,} of {int(keep.sum()):,} cells are judged, drawn by label (seed {options.seed}).")
    ids = metadata.select(list(dict.fromkeys(wanted.values())))[rows]
    taken = {}
    for name, whole in vectors.items():
        x = whole[rows]
        if len(x) < 2 or not x.shape[1]:
            raise InputError(f"{name!r} has {len(x)} cells and {x.shape[1]} dimensions; nothing can be judged.")
        more += vector_notes(name, x, (names or {}).get(name), rows)
        taken[name] = _of_usual_size(name, x, more)
    if neighbors is not None:
        more += check_neighbors(neighbors, taken, metadata.height)
    before = Before() if unintegrated is None else before_integration(unintegrated[rows], options.unintegrated_as)
    more += before.notes
    cells = _cells(ids, wanted)
    if len(cells.labels) == len(cells):
        raise InputError(
            f"Every cell has a label of its own in {wanted['labels']!r}, so nothing can be near its like: is it a "
            "column of ids?"
        )
    more += _many_labels(ids[wanted["labels"]], cells.labels)
    known = _known(options, cells.labels)
    if "count-column" in wanted:
        if COUNTS in taken:
            raise InputError(f"An embedding is called {COUNTS!r}, as that of --count-column; give it another name.")
        taken[COUNTS] = _numbers(ids, wanted, "count-column").astype(np.float32)[:, None]
    said = tuple(dict.fromkeys([*notes, *more, *_few(cells)]))
    return Inputs(taken, cells, ids, before, (*sources, *known.relations.sources), said, dropped, known, neighbors)


def _of_usual_size(name: str, x: npt.NDArray[np.float32], notes: list[str]) -> npt.NDArray[np.float32]:
    """Return vectors in one piece; those whose squares float32 does not hold are divided by a power of two."""
    largest = float(np.abs(x).max(initial=0.0))
    if largest > 0 and not SIZES[0] < largest < SIZES[1]:
        power = int(np.floor(np.log2(largest)))
        x = np.ldexp(x, -power)
        notes.append(
            f"The largest number of {name!r} is {largest:.1e}: its vectors are divided by 2^{power}, on which no "
            "metric depends."
        )
    return np.ascontiguousarray(x)


def _judged(
    metadata: pl.DataFrame, wanted: dict[str, str], options: EmbedOptions
) -> tuple[npt.NDArray[np.bool_], dict[str, int], list[str]]:
    """Return which cells are judged, and why others are not."""
    keep = np.ones(metadata.height, bool)
    dropped: dict[str, int] = {}
    notes: list[str] = []

    def drop(mask: npt.NDArray[np.bool_], why: str) -> None:
        count = int((mask & keep).sum())
        if count:
            dropped[why] = count
            notes.append(f"{counted(count, 'cell was', 'cells were')} left out: {why}.")
        keep[mask] = False

    for name, column in wanted.items():
        drop(metadata[column].is_null().to_numpy(), f"no value in {column!r} (--{name})")
    labels = metadata[wanted["labels"]].cast(pl.String).fill_null("").to_numpy()
    if options.least_cells > 1:
        names, counts = np.unique(labels[keep], return_counts=True)
        small = set(names[counts < options.least_cells].tolist())
        drop(
            np.isin(labels, list(small)),
            f"labels of fewer than {options.least_cells} cells ({examples(sorted(small))})",
        )
    if not keep.any():
        raise InputError("No cell is left to be judged: " + " ".join(notes))
    return keep, dropped, notes


def _sample(labels: np.ndarray, rows: npt.NDArray[np.int64], size: int, seed: int) -> npt.NDArray[np.int64]:
    """Draw cells by label, in proportion; of each label one at least. The order of the rows decides nothing else."""
    groups = grouped(labels[rows])
    share = size * groups.sizes / len(rows)
    counts = np.maximum(np.floor(share), 1).astype(np.int64)
    missing = max(size - int(counts.sum()), 0)
    most = np.argsort(counts - share, kind="stable")[:missing]  # the largest parts of a cell that were cut off
    counts[most] += 1
    rng = np.random.default_rng(seed)
    taken = [rng.choice(rows[groups.rows(code)], count, replace=False) for code, count in enumerate(counts.tolist())]
    return np.sort(np.concatenate(taken))


def _cells(ids: pl.DataFrame, wanted: dict[str, str]) -> Cells:
    def groups(name: str) -> Groups | None:
        return grouped(ids[wanted[name]].cast(pl.String).to_numpy()) if name in wanted else None

    labels = groups("labels")
    assert labels is not None
    order = _numbers(ids, wanted, "order") if "order" in wanted else None
    return Cells(labels, groups("batch"), groups("donor"), order, groups("species"))


def _numbers(ids: pl.DataFrame, wanted: Mapping[str, str], name: str) -> npt.NDArray[np.float64]:
    """Return a column of numbers."""
    column = ids[wanted[name]]
    found: npt.NDArray[np.float64] = column.cast(pl.Float64, strict=False).to_numpy()
    if not np.isfinite(found).all():
        values = dict.fromkeys(column.to_numpy()[~np.isfinite(found)].tolist())
        raise InputError(f"--{name} {wanted[name]!r} must be numbers, but has {examples(values)}.")
    return found


def _known(options: EmbedOptions, labels: Groups) -> Known:
    """Read what is known of perturbations."""
    for name in options.control_labels:
        if name not in labels.names:
            hint = did_you_mean(name, labels.names) or f"; the labels are {examples(list(labels.names))}."
            raise InputError(f"--control-labels: there is no label {name!r}{hint}")
    relations = read_relations(options.relations)
    controls = tuple(dict.fromkeys(options.control_labels))
    return Known(relations, controls, options.null_size, options.seed, options.retrieval_queries)


def _many_labels(column: pl.Series, labels: Groups) -> list[str]:
    """Ask whether labels are measurements."""
    if not column.dtype.is_numeric() or len(labels) * MOST_LIKE_NUMBERS < len(column):
        return []
    return [
        f"{column.name!r} has {len(labels):,} different numbers in {len(column):,} cells: is it a column of numbers "
        "instead of labels?"
    ]


def _few(cells: Cells) -> list[str]:
    notes = []
    if cells.batch is not None and len(cells) <= MOST_NEIGHBORS:
        notes.append(f"The {MOST_NEIGHBORS} nearest of {len(cells)} cells are all: entropy_per_cell says nothing.")
    largest = int(cells.labels.sizes.max())
    if largest - 1 < KSIM_SHARE * min(KSIM_NEIGHBORS, len(cells) - 1):
        notes.append(
            f"No label has more than {largest} cells: ksim, of {KSIM_NEIGHBORS} neighbours, is 0 for all vectors."
        )
    single = [name for name, size in zip(cells.labels.names, cells.labels.sizes, strict=True) if size == 1]
    if single:
        have = counted(len(single), "label has", "labels have")
        notes.append(f"{have} one cell, whose silhouette is 0 by definition: {examples(single)}.")
    if cells.donor is not None and len(cells.donor) == 1:
        notes.append(f"All cells are of the donor {cells.donor.names[0]!r}: means of cells have no interval.")
    if cells.batch is not None:
        alone = int((cells.batches_of_labels == 1).sum())
        if alone == len(cells.labels):
            notes.append("Every label occurs in one batch: its mixing has no score, since nothing could be mixed.")
        elif alone:
            notes.append(f"{alone} of {len(cells.labels)} labels occur in one batch: mixing says nothing of them.")
    return notes
