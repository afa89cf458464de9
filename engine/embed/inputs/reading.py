"""Embeddings and labels from files, the same cells in the same order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InputError, examples
from ...options import split_values
from ...readers.embeddings.described import read_described
from ...readers.embeddings.neighbors import read_neighbors
from ...readers.embeddings.reference import Reference
from ...readers.embeddings.sparse import read_sparse
from ...readers.formats import ANNDATA, format_of
from ...tables.frames import require_columns
from ...tables.profiles import Profiles
from ..options import SAMPLE, EmbedOptions
from .judged import Inputs, columns_of, judged, require_labels

__all__ = ["read_inputs"]


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
    require_labels(wanted, first.metadata.columns)
    for name, column in wanted.items():
        require_columns(first.metadata, [column], f"--{name}")
    others = [*references, *more]
    for i in range(1, len(read)):
        pair = (references[0].name, others[i].name)
        rows = _in_order(first, read[i], pair, split_values(options.key))
        if rows is not None:
            said = f"The cells of {pair[1]!r} were brought into the order of those of {pair[0]!r}, by {options.key}."
            read[i] = replace(read[i].take(rows), notes=(*read[i].notes, said))
            if matrix is not None and i >= len(references):
                matrix = matrix[rows]
        _refuse_other_cells(first, read[i], pair, list(wanted.values()), hint=not options.key)
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
        names={reference.name: profiles.feature_names for reference, profiles in zip(references, read, strict=False)},
    )


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
    cells = read_sparse(
        reference.file,
        reference.layer,
        table=options.metadata,
        key=split_values(options.key),
        missing_text=options.missing_text,
    )
    return cells.profiles, cells.matrix


def _in_order(
    first: Profiles, other: Profiles, pair: tuple[str, str], key: Sequence[str]
) -> npt.NDArray[np.int64] | None:
    """Return the rows of an embedding in the order of the first, where a key names them and they are in another."""
    if (
        not key
        or len(first) != len(other)
        or any(name not in both.metadata.columns for name in key for both in (first, other))
    ):
        return None
    ours, theirs = first.metadata.select(key).rows(), other.metadata.select(key).rows()
    if ours == theirs:
        return None
    place = {row: i for i, row in enumerate(theirs)}
    if len(place) < len(theirs):
        raise InputError(
            f"{pair[0]!r} and {pair[1]!r} have their cells in another order, and --key {','.join(key)} names "
            f"{len(theirs) - len(place):,} of them like another: it must name each cell once."
        )
    unknown = [row[0] if len(row) == 1 else row for row in ours if row not in place]
    if unknown:
        raise InputError(
            f"{pair[0]!r} and {pair[1]!r} must hold the same cells, but {examples(unknown)} of --key {','.join(key)} "
            "are in the first alone."
        )
    return np.array([place[row] for row in ours], dtype=np.int64)


def _refuse_other_cells(
    first: Profiles, other: Profiles, pair: tuple[str, str], wanted: Sequence[str], *, hint: bool
) -> None:
    """Refuse an embedding whose cells are not those of the first."""
    one, two = pair
    if len(first) != len(other):
        raise InputError(
            f"{one!r} has {len(first):,} cells, {two!r} has {len(other):,}: they must be of the same cells."
        )
    for column in wanted:
        if column not in other.metadata.columns or not first.metadata[column].equals(other.metadata[column]):
            raise InputError(
                f"{one!r} and {two!r} do not agree in {column!r}, cell by cell: they must hold the same cells in the "
                f"same order{' (or give --metadata with --key)' if hint else ''}."
            )
