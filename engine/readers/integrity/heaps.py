"""Text of variable length in HDF5: it lies in heaps, and the C library trusts what these say of themselves.

A text is stored as its length, the place of a collection and a number in it. A length of gigabytes is believed, and a
collection whose size is wrong can send the library round in a circle, out of which no Python code comes. So both are
looked at first, without the library: what a dataset refers to, exactly; and collections as far as they are found near
both ends of the file, since attributes use them as well, whose references cannot be seen.
"""

from __future__ import annotations

import mmap
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...errors import InputError

__all__ = ["check_strings", "has_strange_heaps"]

_MARK: Final = b"GCOL"
#: Collections are looked for in so many bytes at both ends of a file; smaller files are looked through.
_SCANNED: Final = 2**22
_HEADER: Final = 16
_LEAST: Final = 4096  # bytes of a collection
_REFERENCE: Final = np.dtype([("length", "<u4"), ("place", "<u8"), ("number", "<u4")])


def has_strange_heaps(path: Path) -> bool:
    """Return whether something in an HDF5 file looks like a collection of texts and is none.

    Other data may look so by chance; whoever asks reads the file in a child process then.
    """
    n_bytes = path.stat().st_size
    if n_bytes < _HEADER:
        return False
    places: list[int] = []
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
        ends = [(0, n_bytes)] if n_bytes <= 2 * _SCANNED else [(0, _SCANNED), (n_bytes - _SCANNED, n_bytes)]
        for start, stop in ends:
            place = content.find(_MARK, start, stop)
            while place >= 0:
                places.append(place)
                place = content.find(_MARK, place + len(_MARK), stop)
    found = np.array(places, np.int64)
    sizes = _collection_bytes(path, found)
    whole = sizes > 0
    # The mark in a text of a collection is text.
    before = np.searchsorted(found[whole], found, side="right") - 1
    ends_before = np.append(found[whole] + sizes[whole], 0)[before]
    return bool((~whole & (found >= ends_before)).any())


def _collection_bytes(path: Path, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the sizes of collections; 0 where there is none that the library could read.

    All are walked through side by side, an object of each at a time.
    """
    content = np.memmap(path, np.uint8, "r").view(np.ndarray)  # plain: thousands of small reads
    sizes = np.zeros(len(places), np.int64)
    which = np.flatnonzero((places >= 0) & (places <= len(content) - _LEAST))
    marks = _number(content, places[which], 8)
    announced = _number(content, places[which] + 8, 8)
    room = (len(content) - places[which]).astype(np.uint64)
    good = (marks == int.from_bytes(_MARK + b"\1\0\0\0", "little")) & (announced >= _LEAST) & (announced <= room)
    which, announced = which[good], announced[good].astype(np.int64)
    at, end = places[which] + _HEADER, places[which] + announced
    sizes[which] = announced
    while len(which):
        more = at + _HEADER <= end
        which, at, end = which[more], at[more], end[more]
        number, length = _number(content, at, 2), _number(content, at + 8, 8)
        free = number == 0  # to the end; its length counts its own header
        left = (end - at).astype(np.uint64)
        # Where what is free does not reach the end, the library goes on behind it, maybe for ever.
        bad = np.where(free, length != left, length > left - np.uint64(_HEADER))
        sizes[which[bad]] = 0
        go = ~bad & ~free
        which, end = which[go], end[go]
        at = at[go] + _HEADER + (length[go].astype(np.int64) + 7) // 8 * 8
    return sizes


def _number(content: npt.NDArray[np.uint8], at: npt.NDArray[np.int64], n_bytes: int) -> npt.NDArray[np.uint64]:
    """Read a little-endian number at each place."""
    if len(at) and not (at & 7).any():  # as the library places them, if nobody asked for less
        words: npt.NDArray[np.uint64] = content[: len(content) // 8 * 8].view("<u8")[at >> 3]
        return words & np.uint64(2 ** (8 * n_bytes) - 1)
    found = np.zeros((len(at), 8), np.uint8)
    found[:, :n_bytes] = content[at[:, None] + np.arange(n_bytes)]
    return np.asarray(found.view("<u8")[:, 0])


def check_strings(dataset: Any, name: str, shown: str) -> None:
    """Refuse a dataset of texts that the heaps of its file cannot hold.

    Parameters
    ----------
    dataset : h5py.Dataset
        Of text of variable length, all of its chunks stored.
    name : str
        Where it lies in the file.
    shown : str
        The path as the user gave it, for messages.

    Raises
    ------
    InputError
        When its texts lie outside of the file, in what is no collection, or are longer than the whole file.
    """
    found = _references(dataset)
    if found is None:
        return
    path = Path(dataset.file.filename)
    n_bytes = path.stat().st_size
    used = found[found["length"] > 0]
    damaged = InputError(f"'{shown}' is damaged: the text of {name} is not where the file says it is; get it again.")
    if int(used["length"].sum(dtype=np.uint64)) > n_bytes:
        raise damaged
    places = used["place"]
    places = np.unique(places[np.append(True, places[1:] != places[:-1])[: len(places)]])  # texts follow each other
    if len(places) and int(places[-1]) > n_bytes - _LEAST:
        raise damaged
    if not (_collection_bytes(path, places.astype(np.int64)) > 0).all():
        raise damaged


def _references(dataset: Any) -> npt.NDArray[Any] | None:
    """Return what is stored of texts; None where it is not stored as plain references of the usual size."""
    properties = dataset.file.id.get_create_plist()
    if properties.get_sizes() != (8, 8) or dataset.file.userblock_size:
        return None
    n_values = int(np.prod(dataset.shape, dtype=np.int64))
    if dataset.chunks is None:
        offset = dataset.id.get_offset()
        if offset is None or dataset.id.get_storage_size() != n_values * _REFERENCE.itemsize:
            return None
        with Path(dataset.file.filename).open("rb") as handle:
            handle.seek(offset)
            content = handle.read(n_values * _REFERENCE.itemsize)
        return np.frombuffer(content, _REFERENCE) if len(content) == n_values * _REFERENCE.itemsize else None
    if dataset.compression not in (None, "gzip") or dataset.shuffle or dataset.fletcher32:
        return None
    parts = []
    for i in range(dataset.id.get_num_chunks()):
        about = dataset.id.get_chunk_info(i)
        _, content = dataset.id.read_direct_chunk(about.chunk_offset)
        if dataset.compression and not about.filter_mask:
            content = zlib.decompress(content)
        parts.append(np.frombuffer(content, _REFERENCE))
    return np.concatenate(parts) if parts else None
