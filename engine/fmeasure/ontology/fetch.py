"""Fetching a release of an ontology: downloaded, checked, read, and only then kept under its name."""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ...downloads.download import Checked, download
from ...downloads.several import each, locked
from ...downloads.store import FetchError, Published, RefusedError, WebFolder
from ...errors import InputError
from ...results.digests import file_sha256
from ...results.files import sync_folder, write_error, write_json
from .document import OntologyFile, read_file
from .kept import NAME, RECORD, KeptOntology, cache_folder, kept_ontologies
from .known import KNOWN
from .options import PACKAGED, FetchOptions

__all__ = ["MAX_BYTES", "Fetched", "fetch"]

#: The largest file that is fetched, several times the largest of those that are known.
MAX_BYTES: Final = 600_000_000

Advance = Callable[[int, int], None]


@dataclass(frozen=True)
class Fetched:
    """What became of it.

    Attributes
    ----------
    path : Path
        The file.
    record : dict
        What stands beside it, see `KeptOntology`.
    is_new : bool
        Whether it was downloaded now; else it was here.
    """

    path: Path
    record: dict[str, Any]
    is_new: bool


@dataclass(frozen=True)
class _Found:
    """A file on a server: its address, what the server says of it, and the folder that holds it."""

    url: str
    published: Published
    folder: WebFolder


def fetch(options: FetchOptions, advance: Advance | None = None) -> Fetched:
    """Fetch a release, or find that it is here.

    A release that is kept is not asked for again. Without a release the server is asked for the newest, which is
    downloaded if it is another. What a broken download leaves is resumed by the next where the server tells files
    apart (by a strong ETag), else begun anew.

    Parameters
    ----------
    options : FetchOptions
        What is wanted.
    advance : callable, optional
        Called with the bytes that are here and those in all.

    Returns
    -------
    Fetched

    Raises
    ------
    InputError
        When the server cannot be reached or has no such file; when the file is too large, is no ontology, is of
        another release, or has another SHA-256; when it cannot be written.
    """
    if options.output is not None:
        if options.output.exists() and not options.overwrite:
            raise InputError(f"'{options.output}' exists; choose another file or pass --overwrite to replace it.")
        if options.output.is_dir():
            raise InputError(f"The output '{options.output}' is a folder; give a file.")
        folder = options.output.parent
    else:
        folder = cache_folder()
        if options.release and not options.overwrite and (kept := _kept(options, None)) is not None:
            return kept
    with locked(folder):
        found = _find(options)
        if options.output is None and not options.overwrite and (kept := _kept(options, found)) is not None:
            return kept
        try:
            return _fetch(options, found, folder, advance)
        except OSError as error:
            raise write_error(options.output or folder, error) from error


def _kept(options: FetchOptions, found: _Found | None) -> Fetched | None:
    """Return what is kept of the release, or of the file that the server has; None where it must be fetched."""
    for kept in kept_ontologies():
        same = kept.release == options.release if options.release else found is not None and _is_same(kept, found)
        if kept.name == options.name and same and kept.is_whole():
            if options.url and kept.record["url"] != options.url:
                continue
            _check_sha256(options, kept.record["sha256"], f"The kept file '{kept.path}'")
            return Fetched(kept.path, kept.record, is_new=False)
    return None


def _is_same(kept: KeptOntology, found: _Found) -> bool:
    """Return whether the file that is kept is, by its ETag, the one that the server has."""
    has = found.published
    return bool(has.etag) and (kept.record.get("etag"), kept.record["bytes"]) == (has.etag, has.size)


