"""Fetching the published CPJUMP1 profiles: what is there, what is here, and the rest of it downloaded and checked.

A file is written under the name ``<file>.<version>.part``, where the version is that of the published object: what
a broken run leaves is taken up by the next, and never glued to another object. It gets its name when its size, its
checksum and its compression are right, and is then recorded in ``fetch.json``.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import os
import shutil
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from ...errors import InputError, examples
from ...readers.digests import file_sha256
from ...readers.small_table import read_table
from ...results.files import write_error, write_json
from ...tables.frames import did_you_mean
from ..names import BATCH, SUFFIX
from ..options import Options
from ..plates.files import plate_files
from ..plates.metadata import EXPERIMENT_TABLE, experiments, packaged
from .download import Damaged, check, check_size, download, part_of, size_of
from .gallery import ABOUT, Bucket, Changed, Interrupted, Patience, Published, Refused, address_of

__all__ = ["RECORD", "FetchOptions", "Fetched", "Item", "fetch", "survey"]

RECORD: Final = "fetch.json"

#: Called with the bytes that are here and those in all.
Advance = Callable[[int, int], None]
Records = dict[str, dict[str, Any]]
Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True)
class FetchOptions:
    """What to fetch, from where and to where.

    Parameters
    ----------
    output : Path
        Files go to ``<output>/<batch>/<plate>/<plate><suffix>``, where ``fastbench cpjump --profiles`` finds them.
    plates : tuple of str, optional
        Plates of the batch; None takes the 40 of the benchmark.
    suffix : str
        How the files end that are fetched, one a plate.
    endpoint : str, optional
        Address of a mirror; None is the gallery itself.
    connections : int, default 8
        Files fetched at a time.
    verify : bool, default False
        Hash files that are here again, and do not only compare their size and their record with what is published.
    overwrite : bool, default False
        Replace files of the same name that no record knows and that are not the published ones.
    patience : Patience
        How long to wait for the server.

    Raises
    ------
    InputError
        On a plate that is not one of the batch, a suffix that cannot end a name, or no connections.
    """

    output: Path
    plates: tuple[str, ...] | None = None
    suffix: str = SUFFIX
    endpoint: str | None = None
    connections: int = 8
    verify: bool = False
    overwrite: bool = False
    patience: Patience = field(default_factory=Patience)

    def __post_init__(self) -> None:
        if not self.suffix or any(sign in self.suffix for sign in '/\\\0<>:"|?*'):
            raise InputError(f"No file can end in {self.suffix!r}: give a suffix such as '{SUFFIX}'.")
        if self.connections < 1:
            raise InputError(f"connections is {self.connections}: give a whole number of at least 1.")
        object.__setattr__(self, "output", Path(self.output).expanduser())
        if self.plates is None:
            names = tuple(plate.name for plate in experiments(Options()).plates)
        else:
            names = tuple(dict.fromkeys(self.plates))
            table, _ = read_table(packaged() / EXPERIMENT_TABLE)
            known = set(table.filter(table["Batch"] == BATCH)["Assay_Plate_Barcode"])
            unknown = [name for name in names if name not in known]
            if unknown or not names:
                named = examples(unknown) or "of no name"
                near = did_you_mean(unknown[0], sorted(known)) if unknown else ""
                raise InputError(
                    f"Batch {BATCH} has no plate {named}: give plates of its experiment table{near or '.'}"
                )
        object.__setattr__(self, "plates", names)


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
    """What became of a survey: its items, those newly fetched, and why the others were not."""

    items: tuple[Item, ...]
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
        twice or that is not ours to replace.
    """
    bucket = Bucket(options.endpoint, options.patience)
    records = _records(options.output)
    items, others = _complete(_survey(options, bucket, records))
    absent = [item.plate for item in items if item.published is None]
    if len(absent) == len(items):
        seen = f"; there are {examples(sorted(others), 12)}" if others else ""
        raise InputError(
            f"None of {len(items)} plates ({examples(absent, 3)}) has a file that ends in '{options.suffix}' at "
            f"{bucket.address}{seen}{did_you_mean(options.suffix, sorted(others)) or '.'}"
        )
    if foreign := [str(item.path) for item in items if item.state == "foreign"]:
        raise InputError(
            f"The output holds files that are not the published ones and that fastbench did not fetch "
            f"({examples(foreign, 3)}): move them away, or replace them with --overwrite."
        )
    return items


async def _survey(options: FetchOptions, bucket: Bucket, records: Records) -> tuple[tuple[Item, ...], set[str]]:
    """Return the items, and the endings of all other files of the plates."""
    others: set[str] = set()

    async def one(plate: str) -> Item:
        try:
            listed = await bucket.plate(plate)
        except (Refused, Changed, Interrupted) as error:
            raise InputError(f"The files of plate {plate} at {bucket.address} cannot be listed: {error}.") from error
        others.update(item.name.removeprefix(plate) for item in listed if item.name.startswith(plate))
        published = next((item for item in listed if item.name == plate + options.suffix), None)
        return await asyncio.to_thread(_compare, options, plate, published, records)

    return await _each(one, options.plates or (), options.connections), others


