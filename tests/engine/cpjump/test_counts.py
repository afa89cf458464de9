"""The size of the benchmark on the real metadata, to the last pair, as planned and as scored."""

import polars as pl
import pytest

from fastbench.engine.cpjump import Options, plan

# profiles, queries, positive pairs, negative pairs
REPLICABILITY = {
    "compound": (1536, 1280, 2144, 81920),
    "crispr": (1520, 1280, 2160, 76800),
    "orf": (760, 640, 960, 38400),
}
GROUPS = {"compound": 306, "crispr": 305, "orf": 160}


@pytest.fixture(scope="module")
def ungated(benchmark_of):
    return benchmark_of(gate="none")


def test_filters_leave_40_of_51_plates():
    experiments = plan(Options()).experiments
    assert (experiments.n_table, len(experiments.plates)) == (51, 40)
    assert experiments.dropped == {
        "density is not 100": 4,
        "antibiotics": 3,
        "compounds on Cas9 cells": 4,
    }
    sizes = {name: len(plates) for name, plates in experiments.configurations().items()}
    assert len(sizes) == 12
    assert all(size == (2 if name.startswith("orf") else 4) for name, size in sizes.items())
    hours = {plate.description.split("_", 1)[0] + plate.time: plate.hours for plate in experiments.plates}
    assert hours == {
        "compoundshort": 24,
        "compoundlong": 48,
        "crisprshort": 96,
        "crisprlong": 144,
        "orfshort": 48,
        "orflong": 96,
    }


def test_order_of_runs():
    runs = [run for run in plan(Options()).runs if run.task == "gene_compound_matching"]
    assert [run.description for run in runs[:5]] == [
        "compound_A549_short-crispr_A549_long",
        "compound_A549_short-crispr_A549_short",
        "compound_A549_short-orf_A549_long",
        "compound_A549_short-orf_A549_short",
        "compound_A549_long-crispr_A549_long",
    ]
    assert [run.description.split("-")[1] for run in runs[8:12]] == [
        "crispr_U2OS_long",
        "crispr_U2OS_short",
        "orf_U2OS_short",
        "orf_U2OS_long",
    ]
    assert len(runs) == 16
    assert len(plan(Options()).runs) == 12 + 8 + 16


def test_replicability_counts(ungated):
    report = ungated.report.filter(task="replicability")
    assert report.height == 12
    for row in report.iter_rows(named=True):
        modality = row["Description"].split("_")[0]
        found = (row["wells"], row["queries"], row["positive_pairs"], row["negative_pairs"])
        assert found == REPLICABILITY[modality]
        assert row["groups"] == GROUPS[modality]
        assert row["wells_read"] == row["wells"] + row["wells_empty"]
        assert row["wells_named_dmso"] == (64 * row["plates"] if modality == "compound" else 0)
    totals = report.select("wells", "queries", "negative_pairs", "groups").sum().row(0)
    assert totals == (15_264, 12_800, 788_480, 3_084)
    assert len(ungated.maps["replicability_map"]) == 3_084


def test_matching_counts(ungated):
    report = ungated.report.filter(task="matching")
    assert report.height == 8
    for row in report.iter_rows(named=True):
        found = [row[n] for n in ("profiles", "labels", "groups", "queries", "positive_pairs", "negative_pairs")]
        if row["Description"].startswith("compound"):
            assert found == [306, 758, 421, 1254, 1665, 45888]
            assert row["labels_with_one_carrier"] == 758 - 421
        else:
            assert found == [290, 145, 145, 290, 145, 41760]
            assert row["dropped_no_sister_guide"] == 15


def test_shapes_and_distinct_pairs_of_compound_matching(ungated):
    rows = ungated.average_precision.filter(task="matching", Description="compound_A549_long")
    negatives = pl.col("n_total_pairs") - pl.col("n_pos_pairs")
    assert rows.select("n_pos_pairs", negatives.alias("negatives")).n_unique() == 154
    # all pairs of compounds but the 777 that share a target
    assert 306 * 305 // 2 - 777 == 45_888
    shapes = ungated.average_precision.filter(task="replicability").select("n_pos_pairs", "n_total_pairs").unique()
    assert set(shapes.rows()) == {(3, 67), (7, 71), (3, 63), (7, 67)}


@pytest.mark.parametrize(("preset", "crispr", "orf"), [("stable", 92_437, 48_494), ("paper", 93_330, 48_960)])
def test_gene_compound_counts(benchmark_of, preset, crispr, orf):
    """The published rule takes every true pair for a negative too; the corrected one takes none."""
    report = benchmark_of(gate="none", preset=preset).report.filter(task="gene_compound_matching")
    assert report.height == 16
    for row in report.iter_rows(named=True):
        found = [row[n] for n in ("queries", "groups", "positive_pairs", "negative_pairs")]
        assert found == ([771, 160, 893, crispr] if "crispr" in row["Description"] else [626, 160, 466, orf])


@pytest.mark.parametrize("preset", ["stable", "paper"])
def test_plan_counts_what_is_scored(benchmark_of, preset):
    result = benchmark_of(gate="none", preset=preset)
    columns = ["task", "Description", "profiles", "queries", "groups", "positive_pairs", "negative_pairs"]
    assert result.plan.frame().select(columns).equals(result.report.select(columns))


def test_plan_of_part_of_the_plates_counts_what_is_scored(benchmark_of):
    result = benchmark_of(gate="none", limit_plates=3)
    columns = ["profiles", "positive_pairs", "negative_pairs"]
    assert result.plan.frame().select(columns).equals(result.report.select(columns))


def test_plan_states_its_cost():
    cost = plan(Options()).cost()
    assert (cost["runs"], cost["plates"]) == (36, 40)
    assert 0 < cost["seconds"] < 60
    gated_only = plan(Options(tasks=("matching",), cells=("U2OS",))).frame()
    assert gated_only.filter(task="replicability")["reported"].to_list() == [False] * 4
    assert "replicability" not in plan(Options(tasks=("matching",), gate="none")).frame()["task"]
