"""The command line: help, exit codes, one sentence on bad input, results on good input."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ..quick_programs import quick_programs
from .running import LINCS, call, call_process, refused, started, wait_until

SAME = ["--pos-sameby", "Metadata_compound", "--neg-diffby", "Metadata_compound"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "Metadata_Plate": ["001"] * 20,
            "Metadata_compound": [f"c{i // 4}" for i in range(20)],
            "Metadata_Target": ["a|b", "b", "c", "c|a", ""] * 4,
            **{f"f{k}": rng.normal(size=20) for k in range(8)},
        }
    )
    path = tmp_path / "profiles.csv"
    frame.write_csv(path)
    return path


@pytest.mark.slow
def test_help_is_quick_and_loads_nothing_heavy():
    code = (
        "import sys, time; before = time.process_time()\n"
        "import fastbench, fastbench.cli.main\n"
        "from typer.testing import CliRunner\n"
        "heavy = {'jax', 'numba', 'sklearn', 'matplotlib', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert CliRunner().invoke(fastbench.cli.main.app, ['--help']).exit_code == 0\n"
        "assert not {'jax', 'numba', 'sklearn', 'matplotlib', 'pandas'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_lincs_example_of_the_readme(tmp_path):
    done = call_process(*LINCS, "--output", tmp_path / "lincs")
    assert done.returncode == 0, done.stderr
    assert "mean mAP 0.61783" in done.stdout
    assert "58 groups" in done.stdout
    groups = pl.read_csv(tmp_path / "lincs" / "map.csv")
    assert len(groups) == 58
    queries = pl.read_csv(tmp_path / "lincs" / "average_precision.csv")
    assert len(queries) == 360
    manifest = json.loads((tmp_path / "lincs" / "manifest.json").read_text())
    assert manifest["inputs"][0]["sha256"] == "0dab037c26926b143d3d64210bde3aa94943691edd226915dada9db85f5bd1c7"
    assert (tmp_path / "lincs" / "figures" / "map.png").stat().st_size > 10_000


@pytest.mark.slow
def test_consensus_refuses_a_rule_column_that_differs_within_a_group(tmp_path, table):
    rule = ["--pos-sameby", "Metadata_Target", "--neg-diffby", "Metadata_Target", "--multilabel", "Metadata_Target"]
    said = refused("map", table, *rule, "--consensus", "Metadata_compound", "--output", tmp_path / "out")
    assert "'Metadata_Target'" in said
    assert "several values within 5 consensus groups" in said
    done = call("map", table, *SAME, "--consensus", "Metadata_compound,Metadata_Target", "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_dropped_and_doubled_rows_are_named(tmp_path, table):
    frame = pl.read_csv(table).with_columns(Metadata_Well=pl.lit("A01"))
    frame.write_csv(tmp_path / "doubled.csv")
    done = call("map", tmp_path / "doubled.csv", *SAME, "--group-by", "Metadata_Target", "--output", tmp_path / "out")
    assert "19 rows share plate and well with another row" in done.stdout
    assert "4 queries have no value in Metadata_Target" in done.stdout


@pytest.mark.slow
def test_termination_leaves_nothing_behind(tmp_path):
    process = started("cpjump", "--output", tmp_path / "out")
    wait_until(lambda: list(tmp_path.iterdir()), process)  # something is staged
    process.terminate()
    process.wait(120)  # what is being compiled is finished first
    assert [path.name for path in tmp_path.iterdir() if path.name != "out"] == []


@pytest.mark.slow
def test_json_output_is_one_object(tmp_path, table):
    done = call(
        "map",
        table,
        "--pos-sameby",
        "Metadata_compound",
        "--neg-diffby",
        "Metadata_compound",
        "--output",
        tmp_path / "out",
        "--json",
    )
    assert json.loads(done.stdout)["groups"] == 5


@pytest.mark.slow
def test_multilabel_and_consensus(tmp_path, table):
    done = call(
        "map",
        table,
        "--pos-sameby",
        "Metadata_Target",
        "--neg-diffby",
        "Metadata_Target",
        "--multilabel",
        "Metadata_Target",
        "--distance",
        "abs_cosine",
        "--output",
        tmp_path / "out",
    )
    assert done.returncode == 0, done.stderr
    assert "4 rows without a label" in done.stdout
    assert set(pl.read_csv(tmp_path / "out" / "map.csv")["Metadata_Target"]) == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--pos-sameby", "Metadata_Compound", *SAME[2:]], "did you mean 'Metadata_compound'"),
        (["--pos-sameby", "Metadata_compound"], "--neg-sameby and --neg-diffby are both empty"),
        ([*SAME, "--pos-diffby", "Metadata_compound"], "both name 'Metadata_compound'"),
        (["--pos-sameby", "Metadata_compound", "--neg-diffby", "Metadata_Plate"], "No negative pair"),
        (["--pos-sameby", "Metadata_compound", "--neg-diffby", "Metadata_Target"], "'Metadata_Target' is missing in 4"),
        ([*SAME, "--filter", "__import__('os').system('x')"], "__import__"),
        ([*SAME, "--filter", "Metadata_compound == 'zz'"], "No row is left"),
        ([*SAME, "--distance", "cosin"], "cosin"),
        ([*SAME, "--ties", "maybe"], "maybe"),
        ([*SAME, "--threshold", "1.5"], "1.5"),
        ([*SAME, "--null-size", "0"], "--null-size"),
        ([*SAME, "--device", "gpu"], "gpu"),
        ([*SAME, "--group-by", "Metadata_plate"], "Metadata_Plate"),
        (["--pos-sameby", "any(Metadata_compound)", *SAME[2:], "--group-by", "Metadata_Plate"], "two or more"),
    ],
)
def test_bad_rules_end_in_one_sentence(tmp_path, table, arguments, said):
    sentence = refused("map", table, *arguments, "--output", tmp_path / "out")
    assert said in sentence
    assert len(sentence.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_missing_file_and_old_result(tmp_path, table):
    rule = ["--pos-sameby", "Metadata_compound", "--neg-diffby", "Metadata_compound", "--output", tmp_path / "out"]
    assert "profile.csv" in refused("map", tmp_path / "profile.csv", *rule, run=call_process)
    assert call("map", table, *rule).returncode == 0
    before = (tmp_path / "out" / "map.csv").read_bytes()
    assert "--overwrite" in refused("map", table, *rule)
    assert (tmp_path / "out" / "map.csv").read_bytes() == before
    assert call("map", table, *rule, "--overwrite").returncode == 0


@pytest.mark.slow
def test_interrupted_run_leaves_nothing(tmp_path):
    """Killed at any moment, the output folder is absent or whole."""
    output = tmp_path / "out"
    for staged, seconds in ((False, 0.5), (True, 0.0), (True, 0.5)):
        process = started("cpjump", "--limit-plates", "8", "--output", output)
        if staged:
            wait_until(lambda: list(tmp_path.glob(f".out.partial-{process.pid}-*")), process)  # noqa: B023
        time.sleep(seconds)
        process.kill()
        process.wait()
        assert not output.exists() or (output / "manifest.json").exists()


@pytest.mark.slow
def test_info_and_version():
    assert "numba" in call("info").stdout
    facts = json.loads(call("info", "--json").stdout)
    assert "numba" in facts["packages"]
    assert set(facts["devices"]) == {"auto", "cpu", "reference", "cpu-xla", "gpu"}
    assert call("--version").stdout.startswith("fastbench ")


@pytest.mark.slow
def test_cpjump_tables_do_not_depend_on_the_device(tmp_path):
    tables = {}
    for device in ("cpu", "cpu-xla"):
        output = tmp_path / device
        with quick_programs() if device == "cpu-xla" else nullcontext():
            done = call(
                "cpjump", "--limit-plates", "4", "--tasks", "replicability", "--device", device, "--output", output
            )
        assert done.returncode == 0, done.stderr
        tables[device] = {path.name: path.read_bytes() for path in output.glob("*.csv")}
    assert tables["cpu"] == tables["cpu-xla"]
    assert "replicability_map.csv" in tables["cpu"]
