"""Cells by genes that are in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from os import PathLike
from typing import Any

import numpy as np
import polars as pl

from ...errors import InputError, examples
from ...readers.column_roles import refuse_repeated
from ...readers.embeddings.reference import Reference
from ...readers.in_memory import profiles_of
from ...readers.text import without_missing_text
from ...tables.frames import metadata_frame
from ...tables.labels import missing_texts
from ...tables.matrix import library_of
from ...tables.profiles import IN_MEMORY, Source
from ..options import PerturbOptions
from .files import Found, named_columns, read_file

__all__ = ["held"]


def held(name: str, given: Any, options: PerturbOptions, genes: Collection[str] = ()) -> Found:
    """Take cells by genes of what is in memory.

    Parameters
    ----------
    name : str
        What they are called in results.
    given : AnnData, table, tuple or path
        AnnData with `X`; a table of pandas, Polars or PyArrow whose columns of numbers are genes; ``(matrix, cells,
        genes)``: cells by genes, dense or sparse, a table of what is known of the cells, and names; or where a file is,
        as the command line has it.
    options : PerturbOptions
        Columns that are no genes.
    genes : collection of str, optional
        Genes of the truth.

    Raises
    ------
    InputError
        When it is none of these, rows do not agree, or genes have one name.
    """
    if isinstance(given, (str, PathLike)):
        reference = Reference.of(str(given))
        return read_file(Reference(name, reference.path, reference.obsm, reference.layer), options, genes)
    if isinstance(given, tuple) and len(given) == 3:
        return _of(name, *given, options)
    if library_of(given) == "anndata" and hasattr(given, "obs"):
        cells = given.to_memory() if getattr(given, "isbacked", False) else given
        if cells.X is None:
            raise InputError(f"{name!r}: the AnnData has no X; put the matrix there.")
        if options.gene_col and options.gene_col not in cells.var.columns:
            raise InputError(f"{name!r}: var has no column {options.gene_col!r}; it has {examples(cells.var.columns)}.")
        names = cells.var[options.gene_col] if options.gene_col else cells.var_names
        obs = metadata_frame(cells.obs)[0]
        if "obs_names" not in obs.columns:
            obs = obs.with_columns(pl.Series("obs_names", list(map(str, cells.obs_names))))
        return _of(name, cells.X, obs, list(map(str, names)), options)
    about = profiles_of(
        given,
        features="all",
        missing="keep",
        missing_text=options.missing_text,
        metadata_columns=named_columns(options),
    )
    return Found(name, name, about.features, about.feature_names, about.metadata, about.sources, about.notes)


def _of(name: str, matrix: Any, cells: Any, genes: Collection[str], options: PerturbOptions) -> Found:
    names = tuple(map(str, genes))
    refuse_repeated(names, name, "gene", "make their names unique")
    frame = metadata_frame(cells)[0]
    [frame], notes = without_missing_text([frame], missing_texts(options.missing_text))
    if getattr(matrix, "ndim", 0) != 2 or matrix.dtype.kind not in "fiub":
        raise InputError(f"{name!r}: a matrix of real numbers is needed, cells by genes.")
    if matrix.shape != (frame.height, len(names)):
        raise InputError(
            f"{name!r}: the matrix has the shape {matrix.shape}, but there are {frame.height} cells and {len(names)} "
            "genes."
        )
    taken: Any
    with np.errstate(over="ignore"):
        if hasattr(matrix, "tocsr"):
            import scipy.sparse

            taken = scipy.sparse.csr_array(matrix, dtype=np.float32, copy=True)
            taken.sum_duplicates()
            parts = [taken.indptr, taken.indices, taken.data]
        else:
            taken = np.ascontiguousarray(matrix, dtype=np.float32)
            parts = [taken]
    digest = hashlib.sha256(frame.write_json().encode())
    for part in parts:
        digest.update(np.ascontiguousarray(part).view(np.uint8).data)
    n_bytes = int(sum(part.nbytes for part in parts))
    source = Source(IN_MEMORY, digest.hexdigest(), n_bytes, frame.height)
    return Found(name, name, taken, names, frame, (source,), tuple(notes))
