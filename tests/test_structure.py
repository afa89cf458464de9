"""The shape of the code: no circles, few layers, small folders and files, and no import that runs upward."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import pytest

import fastbench

ROOT = Path(fastbench.__file__).parent
TOPS = ("kernels", "engine", "cli", "bench")
MOST_LINES, MOST_FILES, MOST_LAYERS = 400, 16, 8

Graph = dict[str, set[str]]


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {_module(path): path for top in TOPS for path in sorted((ROOT / top).rglob("*.py"))} | {
    "": ROOT / "__init__.py"
}


def _imported(name: str, path: Path) -> set[str]:
    """Modules of the package that a file imports: lazily and for type checkers too."""
    here = name.split(".") if path.name == "__init__.py" and name else name.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom):
            continue
        module = node.module.split(".") if node.module else []
        if node.level:
            base = here[: len(here) - node.level + 1] + module
        elif module[:1] == ["fastbench"]:
            base = module[1:]
        else:
            continue
        for alias in node.names:
            full = ".".join([*base, alias.name])
            found.add(full if full in FILES else ".".join(base))
    return found - {name}


@cache
def imports() -> Graph:
    """Return what each module imports: read when a test first asks, not when tests are collected."""
    return {name: _imported(name, path) for name, path in FILES.items()}


def _circles(graph: Mapping[str, set[str]]) -> list[str]:
    """Return what lies on a circle, or between two: what no end can be taken away from."""
    left = {node: set(targets) for node, targets in graph.items()}
    while True:
        imported = set().union(*left.values()) if left else set()
        ends = [node for node, targets in left.items() if not targets & left.keys() or node not in imported]
        if not ends:
            return sorted(left)
        for node in ends:
            del left[node]


def _quotient(names: Iterable[str], home: Mapping[str, str]) -> Graph:
    graph: Graph = {}
    for name in names:
        targets = {home[target] for target in imports()[name] if target in home}
        graph.setdefault(home[name], set()).update(targets - {home[name]})
    return graph


def _layers(graph: Graph) -> int:
    """Length of the longest chain of imports."""
    depth: dict[str, int] = {}

    def of(node: str) -> int:
        if node not in depth:
            depth[node] = 1 + max((of(target) for target in graph.get(node, ())), default=0)
        return depth[node]

    return max(of(node) for node in graph)


def _folder(name: str) -> str:
    """The room of a module: kernels, cli, bench, a folder of the engine, or the package itself."""
    parts = name.split(".")
    if parts[0] != "engine" or len(parts) == 1:
        return parts[0]
    return ".".join(parts[:2]) if (ROOT / "engine" / parts[1]).is_dir() else "engine"


def test_no_files_import_each_other_in_a_circle():
    # A package's __init__ hands on the names of its files; they import it only by mistake.
    assert _circles(imports()) == []


@pytest.mark.parametrize("package", sorted({_module(p) for p in FILES.values() if p.name == "__init__.py"} - {""}))
def test_no_parts_of_a_package_import_each_other_in_a_circle(package):
    inside = [name for name in FILES if name.startswith(f"{package}.")]
    home = {name: name.removeprefix(f"{package}.").partition(".")[0] for name in inside}
    assert _circles(_quotient(inside, home)) == []


def test_folders_form_few_layers_without_a_circle():
    home = {name: _folder(name) for name in FILES}
    graph = _quotient(FILES, home)
    assert _circles(graph) == []
    assert _layers(graph) <= MOST_LAYERS


def test_nothing_imports_upward():
    for name, targets in imports().items():
        tops = {target.partition(".")[0] for target in targets}
        allowed = {"kernels": {"kernels"}, "engine": {"kernels", "engine"}, "": {"engine"}}
        assert tops <= allowed.get(name.partition(".")[0], {*TOPS, ""}), name


def test_files_are_small():
    lines = {name: len(path.read_text().splitlines()) for name, path in FILES.items()}
    assert {name: n for name, n in lines.items() if n > MOST_LINES} == {}


def test_folders_are_small():
    folders: dict[Path, int] = {}
    for path in FILES.values():
        folders[path.parent] = folders.get(path.parent, 0) + (path.name != "__init__.py")
    assert {folder: n for folder, n in folders.items() if n > MOST_FILES} == {}