def _complete(work: Coroutine[Any, Any, Made]) -> Made:
    """Run to the end, that of the threads of the client too.

    They give back what they hold of Python a moment after they have answered. One that does so while the interpreter
    ends brings the process down, after all is said and done.
    """
    try:
        return asyncio.run(work)
    finally:
        time.sleep(0.2)


async def _each(
    work: Callable[[Given], Awaitable[Made]], things: Sequence[Given], connections: int
) -> tuple[Made, ...]:
    """Do some at a time; after an error none is begun, those begun are waited for, and the error is raised."""
    limit = asyncio.Semaphore(connections)
    errors: list[BaseException] = []

    async def one(thing: Given) -> Made | None:
        async with limit:
            if errors:
                return None
            try:
                return await work(thing)
            except Exception as error:
                errors.append(error)
                return None

    made = await asyncio.gather(*map(one, things))
    if errors:
        raise errors[0]
    return cast("tuple[Made, ...]", tuple(made))


def _compare(options: FetchOptions, plate: str, published: Published | None, records: Records) -> Item:
    """Say what must be done for a plate."""
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
        item = _judge(item, records.get(path.relative_to(options.output).as_posix()), options)
    begun = min(size_of(part_of(path, published)), published.size)
    if item.state != "here" and published.etag and begun:
        return replace(item, state="resume" if item.state == "fetch" else item.state, bytes_here=begun)
    return item


def _judge(item: Item, record: dict[str, Any] | None, options: FetchOptions) -> Item:
    """Say whether the file that is here is right."""
    published = item.published
    assert published is not None
    of_this = record is not None and published.etag is not None and record["etag"] == published.etag
    try:
        if record is None or not of_this or options.verify:
            sha256, how = check(item.path, published)
            if record is None or not of_this:
                record = _entry(item, options, published, sha256, how)
            elif sha256 != record["sha256"]:
                raise Damaged("its SHA-256 is not the recorded one")
        else:
            check_size(item.path, published)
    except Damaged as error:
        if record is None and not options.overwrite:
            return replace(item, state="foreign")
        if record is not None and not of_this and file_sha256(item.path) == record["sha256"]:
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
    with _locked(options.output):
        missing = sum(item.size - item.bytes_here for item in items)
        free = shutil.disk_usage(options.output).free
        if missing > free:
            raise InputError(
                f"The files need {missing:,} more bytes, and the disk of '{options.output}' has {free:,} left: "
                "free some or choose another output."
            )
        return _complete(_fetch(options, items, bucket, advance or (lambda done, total: None)))


async def _fetch(options: FetchOptions, items: tuple[Item, ...], bucket: Bucket, advance: Advance) -> Fetched:
    records = _records(options.output)
    records |= {item.record["path"]: item.record for item in items if item.record}
    here = {item.plate: item.bytes_here for item in items}
    total = sum(item.size for item in items)
    failed = {item.plate: item.why for item in items if item.published is None}
    fetched: set[str] = set()

    async def one(item: Item) -> None:
        def moved(size: int) -> None:
            here[item.plate] = size
            advance(sum(here.values()), total)

        assert item.published is not None
        try:
            item.path.parent.mkdir(parents=True, exist_ok=True)
            if item.state == "replace":
                item.path.unlink(missing_ok=True)  # wrong: nobody shall read it, however this ends
            record = _entry(item, options, *await download(item.path, item.published, bucket, moved))
        except (Refused, Interrupted, Damaged) as error:
            failed[item.plate] = str(error)
        except OSError as error:
            raise write_error(item.path, error) from error
        else:
            fetched.add(item.plate)
            records[record["path"]] = record
            _write_records(options.output, records)  # now: a later run trusts only what it finds recorded

    _write_records(options.output, records)
    wanted = [item for item in items if item.published and item.state != "here"]
    await _each(one, wanted, options.connections)  # its errors: only a full disk and the like
    order = [item.plate for item in items]
    return Fetched(items, tuple(p for p in order if p in fetched), {p: failed[p] for p in order if p in failed})


# --- the record ---


def _entry(item: Item, options: FetchOptions, published: Published, sha256: str, how: str) -> dict[str, Any]:
    """Make the record of a file that was found right."""
    return {
        "path": item.path.relative_to(options.output).as_posix(),
        "plate": item.plate,
        "url": f"{address_of(options.endpoint)}/{published.key}",
        **asdict(published),
        "sha256": sha256,
        "checked": how,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _records(output: Path) -> Records:
    """Read the record of earlier runs: its entries by path."""
    path = output / RECORD
    try:
        files = json.loads(path.read_bytes())["files"] if path.exists() else []
        return {str(entry["path"]): {**entry, "etag": entry["etag"], "sha256": entry["sha256"]} for entry in files}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"The record '{path}' is none of fastbench, or is damaged: move it away; files are then checked anew."
        ) from error


def _write_records(output: Path, records: Records) -> None:
    files = [records[name] for name in sorted(records)]
    write_json({**ABOUT, "files": files}, output / RECORD)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Make the folder, and keep other runs from fetching into it, where the system can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise InputError(f"The output '{folder}' is a file: give a folder.") from error
    except OSError as error:
        raise write_error(folder, error) from error
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise InputError(f"Another run is fetching into '{folder}': wait for it, or choose another output.") from error
    except OSError:
        pass  # a file system without locks
    try:
        yield
    finally:
        os.close(handle)
