"""The results of the commands on the packaged data are those of before the code was put in order.

Digests are of tables as they are read, floats to nine significant digits (logarithms differ in the last bit between
processors). ``python -m tests.test_same_results`` writes them anew, for a change that is meant.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path

import polars as pl
import pytest

from tests.cli.running import LINCS
from tests.engine.figures.pictures import no_drawing

RECORD = Path(__file__).with_name("same_results.json")

COMMANDS = {
    "lincs": LINCS,
    "demo": ["cpjump", "--cells", "A549", "--timelines", "short"],
    "paper": ["cpjump", "--cells", "U2OS", "--preset", "paper", "--tasks", "matching"],
    "embeddings": [
        "cpjump",
        "--cells",
        "A549",
        "--timelines",
        "short",
        "--features",
        "emb",
        "--embeddings",
        "EMBEDDINGS",
    ],
    "fmeasure": ["fmeasure", "--bootstrap", "100"],
    **{
        f"split {name}": ["cpjump", "split", "--strategy", name]
        for name in (
            "leak_free",
            "cpjump1_official_representation",
            "cpjump1_official_gene_compound",
            "cellclip_cpjump_style",
        )
    },
}


def digest(path: Path, folder: Path) -> str:
    """Digest of the content of a table, wherever the result lies."""
    if path.suffix == ".parquet":
        frame = pl.read_parquet(path)
    else:
        content = path.read_text().replace(str(folder), "")
        frame = pl.read_csv(
            content.encode(), infer_schema_length=None, separator="\t" if path.suffix == ".tsv" else ","
        )
    frame = frame.with_columns(pl.col(pl.Float64, pl.Float32).round_sig_figs(9))
    lists = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.List)]
    frame = frame.with_columns(pl.col(name).cast(pl.List(pl.String)).list.join("|") for name in lists)
    return hashlib.sha256(frame.write_csv().encode()).hexdigest()[:16]


def run(name: str, folder: Path, embeddings: Path) -> dict[str, str]:
    """Run a command and return the digest of each table that it wrote."""
    from typer.testing import CliRunner

    from fastbench.cli.main import app

    output = folder / ("split.csv" if name.startswith("split") else "result")
    option = "--output-dir" if name == "fmeasure" else "--output"
    arguments = [str(embeddings) if each == "EMBEDDINGS" else each for each in COMMANDS[name]]
    with no_drawing():
        done = CliRunner().invoke(app, [*arguments, option, str(output)])
    assert done.exit_code == 0, done.output
    top = output if output.is_dir() else folder
    tables = [path for path in top.rglob("*") if path.suffix in (".csv", ".tsv", ".parquet")]
    return {path.relative_to(top).as_posix(): digest(path, folder) for path in sorted(tables)}


def make_embeddings(folder: Path) -> Path:
    from fastbench.engine.cpjump.plates.simulate_embeddings import write_simulated_embeddings

    write_simulated_embeddings(folder, seed=3, n_features=32)
    return folder


@pytest.fixture(scope="session")
def embeddings(tmp_path_factory):
    return make_embeddings(tmp_path_factory.mktemp("embeddings"))


@pytest.mark.parametrize("name", COMMANDS)
def test_results_are_those_of_before(name, tmp_path, embeddings):
    assert run(name, tmp_path, embeddings) == json.loads(RECORD.read_text())[name]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        vectors = make_embeddings(Path(place, "embeddings"))
        found = {}
        for number, name in enumerate(COMMANDS):
            folder = Path(place, str(number))
            folder.mkdir()
            found[name] = run(name, folder, vectors)
    RECORD.write_text(json.dumps(found, indent=1) + "\n")
