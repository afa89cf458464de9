"""Profiles from what is in memory: AnnData, a table with features inside, or metadata and features."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from ..errors import InputError, examples
from ..tables.frames import column_names, metadata_frame
from ..tables.labels import DEFAULT
from ..tables.matrix import feature_matrix, library_of, refuse_other_order
from ..tables.profiles import IN_MEMORY, Profiles, Source
from .column_roles import METADATA_PREFIXES, FeatureChoice, choose_named, compile_features, features_of, plan_columns
from .embeddings.lists import from_vectors, number_lists, vector_column
from .profiles import finished, without_row_numbers

__all__ = ["parted", "profiles_of"]


def profiles_of(
    table: Any,
    feats: Any = None,
    *,
    features: str | None = None,
    obsm: str | None = None,
    missing: str = "error",
    missing_text: Sequence[str] = (DEFAULT,),
    metadata_columns: Iterable[str] | None = None,
    embedding: str = "",
) -> Profiles:
    """Make profiles of what is in memory.

    Parameters
    ----------
    table : Profiles, anndata.AnnData, or a table of pandas, Polars or PyArrow
        n rows. In a table without `feats`, columns named ``Metadata_*`` and columns that are no numbers are metadata,
        and the others features. All of ``obs`` is metadata.
    feats : array or table of numbers, shape (n, d), optional
        Features; all columns of `table` are metadata then.
    features : str, optional
        Which columns are features, as in `read_profiles`.
    obsm : str, optional
        Of AnnData, the entry of ``obsm`` to take instead of ``X``.
    missing : {"error", "drop-features", "keep", "keep-empty-rows"}, default "error"
    missing_text : sequence of str, default ("default",)
        As in `read_profiles`.
    metadata_columns : iterable of str, optional
        Columns of a table without `feats` that are metadata, whatever their names.
    embedding : str, optional
        Column of vectors in a table without `feats`; found when there is one alone.

    Returns
    -------
    Profiles

    Raises
    ------
    InputError
        When it is none of these, rows do not agree, or features are no numbers, or not finite.
    """
    is_anndata = library_of(table) == "anndata" and hasattr(table, "obs")
    if obsm and not is_anndata:
        raise InputError(f"obsm={obsm!r} is for AnnData, but a {type(table).__name__} was given.")
    if embedding and (is_anndata or feats is not None or isinstance(table, Profiles)):
        raise InputError(f"embedding={embedding!r} is for a table with a column of vectors, which this is not.")
    if isinstance(table, Profiles):
        found = table
    elif is_anndata:
        found = _from_anndata(table, feats, features, obsm)
    elif feats is not None:
        refuse_other_order(table, feats)
        found = _from_two(metadata_frame(table)[0], feats, features)
    else:
        found = _from_one(metadata_frame(table)[0], compile_features(features, metadata_columns), embedding)
    digest = hashlib.sha256(np.ascontiguousarray(found.features).view(np.uint8).data)
    digest.update(found.metadata.write_json().encode())
    source = Source(IN_MEMORY, digest.hexdigest(), int(found.features.nbytes), len(found))
    return finished([replace(found, sources=(source,))], missing, missing_text)


def parted(frame: pl.DataFrame, metadata_columns: Iterable[str]) -> Profiles:
    """Part a table with its features inside into metadata and features, which may be missing; see `profiles_of`."""
    return _from_one(frame, compile_features(None, metadata_columns), "")


def _from_anndata(adata: Any, feats: Any, features: str | None, obsm: str | None) -> Profiles:
    obs, kind = adata.obs, "obsm" if obsm else "X"
    if obsm and obsm not in adata.obsm:
        raise InputError(f"The AnnData has no obsm {obsm!r}; it has {examples(adata.obsm.keys()) or 'none'}.")
    if feats is not None:
        matrix, names = feats, column_names(feats)
    elif obsm:
        matrix = adata.obsm[obsm]
        names = column_names(matrix) or [f"{obsm}_{i}" for i in range(matrix.shape[1])]
    elif adata.X is None:
        raise InputError(f"The AnnData has no X; name one of obsm: {examples(adata.obsm.keys())}.")
    else:
        matrix, names = adata.X, list(map(str, adata.var_names))
    metadata = metadata_frame(obs)[0]
    if "obs_names" not in metadata.columns:
        metadata = metadata.with_columns(pl.Series("obs_names", list(map(str, adata.obs_names))))
    found = _from_two(metadata, matrix, features if kind == "X" else None, names)
    judges = feats is None and kind == "X" and compile_features(features).judges
    return without_row_numbers(found, IN_MEMORY) if judges else found


def _from_two(metadata: pl.DataFrame, feats: Any, features: str | None, names: list[Any] | None = None) -> Profiles:
    matrix = feature_matrix(feats, len(metadata), finite=False).astype(np.float32, copy=False)
    named = [str(name) for name in (names or column_names(feats) or [f"feature_{i}" for i in range(matrix.shape[1])])]
    chosen = choose_named(named, IN_MEMORY, compile_features(features))
    if len(chosen.features) < len(named):
        place = {name: i for i, name in enumerate(named)}
        matrix = np.ascontiguousarray(matrix[:, [place[name] for name in chosen.features]])
    return Profiles(
        metadata, matrix, tuple(chosen.features), notes=tuple(chosen.notes), left_out=tuple(chosen.left_out)
    )


def _from_one(frame: pl.DataFrame, choice: FeatureChoice, embedding: str) -> Profiles:
    """Split a table by the names of its columns, and by their types."""
    if not frame.height:
        raise InputError("The table has no rows.")
    column = vector_column(frame.columns, number_lists(frame), IN_MEMORY, choice, embedding)
    if column:
        return from_vectors(frame, column, IN_MEMORY)
    words = [
        name
        for name, dtype in frame.schema.items()
        if not (dtype.is_numeric() or dtype == pl.Null or name.startswith(METADATA_PREFIXES) or name in choice.metadata)
    ]
    plan = plan_columns([name for name in frame.columns if name not in words], IN_MEMORY, choice)
    metadata = frame.select(*plan.metadata, *words)
    notes = [*plan.notes, *([f"Columns that are no numbers are metadata: {examples(words)}."] if words else [])]
    matrix = features_of(frame, plan.features, IN_MEMORY)
    found = Profiles(metadata, matrix, tuple(plan.features), notes=tuple(notes), left_out=tuple(plan.left_out))
    return without_row_numbers(found, IN_MEMORY) if choice.judges else found
