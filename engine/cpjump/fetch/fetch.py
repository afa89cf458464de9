"""Fetching the published CPJUMP1 profiles: what is there, what is here, and the rest downloaded and checked.

A file is written as ``<file>.<version>.part``, where the version is that of the published object: what a broken run
leaves is resumed by the next, and never joined to another object. It gets its name when its size, its checksum and its
compression are right, and is then recorded in ``fetch.json``.
"""

from __future__ import annotations

import asyncio
import datetime
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from ...choices import did_you_mean
from ...downloads.download import Checked, DamagedError, check, check_size, download, part_of, size_of
from ...downloads.several import each, locked
from ...errors import InputError, examples
from ...results.digests import file_sha256
from ...results.files import write_error, write_json
from ...results.json_files import read_json
from ..names import BATCH
from ..plates.files import plate_files
from .gallery import ABOUT, Bucket, FetchError, Published, address_of
from .options import FetchOptions

__all__ = ["RECORD", "FetchOptions", "Fetched", "Item", "fetch", "survey"]

RECORD: Final = "fetch.json"

#: Called with the bytes that are here and those in all.
Advance = Callable[[int, int], None]
Records = dict[str, dict[str, Any]]  # by path


@dataclass(frozen=True)
class Item:
    """The file of one plate, as published and as it is here.

    Parameters
    ----------
    plate : str
        The plate.
    path : Path
        Where the file goes.
    published : Published, optional
        None when there is none.
    state : {"absent", "fetch", "resume", "replace", "renew", "foreign", "here"}
        Not published; not here; here in part; here and wrong; an older version here; another file here that no
        record knows; here and right.
    bytes_here : int
        Bytes that need not be fetched.
    why : str
        More of the state, in words.
    record : dict, optional
        Of the file that is here and right: its record, old or new.
    """

    plate: str
    path: Path
    published: Published | None
    state: str
    bytes_here: int = 0
    why: str = ""
    record: dict[str, Any] | None = None

    @property
    def size(self) -> int:
        """Bytes of the published file."""
        return self.published.size if self.published else 0


@dataclass(frozen=True)
class Fetched:
    """What became of a survey: the plates newly fetched, and why others were not."""

    fetched: tuple[str, ...]
    failed: dict[str, str]


def survey(options: FetchOptions) -> tuple[Item, ...]:
    """List what is published of the wanted plates, and compare it with what is here; nothing is written.

    Parameters
    ----------
    options : FetchOptions
        What is wanted.

    Returns
    -------
    tuple of Item
        One a plate, in the order of the options.

    Raises
    ------
    InputError
        When the bucket cannot be listed, no plate has such a file, or the output holds a file that would be read
        twice or that fastbench did not fetch.
    """
    bucket = Bucket(options.endpoint, options.patience)
    records = _records(options.output)
    endings: set[str] = set()  # of all files of the plates

    async def one(plate: str) -> Item:
        try:
            listed = await bucket.plate(plate)
        except FetchError as error:
            raise InputError(f"The files of plate {plate} at {bucket.address} cannot be listed: {error}.") from error
        endings.update(item.name.removeprefix(plate) for item in listed if item.name.startswith(plate))
        published = next((item for item in listed if item.name == plate + options.suffix), None)
        return await asyncio.to_thread(_compared, options, plate, published, records)

    items = each(one, options.plates or (), options.connections)
    absent = [item.plate for item in items if item.published is None]
    if len(absent) == len(items):
        seen = f"; there are {examples(sorted(endings), 12)}" if endings else ""
        raise InputError(
            f"None of {len(items)} plates ({examples(absent, 3)}) has a file that ends in '{options.suffix}' at "
            f"{bucket.address}{seen}{did_you_mean(options.suffix, sorted(endings)) or '.'}"
        )
    if foreign := [str(item.path) for item in items if item.state == "foreign"]:
        raise InputError(
            f"The output holds files that are not the published ones and that fastbench did not fetch "
            f"({examples(foreign, 3)}): move them away, or replace them with --overwrite."
        )
    return items


def _compared(options: FetchOptions, plate: str, published: Published | None, records: Records) -> Item:
    """Compare the file of a plate with the published one."""
    path = options.output / BATCH / plate / f"{plate}{options.suffix}"
    also = [other for other in plate_files(options.output, BATCH, plate, options.suffix) if other != path]
    if also:
        raise InputError(
            f"Plate {plate} has profiles at '{also[0]}' already, which the benchmark would read beside '{path.name}': "
            "take them out, or choose another output."
        )
    if published is None:
        return Item(plate, path, None, "absent", why="no such file is published")
    item = Item(plate, path, published, "fetch")
    if path.exists():
        item = _checked(item, published, records.get(path.relative_to(options.output).as_posix()), options)
    begun = min(size_of(part_of(path, published)), published.size)
    if item.state != "here" and published.etag and begun:
        return replace(item, state="resume" if item.state == "fetch" else item.state, bytes_here=begun)
    return item


