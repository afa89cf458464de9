"""What the presets keep of the published scripts, what they correct, and the rules of the gate."""

import math

import numpy as np
import polars as pl
import pytest

FLOOR = 1 / 100_001


def test_lonely_queries_are_retrieved_only_under_paper(benchmark_of):
    """One compound plate: 292 perturbations have one well, no replicate, and so no average precision."""
    paper = benchmark_of(preset="paper", limit_plates=1, tasks=("replicability",))
    groups = paper.maps["replicability_map"]
    without_positives = groups.filter(pl.col("mean_average_precision").is_null())
    assert (groups.height, without_positives.height) == (306, 292)
    assert without_positives["above_q_threshold"].all()
    assert without_positives["nlog10pvalue"].to_list() == pytest.approx([5.000004342923105] * 292, abs=1e-14)
    stable = benchmark_of(preset="stable", limit_plates=1, tasks=("replicability",))
    groups = stable.maps["replicability_map"]
    assert groups.height == 14
    assert groups["mean_average_precision"].is_not_null().all()
    row = stable.report.row(0, named=True)
    assert (row["queries_without_positives"], row["groups_not_scored"], row["queries"]) == (292, 292, 320)
    assert stable.average_precision["p_value"].null_count() == 292
    assert stable.dropped()["queries_without_positives"] == 292


def test_positives_are_their_own_negatives_only_under_paper(benchmark_of):
    results = {preset: benchmark_of(preset=preset, gate="none") for preset in ("paper", "stable")}
    keys = ["Description", "Metadata_broad_sample", "Metadata_modality", "Metadata_matching_target"]
    paper, stable = (r.average_precision.filter(task="gene_compound_matching").sort(keys) for r in results.values())
    assert paper.select(keys).equals(stable.select(keys))
    extra = paper["n_total_pairs"] - stable["n_total_pairs"]
    # the positives of the query under all its labels are back among its negatives
    own = stable.group_by("Description", "Metadata_broad_sample").agg(pl.col("n_pos_pairs").sum().alias("own"))
    joined = stable.join(own, on=["Description", "Metadata_broad_sample"], how="left", maintain_order="left")
    assert extra.equals(joined["own"].alias(extra.name).cast(extra.dtype))
    gap = stable["average_precision"] - paper["average_precision"]
    assert gap.min() >= 0
    assert gap.max() > 0.001
    reports = {preset: r.report.filter(task="gene_compound_matching") for preset, r in results.items()}
    assert (reports["paper"]["tied_queries"] == reports["paper"]["queries"]).all()
    assert reports["stable"]["tied_queries"].sum() == 0
    assert any("true compound-gene pair" in line for line in results["stable"].plan.options.rules.corrections)
    assert not any("true compound-gene pair" in line for line in results["paper"].plan.options.rules.corrections)


def test_other_tasks_do_not_differ_between_paper_and_stable(benchmark_of):
    paper, stable = (benchmark_of(preset=preset, gate="none") for preset in ("paper", "stable"))
    for name in ("replicability_map", "matching_map"):
        assert paper.maps[name].equals(stable.maps[name])


def test_gates(benchmark_of):
    def account(preset, description):
        report = benchmark_of(preset=preset, cells=("A549",), timelines=("short",), simulated_features=200).report
        return report.filter(task="matching", Description=description).row(0, named=True)

    for preset in ("stable", "cellclip"):
        result = benchmark_of(preset=preset, cells=("A549",), timelines=("short",), simulated_features=200)
        row = account(preset, "compound_A549_short")
        passed = (
            result.maps["replicability_map"]
            .filter(pl.col("Description") == "compound_A549_short")["above_q_threshold"]
            .sum()
        )
        assert 0 < passed < 306
        assert row["dropped_by_gate"] == 306 - passed
        assert row["profiles"] == passed
    assert account("stable", "crispr_A549_short")["dropped_by_gate"] > 0
    cellclip = account("cellclip", "crispr_A549_short")
    assert cellclip["dropped_by_gate"] is None
    assert (cellclip["profiles"], cellclip["dropped_no_sister_guide"]) == (290, 15)


def test_p_values_have_the_floor_and_the_strict_tail(benchmark_of):
    rows = benchmark_of(gate="none").average_precision.filter(task="replicability", n_pos_pairs=3, n_total_pairs=67)
    best = rows.filter(pl.col("average_precision") == 1)
    assert best.height > 0
    assert best["p_value"].to_numpy() == pytest.approx(FLOOR, rel=1e-12)
    # the second best ranking, 1 2 4: one of C(67, 3) arrangements is better
    second = rows.filter((pl.col("average_precision") - (1 + 1 + 3 / 4) / 3).abs() < 1e-9)
    expected = (1 + 100_000 / math.comb(67, 3)) / 100_001
    assert second["p_value"].to_numpy() == pytest.approx(expected, rel=1e-9)


def test_group_statistic_is_the_mean_of_logarithms(benchmark_of):
    result = benchmark_of(gate="none")
    one = result.average_precision.filter(task="matching", Description="compound_U2OS_long")
    groups = result.maps["matching_map"].filter(pl.col("Description") == "compound_U2OS_long")
    name = groups["Metadata_matching_target"][7]
    rows = one.filter(Metadata_matching_target=name)
    group = groups.filter(Metadata_matching_target=name).row(0, named=True)
    assert group["nlog10pvalue"] == pytest.approx(-np.log10(rows["p_value"].to_numpy()).mean())
    assert group["mean_average_precision"] == pytest.approx(rows["average_precision"].mean())
    # Benjamini-Hochberg, written out
    p = 10 ** -groups["nlog10pvalue"].to_numpy()
    order = np.argsort(p)[::-1]
    q = np.minimum.accumulate(p[order] * len(p) / np.arange(len(p), 0, -1))
    assert groups["q_value"].to_numpy()[order] == pytest.approx(np.minimum(q, 1))
    assert (groups["above_q_threshold"] == (groups["q_value"] < 0.05)).all()


def test_exact_p_values(benchmark_of):
    result = benchmark_of(p_values="exact", cells=("U2OS",), timelines=("short",), gate="none")
    groups = result.maps["replicability_map"].filter(Modality="orf")
    assert groups["q_value"].max() <= 1
    assert (groups["above_q_threshold"] == (groups["q_value"] < 0.05)).all()
    # four wells with the best of all rankings: one arrangement of C(63, 3)
    best = groups.filter(pl.col("mean_average_precision") == 1)
    if best.height:
        assert best["nlog10pvalue"].to_numpy() == pytest.approx(np.log10(math.comb(63, 3)))
    assert result.fr_tables()["replicability"]["published"].null_count() == len(result.fr_tables()["replicability"])
    assert "exact" in result.statistic
