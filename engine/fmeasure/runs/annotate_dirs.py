"""Finding annotate directories: the output folders of an annotator, each with the calls for one file of cells."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...choices import did_you_mean
from ...errors import InputError, examples
from ...readers.errors import unreadable_error
from ...results.json_files import read_json
from ...results.manifest import read_manifest

__all__ = ["LABELS", "METADATA", "RESOURCE", "RESPONSE", "AnnotateDir", "find_annotate_dirs", "rank_columns"]

#: Files of an annotate directory.
LABELS, METADATA = "inferred_labels.csv", "metadata.json"
RESOURCE, RESPONSE = "ontology_resource.json", "ontology_response.json"
_ONTOLOGY = (RESOURCE, f"{RESOURCE}.gz")
#: Problems that one message lists.
_SHOWN = 5


@dataclass(frozen=True)
class AnnotateDir:
    """One annotate directory, of which the files are there and ``metadata.json`` is valid.

    Attributes
    ----------
    path : Path
        As found.
    name : str
        Its base name; no two of a run are equal.
    metadata : dict
        The content of ``metadata.json``; `model_name` is text, ``"unknown"`` where the file has none.
    input_path : Path
        The file with the truth; it is there.
    labels : Path
        ``inferred_labels.csv``.
    ontology : Path
        ``ontology_resource.json`` or ``ontology_resource.json.gz``.
    """

    path: Path
    name: str
    metadata: dict[str, Any]
    input_path: Path
    labels: Path
    ontology: Path


def find_annotate_dirs(given: str | Path) -> list[AnnotateDir]:
    """Find annotate directories, and check all of them before any is read.

    Parameters
    ----------
    given : path
        A folder, of which each sub-folder is an annotate directory, sorted by path; sub-folders that are a result of
        fastbench, or hidden, are left out. Or an annotate directory itself. Or a ``.txt`` file with one path a line,
        relative to the folder of the list or to the current folder; blank lines are skipped, and the order is kept.

    Returns
    -------
    list of AnnotateDir
        At least one. `input_path` of the metadata may be relative to the annotate directory or, if nothing is there,
        to the current folder. ``ontology_response.json`` is never read, and need not be there.

    Raises
    ------
    InputError
        With the problems of all directories: files that are not there, metadata that are ill-formed or name no file
        that is there, directories of the same name.
    """
    given = Path(given).expanduser()
    try:
        paths = _paths(given)
    except OSError as error:
        raise unreadable_error(str(given), error) from error
    _refuse_same_names(paths)
    found, problems = [], []
    for path in paths:
        try:
            found.append(_read(path))
        except InputError as error:
            problems.append(str(error))
    if problems:
        rest = [f"And {len(problems) - _SHOWN} more."] if len(problems) > _SHOWN else []
        head = f"{len(problems)} of {len(paths)} annotate directories cannot be used: " if len(paths) > 1 else ""
        raise InputError(head + " ".join([*problems[:_SHOWN], *rest]))
    return found


def rank_columns(names: Sequence[str], first: str, k: int) -> list[str]:
    """Find the columns of ranks 1 to k.

    Parameters
    ----------
    names : sequence of str
        The columns that there are.
    first : str
        The column of rank 1; if k > 1 it must end in ``_1``, as in ``cas_cell_type_name_1``.
    k : int
        Ranks asked for, at least 1.

    Returns
    -------
    list of str
        ``first`` and those that follow it by number, up to the first that is not there; empty without `first`.

    Raises
    ------
    InputError
        For k below 1, and for a name that cannot be counted up.
    """
    if k < 1:
        raise InputError(f"The number of ranks must be at least 1, not {k}.")
    stem, _, rank = first.rpartition("_")
    if k > 1 and (rank != "1" or not stem):
        raise InputError(
            f"To score the first {k} ranks, the label column must end in _1, as in cas_cell_type_name_1, but it is "
            f"{first!r}; name the column of rank 1, or score 1 rank."
        )
    wanted = [first] if k == 1 else [f"{stem}_{i}" for i in range(1, k + 1)]
    there = set(names)
    return wanted[: next((i for i, name in enumerate(wanted) if name not in there), k)]


def _paths(given: Path) -> list[Path]:
    if given.is_dir():
        return _sub_folders(given)
    if given.is_file() and given.suffix.lower() == ".txt":
        return _listed(given)
    if given.exists():
        raise InputError(f"{given} is neither a folder of annotate directories nor a .txt file that lists them.")
    beside = [item.name for item in given.parent.iterdir()] if given.parent.is_dir() else []
    hint = did_you_mean(given.name, beside) or "."
    raise InputError(f"There is no folder or list of annotate directories {given}{hint}")


def _sub_folders(given: Path) -> list[Path]:
    children = sorted(path for path in given.iterdir() if path.is_dir())
    paths = [path for path in children if _has_any(path) or not (path.name.startswith(".") or read_manifest(path))]
    if _has_any(given) and not any(map(_has_any, paths)):
        return [given]
    if not paths:
        raise InputError(f"{given} has no sub-folder that is an annotate directory; give the folder they are in.")
    return paths


def _has_any(path: Path) -> bool:
    return any((path / name).is_file() for name in (LABELS, METADATA, *_ONTOLOGY, RESPONSE))


def _listed(given: Path) -> list[Path]:
    try:
        lines = [line.strip() for line in given.read_text(encoding="utf-8-sig").splitlines()]
    except UnicodeDecodeError as error:
        raise InputError(f"{given} is not a list of annotate directories: it is not UTF-8 text.") from error
    paths = []
    for line in filter(None, lines):
        path = Path(line).expanduser()
        beside = given.parent / path  # an absolute path stays as it is
        if beside.exists() and path.exists() and not beside.samefile(path):
            raise InputError(
                f"{given} lists {line!r}, which is there twice: beside the list and in the current folder; write "
                f"the absolute path of one of {examples([str(beside.absolute()), str(path.absolute())])}."
            )
        paths.append(path if path.exists() else beside)
    if not paths:
        raise InputError(f"{given} lists no annotate directory; write one path a line.")
    return paths


def _name(path: Path) -> str:
    return Path(os.path.abspath(path)).name  # not resolve(): the name of a link is that of the link


def _refuse_same_names(paths: Sequence[Path]) -> None:
    first: dict[str, Path] = {}
    for path in paths:
        other = first.setdefault(_name(path), path)
        if other is path:
            continue
        if os.path.abspath(other) == os.path.abspath(path):
            raise InputError(f"The annotate directory {path} is listed twice; list it once.")
        raise InputError(
            f"Two annotate directories have the same name {_name(path)!r}, under which their results are kept: {other} "
            f"and {path}; rename one."
        )


def _read(path: Path) -> AnnotateDir:
    if not path.is_dir():
        raise InputError(f"{path} is not a folder." if path.exists() else f"There is no folder {path}.")
    ontology = next((path / name for name in _ONTOLOGY if (path / name).is_file()), None)
    missing = [name for name in (LABELS, METADATA) if not (path / name).is_file()]
    if ontology is None:
        missing.append(RESOURCE)
    if ontology is None or missing:
        raise InputError(f"{path} has no {' and no '.join(missing)}.")
    metadata = _read_metadata(path / METADATA)
    return AnnotateDir(path, _name(path), metadata, _input_path(path, metadata["input_path"]), path / LABELS, ontology)


def _read_metadata(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
    except OSError as error:
        raise unreadable_error(str(path), error) from error
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON ({error}).") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} must hold a JSON object, but it holds a {type(content).__name__}.")
    metadata = {"model_name": "unknown", **content}
    for key in ("input_path", "model_name"):
        value = metadata.get(key)
        if not isinstance(value, str) or not value.strip():
            problem = f"has {key!r} {value!r:.60}, but it must be text" if key in metadata else f"has no {key!r}"
            raise InputError(f"{path} {problem}.")
    return metadata


def _input_path(directory: Path, text: str) -> Path:
    given = Path(text).expanduser()
    tried = [given] if given.is_absolute() else [directory / given, given]
    for path in tried:
        if path.exists():
            return path
    where = "" if given.is_absolute() else ", neither from there nor from the current folder"
    raise InputError(f"{directory}: The 'input_path' {text!r} of its {METADATA} is not there{where}.")
