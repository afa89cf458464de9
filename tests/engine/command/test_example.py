"""The worked example of CONTRIBUTING.md: a whole command, with all that comes from what it declares."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from fastbench.cli.declared import command_line
from fastbench.engine.command import registry
from fastbench.engine.command.execute import execute
from fastbench.engine.command.rerun import rerun
from fastbench.engine.comparison.compare import comparison_command
from fastbench.engine.comparison.options import CompareOptions
from fastbench.engine.errors import InputError
from fastbench.engine.options import options_of
from fastbench.engine.results.manifest import read_manifest
from tests.engine.command.example import SOURCE, spread_command
from tests.engine.figures.pictures import no_drawing

MODULE = spread_command()
SPREAD = MODULE.SPREAD


def write_profiles(path: Path, seed: int, noise: float = 1.0) -> str:
    rng = np.random.default_rng(seed)
    groups = [f"g{i:02}" for i in range(20) for _ in range(4)]
    x = rng.normal(size=(20, 3)).repeat(4, axis=0) + noise * rng.normal(size=(80, 3))
    pl.DataFrame({"Metadata_group": groups, **{f"f{i}": x[:, i] for i in range(3)}}).write_csv(path)
    return str(path)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    return [write_profiles(tmp_path / f"{name}.csv", seed) for seed, name in enumerate("abc")]


@pytest.fixture
def options(files: list[str]) -> Any:
    return MODULE.SpreadOptions(profiles=tuple(files), group_by="Metadata_group")


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer(rich_markup_mode=None)
    app.command("spread")(command_line(SPREAD, lambda result, options, output: typer.echo(f"{output}"), "Measure."))
    app.command("other")(lambda: None)
    return app


@pytest.fixture
def undrawn() -> Iterator[None]:
    """Leave figures nearly empty: drawing takes longer than the runs."""
    with no_drawing():
        yield


def test_it_is_short() -> None:
    assert len(SOURCE.splitlines()) < 120


def test_the_result_tells_how_it_was_made(options: Any, tmp_path: Path) -> None:
    execute(SPREAD, options, tmp_path / "out")
    manifest = read_manifest(tmp_path / "out")
    assert [each["name"] for each in manifest["outputs"]] == ["figures/spread.png", "figures/spread.svg", "spread.csv"]
    assert manifest["options"] == {
        "profiles": list(options.profiles),
        "group_by": "Metadata_group",
        "centre": "mean",
        "least": 2,
    }
    assert manifest["tables"]["spread.csv"]["rows"] == 60
    columns = manifest["tables"]["spread.csv"]["columns"]
    assert (columns[0]["name"], columns[0]["type"]) == ("group", "String")
    assert all(each["meaning"] for each in columns)
    assert manifest["steps"] == {"computed": 3, "taken": 0}
    assert set(manifest["timings"]) == {"measure", "write", "figures", "total"}


@pytest.mark.usefixtures("undrawn")
def test_command_line_config_and_dry_run(app: typer.Typer, files: list[str], tmp_path: Path) -> None:
    def call(*arguments: object) -> Any:
        return CliRunner().invoke(app, ["spread", *map(str, arguments)])

    text = call("--help").output
    for each in options_of(SPREAD.options):
        assert each.flag in text
    assert "One of mean, median" in " ".join(text.split())
    planned = call(*files, "--group-by", "Metadata_group", "--dry-run", "--json")
    assert json.loads(planned.stdout)["cost"]["bytes"] > 0
    assert not (tmp_path / "out").exists()
    done = call(
        *files, "--group-by", "Metadata_group", "--centre", "median", "--output", tmp_path / "out", "--json", "--quiet"
    )
    assert json.loads(done.stdout) == {"output": str(tmp_path / "out"), "groups": 60}
    assert done.stderr == ""
    # the manifest is a config file, and what the command line says comes first
    again = call("--config", tmp_path / "out", "--least", "3", "--output", tmp_path / "again")
    assert again.exit_code == 0, again.stderr
    assert read_manifest(tmp_path / "again")["options"]["centre"] == "median"
    assert read_manifest(tmp_path / "again")["options"]["least"] == 3
    assert "spread: measuring 3 files" in again.stderr
    written = tmp_path / "run.yaml"
    written.write_text(f"profiles: {files[0]}\ngroup-by: Metadata_group\nleast: 4\n")
    assert call("--config", written, "--output", tmp_path / "yaml").exit_code == 0
    assert read_manifest(tmp_path / "yaml")["options"]["profiles"] == [files[0]]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"least": 0}, "least must be 1 or more"),
        ({"centre": "mode"}, "centre must be one of 'mean', 'median', but it is 'mode'."),
    ],
)
def test_options_refuse_what_cannot_be(options: Any, given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        MODULE.SpreadOptions(profiles=options.profiles, group_by="Metadata_group", **given)


@pytest.mark.parametrize("stopped_after", [0, 1, 2])
def test_a_stopped_run_goes_on_and_repeats_nothing(
    options: Any, tmp_path: Path, stopped_after: int, request: pytest.FixtureRequest
) -> None:
    if stopped_after != 1:
        request.getfixturevalue("undrawn")
    execute(SPREAD, options, tmp_path / "whole")
    seen: list[str] = []
    compute = MODULE.spread_of

    def until(path: Path, given: Any) -> pl.DataFrame:
        if len(seen) == stopped_after:
            raise KeyboardInterrupt
        seen.append(path.name)
        return compute(path, given)

    MODULE.spread_of = until
    try:
        with pytest.raises(KeyboardInterrupt):
            execute(SPREAD, options, tmp_path / "out")
        assert not (tmp_path / "out").exists()
        stopped_after = -1
        done = list(seen)
        execute(SPREAD, options, tmp_path / "out", resume=True)
    finally:
        MODULE.spread_of = compute
    assert sorted(seen) == ["a.csv", "b.csv", "c.csv"]  # each once
    whole, out = (read_manifest(tmp_path / name) for name in ("whole", "out"))
    assert whole["outputs"] == out["outputs"]
    assert out["steps"] == {"computed": 3 - len(done), "taken": len(done)}
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.usefixtures("undrawn")
def test_a_step_of_another_file_or_option_is_not_taken(options: Any, tmp_path: Path) -> None:
    broken = tmp_path / "c.csv"
    content = broken.read_text()
    broken.write_text("no profiles\n")
    with pytest.raises(InputError):
        execute(SPREAD, options, tmp_path / "out")
    broken.write_text(content)
    changed = MODULE.SpreadOptions(profiles=options.profiles, group_by="Metadata_group", least=3)
    broken.write_text("no profiles\n")
    with pytest.raises(InputError):
        execute(SPREAD, changed, tmp_path / "out", resume=True)
    broken.write_text(content)
    write_profiles(tmp_path / "a.csv", 7)
    execute(SPREAD, changed, tmp_path / "out", resume=True)
    assert read_manifest(tmp_path / "out")["steps"] == {"computed": 2, "taken": 1}


def test_rerun_and_compare(options: Any, files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "COMMANDS", {"spread": ""})
    monkeypatch.setattr("fastbench.engine.command.rerun.find_command", lambda name, source: SPREAD)
    one = MODULE.SpreadOptions(profiles=(files[0],), group_by="Metadata_group")
    execute(SPREAD, one, tmp_path / "out")
    assert rerun(tmp_path / "out").equal
    noisy = MODULE.SpreadOptions(
        profiles=(write_profiles(tmp_path / "noisy.csv", 0, noise=3.0),), group_by="Metadata_group"
    )
    execute(SPREAD, noisy, tmp_path / "noisy")
    compare = comparison_command(SPREAD)
    asked = CompareOptions(results=(str(tmp_path / "out"), str(tmp_path / "noisy")), bootstrap=999)
    found = execute(compare, asked, tmp_path / "compared")
    assert found.verdicts.select("run", "verdict").rows() == [("out", "baseline"), ("noisy", "worse")]
    changed = Path(files[0]).read_bytes().replace(b"g00", b"g0x", 1)
    Path(files[0]).write_bytes(changed)
    again = rerun(tmp_path / "out", overwrite=True)
    assert again.inputs.to_dicts() == [{"path": files[0], "status": "changed"}]
    assert "spread.csv" in again.outputs.filter(pl.col("status") == "differs")["file"].to_list()
