"""A result run again from its manifest: which inputs changed, and which numbers differ."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ..errors import InputError
from ..options import from_mapping, options_of
from ..results.digests import path_sha256
from ..results.manifest import MANIFEST, output_digests, read_manifest
from ..results.progress import Reporter
from ..tables.profiles import IN_MEMORY
from .execute import execute
from .registry import find_command

__all__ = ["Rerun", "differences", "rerun"]


@dataclass(frozen=True)
class Rerun:
    """A result and the same run again.

    Attributes
    ----------
    before, after : Path
        The two result folders.
    inputs : polars.DataFrame
        One row an input file: ``path``, ``status`` ("equal", "changed", "missing", "new").
    outputs : polars.DataFrame
        One row a file: ``file``, ``status`` ("equal", "differs", "missing", "new") and ``difference`` in words.
    versions : tuple of str
        Packages whose version is another, in words.
    """

    before: Path
    after: Path
    inputs: pl.DataFrame
    outputs: pl.DataFrame
    versions: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether every file of the result is the same, but for its place."""
        return bool((self.outputs["status"] == "equal").all())

    def summary(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        return {
            "before": str(self.before),
            "after": str(self.after),
            "equal": self.equal,
            "inputs": self.inputs.to_dicts(),
            "outputs": self.outputs.to_dicts(),
            "versions": list(self.versions),
        }


def rerun(
    manifest: str | Path,
    output: str | Path | None = None,
    *,
    overwrite: bool = False,
    resume: bool = False,
    reporter: Reporter | None = None,
) -> Rerun:
    """Run the command of a result again, with its options, and compare.

    Parameters
    ----------
    manifest : path
        ``manifest.json`` of a result, or its folder.
    output : path, optional
        Where the new result goes; beside the old one, its name with ``_rerun``, when left out.
    overwrite, resume
        As for the command itself.
    reporter : Reporter, optional
        Who hears how far it is.

    Returns
    -------
    Rerun
        What changed of inputs and outputs.

    Raises
    ------
    InputError
        When it is no manifest, its command is not known here, or the command refuses its inputs.
    """
    before = Path(manifest).expanduser()
    before = before.parent if before.name == MANIFEST else before
    account = read_manifest(before)
    if not account:
        raise InputError(f"'{manifest}' is not the manifest of a fastbench result (nor a folder with one).")
    if any(each.get("path") == IN_MEMORY for each in account.get("inputs", ())):
        raise InputError(f"'{before}' was made of what was in memory, which is not kept: run it again from Python.")
    command = find_command(str(account.get("command")), f"'{before}'")
    given = from_mapping(command.options, account.get("options") or {}, f"The manifest of '{before}'")
    written = {each.name for each in options_of(command.options) if each.writes}
    given = {name: value for name, value in given.items() if name not in written}
    place = Path(str(account.get("working_directory") or "."))
    options = command.options(**given | _found(command.options, given, place))
    after = Path(output) if output is not None else before.resolve().with_name(f"{before.resolve().name}_rerun")
    execute(command, options, after, overwrite=overwrite, resume=resume, reporter=reporter)
    new = read_manifest(after)
    inputs = _inputs(account, new, before, after)
    return Rerun(before, after, inputs, differences(before, after), _versions(account, new))


def _found(declared: type, given: Mapping[str, Any], place: Path) -> dict[str, Any]:
    """Return the files to read that are not here but where the command was run, by their paths there."""

    def there(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(there, value))
        path = Path(str(value)).expanduser()
        if path.is_absolute() or path.exists() or not (place / path).exists():
            return value
        return type(value)(str(place / path))

    reads = [each.name for each in options_of(declared) if each.reads and given.get(each.name)]
    return {name: there(given[name]) for name in reads}


def _inputs(before: Mapping[str, Any], after: Mapping[str, Any], old_place: Path, new_place: Path) -> pl.DataFrame:
    """Compare the digests of inputs; what was read then and not now is looked at, where it still is.

    Inputs that a command makes inside its result, as an example does, are those of the same name there.
    """

    def digests(account: Mapping[str, Any], place: Path) -> dict[str, str]:
        listed = [each for each in account.get("inputs", ()) if "path" in each]
        return {_inside(str(each["path"]), place): str(each.get("sha256")) for each in listed}

    old, new = digests(before, old_place), digests(after, new_place)
    rows = []
    for path in sorted(old.keys() | new.keys()):
        if path not in old:
            status = "new"
        elif path in new:
            status = "equal" if old[path] == new[path] else "changed"
        else:
            status = "equal" if _digest(Path(path)) == old[path] else "changed" if Path(path).exists() else "missing"
        rows.append({"path": path, "status": status})
    return pl.DataFrame(rows, schema={"path": pl.String, "status": pl.String})


def _inside(path: str, place: Path) -> str:
    """Return a path, relative to a result folder when it lies in it."""
    whole = str(place.expanduser().resolve())
    return path[len(whole) + 1 :] if path.startswith(f"{whole}/") else path


def _digest(path: Path) -> str | None:
    return path_sha256(path) if path.exists() else None


def _versions(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    old = {"fastbench": before.get("fastbench_version"), **(before.get("versions") or {})}
    new = {"fastbench": after.get("fastbench_version"), **(after.get("versions") or {})}
    return tuple(f"{name} {old[name]} then, {new[name]} now" for name in old if name in new and old[name] != new[name])


def differences(before: Path, after: Path) -> pl.DataFrame:
    """Compare the files of two results of one command.

    Parameters
    ----------
    before, after : Path
        Result folders.

    Returns
    -------
    polars.DataFrame
        One row a file: ``file``, ``status`` and ``difference``; of tables, which columns differ, in how many rows, and
        by how much at most.
    """
    old, new = (output_digests(read_manifest(folder)) for folder in (before, after))
    rows = []
    for name in sorted(old.keys() | new.keys()):
        words = ""
        if name not in new or not (before / name).is_file():
            status = "missing"
        elif name not in old:
            status = "new"
        elif path_sha256(before / name) != old[name]:
            status, words = "differs", "it was changed after it was written"
        elif old[name] == new[name]:
            status = "equal"
        else:
            words = _difference(name, before, after)
            status = "equal" if words == _EQUAL else "differs"
        rows.append({"file": name, "status": status, "difference": words})
    return pl.DataFrame(rows, schema={"file": pl.String, "status": pl.String, "difference": pl.String})


#: The values of a file are equal, and what differs tells where and when it was made.
_EQUAL = "equal but for its place"


def _difference(name: str, before: Path, after: Path) -> str:
    """Say how two tables differ; other files just do. Names of the result folder itself count as equal."""
    places = [str(place.expanduser().resolve()).encode() for place in (before, after)]
    old_bytes, new_bytes = (place.joinpath(name).read_bytes() for place in (before, after))
    if old_bytes == new_bytes.replace(places[1], places[0]):
        return _EQUAL
    if name.endswith(".vcp.json") and _timeless(old_bytes) == _timeless(new_bytes):
        return _EQUAL
    if not name.endswith((".csv", ".parquet")):
        return ""
    try:
        old, new = (_table(content, name) for content in (old_bytes, new_bytes))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return "one of them is not a table any more"
    if old.columns != new.columns:
        changed = sorted(set(old.columns) ^ set(new.columns))
        return f"columns {', '.join(changed)} are in one only" if changed else "the order of columns"
    if old.height != new.height:
        return f"{old.height} rows then, {new.height} now"
    found = []
    for name in old.columns:
        a, b = old[name], new[name]
        unequal = a.ne_missing(b) if a.dtype == b.dtype else pl.Series([True]).new_from_index(0, old.height)
        if count := int(unequal.sum()):
            most = ""
            if a.dtype.is_numeric() and b.dtype.is_numeric():
                apart = (a.cast(pl.Float64) - b.cast(pl.Float64)).abs().max()
                most = f", by {apart:.3g} at most" if isinstance(apart, float) and apart else ""
                if a.is_null().ne(b.is_null()).any():
                    most += ", some of them missing in one"
            found.append(f"{name} in {count} of {old.height} rows{most}")
    return "; ".join(found) if found else "the same values, written in another way"


def _timeless(content: bytes) -> Any:
    """Return an account of a run without when it ran and what it took."""
    try:
        found = json.loads(content)
    except ValueError:
        return content
    return {key: found[key] for key in found if key not in ("timestamp", "runtime_metrics")}


def _table(content: bytes, name: str) -> pl.DataFrame:
    if name.endswith(".parquet"):
        return pl.read_parquet(io.BytesIO(content))
    return pl.read_csv(io.BytesIO(content), infer_schema_length=None)
