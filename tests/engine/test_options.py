"""One declaration of an option reaches every place that writes or reads options."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from fastbench.cli.declared import command_line
from fastbench.engine.command.command import Report
from fastbench.engine.command.documentation import option_table
from fastbench.engine.command.registry import COMMANDS, find_command
from fastbench.engine.errors import InputError
from fastbench.engine.map.command import MAP
from fastbench.engine.map.options import MapOptions
from fastbench.engine.options import as_mapping, from_mapping, given_files, option, options_of, split_values
from fastbench.engine.results.manifest import read_manifest


@dataclasses.dataclass(frozen=True, kw_only=True)
class WithOneMore(MapOptions):
    """The options of map and a new one, declared in one place."""

    shrinkage: float = option("How far profiles are drawn to their mean.", 0.25)


def test_a_new_option_touches_one_place(tmp_path: Path) -> None:
    seen: list[WithOneMore] = []

    def run(options: WithOneMore, job: Any) -> Report:
        seen.append(options)
        return Report({})

    app = typer.Typer(rich_markup_mode=None)
    command: Any = dataclasses.replace(MAP, options=WithOneMore, run=run, plan=None)
    app.command("map")(command_line(command, lambda *given: None, "Map."))
    app.command("other")(lambda: None)

    def call(*arguments: object) -> Any:
        return CliRunner().invoke(app, ["map", *map(str, arguments)])

    assert "--shrinkage" in call("--help").output
    assert "`shrinkage` | number | `0.25` | How far profiles are drawn to their mean." in option_table(WithOneMore)
    done = call("a.csv", "--pos-sameby", "Metadata_a", "--shrinkage", "0.5", "--output", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert read_manifest(tmp_path / "out")["options"]["shrinkage"] == 0.5
    assert call("--config", tmp_path / "out", "--output", tmp_path / "again").exit_code == 0
    assert [options.shrinkage for options in seen] == [0.5, 0.5]


@pytest.mark.parametrize("name", COMMANDS)
def test_options_survive_a_manifest(name: str) -> None:
    declared = find_command(name, "").options
    needed = {each.name: ("a.csv",) if each.many else "x" for each in options_of(declared) if each.required}
    options = declared(**needed)
    kept = json.loads(json.dumps(as_mapping(options)))
    assert declared(**from_mapping(declared, kept, "the manifest")) == options


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_is_for(name: str) -> None:
    for each in options_of(find_command(name, "").options):
        assert each.help.endswith(".")
        assert each.help[0].isupper() or each.help.split(",")[0].islower()
        if each.choices and each.default:
            assert all(value in each.choices for value in ([each.default] if not each.many else each.default))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sead": 1}, "has 'sead', which is not an option; did you mean 'seed'"),
        ({"seed": "one"}, "seed must be a whole number, but it is 'one'"),
        ({"seed": True}, "seed must be a whole number"),
        ({"threshold": "x"}, "threshold must be a number"),
        ({"profiles": 3}, "profiles must be a list"),
        ({"profiles": [3]}, "profiles must be text"),
        ({"distance": None}, "distance has no value"),
    ],
)
def test_values_of_another_kind_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        from_mapping(MapOptions, given, "The file")


def test_values_take_the_forms_that_people_write() -> None:
    given = {"null-size": 5, "threshold": 1, "profiles": "a.csv", "filter": ["x == 1", "y == 2"], "tail": None}
    found = from_mapping(MapOptions, given, "The file")
    assert found == {
        "null_size": 5,
        "threshold": 1.0,
        "profiles": ("a.csv",),
        "filter": ("x == 1", "y == 2"),
        "tail": "",
    }
    assert from_mapping(MapOptions, {"threshold": "1e-3"}, "The file") == {"threshold": 1e-3}  # text to YAML


def test_files_are_those_that_are_read() -> None:
    assert given_files(MapOptions(profiles=("a.csv", "b.csv"), pos_sameby="x")) == ("a.csv", "b.csv")


def test_a_declaration_that_cannot_be_written_is_an_error() -> None:
    @dataclasses.dataclass
    class Odd:
        listed: tuple[str, ...] = option("Lists must say how they are written.", ())
        other: dict[str, str] = option("No kind of an option.", None)  # noqa: RUF009

    with pytest.raises(TypeError):
        options_of(Odd)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a,b", ["a", "b"]),
        (" a , ,b,", ["a", "b"]),
        ("'a,b',c", ["a,b", "c"]),
        ('"a, b"', ["a, b"]),
        ("`it's`,b", ["it's", "b"]),
        ("5' end,b", ["5' end", "b"]),
        ("", []),
    ],
)
def test_values_in_quotes_may_hold_commas(text: str, values: list[str]) -> None:
    assert split_values(text) == values
