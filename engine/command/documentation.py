"""Pages of the documentation that are made from declarations: options of commands, columns of their results.

``python -m fastbench.engine.command.documentation`` writes them anew; a test keeps them true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ..options import Option, options_of
from ..results.tables import Column
from .command import Command
from .registry import COMMANDS, find_command

__all__ = ["column_table", "option_table", "pages"]

_MADE = "<!-- Made by python -m fastbench.engine.command.documentation from the declarations in the code. -->"

#: Comparisons of results, as ``module:name`` below ``engine``; that of one table is made of the command of the results.
_COMPARISONS = ("cpjump.compare.command:COMPARE", "fmeasure.compare.command:COMPARE")


def option_table(declared: type) -> str:
    """Return the options of a dataclass as a Markdown table.

    Parameters
    ----------
    declared : type
        Dataclass whose fields are made by `options.option`.

    Returns
    -------
    str
        One row an option: flag, name in Python and in ``--config``, type, default, meaning.
    """
    rows = ["| option | name | type | default | meaning |", "| --- | --- | --- | --- | --- |"]
    for each in options_of(declared):
        flag = "" if each.python_only else f"`{each.flag}`"
        words = each.help + (f" One of {', '.join(each.choices)}." if 0 < len(each.choices) <= 8 else "")
        rows.append(_row(flag, f"`{each.name}`", _type(each), _default(each), words))
    return "\n".join(rows) + "\n"


def column_table(columns: Sequence[Column]) -> str:
    """Return declared columns as a Markdown table: name, type, unit and meaning.

    Parameters
    ----------
    columns : sequence of Column
        Declared columns of one table.
    """
    rows = ["| column | type | meaning |", "| --- | --- | --- |"]
    for each in columns:
        meaning = (
            each.meaning + (f" ({each.unit})" if each.unit else "") + (" Not always there." if each.optional else "")
        )
        rows.append(_row(f"`{each.name}`", each.kind, meaning))
    return "\n".join(rows) + "\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|').replace('<', chr(92) + '<') for cell in cells)} |"


def _type(each: Option) -> str:
    words = {str: "text", int: "integer", float: "number", bool: "flag", Path: "path"}[each.kind]
    return {"": words, "repeat": f"{words}, repeated", "comma": f"{words}, separated by commas"}[each.many]


def _default(each: Option) -> str:
    if each.required:
        return "needed"
    if each.kind is bool:
        return "on" if each.default else "off"
    if each.default in (None, "", ()):
        return ""
    return ", ".join(map(str, each.default)) if isinstance(each.default, tuple) else f"`{each.default}`"


def _declared(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(f"..{module}", __package__), name)


def pages() -> Mapping[str, str]:
    """Return the pages by file name.

    Returns
    -------
    mapping of str to str
        ``options.md`` and ``results.md``.
    """
    commands: list[Command[Any, Any]] = [find_command(name, "") for name in COMMANDS]
    commands += [_declared(place) for place in _COMPARISONS]
    of_maps: Command[Any, Any] = _declared("comparison.compare:comparison_command")(find_command("map", ""))
    commands.append(of_maps)
    options = [
        "# Options\n",
        _MADE + "\n",
        "Each option is declared once. Its name is what Python, the manifest and `--config FILE` call it; the file is\n"
        "YAML, or the manifest of a result. All commands that are listed here also have `--config`, `--overwrite`,\n"
        "`--isolate`, `--quiet` and `--json`, and, where there is a plan or are steps to keep, `--dry-run` and\n"
        "`--resume`. `fastbench compare` takes results of every command, and for those of `cpjump` and `fmeasure` the\n"
        "options of `fastbench cpjump compare` and `fastbench fmeasure compare`.\n",
    ]
    results = [
        "# Columns of results\n",
        _MADE + "\n",
        "What each table holds; the manifest of a result says it too (`tables`). Columns that only the input decides,\n"
        "such as metadata, are not listed.\n",
    ]
    for command in commands:
        options.append(f"## fastbench {command.name}\n\n{option_table(command.options)}")
        results.append(f"## fastbench {command.name}\n")
        results += [f"### {name}\n\n{column_table(columns)}" for name, columns in command.columns().items()]
    return {"options.md": "\n".join(options), "results.md": "\n".join(results)}


if __name__ == "__main__":
    for page, content in pages().items():
        (Path(__file__).parents[2] / "docs" / page).write_text(content, "utf-8")
