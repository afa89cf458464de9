"""Cells by genes from a file of any format, as it is stored."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from ...errors import InputError, examples
from ...options import split_values
from ...readers.cells import column_names
from ...readers.digests import source_of
from ...readers.embeddings.described import read_described
from ...readers.embeddings.reference import Reference
from ...readers.embeddings.sparse import read_sparse
from ...readers.formats import ANNDATA, existing_path, format_of
from ...tables.profiles import Source
from ..options import PerturbOptions
from .submissions import SUBMISSION, unpacked

__all__ = ["Found", "named_columns", "read_file"]


@dataclass(frozen=True)
class Found:
    """Cells by genes as they were read.

    Attributes
    ----------
    name : str
        What they are called in results.
    shown : str
        How the user wrote where they are.
    matrix : ndarray or scipy.sparse.csr_array of float32, shape (n, genes)
        Not yet checked.
    genes : tuple of str
        Each once.
    frame : polars.DataFrame
        What is known of the cells, n rows.
    sources : tuple of Source
        The file.
    notes : tuple of str
        Of the reading.
    """

    name: str
    shown: str
    matrix: Any
    genes: tuple[str, ...]
    frame: pl.DataFrame
    sources: tuple[Source, ...]
    notes: tuple[str, ...] = ()


def named_columns(options: PerturbOptions) -> list[str]:
    """Return the columns of cells that options name."""
    named = [*split_values(options.condition), options.context_col, options.split_col]
    return list(dict.fromkeys(name for name in named if name))


def read_file(reference: Reference, options: PerturbOptions, genes: Collection[str] = ()) -> Found:
    """Read cells by genes.

    Parameters
    ----------
    reference : Reference
        The file, and the layer of it.
    options : PerturbOptions
        Columns that are no genes.
    genes : collection of str, optional
        Genes of the truth: in a table, other columns are none.

    Returns
    -------
    Found
        A sparse matrix stays so.

    Raises
    ------
    InputError
        For a damaged file, a layer or column that is not there, genes of one name, or no gene.
    """
    shown = reference.path
    if reference.obsm:
        raise InputError(f"'{shown}@obsm:{reference.obsm}': genes are needed, which an entry of obsm has not.")
    kind = format_of(reference.file)
    if kind == SUBMISSION:
        with unpacked(reference.file, shown) as inside:
            found = _anndata(inside, reference, options)
        return replace(found, sources=(source_of(reference.file, found.frame.height),))
    path = existing_path(reference.file)
    if kind in ANNDATA:
        return _anndata(path, reference, options)
    if reference.layer:
        raise InputError(f"'{shown}' is a table and has no layer {reference.layer!r}.")
    return _table(path, reference, options, genes)


def _anndata(path: Path, reference: Reference, options: PerturbOptions) -> Found:
    cells = read_sparse(
        path, reference.layer, missing_text=options.missing_text, genes=options.gene_col, shown=reference.path
    )
    about = cells.profiles
    return Found(
        reference.name,
        f"{reference.path}@layer:{reference.layer}" if reference.layer else reference.path,
        cells.matrix,
        tuple(cells.genes),
        about.metadata,
        about.sources,
        about.notes,
    )


def _table(path: Path, reference: Reference, options: PerturbOptions, genes: Collection[str]) -> Found:
    """Read a table: what is no number, is named by options, or is no gene of the truth, is known of the cells."""
    names, named = column_names(path), named_columns(options)
    known = set(genes)
    shared = known.difference(named).intersection(names)
    if known and not shared:
        raise InputError(
            f"'{reference.path}' has no column that is a gene of the truth: it has {examples(names)}, the truth "
            f"{examples(sorted(known))}."
        )
    others = [name for name in names if name not in shared] if known else named
    about = read_described(
        [path],
        features="all" if known else None,
        missing="keep",
        missing_text=options.missing_text,
        metadata_columns=others,
    )
    more = [name for name in about.metadata.columns if name not in named and about.metadata[name].dtype.is_numeric()]
    notes = about.notes
    if known:  # columns are named here, not by options
        notes = tuple(note for note in notes if "because options name them" not in note)
    if known and more:
        notes = (*notes, f"'{reference.path}': columns that are no genes of the truth were left out: {examples(more)}.")
    return Found(
        reference.name, reference.path, about.features, about.feature_names, about.metadata, about.sources, notes
    )
