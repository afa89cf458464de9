"""Pages of the documentation that are run: their Python in one namespace, their commands in this process.

A block marked ``text`` says what the commands before it print: each line of it stands in one of theirs, spaces aside.
"""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import Any

import fastbench
from tests.cli.running import call

DOCS = Path(fastbench.__file__).parent / "docs"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks_of(name: str) -> list[tuple[str, str]]:
    """Kind and content of the blocks of a page."""
    return _BLOCK.findall((DOCS / name).read_text("utf-8"))


def run_python(source: str, names: dict[str, Any]) -> list[Any]:
    """Run a block as a notebook does; return the values of the expressions that stand alone in it."""
    shown = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.Expr):
            shown.append(eval(compile(ast.Expression(node.value), "<page>", "eval"), names))
        else:
            exec(compile(ast.Module([node], []), "<page>", "exec"), names)
    return shown


def run_commands(text: str) -> str:
    """Run each line of a block as a command; return what was printed."""
    printed = ""
    for line in text.replace("\\\n", " ").splitlines():
        program, *arguments = shlex.split(line, comments=True)
        assert program == "fastbench"
        done = call(*arguments)
        assert done.returncode in (0, 2), done.stderr
        printed += done.stdout + done.stderr
    return printed


def run_page(name: str) -> dict[str, Any]:
    """Run a page in the working directory; return what its Python named."""
    names: dict[str, Any] = {}
    printed = ""
    for kind, content in blocks_of(name):
        if kind == "python":
            run_python(content, names)
        elif kind == "text":
            lines = [" ".join(line.split()) for line in printed.splitlines()]
            for expected in content.splitlines():
                assert any(expected in line for line in lines), f"{name}: {expected!r} is not in\n{printed}"
        else:
            printed = run_commands(content)
    return names
