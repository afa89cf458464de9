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

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ...kernels.cores import usable_cores
from ..choices import check_one
from ..errors import InputError, counted, examples
from ..results.digests import file_sha256, folder_sha256
from ..tables.bookkeeping import row_numbers
from ..tables.frames import distinct_texts, near_duplicate_labels
from ..tables.labels import DEFAULT, missing_texts
from ..tables.matrix import check_finite, non_finite_columns
from ..tables.profiles import IN_MEMORY, Profiles, Source, stack
from .anndata import check_chunks, check_cut_chunks, check_keys, matrix_of, open_anndata
from .arrow import read_arrow
from .column_roles import FeatureChoice, choose_named, compile_features, refuse_repeated
from .errors import damaged_file_as_input_error, unreadable_error
from .formats import ARROW, TEXT, existing_path, format_of, refuse_obsm
from .obs import Obs
from .packaged import resolve
from .text import read_text, type_text, without_missing_text

__all__ = [
    "finished",
    "read_anndata",
    "read_files",
    "read_one_file",
    "read_profiles",
    "without_row_numbers",
]

#: What leaves out rows without values, in the one command that can.
_OF_MAP = " ('fastbench map' does so with --degenerate drop)"
#: Reads one file: ``(path, shown, obsm, choice) -> profiles``.
ReadOne = Callable[[Path, str, str | None, FeatureChoice], Profiles]


def read_profiles(
    paths: Sequence[str | Path] | str | Path,
    *,
    features: str | None = None,
    obsm: str | None = None,
    threads: int | None = None,
    missing: str = "error",
    missing_text: Sequence[str] = (DEFAULT,),
    zarr_fill: bool = False,
    metadata_columns: Iterable[str] | None = None,
) -> Profiles:
    """Read profiles from one or many files.

    Parameters
    ----------
    paths : path or sequence of paths
        Files of any supported format, stacked in this order on the features that all of them have; ``"sample:lincs"``
        is the packaged plate.
    features : str, optional
        Which columns are features: ``"all"`` that are neither metadata nor a row index by name; ``"cellprofiler"``:
        those of compartments (`Cells_`, `Cytoplasm_`, `Nuclei_` ...); or a regular expression that is found in their
        names. Default: all but row numbers and bookkeeping (`ImageNumber`, `*_Number_Object_Number`, `*_Parent_*`,
        `Image_*`, counts ...), and where most columns are of compartments, without the few others. Columns with
        `Metadata_` within their names are metadata. What is left out is named in `notes` and `left_out`.
    obsm : str, optional
        For AnnData, the entry of `obsm` to read instead of `X`.
    threads : int, optional
        Files read at once. Default: the number of CPUs, at most 16.
    missing : {"error", "drop-features", "keep", "keep-empty-rows"}, default "error"
        What to do about NaN, infinite or (beyond float32) overflowing features: refuse, drop each column
        with one in any file and name it in the notes, or leave them to the caller; or drop these columns, but leave
        rows that hold nothing else to the caller.
    missing_text : sequence of str, default ("default",)
        Texts of metadata that mean missing, beside the empty one; ``"default"`` stands for
        `tables.labels.MISSING_TEXT`.
    zarr_fill : bool, default False
        Whether chunks that a zarr folder does not store are read as their fill value, as zarr 3 leaves out chunks of
        zeros. By default they are refused, and columns of `obs` that lack some are left out, since they may be lost.
    metadata_columns : iterable of str, optional
        Columns of CSV, TSV, Parquet and Arrow that are metadata, whatever their names. Where it is given, if empty,
        columns of words (text without a number, dates) are metadata too, instead of refused.

    Returns
    -------
    Profiles
        Rows in the order of the files. In CSV and TSV, metadata stays text unless a column reads as numbers
        without loss in all files. What means missing is null, in text columns of every format.

    Raises
    ------
    InputError
        Naming the file, the columns and the values at fault.

    Examples
    --------
    >>> import fastbench as fb
    >>> profiles = fb.read_profiles("sample:lincs")
    >>> profiles.features.shape, profiles.metadata.height
    ((384, 454), 384)
    """
    given = [str(path) for path in ([paths] if isinstance(paths, (str, Path)) else paths)]
    if not given:
        raise InputError("No input file was given.")
    choice = compile_features(features, metadata_columns)
    return read_files(
        [resolve(path) if path.startswith("sample:") else existing_path(path) for path in given],
        given,
        choice,
        partial(read_one_file, zarr_fill=zarr_fill),
        obsm=obsm,
        threads=threads,
        missing=missing,
        missing_text=missing_text,
    )


