"""Options are checked with one clear sentence each, and select what they say."""

from pathlib import Path

import polars as pl
import pytest

from fastbench.engine.cpjump import BATCH, Options, plan
from fastbench.engine.cpjump.plates.metadata import packaged
from fastbench.engine.errors import InputError


def test_labels_are_normalized():
    options = Options(timelines=("LONG", "short", "long"), tasks=("gene-compound-matching",), preset="Paper")
    assert options.timelines == ("short", "long")
    assert options.tasks == ("gene_compound_matching",)
    assert options.preset == "paper"


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"timelines": ("medium",)}, ["medium", "'short', 'long'"]),
        ({"timelines": ()}, ["timelines"]),
        ({"tasks": ("replicability", "magic")}, ["magic", "gene_compound_matching"]),
        ({"preset": "best"}, ["best", "'stable', 'paper', 'cellclip'"]),
        ({"gate": "p"}, ["gate", "'p'"]),
        ({"p_values": "none"}, ["p_values", "'paper', 'exact'"]),
        ({"ties": "random"}, ["ties", "expected"]),
        ({"q_threshold": 1.0}, ["q_threshold"]),
        ({"null_size": 0}, ["null_size"]),
        ({"limit_plates": 0}, ["limit_plates"]),
        ({"profiles": Path("no/such/folder")}, ["no/such/folder", "does not exist"]),
    ],
)
def test_bad_options(keywords, words):
    with pytest.raises(InputError) as caught:
        Options(**keywords)
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"batch": "2021"}, ["2021", BATCH]),
        ({"cells": ("HeLa",)}, ["HeLa", "A549", "U2OS"]),
        ({"tasks": ("gene_compound_matching",), "limit_plates": 8}, ["Nothing to score"]),
    ],
)
def test_nothing_selected(keywords, words):
    with pytest.raises(InputError) as caught:
        plan(Options(**keywords))
    assert all(word in str(caught.value) for word in words)


@pytest.mark.slow
def test_cells_timelines_and_limit_select_plates():
    plates = plan(Options(cells=("U2OS",), timelines=("long",))).experiments.plates
    assert {(plate.cell, plate.time) for plate in plates} == {("U2OS", "long")}
    assert len(plates) == 10
    first = plan(Options(limit_plates=8)).experiments
    assert [plate.description for plate in first.plates[:5]] == ["compound_A549_short"] * 4 + ["compound_U2OS_short"]
    assert first.dropped["beyond limit_plates"] == 32
    assert all(run.task != "gene_compound_matching" for run in plan(Options(limit_plates=8)).runs)


def _copy(folder: Path, names: dict[str, str]) -> Path:
    for source, target in names.items():
        (folder / target).write_bytes((packaged() / source).read_bytes())
    return folder


@pytest.mark.slow
def test_metadata_folder(tmp_path):
    targets = "JUMP-Target-1_compound_targets.tsv"
    _copy(tmp_path, {"experiment-metadata.tsv": "experiment-metadata.tsv", targets: "mine.tsv"})
    assert plan(Options(metadata=tmp_path)).targets.equals(plan(Options()).targets)
    # the official name wins over other tables
    official = tmp_path / "JUMP-Target-1_compound_metadata_additional_annotations.tsv"
    pl.DataFrame({"broad_sample": ["a", None], "target_list": ["X|Y| X|NA||", "Z"]}).write_csv(official, separator="\t")
    found = plan(Options(metadata=tmp_path)).targets
    assert found.rows() == [("a", ["X", "Y"])]


def test_metadata_folder_without_targets(tmp_path):
    _copy(tmp_path, {"experiment-metadata.tsv": "experiment-metadata.tsv"})
    with pytest.raises(InputError, match="no table of compound targets"):
        plan(Options(metadata=tmp_path))


def test_metadata_folder_with_bad_tables(tmp_path):
    with pytest.raises(InputError, match=r"experiment-metadata\.tsv"):
        plan(Options(metadata=tmp_path))
    text = (packaged() / "experiment-metadata.tsv").read_text()
    table = tmp_path / "experiment-metadata.tsv"
    table.write_text(text.replace("Antibiotics", "Anti", 1))
    with pytest.raises(InputError, match="no column 'Antibiotics'"):
        plan(Options(metadata=tmp_path))
    table.write_text(text.replace("\tA549\t24\t", "\tA549\tday\t", 1))
    with pytest.raises(InputError, match="'day'"):
        plan(Options(metadata=tmp_path))
    table.write_text(text.replace("\tcompound\tA549", "\tcompuond\tA549", 1))
    with pytest.raises(InputError, match="'compuond'"):
        plan(Options(metadata=tmp_path))


@pytest.mark.parametrize(
    ("table", "change", "said"),
    [
        ("targets", lambda t: t + t.splitlines()[1] + "\n", "lists compounds more than once"),
        ("targets", lambda t: t.replace("target_list", "targets"), "no table of compound targets"),
        ("experiment", lambda t: t.replace("BR00116991", "", 1), "Assay_Plate_Barcode"),
        ("experiment", lambda t: t.replace("Cell_type", "Cell"), "Cell_type"),
        ("experiment", lambda t: t.replace("2020_11_04_CPJUMP1", "another"), "no plate of batch"),
    ],
)
def test_metadata_tables_that_cannot_be_used(tmp_path, table, change, said):
    names = {"targets": "JUMP-Target-1_compound_targets.tsv", "experiment": "experiment-metadata.tsv"}
    for key, name in names.items():
        text = (packaged() / name).read_text()
        (tmp_path / ("targets.tsv" if key == "targets" else name)).write_text(change(text) if key == table else text)
    with pytest.raises(InputError, match=said):
        plan(Options(metadata=tmp_path))
