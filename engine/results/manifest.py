"""The manifest of a result folder: what was asked, read, found and written, for people and for later commands."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import metadata as packages
from pathlib import Path, PurePosixPath
from typing import Any, Final

from .json_files import read_json

__all__ = [
    "MANIFEST",
    "MANIFEST_VERSION",
    "files_below",
    "listed_files",
    "output_digests",
    "package_version",
    "read_manifest",
]

MANIFEST: Final = "manifest.json"
#: Raised when an entry of the manifest changes its meaning; new entries may come at any time.
MANIFEST_VERSION: Final = 1
#: What entries must be, where they are there.
_KINDS: Final[Mapping[str, type]] = {
    "command": str,
    "fastbench_version": str,
    "versions": dict,
    "working_directory": str,
    "options": dict,
    "inputs": list,
    "outputs": list,
    "timings": dict,
    "tables": dict,
    "dropped": dict,
    "notes": list,
    "steps": dict,
}


def package_version(package: str) -> str | None:
    """Return the installed version of a package, or None."""
    try:
        return packages.version(package)
    except packages.PackageNotFoundError:
        return None


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what the manifest of a fastbench result says; empty where the folder is none, or it is damaged."""
    try:
        content = read_json(folder / MANIFEST)
    except (OSError, ValueError):
        return {}
    return content if _is_manifest(content) else {}


def _is_manifest(content: Any) -> bool:
    """Return whether entries are of the kind that every reader takes them for."""
    if not isinstance(content, dict) or "fastbench_version" not in content:
        return False
    there = {name: content[name] for name in _KINDS if content.get(name) is not None}
    if not all(isinstance(value, _KINDS[name]) for name, value in there.items()):
        return False
    if not all(isinstance(each, dict) and isinstance(each.get("path", ""), str) for each in there.get("inputs", ())):
        return False
    if not all(isinstance(each, str) for each in there.get("notes", ())):
        return False
    columns = [each.get("columns", []) if isinstance(each, dict) else None for each in there.get("tables", {}).values()]
    if not all(isinstance(each, list) and all(isinstance(one, dict) for one in each) for each in columns):
        return False
    return all(
        isinstance(each, dict) and isinstance(each.get("sha256"), str) and _is_inside(each.get("name"))
        for each in there.get("outputs", ())
    )


def _is_inside(name: object) -> bool:
    """Return whether this names a file inside the folder."""
    if not isinstance(name, str) or not name or "\0" in name:
        return False
    place = PurePosixPath(name)
    return not place.is_absolute() and ".." not in place.parts


def output_digests(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the SHA-256 that a manifest has of each file of its result, by name."""
    return {each["name"]: each["sha256"] for each in manifest.get("outputs") or ()}


def listed_files(folder: Path) -> set[str] | None:
    """Return the names of the files that the manifest of a result lists; None when there is none."""
    manifest = read_manifest(folder)
    return set(output_digests(manifest)) if manifest.get("outputs") is not None else None


def files_below(folder: Path) -> list[str]:
    """Return the names of all files below a folder, relative, with slashes, sorted."""
    found = [Path(base, name).relative_to(folder).as_posix() for base, _, names in os.walk(folder) for name in names]
    return sorted(found)
