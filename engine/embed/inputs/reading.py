"""Embeddings and labels from files, the same cells in the same order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
from .judged import Inputs, columns_of, judged

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