def _checked(item: Item, published: Published, record: dict[str, Any] | None, options: FetchOptions) -> Item:
    """Find out whether the file that is here is right, by its record where that is of the published object."""
    recorded = record is not None and published.etag is not None and record["etag"] == published.etag
    try:
        if record is not None and recorded and not options.verify:
            check_size(item.path, published)
        else:
            found = check(item.path, published)
            if record is not None and recorded and found.sha256 != record["sha256"]:
                raise DamagedError("its SHA-256 is not the recorded one")
            record = record if recorded else _entry(item, options, found)
    except DamagedError as error:
        if record is None and not options.overwrite:
            return replace(item, state="foreign")
        if record is not None and not recorded and file_sha256(item.path) == record["sha256"]:
            return replace(item, state="renew", why="another version is published now")
        return replace(item, state="replace", why=f"the file here is wrong: {error}")
    return replace(item, state="here", bytes_here=published.size, record=record)


def fetch(options: FetchOptions, items: tuple[Item, ...], advance: Advance | None = None) -> Fetched:
    """Download what is missing, several files at a time, and record it.

    A file that fails stops no other; what was received of it is kept for the next time.

    Parameters
    ----------
    options : FetchOptions
        As they were surveyed.
    items : tuple of Item
        The survey.
    advance : callable, optional
        Called with the bytes that are here and those in all.

    Returns
    -------
    Fetched
        What became of each plate.

    Raises
    ------
    InputError
        When the output cannot be written, the disk is full, or another run is fetching into it.
    """
    bucket = Bucket(options.endpoint, options.patience)
    here = {item.plate: item.bytes_here for item in items}
    total = sum(item.size for item in items)
    failed = {item.plate: item.why for item in items if item.published is None}
    wanted = [(item, item.published) for item in items if item.published and item.state != "here"]
    fetched: set[str] = set()

    async def one(file: tuple[Item, Published]) -> None:
        item, published = file

        def moved(size: int) -> None:
            here[item.plate] = size
            if advance is not None:
                advance(sum(here.values()), total)

        try:
            item.path.parent.mkdir(parents=True, exist_ok=True)
            if item.state == "replace":
                item.path.unlink(missing_ok=True)  # wrong, and not to be read even if this fails
            record = _entry(item, options, await download(item.path, published, bucket, moved))
        except FetchError as error:
            failed[item.plate] = str(error)
        except OSError as error:
            raise write_error(item.path, error) from error
        else:
            fetched.add(item.plate)
            records[record["path"]] = record
            _write_records(options.output, records)  # now: a later run trusts only what it finds recorded

    with locked(options.output):
        missing, free = total - sum(here.values()), shutil.disk_usage(options.output).free
        if missing > free:
            raise InputError(
                f"The files need {missing:,} more bytes, and the disk of '{options.output}' has {free:,} left: "
                "free some or choose another output."
            )
        records = _records(options.output)
        records |= {item.record["path"]: item.record for item in items if item.record}
        _write_records(options.output, records)
        each(one, wanted, options.connections)
    order = [item.plate for item in items]
    return Fetched(tuple(p for p in order if p in fetched), {p: failed[p] for p in order if p in failed})


# --- the record ---


def _entry(item: Item, options: FetchOptions, found: Checked) -> dict[str, Any]:
    """Make the record of a file that was found right."""
    return {
        "path": item.path.relative_to(options.output).as_posix(),
        "plate": item.plate,
        "url": f"{address_of(options.endpoint)}/{found.published.key}",
        **asdict(found.published),
        "sha256": found.sha256,
        "checked": found.how,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _records(output: Path) -> Records:
    """Read the record of earlier runs."""
    path = output / RECORD
    try:
        files = read_json(path)["files"] if path.exists() else []
        return {str(entry["path"]): {**entry, "etag": entry["etag"], "sha256": entry["sha256"]} for entry in files}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"The record '{path}' was not written by fastbench, or is damaged: move it away; files are then checked "
            "anew."
        ) from error


def _write_records(output: Path, records: Records) -> None:
    write_json({**ABOUT, "files": [records[name] for name in sorted(records)]}, output / RECORD)
