"""Files of every format, arrays of NumPy among them, with a table of metadata where one is given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from ...errors import InputError
from ...tables.labels import DEFAULT
from ...tables.profiles import Profiles
from ..column_roles import FeatureChoice, compile_features
from ..errors import unreadable_error
from ..formats import ARRAYS, ARROW, existing_path, format_of, refuse_obsm
from ..profiles import read_files, read_one_file
from .arrays import read_array
from .joining import join_metadata
from .lists import read_vectors

__all__ = ["read_described"]


def read_described(
    paths: Sequence[str | Path],
    *,
    table: str = "",
    key: Sequence[str] = (),
    embedding: str = "",
    features: str | None = None,
    obsm: str | None = None,
    missing: str = "error",
    missing_text: Sequence[str] = (DEFAULT,),
    zarr_fill: bool = False,
    metadata_columns: Iterable[str] = (),
) -> Profiles:
    """Read profiles from files of every format.

    Parameters
    ----------
    paths : sequence of paths
        As in `read_profiles`; and ``.npy`` and ``.npz``, and Parquet and Arrow with a column of vectors.
    table : str, optional
        Table of metadata, see `joining.join_metadata`; needed for a ``.npy``.
    key : sequence of str, optional
        Columns by which its rows are joined.
    embedding : str, optional
        The column of vectors, or the array of a ``.npz``.
    features, obsm, missing, missing_text, zarr_fill, metadata_columns
        As in `read_profiles`.

    Returns
    -------
    Profiles
        As `read_profiles` returns them.

    Raises
    ------
    InputError
        Naming the file, the columns and the values at fault.
    """
    found = [existing_path(path, arrays=True) for path in paths]
    bare = [str(path) for path in paths if format_of(Path(path)) == ".npy"]
    if bare and not table:
        raise InputError(
            f"'{bare[0]}' does not say what its rows are: give a table with --metadata (csv, tsv, parquet or arrow), "
            "with a row for each of them in their order."
        )
    profiles = read_files(
        found,
        list(map(str, paths)),
        compile_features(features, metadata_columns),
        partial(_read_one, embedding=embedding, zarr_fill=zarr_fill),
        obsm=obsm,
        missing=missing,
        missing_text=missing_text,
    )
    if not table and not profiles.metadata.width and any(format_of(path) in ARRAYS for path in found):
        said = " ".join(["", *profiles.notes])
        raise InputError(
            f"'{paths[0]}' has no array of one value a row, such as wells; give a table with --metadata.{said}"
        )
    return join_metadata(profiles, table, key, missing_text) if table else profiles


def _read_one(
    path: Path, shown: str, obsm: str | None, choice: FeatureChoice, *, embedding: str, zarr_fill: bool
) -> Profiles:
    suffix = format_of(path)
    refuse_obsm(path, shown, obsm)
    try:
        if suffix in ARRAYS:
            if choice.kind in ("pattern", "cellprofiler"):
                raise InputError(f"'{shown}' has no names of features to choose from; leave --features out.")
            return read_array(path, shown, embedding)
        if suffix in ARROW and (found := read_vectors(path, shown, choice, embedding)) is not None:
            return found
    except OSError as error:
        raise unreadable_error(shown, error) from error
    if embedding:
        raise InputError(f"--embedding {embedding!r} is for Parquet, Arrow and .npz, and '{shown}' is none of them.")
    return read_one_file(path, shown, obsm, choice, zarr_fill)
