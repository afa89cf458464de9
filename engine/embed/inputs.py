"""Embeddings and labels from files, the same cells in the same order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ..choices import did_you_mean
from ..errors import InputError, counted, examples
from ..options import split_values
from ..painting.relation_files import read_relations
from ..readers import packaged
from ..readers.embeddings.described import read_described
from ..readers.embeddings.neighbors import Neighbors, check_neighbors, read_neighbors
from ..readers.embeddings.sparse import read_sparse
from ..readers.formats import ANNDATA, format_of
from ..tables.frames import require_columns
from ..tables.profiles import Profiles, Source
from .cells import Cells, Groups, Known, grouped
from .counts import Before, before_integration
from .metrics.neighborhoods import KSIM_NEIGHBORS, KSIM_SHARE
from .options import SAMPLE, EmbedOptions
from .space import MOST_NEIGHBORS

__all__ = ["COUNTS", "Inputs", "Reference", "columns_of", "judged", "read_inputs"]

#: Sizes between which float32 and the search for a perplexity keep their digits.
SIZES = (1e-9, 1e9)
#: The embedding that --count-column makes: one number a cell or well.
COUNTS = "cells_per_well"
_TRANSFER = "cross-species_label_prediction"


@dataclass(frozen=True)
class Reference:
    """Where an embedding is: ``[NAME=]FILE[@obsm:KEY]``, ``FILE@layer:KEY``.

    Attributes
    ----------
    name : str
        What it is called.
    path : str
        The file.
    obsm : str
        Entry of obsm; empty: the features of the file.
    layer : str
        Layer, of cells before integration.
    """

    name: str
    path: str
    obsm: str
    layer: str = ""

    @classmethod
    def of(cls, text: str) -> Reference:
        """Read the spelling of a user."""
        name, equals, rest = text.partition("=")
        if not equals or "/" in name or "@" in name:
            name, rest = "", text
        path, at, part = rest.rpartition("@")
        if not at or Path(rest).exists():
            path, part = rest, "X"
        kind, _, key = part.partition(":")
        if kind not in ("X", "obsm", "layer") or (kind != "X") != bool(key):
            raise InputError(
                f"'{text}': write @obsm:KEY or @X after the file (--unintegrated: or @layer:KEY), not @{part}."
            )
        stem = Path(path.removeprefix("sample:")).name.split(".")[0]
        obsm, layer = (key, "") if kind == "obsm" else ("", key)
        return cls(name or key or stem, path, obsm, layer)

    @property
    def file(self) -> Path:
        """The file, or that of the sample."""
        return packaged.resolve(self.path, "cells") if self.path.startswith("sample:") else Path(self.path)


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


def read_inputs(options: EmbedOptions) -> Inputs:
    """Read embeddings and labels, and leave out cells that cannot be judged.

    Raises
    ------
    InputError
        When files do not have the same cells, a column is missing, or too few cells are left.
    """
    references = [Reference.of(text) for text in options.embeddings or (SAMPLE,)]
    names = [reference.name for reference in references]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"Two embeddings are called {examples(twice)}; give names: NAME=FILE@obsm:KEY.")
    layers = [reference.layer for reference in references if reference.layer]
    if layers:
        raise InputError(f"{examples(layers)} is a layer, which --unintegrated alone takes; name an entry of obsm.")
    more = [Reference.of(options.unintegrated)] if options.unintegrated else []
    wanted = columns_of(options)
    read = [_read(reference, options, list(wanted.values())) for reference in references]
    matrix = None
    for reference in more:
        before, matrix = _read_before(reference, options, list(wanted.values()))
        read.append(before)
    first = read[0]
    for name, column in wanted.items():
        require_columns(first.metadata, [column], f"--{name}")
    for reference, profiles in zip([*references, *more][1:], read[1:], strict=True):
        _refuse_other_cells(first, profiles, references[0], reference, list(wanted.values()))
    sources = tuple(dict.fromkeys(source for profiles in read for source in profiles.sources))
    neighbors = None
    if options.neighbors:
        neighbors, source = read_neighbors(options.neighbors, len(first))
        sources = (*sources, source)
    return judged(
        {reference.name: profiles.features for reference, profiles in zip(references, read, strict=False)},
        first.metadata,
        options,
        unintegrated=matrix,
        sources=sources,
        notes=[note for profiles in read for note in profiles.notes],
        neighbors=neighbors,
    )


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


def judged(
    vectors: Mapping[str, npt.NDArray[np.float32]],
    metadata: pl.DataFrame,
    options: EmbedOptions,
    *,
    unintegrated: Any = None,
    sources: tuple[Source, ...] = (),
    notes: Sequence[str] = (),
    neighbors: Neighbors | None = None,
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
    taken = {name: _of_usual_size(name, x[rows], more) for name, x in vectors.items()}
    for name, x in taken.items():
        if len(x) < 2 or not x.shape[1]:
            raise InputError(f"{name!r} has {len(x)} cells and {x.shape[1]} dimensions; nothing can be judged.")
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
    constant = [name for name, x in taken.items() if (x == x[:1]).all()]
    more += [f"All vectors of {name!r} are equal: no metric is defined." for name in constant]
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


def _read(reference: Reference, options: EmbedOptions, named: Sequence[str]) -> Profiles:
    return read_described(
        [reference.file],
        table=options.metadata,
        key=split_values(options.key),
        obsm=reference.obsm or None,
        missing=options.missing,
        missing_text=options.missing_text,
        metadata_columns=named,
    )


def _read_before(reference: Reference, options: EmbedOptions, named: Sequence[str]) -> tuple[Profiles, Any]:
    """Read cells before integration; of AnnData, a matrix that is sparse stays so."""
    if reference.obsm or format_of(reference.file) not in ANNDATA:
        found = _read(reference, options, named)
        return found, found.features
    return read_sparse(
        reference.file,
        reference.layer,
        table=options.metadata,
        key=split_values(options.key),
        missing_text=options.missing_text,
    )


def _refuse_other_cells(
    first: Profiles, other: Profiles, one: Reference, two: Reference, wanted: Sequence[str]
) -> None:
    """Refuse an embedding whose cells are not those of the first."""
    if len(first) != len(other):
        raise InputError(
            f"{one.name!r} has {len(first):,} cells, {two.name!r} has {len(other):,}: they must be of the same cells."
        )
    for column in wanted:
        if column not in other.metadata.columns or not first.metadata[column].equals(other.metadata[column]):
            raise InputError(
                f"{one.name!r} and {two.name!r} do not agree in {column!r}, cell by cell: they must hold the same "
                "cells in the same order (or give --metadata with --key)."
            )


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
    rng = np.random.default_rng(seed)
    taken = []
    for code in range(len(groups)):
        mine = rows[groups.rows(code)]
        count = min(len(mine), max(1, round(size * len(mine) / len(rows))))
        taken.append(rng.choice(mine, count, replace=False))
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
        values = column.to_numpy()[~np.isfinite(found)][:5].tolist()
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
    if cells.batch is not None:
        alone = int((cells.batches_of_labels == 1).sum())
        if alone == len(cells.labels):
            notes.append("Every label occurs in one batch: its mixing has no score, since nothing could be mixed.")
        elif alone:
            notes.append(f"{alone} of {len(cells.labels)} labels occur in one batch: mixing says nothing of them.")
    return notes
