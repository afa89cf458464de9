"""Known relations and clusters of entities from files."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InputError, examples
from ..readers.digests import source_of
from ..readers.packaged import resolve
from ..readers.small_table import read_table
from ..tables.profiles import Source

__all__ = ["EFAAR", "RelationFiles", "read_relations"]

#: Stands for the files of the installed package ``efaar-benchmarking``.
EFAAR = "efaar"
_COLUMNS = ("entity1", "entity2")
_CLUSTERS = "_clusters"
_ENDINGS = (".csv", ".tsv", ".txt")


@dataclass(frozen=True)
class RelationFiles:
    """Relations and clusters by source.

    Attributes
    ----------
    pairs : dict of str to list of (str, str)
        Known relations.
    clusters : dict of str to dict of str to list of str
        Members of each cluster.
    sources : tuple of Source
        The files.
    """

    pairs: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    clusters: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()


def read_relations(paths: Sequence[str]) -> RelationFiles:
    """Read known relations.

    Parameters
    ----------
    paths : sequence of str
        Tables with the columns entity1 and entity2 (csv, tsv, txt; gzip too); text of clusters, ``NAME_clusters.tsv``
        (a name, a tab, and members between blanks); folders of them; ``sample:reactome``; or ``efaar``, the files of
        the installed package efaar-benchmarking.

    Raises
    ------
    InputError
        When a file is not there, or is no such table; a folder has none; two sources have one name.
    """
    found = RelationFiles()
    sources: list[Source] = []
    for text in paths:
        for path in _files(text):
            name, is_clusters = _name(path)
            kind: dict[str, object] = found.clusters if is_clusters else found.pairs  # type: ignore[assignment]
            if name in kind:
                raise InputError(f"--relations: two files are called {name!r}; rename one of them.")
            if is_clusters:
                found.clusters[name], source = _read_clusters(path)
            else:
                separator = "\t" if ".tsv" in path.suffixes else ","
                table, source = read_table(path, _COLUMNS, separator, "table of relations")
                pairs = table.select(_COLUMNS).drop_nulls().unique(maintain_order=True)
                found.pairs[name] = list(pairs.iter_rows())
            sources.append(source)
    return RelationFiles(found.pairs, found.clusters, tuple(sources))


def _files(text: str) -> list[Path]:
    """Return the files that a path stands for."""
    if text == EFAAR and not Path(text).exists():
        spec = importlib.util.find_spec("efaar_benchmarking")
        if spec is None or not spec.submodule_search_locations:
            raise InputError(
                "--relations efaar reads the files of efaar-benchmarking, which is not installed: pip install "
                "efaar-benchmarking, or name files with the columns entity1 and entity2."
            )
        path = Path(spec.submodule_search_locations[0]) / "benchmark_annotations"
    else:
        path = resolve(text, "relations")
    if not path.is_dir():
        return [path]
    inside = sorted(each for each in path.iterdir() if each.is_file() and _ending(each) in _ENDINGS)
    if not inside:
        raise InputError(f"--relations: {text!r} has no file that ends in {', '.join(_ENDINGS)} (or those and .gz).")
    return inside


def _ending(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).suffix.lower()


def _name(path: Path) -> tuple[str, bool]:
    """Return the name of a source, and whether it holds clusters."""
    stem = Path(path.name.removesuffix(".gz")).stem
    return stem.removesuffix(_CLUSTERS), stem.endswith(_CLUSTERS)


def _read_clusters(path: Path) -> tuple[dict[str, list[str]], Source]:
    """Read ``name<tab>member member ...``, a line a cluster."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as text of clusters: {error}.") from error
    found: dict[str, list[str]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        name, tab, members = line.partition("\t")
        if not tab or not members.split():
            raise InputError(
                f"{path}, line {number}: a name, a tab and members between blanks are needed: {line[:60]!r}."
            )
        if name in found:
            raise InputError(f"{path}, line {number}: the cluster {examples([name])} is there twice.")
        found[name] = members.split()
    return found, source_of(path, len(found))
