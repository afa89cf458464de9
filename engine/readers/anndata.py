"""AnnData files, opened and checked: matrices and their chunks; nothing that is not asked for is loaded."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..choices import did_you_mean
from ..errors import InputError, examples
from .arrow import check_size
from .integrity.holes import find_holes, refuse_holes
from .integrity.isolation import read_first_in_a_child

__all__ = ["check_chunks", "check_cut_chunks", "check_keys", "columns_left_out", "matrix_of", "open_anndata"]

_PICKLE_CODEC = re.compile(rb'"(id|name)"\s*:\s*"[^"]*pickle[^"]*"')
_ZARR_HEADERS = {".zarray", ".zmetadata", "zarr.json"}


def open_anndata(path: Path, shown: str, part: str = "") -> Any:
    """Open an AnnData file or folder for a ``with`` statement, unless `part` of the folder holds pickled data.

    Parameters
    ----------
    path : Path
    shown : str
        The path as the user gave it, for messages.
    part : str, optional
        The only group that will be read, such as ``"obs"``; the files of the others are not looked at.

    Returns
    -------
    h5py.File or a context manager that gives a zarr.Group
    """
    if not path.is_dir():
        import h5py

        read_first_in_a_child(path, shown, [part] if part else ["X", "layers", "obsm", "obs", "var"])
        return h5py.File(path, "r")
    folders = [(folder, files) for folder, _, files in os.walk(path / part)]
    if part:
        folders.append((str(path), os.listdir(path)))  # its header may hold those of all groups
    for folder, files in folders:
        for name in _ZARR_HEADERS.intersection(files):
            if _PICKLE_CODEC.search(Path(folder, name).read_bytes()):
                raise InputError(
                    f"'{shown}' holds pickled data ({Path(folder, name).relative_to(path)}), which are never read; "
                    "write the column as text or numbers."
                )
    import zarr

    return _Unclosed(zarr.open_group(str(path), mode="r"))


class _Unclosed:
    """A zarr group as a context manager (it holds no handle that must be closed)."""

    def __init__(self, group: Any) -> None:
        self.group = group

    def __enter__(self) -> Any:
        return self.group

    def __exit__(self, *_: object) -> None:
        return None


def check_keys(store: Any, shown: str, obsm: str | None, *, needs_x: bool = True) -> None:
    """Raise `InputError` where obs, var, `X` (where it is needed) or the entry of obsm is not there."""
    missing = [key for key in ("obs", "var") if key not in store]
    if missing:
        raise InputError(f"'{shown}' is not AnnData: it has no {' and no '.join(missing)}.")
    entries = sorted(store["obsm"].keys()) if "obsm" in store else []
    if obsm is None and needs_x and "X" not in store:
        raise InputError(f"'{shown}' has no X; choose an entry of obsm: {examples(entries) or 'there is none'}.")
    if obsm is not None and obsm not in entries:
        hint = did_you_mean(obsm, entries) or f"; it has {examples(entries) or 'none'}."
        raise InputError(f"'{shown}' has no obsm entry {obsm!r}{hint}")


def check_chunks(store: Any, key: str, shown: str, *, zarr_fill: bool, whole: bool) -> tuple[list[str], dict[str, str]]:
    """Refuse a matrix of which chunks are not there, and find the columns of `obs` that lack some.

    Where zarr leaves out a chunk, nothing tells whether its rows hold the fill value or were lost. A column that lacks
    one is left out: rules that do not name it are not hindered.

    Parameters
    ----------
    store : h5py.File or zarr.Group
    key : str
        The matrix, such as ``"obsm/X_pca"``.
    shown : str
    zarr_fill : bool
        Whether chunks that a zarr folder does not store are read as their fill value.
    whole : bool
        Whether all chunks must be there: of HDF5.

    Returns
    -------
    notes : list of str
        What was read as the fill value.
    unread : dict of str to str
        Columns of `obs` to leave out, with a sentence each.

    Raises
    ------
    InputError
        Naming the arrays, and how many of their chunks are missing.
    """
    notes = refuse_holes(store, key, shown, fill=zarr_fill)
    if whole:
        refuse_holes(store, "obs", shown)
    if whole or zarr_fill:
        return notes, {}
    index = attribute(store["obs"], "_index")
    return notes, {
        hole.name.split("/")[1]: f"'{shown}': {hole}; the column is left out (--zarr-fill reads zeros)."
        for hole in find_holes(store, "obs", shown)
        if hole.name.split("/")[1] != index
    }


def attribute(node: Any, name: str) -> str:
    """Return an attribute as text; empty without."""
    value = node.attrs.get(name, "")
    return value.decode() if isinstance(value, bytes) else str(value)


_LEFT_OUT = re.compile(r".*: .* obs/([^/]+?)(?:/\w+)? (?:are not there|was never written); the column is left out .*")


def columns_left_out(notes: Sequence[str]) -> dict[str, str]:
    """Return the columns of `obs` that notes of `check_chunks` say were not read, with the note of each."""
    found = {note: _LEFT_OUT.fullmatch(note) for note in notes}
    return {match[1]: note for note, match in found.items() if match is not None}


def check_cut_chunks(path: Path, parts: Sequence[str], shown: str) -> None:
    """Refuse Blosc chunks that are shorter than they say: the decoder would read beyond their end."""
    for part in parts:
        for header in sorted(file for name in _ZARR_HEADERS for file in (path / part).rglob(name)):
            if not _is_blosc(json.loads(header.read_bytes())):
                continue
            for chunk in sorted(file for file in header.parent.rglob("*") if file.is_file()):
                if chunk.name in _ZARR_HEADERS or chunk.name.startswith("."):
                    continue
                with chunk.open("rb") as handle:
                    said = int.from_bytes(handle.read(16)[12:], "little")  # the length of the whole chunk
                if said != chunk.stat().st_size:
                    raise InputError(
                        f"'{shown}': the chunk {chunk.relative_to(path)} has {chunk.stat().st_size} bytes instead of "
                        f"{said}; copy the folder again."
                    )


def _is_blosc(header: dict[str, Any]) -> bool:
    codecs = header.get("codecs") or [{}]  # zarr 3; a shard is one file of many chunks, and is checked by zarr
    return "blosc" in ((header.get("compressor") or {}).get("id"), codecs[-1].get("name"))


def matrix_of(store: Any, key: str, shown: str, *, sparse: bool = False) -> tuple[Any, list[str] | None]:
    """Read a matrix as float32 and the names of its columns where it is a data frame.

    A sparse one is made dense, unless `sparse`: then it is a scipy.sparse.csr_array.
    """
    import anndata.io

    node = store[key]
    shape = node.shape if hasattr(node, "shape") else node.attrs.get("shape", (0, 0))
    if len(shape) == 2 and not sparse:
        check_size(int(shape[0]), int(shape[1]), shown)
    value = node[...] if getattr(node, "ndim", 0) == 2 else anndata.io.read_elem(node)
    columns = None
    if hasattr(value, "columns"):  # a data frame in obsm
        columns = [str(name) for name in value.columns]
        value = value.to_numpy()
    if hasattr(value, "toarray"):
        value.check_format(full_check=True)  # places outside the matrix would be written to outside of memory
        if sparse and value.dtype.kind in "fiub":
            import scipy.sparse

            with np.errstate(over="ignore"):
                return scipy.sparse.csr_array(value, dtype=np.float32), None
        value = value.toarray()
    value = np.asarray(value)
    if value.ndim != 2 or value.dtype.kind not in "fiub":
        raise InputError(
            f"'{shown}': {key} is {value.dtype} of shape {value.shape}, but a matrix of real numbers is needed."
        )
    with np.errstate(over="ignore"):  # beyond float32: becomes infinite, and is reported as such
        return np.ascontiguousarray(value, dtype=np.float32), columns
