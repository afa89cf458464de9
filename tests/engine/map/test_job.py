"""The job of ``fastbench map``: the same numbers as the Python functions, everything dropped told, files complete."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import polars as pl
import pytest

import fastbench as fb
from fastbench.engine.command.execute import execute
from fastbench.engine.command.job import Job
from fastbench.engine.errors import InputError
from fastbench.engine.map.command import MAP
from fastbench.engine.map.job import run_map
from fastbench.engine.map.options import MapOptions
from fastbench.engine.results.manifest import read_manifest
from fastbench.engine.results.progress import Silent

RULES = {"pos_sameby": "Metadata_drug", "neg_diffby": "Metadata_drug"}


@pytest.fixture
def table():
    """Four drugs in six wells each; the last well has no drug, one well stands twice."""
    rng = np.random.default_rng(0)
    drugs = np.repeat(list("abcd"), 6)
    centres = rng.normal(size=(4, 8)).repeat(6, axis=0)
    frame = pl.DataFrame(centres + rng.normal(size=(24, 8)), schema=[f"f{i}" for i in range(8)])
    return frame.with_columns(
        pl.Series("Metadata_drug", drugs),
        pl.Series("Metadata_Plate", ["p"] * 24),
        pl.Series("Metadata_Well", [f"A{min(i, 22) + 1:02d}" for i in range(24)]),
        pl.Series("Metadata_targets", ["x|y", "y", "z", None] * 6),
        pl.Series("Metadata_dose", [1, 2] * 12),
    )


@pytest.fixture
def path(table, tmp_path):
    table.write_csv(tmp_path / "table.csv")
    return tmp_path / "table.csv"


def options(path, **more):
    return MapOptions(profiles=(str(path),), **{**RULES, **more})


def test_the_numbers_are_those_of_the_python_functions(table, path):
    result = run_map(options(path))
    meta = table.select(pl.col("^Metadata_.*$"))
    x = table.select(pl.col("^f.*$")).to_numpy().astype(np.float32)
    ap = fb.average_precision(meta, x, ["Metadata_drug"], [], [], ["Metadata_drug"])
    groups = fb.mean_average_precision(ap, ["Metadata_drug"], null_size=100_000, threshold=0.05, seed=0)
    assert result.average_precision["average_precision"].to_list() == ap["average_precision"].to_list()
    columns = ["Metadata_drug", "mean_average_precision", "p_value", "corrected_p_value"]
    assert result.groups.select(columns).equals(groups.select(columns))
    assert result.groups["n_queries"].to_list() == [6, 6, 6, 6]
    assert result.group_by == ("Metadata_drug",)
    assert result.feature_names == tuple(f"f{i}" for i in range(8))


def test_progress_ends_at_all_queries(path):
    stages = {}

    class Listener(Silent):
        @contextmanager
        def stage(self, title):
            yield lambda done, total: stages.setdefault(title, []).append((done, total))

    run_map(options(path), Job(Listener()))
    heard = stages["average precision of 24 profiles"]
    assert heard[-1] == (24, 24)
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)
    assert stages["p-values of 4 groups"][-1] == (4, 4)


def test_what_is_left_out_is_told(table, path):
    result = run_map(options(path, filter=("Metadata_dose == 1",), group_by="Metadata_targets"))
    said = "\n".join(result.notes)
    assert "--filter 'Metadata_dose == 1' took away 12 of 24 rows" in said
    assert "share plate and well" not in said
    whole = "\n".join(run_map(options(path, group_by="Metadata_targets")).notes)
    assert "1 row shares plate and well with another row" in whole
    assert "6 queries have no value in Metadata_targets and were left out of the groups" in whole


def test_queries_are_scored_and_the_others_are_candidates(path):
    result = run_map(options(path, queries="Metadata_drug == 'a'"))
    assert result.average_precision["Metadata_drug"].unique().to_list() == ["a"]
    assert result.average_precision["n_total_pairs"].to_list() == [5 + 18] * 6


def test_the_consensus_keeps_what_is_one_value_a_group(path):
    result = run_map(
        options(path, pos_sameby="Metadata_dose", neg_diffby="Metadata_dose", consensus="Metadata_drug,Metadata_dose")
    )
    assert result.average_precision.height == 8
    assert "Metadata_Well" not in result.average_precision.columns
    said = "\n".join(result.notes)
    assert "24 rows became 8 medians" in said
    assert "left out: Metadata_Well, Metadata_targets" in said


def test_a_rule_on_a_column_that_varies_within_the_consensus_is_refused(path):
    with pytest.raises(InputError, match="column 'Metadata_targets', which the rules use, has several values"):
        run_map(options(path, pos_sameby="Metadata_targets", consensus="Metadata_drug"))


def test_labels_in_a_text_column_are_split(path):
    result = run_map(
        options(path, pos_sameby="Metadata_targets", neg_diffby="Metadata_targets", multilabel="Metadata_targets")
    )
    assert result.group_by == ("Metadata_targets",)
    assert result.groups["Metadata_targets"].sort().to_list() == ["x", "y", "z"]
    assert any("6 rows without a label in Metadata_targets were dropped" in note for note in result.notes)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"filter": ("Metadata_drug == 'zz'",)}, "No row is left after --filter"),
        ({"group_by": "Metadata_drgu"}, "Metadata_drug"),
        ({"multilabel": "Metadata_dose"}, "Metadata_dose"),
        ({"pos_sameby": "Metadata_drug == 'a'", "neg_diffby": "Metadata_dose"}, "--group-by is needed"),
    ],
)
def test_refusals_name_the_option_and_the_column(path, more, sentence):
    with pytest.raises(InputError, match=sentence):
        run_map(options(path, **more))


def test_bad_options_are_refused_before_anything_is_read():
    with pytest.raises(InputError, match="distance"):
        options("nowhere.csv", distance="cosin")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "exact p, P(null >= observed mean AP), shared null, Benjamini-Hochberg; ties expected"),
        ({"p_values": "copairs"}, "p as copairs 0.5.5: sampled null of 100,000, seed 0, strict tail"),
        ({"p_values": "sampled", "null_size": 50}, "sampled (50 draws, seed 0) p"),
        ({"hierarchical_by": "Metadata_drug", "group_by": "Metadata_drug,Metadata_dose"}, "in two stages"),
    ],
)
def test_the_definition_says_which_p_value_it_is(path, more, words):
    assert words in run_map(options(path, **more)).definition


@pytest.mark.slow
def test_the_folder_holds_tables_figure_and_account(path, tmp_path):
    target = tmp_path / "result"
    result = execute(MAP, options(path), target)
    assert {p.name for p in target.rglob("*") if p.is_file()} == {
        "average_precision.csv",
        "map.csv",
        "map.png",
        "map.svg",
        "manifest.json",
    }
    manifest = read_manifest(target)
    assert manifest["definition"] == result.definition
    assert manifest["features"]["count"] == 8
    assert manifest["dropped"]["queries_without_positives"] == 0
    assert set(manifest["timings"]) == {"read", "average_precision", "p_values", "write", "figures", "total"}
    assert [source["path"] for source in manifest["inputs"]] == [str(path)]
    assert pl.read_csv(target / "map.csv")["Metadata_drug"].to_list() == result.groups["Metadata_drug"].to_list()