def read_files(
    found: Sequence[Path],
    given: Sequence[str],
    choice: FeatureChoice,
    read_one: ReadOne,
    *,
    obsm: str | None,
    missing: str,
    missing_text: Sequence[str],
    threads: int | None = None,
) -> Profiles:
    """Read files in parallel and stack them.

    Parameters
    ----------
    found : sequence of Path
        The files, at least one.
    given : sequence of str
        The same as the user gave them, for messages.
    choice : FeatureChoice
        Which columns are features.
    read_one : callable
        Reads one of them: ``(path, shown, obsm, choice) -> profiles``.
    obsm, missing, missing_text, threads
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
    _check_missing(missing)
    if threads is not None and threads < 1:
        raise InputError(f"threads must be at least 1, not {threads}.")
    resolved = [path.resolve() for path in found]
    twice = [shown for shown, path in zip(given, resolved, strict=True) if resolved.count(path) > 1]
    if twice:
        raise InputError(f"An input file was given more than once: {examples(twice)}; give it once.")
    n_workers = min(threads or min(usable_cores(), 16), len(found))
    jobs = zip(found, given, strict=True)
    with ThreadPoolExecutor(n_workers) as pool:
        parts = list(pool.map(lambda job: read_one(job[0], job[1], obsm, choice), jobs))
    return finished(parts, missing, missing_text)


def _check_missing(missing: str) -> None:
    check_one("missing", missing, ("error", "drop-features", "keep", "keep-empty-rows"))


def finished(parts: Sequence[Profiles], missing: str, missing_text: Sequence[str]) -> Profiles:
    """Make one of parts as they were read, of files or from memory: `missing` and `missing_text` of `read_profiles`.

    Text that means missing becomes null, text of files gets its types, features that are missing are dealt with, and
    parts are stacked. What was dropped, files of the same content and values that are nearly the same become notes.
    """
    _check_missing(missing)
    frames, notes = without_missing_text([part.metadata for part in parts], missing_texts(missing_text))
    parts = [replace(part, metadata=frame) for part, frame in zip(parts, frames, strict=True)]
    parts = _type_text_parts(parts)
    parts, missing_notes = _without_missing(parts, missing)
    whole = stack(parts)
    near_duplicates = near_duplicate_labels(distinct_texts(whole.metadata, whole.metadata.columns))
    return replace(whole, notes=(*whole.notes, *_identical_files(parts), *notes, *missing_notes, *near_duplicates))


def read_one_file(path: Path, shown: str, obsm: str | None, choice: FeatureChoice, zarr_fill: bool = False) -> Profiles:
    """Read one file by its ending, without the columns that number its rows."""
    found = _read_file(path, shown, obsm, choice, zarr_fill)
    return without_row_numbers(found, shown) if choice.judges and obsm is None else found


def without_row_numbers(part: Profiles, shown: str) -> Profiles:
    """Take out the columns that number the rows of a file, whatever they are called; `shown` is the file, in notes."""
    columns = row_numbers(part.features)
    if not columns:
        return part
    names = [part.feature_names[i] for i in columns]
    if len(columns) == len(part.feature_names):
        raise InputError(
            f"'{shown}' has no feature column but row numbers ({examples(names)}); if they are measurements, choose "
            "them with --features all."
        )
    kept = [i for i in range(len(part.feature_names)) if i not in set(columns)]
    is_are = "numbers its rows, and was" if len(columns) == 1 else "number its rows, and were"
    return replace(
        part,
        features=np.ascontiguousarray(part.features[:, kept]),
        feature_names=tuple(part.feature_names[i] for i in kept),
        notes=(*part.notes, f"'{shown}': {examples(names)} {is_are} left out (--features all takes every column)."),
        left_out=(*part.left_out, *names),
    )


def _read_file(path: Path, shown: str, obsm: str | None, choice: FeatureChoice, zarr_fill: bool) -> Profiles:
    refuse_obsm(path, shown, obsm)
    suffix = format_of(path)
    try:
        if suffix in TEXT:
            return read_text(path, shown, TEXT[suffix], choice)
        if suffix == ".zarr":
            digest, n_bytes = folder_sha256(path)
            return read_anndata(path, shown, digest, n_bytes, obsm, choice, zarr_fill)
        digest = file_sha256(path)
        if suffix in ARROW:
            return read_arrow(path, shown, digest, choice)
        return read_anndata(path, shown, digest, path.stat().st_size, obsm, choice, zarr_fill)
    except OSError as error:
        raise unreadable_error(shown, error) from error


def read_anndata(
    path: Path,
    shown: str,
    digest: str,
    n_bytes: int,
    obsm: str | None,
    choice: FeatureChoice,
    zarr_fill: bool = False,
) -> Profiles:
    """Read one ``.h5ad`` file or AnnData ``.zarr`` folder; features may hold NaN.

    Parameters
    ----------
    path : Path
    shown : str
        The path as the user gave it, for messages.
    digest, n_bytes
        SHA-256 and size on disk.
    obsm : str, optional
        The entry of `obsm` to take as features, named ``{obsm}_0``, ``{obsm}_1``, ... Default: `X`, named by
        `var_names`.
    choice : FeatureChoice
        Selects the features by their names, see `plan_columns`.
    zarr_fill : bool, default False
        Whether chunks that a zarr folder does not store are read as their fill value.

    Returns
    -------
    Profiles
        Metadata: every column of `obs` under its own name, and the names of the rows as ``obs_names`` (unless
        `obs` has a column of that name). Sparse matrices are made dense. Columns of a zarr folder of which chunks
        are not there are left out, and said to be.

    Raises
    ------
    InputError
        For a damaged file, a key that is not there, values that were never written (`holes`), pickled data, no
        rows or features.
    """
    key = "X" if obsm is None else f"obsm/{obsm}"
    notes: list[str] = []
    try:
        with damaged_file_as_input_error(shown, "AnnData"), open_anndata(path, shown) as store:
            check_keys(store, shown, obsm)
            filled, unread = check_chunks(store, key, shown, zarr_fill=zarr_fill, whole=not path.is_dir())
            notes += [*filled, *unread.values()]
            if path.is_dir():
                check_cut_chunks(path, (key, "obs", "var"), shown)
            matrix, columns = matrix_of(store, key, shown)
            obs = Obs(store, path, shown, zarr_fill=zarr_fill)
            metadata = obs.metadata(unread)
            notes += obs.notes
            if columns is not None:
                names = columns
            elif obsm is not None:
                names = [f"{obsm}_{i}" for i in range(matrix.shape[1])]
            else:
                names = Obs(store, path, shown, "var").id_texts().fill_null("").to_list()
    except InputError as error:
        raise error if shown in str(error) else InputError(f"'{shown}': {error}") from error
    if matrix.shape[0] != metadata.height:
        raise InputError(f"'{shown}': obs has {metadata.height} rows but {key} has {matrix.shape[0]}.")
    if 0 in matrix.shape:
        raise InputError(f"'{shown}': {key} has the shape {matrix.shape}; at least one row and one feature are needed.")
    refuse_repeated(names, shown, "feature", "make var_names unique")
    chosen = choose_named(names, shown, choice)
    if len(chosen.features) < len(names):
        place = {name: i for i, name in enumerate(names)}
        matrix = np.ascontiguousarray(matrix[:, [place[name] for name in chosen.features]])
    notes += chosen.notes
    source = Source(shown, digest, n_bytes, metadata.height)
    return Profiles(metadata, matrix, tuple(chosen.features), (source,), tuple(notes), tuple(chosen.left_out))


def _is_text(part: Profiles) -> bool:
    return format_of(Path(part.sources[0].path)) in TEXT


def _type_text_parts(parts: list[Profiles]) -> list[Profiles]:
    chosen = [i for i, part in enumerate(parts) if _is_text(part)]
    frames = type_text([parts[i].metadata for i in chosen])
    typed = list(parts)
    for i, frame in zip(chosen, frames, strict=True):
        typed[i] = replace(parts[i], metadata=frame)
    return typed


def _without_missing(parts: list[Profiles], missing: str) -> tuple[list[Profiles], list[str]]:
    """Apply the policy about non-finite features to the columns that all parts have."""
    common = set(parts[0].feature_names).intersection(*(part.feature_names for part in parts))
    bad: dict[str, None] = {}
    if missing == "keep":
        return parts, []
    for part in parts:
        columns, _ = non_finite_columns(part.features)
        if len(columns) and missing == "keep-empty-rows":
            columns, _ = non_finite_columns(part.features[np.isfinite(part.features).any(axis=1)])
        names = [part.feature_names[i] for i in columns if part.feature_names[i] in common]
        if names and missing == "error":
            check_finite(
                part.features,
                part.feature_names,
                "Features" if part.sources[0].path == IN_MEMORY else f"Features of '{part.sources[0].path}'",
                "drop these columns with --missing drop-features",
                f"leave them out{_OF_MAP}",
            )
        bad.update(dict.fromkeys(names))
    if not bad:
        return parts, []
    if len(bad) == len(common):
        empty = sum(int((~np.isfinite(part.features).any(axis=1)).sum()) for part in parts)
        rows = f"{counted(empty, 'row holds', 'rows hold')} nothing else: leave them out{_OF_MAP}" if empty else ""
        raise InputError(
            f"Every one of the {len(bad)} features holds NaN or infinite values in some file ({examples(bad)}), so "
            f"none is left when they are dropped; {rows or 'impute them'}."
        )
    kept_parts = []
    for part in parts:
        kept = [i for i, name in enumerate(part.feature_names) if name not in bad]
        names_kept = tuple(part.feature_names[i] for i in kept)
        kept_parts.append(
            replace(part, features=np.ascontiguousarray(part.features[:, kept]), feature_names=names_kept)
        )
    holds = " with NaN or infinite values"
    note = (
        f"{counted(len(bad), f'feature{holds} was', f'features{holds} were')} dropped "
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
