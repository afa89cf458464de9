"""Comparison of runs: against slow independent computations, and what it says of unequal runs."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from fastbench.engine.command.execute import execute
from fastbench.engine.comparison.runs import named_folders
from fastbench.engine.cpjump.command import CPJUMP
from fastbench.engine.cpjump.compare.clusters import group_clusters
from fastbench.engine.cpjump.compare.command import COMPARE
from fastbench.engine.cpjump.compare.comparison import Comparison, compare_runs
from fastbench.engine.cpjump.compare.options import CompareOptions
from fastbench.engine.cpjump.compare.runs import read_run
from fastbench.engine.cpjump.names import HEADLINE, METRICS
from fastbench.engine.cpjump.options import Options
from fastbench.engine.cpjump.plates.metadata import published, target_lists
from fastbench.engine.cpjump.results import CpjumpResult
from fastbench.engine.errors import InputError

from .made_results import LONG, SHORT, groups, make_result, random_groups

# --- runs ---


def compared(folders: dict[str, Path], **options: Any) -> Comparison:
    return compare_runs(
        [read_run(name, folder) for name, folder in folders.items()], CompareOptions(**{"bootstrap": 400, **options})
    )


@pytest.fixture
def three(tmp_path: Path) -> dict[str, Path]:
    return {
        name: make_result(
            tmp_path / name,
            {
                "replicability": {
                    SHORT: random_groups(60, seed, shift=shift),
                    LONG: random_groups(60, seed + 1, shift=shift),
                },
                "matching": {SHORT: random_groups(25, seed + 2, shift=shift)},
            },
        )
        for name, seed, shift in (("base", 10, 0.0), ("good", 20, 0.8), ("same", 30, 0.0))
    }


def test_the_better_run_stands_first_with_its_difference(three: dict[str, Path]):
    found = compared(three)
    assert found.runs == ("base", "good", "same")
    standing = found.standing.filter(task="replicability")
    assert standing["run"][0] == "good"
    assert standing["verdict"][0] == "better"
    assert standing.filter(run="same")["verdict"].item() == "no clear difference"
    assert standing.filter(run="base")["verdict"].item() == "baseline"
    assert standing.row(0, named=True)["better_in"] == standing.row(0, named=True)["configurations"] == 2
    row = found.pairs.row(
        by_predicate=(pl.col("run_a") == "good")
        & (pl.col("Description") == "compound_A549_short")
        & (pl.col("task") == "replicability")
        & (pl.col("metric") == "mean_average_precision"),
        named=True,
    )
    a, b = (
        pl.read_csv(three[name] / "replicability_map.csv").filter(Description="compound_A549_short")
        for name in three
        if name != "same"
    )
    assert row["value_a"] == pytest.approx(b["mean_average_precision"].mean())
    assert row["value_b"] == pytest.approx(a["mean_average_precision"].mean())
    assert row["difference"] == pytest.approx(row["value_a"] - row["value_b"])
    assert row["lower"] < row["difference"] < row["upper"]
    assert row["units"] == row["groups_a"] == row["groups_common"] == 60


@pytest.mark.slow
def test_mcnemar_and_adjusted_p_values_are_those_of_scipy(three: dict[str, Path]):
    pairs = compared(three, all_pairs=True).pairs
    assert pairs.select("run_a", "run_b").unique().height == 3
    tested = pairs.drop_nulls("mcnemar_p")
    assert set(tested["metric"]) == {"fraction_retrieved_common"}
    assert set(tested["task"]) == {"replicability"}  # of targets, which share compounds, it would say too much
    assert len(tested) == 6
    for row in tested.iter_rows(named=True):
        sides = [
            dict(
                pl.read_csv(three[row[run]] / f"{row['task']}_map.csv")
                .filter(Description=row["Description"])
                .select(pl.first(), "above_q_threshold")
                .iter_rows()
            )
            for run in ("run_a", "run_b")
        ]
        only_a = sum(kept and not sides[1][name] for name, kept in sides[0].items())
        only_b = sum(kept and not sides[0][name] for name, kept in sides[1].items())
        assert (row["retrieved_only_a"], row["retrieved_only_b"]) == (only_a, only_b)
        expected = stats.binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
        assert row["mcnemar_p"] == pytest.approx(expected)
    for metric in METRICS:
        own = pairs.filter(metric=metric)
        assert own["q_value"].to_numpy() == pytest.approx(stats.false_discovery_control(own["p_value"].to_numpy()))
    assert tested["mcnemar_q"].to_numpy() == pytest.approx(stats.false_discovery_control(tested["mcnemar_p"]))


def test_a_run_and_its_copy_do_not_differ(three: dict[str, Path]):
    found = compared({"one": three["good"], "two": three["good"]})
    assert found.pairs["difference"].abs().max() == 0
    assert found.pairs["p_value"].min() == found.pairs["q_value"].min() == 1
    assert found.pairs["mcnemar_p"].min() == 1
    assert found.gained_lost.is_empty()
    assert set(found.standing["verdict"]) == {"baseline", "no clear difference"}


@pytest.mark.slow
def test_order_of_rows_and_of_runs_does_not_matter(three: dict[str, Path], tmp_path: Path):
    shuffled = {}
    for name, folder in reversed(three.items()):
        shuffled[name] = tmp_path / "shuffled" / name
        shutil.copytree(folder, shuffled[name])
        for path in shuffled[name].glob("*_map.csv"):
            pl.read_csv(path).sample(fraction=1, shuffle=True, seed=1).write_csv(path)
        path = shuffled[name] / "average_precision.parquet"
        pl.read_parquet(path).sample(fraction=1, shuffle=True, seed=1).write_parquet(path)
    one, other = compared(three), compared(shuffled, baseline="base")
    keys = ["task", "Description", "run_a", "run_b", "metric"]
    assert one.pairs.sort(keys).equals(other.pairs.sort(keys))
    assert one.standing.equals(other.standing)
    mirrored = compared({name: three[name] for name in ("good", "base")})
    keys = ["task", "Description", "metric"]
    there = one.pairs.filter(run_a="good").sort(keys)
    back = mirrored.pairs.sort(keys)
    assert there["difference"].to_list() == pytest.approx((-back["difference"]).to_list())
    assert there["lower"].to_list() == pytest.approx((-back["upper"]).to_list())
    assert there["p_value"].to_list() == back["p_value"].to_list()


def test_a_perturbation_of_several_configurations_is_drawn_with_all_of_them(tmp_path: Path):
    """Two equal configurations tell no more than one: the interval over both is that of one."""
    folders = {}
    for name, seed in (("a", 1), ("b", 2)):
        members = random_groups(40, seed)
        folders[name] = make_result(tmp_path / name, {"replicability": {SHORT: members, LONG: members}})
    pairs = compared(folders).pairs.filter(metric=HEADLINE)
    for column in ("difference", "lower", "upper", "p_value", "units"):
        assert pairs[column].to_list() == pytest.approx([pairs[column][0]] * 3)


def test_a_gate_leaves_other_groups(tmp_path: Path):
    """mAP on common groups, fractions on those of each run and on common ones, changes with what is missing."""
    one = groups([0.5] * 30, [True] * 12 + [False] * 18)
    other = groups([0.4] * 20, [True] * 4 + [False] * 16, first=10)
    folders = {
        "one": make_result(tmp_path / "one", {"matching": {SHORT: one}}),
        "other": make_result(tmp_path / "other", {"matching": {SHORT: other}}),
    }
    found = compared(folders)
    rows = {row["metric"]: row for row in found.pairs.filter(pl.col("Description") != "all").iter_rows(named=True)}
    assert {(row["groups_a"], row["groups_b"], row["groups_common"]) for row in rows.values()} == {(20, 30, 20)}
    assert rows["mean_average_precision"]["difference"] == pytest.approx(-0.1)
    assert rows["fraction_retrieved"]["value_a"] == pytest.approx(4 / 20)
    assert rows["fraction_retrieved"]["value_b"] == pytest.approx(12 / 30)
    assert rows["fraction_retrieved"]["units"] == 30
    assert rows["fraction_retrieved_common"]["value_b"] == pytest.approx(2 / 20)
    assert rows["fraction_retrieved_common"]["retrieved_only_a"] is None
    changes = found.gained_lost
    assert changes.filter(change="gained")["group"].to_list() == ["P012", "P013"]
    lost = changes.filter(change="lost")
    assert lost["group"].to_list() == [f"P{i:03d}" for i in range(10)]
    assert lost["mean_average_precision_a"].null_count() == lost["q_value_a"].null_count() == 10
    assert lost["mean_average_precision_b"].to_list() == [0.5] * 10
    text = " ".join(found.notes)
    assert (
        "Target matching: runs scored different groups (other and one: 20 common, 0 only in other, 10 only in" in text
    )
    assert "--gate none" in text


def test_groups_of_one_perturbation_are_drawn_together(tmp_path: Path):
    """Twenty targets of one compound say no more than one: the interval is that of the compounds."""
    rng = np.random.default_rng(3)
    maps = rng.uniform(0.2, 0.8, (2, 15))
    found = {}
    for copies in (1, 20):
        folders = {}
        for name, values in zip(("one", "other"), maps, strict=True):
            members = [
                {
                    "group": f"T{i:02d}-{k:02d}",
                    "sample": f"P{i:02d}",
                    "map": float(v),
                    "retrieved": bool(v > 0.5),
                    "total": 61,
                }
                for i, v in enumerate(values)
                for k in range(copies)
            ]
            folders[name] = make_result(tmp_path / f"{name}{copies}", {"matching": {SHORT: members}})
        rows = compared(folders).pairs.filter(pl.col("Description") != "all", metric="mean_average_precision")
        found[copies] = rows.row(0, named=True)
    assert found[20]["groups_common"] == 300
    assert found[1]["units"] == found[20]["units"] == 15
    for column in ("difference", "lower", "upper", "p_value"):
        assert found[1][column] == pytest.approx(found[20][column])


def test_clusters_are_the_groups_that_perturbations_link():
    members = pl.DataFrame(
        [("A", "s1"), ("B", "s1"), ("B", "s2"), ("C", "s2"), ("D", "s3"), ("E", "s4"), ("E", "s4"), ("Z", "s3")],
        schema=["group", "sample"],
        orient="row",
    )
    assert group_clusters(members) == {"A": "A", "B": "A", "C": "A", "D": "D", "E": "E", "Z": "D"}
    assert group_clusters(members.clear()) == {}
    lists = target_lists(None)[0].explode("Metadata_matching_target").drop_nulls()
    found = group_clusters(lists.rename({"Metadata_matching_target": "group", "Metadata_broad_sample": "sample"}))
    by_compound = lists.with_columns(cluster=pl.col("Metadata_matching_target").replace_strict(found))
    assert by_compound.group_by("Metadata_broad_sample").agg(pl.col("cluster").n_unique())["cluster"].max() == 1
    assert len(set(found.values())) > 30


def test_shorter_lists_do_not_look_better(tmp_path: Path):
    """Features that rank at random have a higher mAP among fewer candidates, and the same mAP above chance."""
    folders = {}
    for name, total in (("long", 200), ("short", 20)):
        chance = sum(1 / rank for rank in range(1, total + 1)) / total  # one positive at any rank
        rng = np.random.default_rng(1)
        maps = [chance + (1 - chance) * float(noise) for noise in rng.normal(0.01, 0.01, 50)]
        members = groups(maps, [False] * 50, total=total)
        folders[name] = make_result(tmp_path / name, {"matching": {SHORT: members}})
    whole = compared(folders).pairs.filter(Description="all")
    assert whole.filter(metric="mean_average_precision")["difference"].item() > 0.1
    assert whole.filter(metric=HEADLINE)["difference"].item() == pytest.approx(0, abs=1e-12)
    assert whole.filter(metric=HEADLINE)["value_a"].item() == pytest.approx(
        np.random.default_rng(1).normal(0.01, 0.01, 50).mean()
    )


def test_configurations_of_one_run_only_are_shown_and_not_compared(tmp_path: Path):
    a, b = random_groups(20, 1), random_groups(20, 2)
    folders = {
        "a": make_result(tmp_path / "a", {"replicability": {SHORT: a, LONG: a}}),
        "b": make_result(tmp_path / "b", {"replicability": {SHORT: b}, "matching": {SHORT: b}}),
    }
    found = compared(folders)
    assert set(found.pairs["Description"]) == {"all", "compound_A549_short"}
    assert set(found.pairs["task"]) == {"replicability"}
    table = found.fractions
    assert table.filter(Description="compound_A549_long").select("a_fr", "b_fr").row(0)[1] is None
    # rows over all configurations are over those of every run, and a task without any has none
    assert table.filter(Description="all").select("task", "a_groups").rows() == [("replicability", 20)]
    assert any("of the configurations 1 of 2 are not in b" in note for note in found.notes)
    folders["c"] = make_result(tmp_path / "c", {"replicability": {LONG: a}})
    with pytest.raises(InputError, match="'b' has no configuration of a task in common"):
        compared({name: folders[name] for name in "bc"})


def test_gene_compound_matching_has_both_sides(tmp_path: Path):
    key = (*SHORT, "crispr", "long")
    folders = {
        name: make_result(tmp_path / name, {"gene_compound_matching": {key: random_groups(30, seed)}})
        for name, seed in (("a", 1), ("b", 2))
    }
    found = compared(folders, published=True)
    row = found.fractions.row(1, named=True)
    assert row["Description"] == "compound_A549_short-crispr_A549_long"
    assert (row["Modality1"], row["time1"], row["timepoint1"]) == ("compound", "short", 24)
    assert (row["Modality2"], row["time2"], row["timepoint2"]) == ("crispr", "long", 144)
    assert row["published"] == 0.008


def test_published_fractions_and_differing_options_are_told(tmp_path: Path):
    folders = {
        name: make_result(
            tmp_path / name, {"replicability": {SHORT: random_groups(20, 1)}}, options=options, simulated=name == "b"
        )
        for name, options in (("a", {}), ("b", {"p_values": "exact", "limit_plates": 8}))
    }
    found = compared(folders, published=True)
    known = published().filter(task="replicability", Cell="A549", Modality1="compound", time1="short")
    row = found.fractions.filter(Description="compound_A549_short")
    assert row["published"].item() == known["published"].item() == 0.765
    text = "\n".join(found.notes)
    assert "The option p_values differs (paper in a, the published table; exact in b)" in text
    assert "The option limit_plates differs (None in a, the published table; 8 in b)" in text
    assert "The option preset differs (stable in a, b; paper in the published table)" in text
    assert "The features of b are simulated, those of the other runs are not." in text
    assert "null_size" not in text
    assert "published" not in compared(folders).fractions.columns


def test_what_cannot_be_tested_is_told(tmp_path: Path):
    few = groups([0.5] * 6, [True] * 6)
    unscored = groups([None, *[0.4] * 19], [True] * 20)
    folders = {
        "a": make_result(tmp_path / "a", {"replicability": {SHORT: random_groups(20, 1), LONG: few}}),
        "b": make_result(tmp_path / "b", {"replicability": {SHORT: unscored, LONG: few}}),
    }
    found = compared(folders, bootstrap=50)
    text = "\n".join(found.notes)
    assert (
        "1 of 3 comparisons have fewer than 10 clusters of groups, or fewer than 6 that differ, and are not tested."
        in text
    )
    assert "1 common groups have no mAP above chance" in text
    assert "With 50 draws no p-value is below 0.04, so one alone of 2 comparisons cannot be significant" in text
    untested = found.pairs.filter(Description="compound_A549_long", metric=HEADLINE)
    assert untested["p_value"].item() is untested["q_value"].item() is untested["lower"].item() is None
    assert set(compared(folders, bootstrap=0).standing["verdict"]) == {"baseline", "not tested"}


@pytest.mark.slow
def test_baseline_must_be_a_run(three: dict[str, Path]):
    assert compared(three, baseline="same").runs == ("same", "base", "good")
    with pytest.raises(InputError, match="No run is called 'bases'; did you mean 'base'"):
        compared(three, baseline="bases")
    with pytest.raises(InputError, match="bootstrap must lie between 0 and 200,000, but it is -1"):
        CompareOptions(bootstrap=-1)
    with pytest.raises(InputError, match="between 0 and 200,000, but it is 1,000,000"):
        CompareOptions(bootstrap=1_000_000)


# --- folders ---


def test_names_are_given_or_those_of_folders(tmp_path: Path):
    (tmp_path / "x=y").mkdir()
    found = named_folders(["A=some/where", f"{tmp_path}/x=y", "results/dino/"])
    assert list(found) == ["A", "x=y", "dino"]
    assert found["A"] == Path("some/where")
    with pytest.raises(
        InputError, match=r"Two results are called 'r' \('a/r' and 'b/r'\): name them yourself, NAME=DIR"
    ):
        named_folders(["a/r", "b/r"])
    with pytest.raises(InputError, match="two or more result folders, but got 1"):
        named_folders(["a"])
    with pytest.raises(InputError, match="has no name"):
        named_folders(["=a", "b"])


def _remove(name: str) -> Any:
    return lambda folder: (folder / name).unlink()


def _manifest(**changes: Any) -> Any:
    def change(folder: Path) -> None:
        path = folder / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def _table(change: Any) -> Any:
    def apply(folder: Path) -> None:
        path = folder / "replicability_map.csv"
        change(pl.read_csv(path)).write_csv(path)

    return apply


def _cut_row(folder: Path) -> None:
    path = folder / "replicability_map.csv"
    path.write_text(path.read_text().rpartition(",")[0] + "\n")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (shutil.rmtree, "does not exist"),
        (_remove("manifest.json"), "is not a result of fastbench"),
        (_manifest(command="fmeasure"), "was written by 'fastbench fmeasure', not by 'fastbench cpjump'"),
        (_manifest(command="cpjump compare"), "was written by 'fastbench cpjump compare'"),
        (_manifest(options=None), "is damaged"),
        (_remove("replicability_map.csv"), "has no table of groups"),
        (_remove("average_precision.parquet"), "average_precision.parquet' cannot be read"),
        (_cut_row, r"row \d+ has \d+ fields, but the header has"),
        (_table(lambda table: table.drop("q_value")), "has no column 'q_value'"),
        (_table(lambda table: pl.concat([table, table.head(1)])), r"without a name or twice \('P000'\)"),
        (_table(lambda table: table.with_columns(q_value=pl.lit("much"))), "is damaged"),
        (_table(lambda table: table.with_columns(above_q_threshold=pl.lit("perhaps"))), "is damaged"),
    ],
)
def test_folders_that_are_no_results_are_refused(tmp_path: Path, spoil: Any, message: str):
    folder = make_result(tmp_path / "a", {"replicability": {SHORT: random_groups(12, 1)}})
    spoil(folder)
    with pytest.raises(InputError, match=message) as caught:
        read_run("a", folder)
    assert str(folder) in str(caught.value)


def _alter(name: str) -> Any:
    def change(folder: Path) -> None:
        path = folder / name
        listed = [{"name": name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}]
        _manifest(outputs=listed)(folder)
        read_run("a", folder)
        frame = pl.read_parquet(path) if name.endswith("parquet") else pl.read_csv(path)
        frame = frame.with_columns(frame.to_series(0)).reverse()
        frame.write_parquet(path) if name.endswith("parquet") else frame.write_csv(path)

    return change


@pytest.mark.parametrize("name", ["replicability_map.csv", "average_precision.parquet"])
def test_a_table_that_was_changed_after_it_was_written_is_refused(tmp_path: Path, name: str):
    folder = make_result(tmp_path / "a", {"replicability": {SHORT: random_groups(12, 1)}})
    _alter(name)(folder)
    with pytest.raises(InputError, match=rf"{name}' was changed after it was written"):
        read_run("a", folder)


@pytest.mark.slow
def test_a_real_result_is_read_and_its_comparison_written(tmp_path: Path):
    tasks = ("replicability", "matching")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CpjumpResult, "draw", lambda self, path: None)
        result = execute(CPJUMP, Options(simulated_features=40, limit_plates=4, tasks=tasks), tmp_path / "real")
    read = read_run("real", tmp_path / "real")
    assert read.simulated
    assert len(read.tables) == 2
    for task in tasks:
        frame = result.maps[f"{task}_map"]
        own = read.groups.filter(task=task)
        assert own["map"].to_list() == frame.sort("Description", pl.nth(0))["mean_average_precision"].to_list()
        assert own["above_chance"].null_count() == 0
    both = tuple(f"{name}={tmp_path / 'real'}" for name in ("one", "two"))
    execute(COMPARE, CompareOptions(results=both, bootstrap=400, figures=False), tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"verdict.csv", "comparison.csv", "fractions.csv", "gained_lost.csv", "manifest.json"}
    table = pl.read_csv(tmp_path / "out" / "comparison.csv")
    assert table["simulated"].all()
    assert table["difference"].abs().max() == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["simulated"] is True
    assert manifest["baseline"] == "one"
    fractions = pl.read_csv(tmp_path / "out" / "fractions.csv").filter(pl.col("Description") != "all")
    assert fractions["one_fr"].to_list() == pytest.approx(
        [result.fractions[f"{task}_fr"]["fr"].item() for task in tasks]
    )
