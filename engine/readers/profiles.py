"""Reading profiles: one file or many, of any supported format, into one `Profiles`.

=================================  =====================================================================
``.csv .tsv`` (``.gz``)            metadata ``Metadata_*`` and ``Meta_*``; every other column is a feature
``.parquet .arrow .feather``       the same
``.h5ad .zarr`` (AnnData)          metadata is all of `obs`; features are `X` or one entry of `obsm`
=================================  =====================================================================

Files are read in parallel and stacked in the order given. Whatever is dropped or converted is said in
`Profiles.notes`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...kernels.cores import usable_cores
from ..errors import InputError, examples
from ..results.digests import file_sha256, folder_sha256
from ..tables.frames import distinct_texts, near_duplicate_labels
from ..tables.matrix import check_finite, non_finite_columns
from ..tables.profiles import Profiles, stack
from .anndata import read_anndata
from .arrow import read_arrow
from .column_roles import compile_features
from .errors import unreadable_error
from .formats import ARROW, TEXT, existing_path, format_of, refuse_obsm
from .text import read_text, type_text

__all__ = ["read_profiles"]


def read_profiles(
    paths: Sequence[str | Path] | str | Path,
    *,
    features: str | None = None,
    obsm: str | None = None,
    threads: int | None = None,
    missing: str = "error",
) -> Profiles:
    """Read profiles from one or many files.

    Parameters
    ----------
    paths : path or sequence of paths
        Files of any supported format, stacked in this order on the features that all of them have.
    features : str, optional
        Regular expression; only columns in which it is found are features. Default: every column that is
        neither metadata nor a row index. Metadata columns are never features.
    obsm : str, optional
        For AnnData, the entry of `obsm` to read instead of `X`.
    threads : int, optional
        Files read at once. Default: the number of CPUs, at most 16.
    missing : {"error", "drop-features"}, default "error"
        What to do about NaN, infinite or (beyond float32) overflowing features: refuse, or drop each column
        with one in any file and name it in the notes.

    Returns
    -------
    Profiles
        Rows in the order of the files. In CSV and TSV, metadata stays text unless a column reads as numbers
        without loss in all files; empty cells and NA, NaN, nan, null, NULL, None, N/A, #N/A are nulls.

    Raises
    ------
    InputError
        Naming the file, the columns and the values at fault.
    """
    given = [paths] if isinstance(paths, (str, Path)) else list(paths)
    if not given:
        raise InputError("No input file was given.")
    if missing not in {"error", "drop-features"}:
        raise InputError(f"missing must be 'error' or 'drop-features', not {missing!r}.")
    if threads is not None and threads < 1:
        raise InputError(f"threads must be at least 1, not {threads}.")
    pattern = compile_features(features)
    found = [existing_path(path) for path in given]
    resolved = [path.resolve() for path in found]
    twice = [str(shown) for shown, path in zip(given, resolved, strict=True) if resolved.count(path) > 1]
    if twice:
        raise InputError(f"An input file was given more than once: {examples(twice)}; give it once.")
    n_workers = min(threads or min(usable_cores(), 16), len(found))
    jobs = zip(found, map(str, given), strict=True)
    with ThreadPoolExecutor(n_workers) as pool:
        parts = list(pool.map(lambda job: _read_one(job[0], job[1], obsm, pattern), jobs))
    parts, notes = _type_text_parts(parts)
    parts, missing_notes = _without_missing(parts, missing)
    whole = stack(parts)
    near_duplicates = near_duplicate_labels(distinct_texts(whole.metadata, whole.metadata.columns))
    return replace(whole, notes=(*whole.notes, *_identical_files(parts), *notes, *missing_notes, *near_duplicates))


def _read_one(path: Path, shown: str, obsm: str | None, pattern: re.Pattern[str] | None) -> Profiles:
    refuse_obsm(path, shown, obsm)
    suffix = format_of(path)
    try:
        if suffix in TEXT:
            return read_text(path, shown, TEXT[suffix], pattern)
        if suffix == ".zarr":
            digest, n_bytes = folder_sha256(path)
            return read_anndata(path, shown, digest, n_bytes, obsm, pattern)
        digest = file_sha256(path)
        if suffix in ARROW:
            return read_arrow(path, shown, digest, pattern)
        return read_anndata(path, shown, digest, path.stat().st_size, obsm, pattern)
    except OSError as error:
        raise unreadable_error(shown, error) from error


def _is_text(part: Profiles) -> bool:
    return format_of(Path(part.sources[0].path)) in TEXT


def _type_text_parts(parts: list[Profiles]) -> tuple[list[Profiles], list[str]]:
    chosen = [i for i, part in enumerate(parts) if _is_text(part)]
    frames, notes = type_text([parts[i].metadata for i in chosen])
    typed = list(parts)
    for i, frame in zip(chosen, frames, strict=True):
        typed[i] = replace(parts[i], metadata=frame)
    return typed, notes


def _without_missing(parts: list[Profiles], missing: str) -> tuple[list[Profiles], list[str]]:
    """Apply the policy about non-finite features to the columns that all parts have."""
    common = set(parts[0].feature_names).intersection(*(part.feature_names for part in parts))
    bad: dict[str, None] = {}
    for part in parts:
        columns, _ = non_finite_columns(part.features)
        names = [part.feature_names[i] for i in columns if part.feature_names[i] in common]
        if names and missing == "error":
            check_finite(
                part.features,
                part.feature_names,
                f"Features of '{part.sources[0].path}'",
                "impute them, or drop these columns with missing='drop-features' (--missing drop-features)",
            )
        bad.update(dict.fromkeys(names))
    if not bad:
        return parts, []
    if len(bad) == len(common):
        raise InputError(
            f"Every one of the {len(bad)} features holds NaN or infinite values in some file ({examples(bad)}), so "
            "none is left when they are dropped; impute them."
        )
    kept_parts = []
    for part in parts:
        kept = [i for i, name in enumerate(part.feature_names) if name not in bad]
        names_kept = tuple(part.feature_names[i] for i in kept)
        kept_parts.append(
            replace(part, features=np.ascontiguousarray(part.features[:, kept]), feature_names=names_kept)
        )
    note = (
        f"{len(bad)} features with NaN or infinite values were dropped "
        f"({len(common) - len(bad)} are left): {examples(bad)}."
    )
    return kept_parts, [note]


def _identical_files(parts: list[Profiles]) -> list[str]:
    first: dict[str, str] = {}
    notes = []
    for source in (source for part in parts for source in part.sources):
        if source.sha256 in first:
            notes.append(f"'{source.path}' has the same content as '{first[source.sha256]}'; its rows count twice.")
        first.setdefault(source.sha256, source.path)
    return notes
