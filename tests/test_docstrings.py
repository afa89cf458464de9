"""Docstrings say what the code has: parameters of signatures, attributes of classes, every public name."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import docstring_parser
import pytest
from docstring_parser import DocstringStyle

import fastbench as fb

ROOT = Path(fb.__file__).parent
FILES = sorted(path for top in ("kernels", "engine", "cli", "bench") for path in (ROOT / top).rglob("*.py"))

Documented = ast.FunctionDef | ast.ClassDef


@cache
def _documented() -> list[tuple[str, Documented, str]]:
    return [
        (f"{path.relative_to(ROOT)}: {node.name}", node, doc)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, Documented) and (doc := ast.get_docstring(node))
    ]


def _named(doc: str, section: str) -> list[str]:
    """Names of a section of a docstring; ``a, b : int`` names two."""
    found = docstring_parser.parse(doc, style=DocstringStyle.NUMPYDOC)
    return [
        name.strip().lstrip("*")
        for each in found.params
        if each.args[0] == section
        for name in each.arg_name.split(",")
    ]


def _arguments(node: ast.FunctionDef) -> list[str]:
    a = node.args
    every = [*a.posonlyargs, *a.args, *filter(None, [a.vararg]), *a.kwonlyargs, *filter(None, [a.kwarg])]
    return [each.arg for each in every if each.arg not in ("self", "cls")]


def _fields(node: ast.ClassDef) -> list[str]:
    """Public fields of a data class, named tuple or protocol."""
    targets = [each.target for each in node.body if isinstance(each, ast.AnnAssign)]
    return [target.id for target in targets if isinstance(target, ast.Name) and not target.id.startswith("_")]


def _signature(node: Documented) -> list[str]:
    if isinstance(node, ast.FunctionDef):
        return _arguments(node)
    init = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
    return _arguments(init[0]) if init else _fields(node)


@pytest.mark.slow
def test_parameters_are_those_of_the_signature():
    differ = {}
    for where, node, doc in _documented():
        named = _named(doc, "param")
        if named and sorted(named) != sorted(_signature(node)):
            differ[where] = named, _signature(node)
    assert differ == {}


def test_attributes_are_fields_of_the_class():
    differ = {}
    for where, node, doc in _documented():
        named = _named(doc, "attribute")
        init = isinstance(node, ast.ClassDef) and any(getattr(each, "name", "") == "__init__" for each in node.body)
        if named and isinstance(node, ast.ClassDef) and not init and named != _fields(node):
            differ[where] = named, _fields(node)
    assert differ == {}


@pytest.mark.parametrize("name", [name for name in fb.__all__ if name != "__version__"])
def test_every_public_name_has_a_docstring(name):
    doc = getattr(fb, name).__doc__
    assert doc is not None
    assert doc.strip()


def test_public_names_are_in_the_glossary_of_functions():
    """The documentation lists what ``import fastbench`` gives."""
    text = (ROOT / "docs" / "api.md").read_text()
    assert [name for name in fb.__all__ if f"`{name}`" not in text and name != "__version__"] == []
