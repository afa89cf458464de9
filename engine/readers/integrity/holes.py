"""Chunks that are not there. HDF5 and zarr read them as the fill value: zeros, first categories, empty text.

In HDF5 a hole is damage. A writer that writes an array whole stores each of its chunks, be they zeros or not; what is
not stored was never written, because the writer was interrupted or the file was made and not filled.

In zarr a hole is damage or thrift, and nothing in the folder tells which: version 3 of zarr-python, and AnnData with
it, leaves out chunks that hold the fill value alone (``array.write_empty_chunks`` is off), and a copy that was cut
short lacks chunks as well. So they are refused unless the user says that they were left out on purpose. One hole alone
is read: codes of a categorical with one category, since they can hold nothing else.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from ...errors import InputError
from .heaps import check_strings

__all__ = ["Hole", "find_holes", "refuse_holes"]

#: Folders of groups in groups that are followed: AnnData has five, and a file may hold itself.
_DEEPEST: Final = 24
#: Name of the codec that keeps several chunks in one file.
_SHARDED: Final = "sharding_indexed"
#: What the index of a shard has for a chunk that is not in it.
_NOT_STORED: Final = 2**64 - 1


class Hole(NamedTuple):
    """What of an array is not there.

    Attributes
    ----------
    name : str
        Where it lies in the file, such as ``"obs/cell_type/codes"``.
    n_missing, n_chunks : int
        Chunks that are not there, and all; both 0 for an array without chunks that was never stored.
    """

    name: str
    n_missing: int
    n_chunks: int

    def __str__(self) -> str:
        if not self.n_chunks:
            return f"{self.name} was never written"
        return f"{self.n_missing} of {self.n_chunks} chunks of {self.name} are not there"


def refuse_holes(store: Any, name: str, shown: str, *, fill: bool = False) -> list[str]:
    """Refuse arrays of which chunks are not there.

    Parameters
    ----------
    store : h5py.File or zarr.Group
        The open file or folder.
    name : str
        The array or group that will be read, such as ``"obs/cell_type"``.
    shown : str
        The path as the user gave it, for messages.
    fill : bool, default False
        Whether chunks that zarr does not store are read as their fill value; of HDF5 they never are.

    Returns
    -------
    list of str
        What was read as its fill value, one sentence an array.

    Raises
    ------
    InputError
        Naming the arrays, and how many of their chunks are missing.
    """
    holes = find_holes(store, name, shown)
    if not holes:
        return []
    words = _in_words(holes)
    if _is_zarr(store):
        if fill:
            return [f"'{shown}': {hole} and read as the fill value." for hole in holes]
        raise InputError(
            f"'{shown}': {words} and would read as zeros; copy the folder again, or, if chunks of zeros were left "
            "out on purpose, as zarr 3 does, pass --zarr-fill."
        )
    raise InputError(
        f"'{shown}': {words} and would read as zeros: writing was interrupted; get or write the file again."
    )


def _in_words(holes: list[Hole]) -> str:
    """Return the first few holes in words."""
    shown = " and ".join(map(str, holes[:3]))
    return f"{shown} (and {len(holes) - 3} more arrays)" if len(holes) > 3 else shown


def find_holes(store: Any, name: str, shown: str) -> list[Hole]:
    """Return the arrays at `name` of which chunks are not there, see `refuse_holes`.

    Raises
    ------
    InputError
        For an array that lies in another file, groups that hold themselves, and text that cannot be (`heaps`).
    """
    node, parent = store, None
    for depth, key in enumerate(name.split("/")):
        if not _is_zarr(store):
            _refuse_other_file(node, key, "/".join(name.split("/")[: depth + 1]), shown)
        node, parent = node[key], node
    found = []
    for where, array, group in _arrays(node, name, shown, parent, 0):
        if not array.shape or 0 in array.shape:
            continue
        hole = _zarr_hole(array, where) if _is_zarr(array) else _hdf5_hole(array, where, shown)
        if hole is None and not _is_zarr(array) and array.dtype.kind == "O":
            check_strings(array, where, shown)
        if hole is not None and not _can_only_be_zero(where, group):
            found.append(hole)
    return found


def _is_zarr(node: Any) -> bool:
    return type(node).__module__.partition(".")[0] == "zarr"


def _arrays(node: Any, name: str, shown: str, group: Any, depth: int) -> Iterator[tuple[str, Any, Any]]:
    """Give each array with its name and the group that it lies in."""
    if hasattr(node, "shape"):
        yield name, node, group
        return
    if depth > _DEEPEST:
        raise InputError(f"'{shown}' is damaged: the groups of {name[:60]} lie too deep in each other.")
    for key in sorted(node.keys()):
        if not _is_zarr(node):
            _refuse_other_file(node, key, f"{name}/{key}", shown)
        yield from _arrays(node[key], f"{name}/{key}", shown, node, depth + 1)


def _can_only_be_zero(name: str, group: Any) -> bool:
    """Return whether these are the codes of a zarr categorical with one category."""
    if group is None or not _is_zarr(group) or not name.endswith("/codes") or "categories" not in group:
        return False
    return bool(group["categories"].shape == (1,))


# --- HDF5 ---


def _refuse_other_file(group: Any, key: str, name: str, shown: str) -> None:
    import h5py

    if isinstance(group.get(key, getlink=True), h5py.ExternalLink):
        raise _other_file_error(name, shown)


def _other_file_error(name: str, shown: str) -> InputError:
    return InputError(f"'{shown}': {name} lies in another file, which is never read; write all into one file.")


def _hdf5_hole(dataset: Any, name: str, shown: str) -> Hole | None:
    if dataset.is_virtual or dataset.external:
        raise _other_file_error(name, shown)
    if dataset.chunks is None:
        return None if dataset.id.get_storage_size() else Hole(name, 0, 0)
    n_chunks = math.prod(-(-length // chunk) for length, chunk in zip(dataset.shape, dataset.chunks, strict=True))
    n_missing = n_chunks - dataset.id.get_num_chunks()
    return Hole(name, n_missing, n_chunks) if n_missing > 0 else None


# --- zarr ---


def _zarr_hole(array: Any, name: str) -> Hole | None:
    n_missing, n_chunks = _shard_counts(array) if getattr(array, "shards", None) else _chunk_counts(array)
    return Hole(name, n_missing, n_chunks) if n_missing else None


def _chunk_counts(array: Any) -> tuple[int, int]:
    n_chunks = int(array.nchunks)
    return n_chunks - int(array.nchunks_initialized), n_chunks


def _shard_counts(array: Any) -> tuple[int, int]:
    """Count the chunks in the shards of an array by their indices, and those that are not there."""
    folder = Path(str(array.store_path.store.root), array.store_path.path)
    about = array.metadata.to_dict()  # also where the header of the whole folder holds it
    sharding = about["codecs"][0].get("configuration", {})
    codecs = [codec["name"] for codec in sharding.get("index_codecs", ())]
    nested = [codec["name"] for codec in sharding.get("codecs", ())]
    if about["codecs"][0]["name"] != _SHARDED or _SHARDED in nested or set(codecs) - {"bytes", "crc32c"}:
        raise InputError(f"The shards of {array.path} are packed in a way that is not read; write it without shards.")
    shape, shard, chunk = array.shape, array.shards, tuple(sharding["chunk_shape"])
    n_inner = [outer // one for outer, one in zip(shard, chunk, strict=True)]
    length = 16 * math.prod(n_inner) + 4 * ("crc32c" in codecs)
    n_missing = n_chunks = 0
    for place in itertools.product(*(range(-(-size // outer)) for size, outer in zip(shape, shard, strict=True))):
        # Chunks beyond the edge of the array are in no shard.
        inside = [
            min(one_axis, -(-(size - at * outer) // one))
            for one_axis, size, at, outer, one in zip(n_inner, shape, place, shard, chunk, strict=True)
        ]
        n_chunks += math.prod(inside)
        file = folder / _key(about, place)
        n_missing += math.prod(inside) - (_stored(file, length, n_inner, inside, sharding) if file.exists() else 0)
    return n_missing, n_chunks


def _key(about: dict[str, Any], place: tuple[int, ...]) -> str:
    """Return the file of a shard, by the encoding that the header names."""
    encoding = about.get("chunk_key_encoding", {"name": "default"})
    default = encoding["name"] == "default"
    separator = encoding.get("configuration", {}).get("separator", "/" if default else ".")
    return str(separator).join([*(["c"] if default else []), *map(str, place)])


def _stored(file: Path, length: int, n_inner: list[int], inside: list[int], sharding: dict[str, Any]) -> int:
    """Count the chunks that a shard holds, of those inside the array."""
    import numpy as np

    n_bytes = file.stat().st_size
    if n_bytes < length:
        raise InputError(f"The shard {file} has {n_bytes} bytes, less than its index; copy the folder again.")
    with file.open("rb") as handle:
        handle.seek(0 if sharding.get("index_location", "end") == "start" else n_bytes - length)
        content = handle.read(16 * math.prod(n_inner))
    offsets = np.frombuffer(content, "<u8").reshape(*n_inner, 2)[tuple(slice(count) for count in inside)][..., 0]
    return int((offsets != _NOT_STORED).sum())