def _find(options: FetchOptions) -> _Found:
    """Ask where the file is, and how large."""

    async def ask(url: str) -> _Found:
        address, _, name = url.rpartition("/")
        folder = WebFolder(address, options.patience)
        return _Found(url, await folder.head(name), folder)

    failed: list[FetchError] = []
    for url in options.addresses:
        try:
            (found,) = each(ask, [url], 1)
        except FetchError as error:
            failed.append(error)
            continue
        if found.published.size > MAX_BYTES:
            raise InputError(
                f"{url} has {found.published.size:,} bytes, more than the {MAX_BYTES:,} that fastbench fetches; "
                "download it yourself and give the file."
            )
        return found
    why = "; ".join(f"{url}: {error}" for url, error in zip(options.addresses, failed, strict=True))
    if all(isinstance(error, RefusedError) for error in failed):
        hint = " Look at the name of the release, such as 2024-05-15." if options.release else ""
        raise InputError(f"{_title(options)} is not published ({why}).{hint}") from failed[0]
    raise InputError(
        f"{_title(options)} cannot be fetched ({why}); see whether there is a network{_what_is_here(options)}."
    ) from failed[-1]


def _title(options: FetchOptions) -> str:
    return f"Release {options.release} of {options.name}" if options.release else f"The newest {options.name}"


def _what_is_here(options: FetchOptions) -> str:
    """Return the end of a sentence: what can be used without a network."""
    kept = [each.called for each in kept_ontologies() if each.name == options.name]
    packaged = [PACKAGED] if options.name in ("cl", "cl-basic") else []
    return f", or use what is here: {', '.join(kept + packaged)}" if kept or packaged else ""


def _fetch(options: FetchOptions, found: _Found, folder: Path, advance: Advance | None) -> Fetched:
    """Download, check, read and name a file."""

    def moved(size: int) -> None:
        if advance is not None:
            advance(size, found.published.size)

    # A name of its own for each thing that was asked for: what is left of one is not taken for another.
    target = options.output.name if options.output else f"{options.name}@{options.release or 'newest'}"
    new = folder / f".{target}.new"

    async def one(given: _Found) -> Checked:
        return await download(new, given.published, given.folder, moved)

    try:
        (checked,) = each(one, [found], 1)
    except FetchError as error:
        raise InputError(
            f"{_title(options)} cannot be fetched from {found.url}: {error}; run the command again, which goes on with "
            "what was received."
        ) from error
    try:
        _check_sha256(options, checked.sha256, found.url)
        said = _read(new, found.url)
        release = options.release or said.release or f"sha256-{checked.sha256[:12]}"
        if options.release and said.release and said.release != options.release:
            raise InputError(
                f"{found.url} is release {said.release}, not {options.release}; leave --release out, or name that one."
            )
        if NAME.fullmatch(f"{options.name}@{release}") is None:
            raise InputError(f"{found.url} calls its release {release!r}, which cannot be a name; give --release.")
        record = {
            "name": options.name,
            "release": release,
            "url": found.url,
            "bytes": checked.published.size,
            "sha256": checked.sha256,
            "data_version": said.version or None,
            "etag": checked.published.etag,
            "licence": KNOWN[options.name].licence if options.name in KNOWN and not options.url else None,
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        }
        path = options.output or folder / f"{options.name}@{release}{_ending(found.url)}"
        beside = path.with_name(path.name + RECORD)
        if path.exists() and file_sha256(path) != checked.sha256:
            beside.unlink(missing_ok=True)  # a record never stands beside a file that it is not about
        os.replace(new, path)
    finally:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
    sync_folder(folder)
    write_json(record, beside)
    return Fetched(path, record, is_new=True)


def _check_sha256(options: FetchOptions, sha256: str, what: str) -> None:
    if options.sha256 and sha256 != options.sha256:
        raise InputError(f"{what} has the SHA-256 {sha256}, not {options.sha256} as --sha256 asks; it is not used.")


def _read(path: Path, url: str) -> OntologyFile:
    """Read what was downloaded, to know that it is an ontology, and which release."""
    try:
        return read_file(path)
    except InputError as error:
        raise InputError(str(error).replace(f"'{path}'", url).replace(str(path), url)) from error


def _ending(url: str) -> str:
    """Return how the file is called at its end."""
    name = url.rpartition("/")[2].lower()
    return next((ending for ending in (".obo.gz", ".json.gz", ".json") if name.endswith(ending)), ".obo")
