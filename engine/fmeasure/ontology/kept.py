"""Ontologies by name: the packaged one, and those that ``fastbench ontology fetch`` keeps.

They are kept in ``fastbench/ontologies`` below ``XDG_CACHE_HOME`` (``~/.cache``), one file a release, such as
``cl-basic@2024-01-05.obo``. What is known of it stands beside it in ``cl-basic@2024-01-05.obo.record.json``, which is
written last: a file without one is not taken.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ...errors import InputError, examples
from ...readers.packaged import resolve
from ...results.digests import file_sha256
from .known import KNOWN

__all__ = ["NAME", "RECORD", "KeptOntology", "cache_folder", "find_ontology", "kept_ontologies", "read_record"]

#: What a kept ontology and its release may be called.
NAME: Final = re.compile(r"([a-z0-9][a-z0-9_.-]*)(?:@([A-Za-z0-9][A-Za-z0-9_.-]*))?")
RECORD: Final = ".record.json"


@dataclass(frozen=True)
class KeptOntology:
    """A file in the cache.

    Attributes
    ----------
    name, release : str
        What it is called.
    path : Path
        The file.
    record : dict
        ``url``, ``bytes``, ``sha256``, ``data_version``, ``etag``, ``licence`` and ``date`` beside name and release.
    """

    name: str
    release: str
    path: Path
    record: dict[str, Any]

    @property
    def called(self) -> str:
        """How ``--ontology`` takes it."""
        return f"{self.name}@{self.release}"

    def is_whole(self) -> bool:
        """Return whether the file is the one that was fetched."""
        size = self.path.stat().st_size if self.path.is_file() else -1
        return bool(size == self.record["bytes"] and file_sha256(self.path) == self.record["sha256"])


def cache_folder() -> Path:
    """Return where fetched ontologies are kept; it need not exist."""
    from ...results.cache import user_cache  # which loads NumPy, for --help too

    return user_cache("ontologies")


def read_record(path: Path) -> dict[str, Any] | None:
    """Return what stands beside a fetched file; None where nothing does, or nothing that can be read."""
    try:
        record = json.loads(path.with_name(path.name + RECORD).read_bytes())
    except (OSError, ValueError):
        return None
    texts = ("name", "release", "url", "sha256", "date")
    right = isinstance(record, dict) and all(isinstance(record.get(key), str) for key in texts)
    return record if right and isinstance(record.get("bytes"), int) else None


def kept_ontologies() -> list[KeptOntology]:
    """Return the ontologies in the cache: by name, the newest release of each last."""
    found = []
    for beside in sorted(cache_folder().glob(f"*{RECORD}")):
        path = beside.with_name(beside.name.removesuffix(RECORD))
        if (record := read_record(path)) is not None and path.is_file():
            found.append(KeptOntology(record["name"], record["release"], path, record))
    return sorted(found, key=lambda each: (each.name, _as_numbers(each.release)))


def _as_numbers(release: str) -> list[tuple[int, str]]:
    """Return what releases are ordered by: 3.9.0 is before 3.62.0."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.findall(r"\d+|[^\d]+", release)]


def find_ontology(given: str | Path) -> Path:
    """Return the file that an ontology is read from.

    Parameters
    ----------
    given : str or path
        A file; ``sample:cl``; or ``NAME`` or ``NAME@RELEASE`` of ``fastbench ontology fetch``, the newest release that
        is kept where none is named. A file of such a name goes first.

    Returns
    -------
    Path
        A file that is not there is left to the reader.

    Raises
    ------
    InputError
        When there is no such sample, or a known ontology is not kept, or not as it was fetched.
    """
    text = str(given)
    if text.startswith("sample:"):
        return resolve(text, "ontology")
    path = Path(text).expanduser()
    called = NAME.fullmatch(text)
    if called is None or path.exists():
        return path
    name, release = called.groups()
    kept = [each for each in kept_ontologies() if each.name == name]
    fitting = [each for each in kept if release in (None, each.release)]
    command = f"'fastbench ontology fetch {name}{f' --release {release}' if release else ''}'"
    if fitting:
        if not fitting[-1].is_whole():
            raise InputError(f"The kept ontology '{fitting[-1].path}' is not as it was fetched; run {command} again.")
        return fitting[-1].path
    if kept:
        raise InputError(
            f"The ontology {text} is not kept, but {examples(each.called for each in kept)} is; fetch it with "
            f"{command}."
        )
    if name in KNOWN:
        raise InputError(f"There is no file '{text}', and no ontology of this name is kept; fetch it with {command}.")
    return path
