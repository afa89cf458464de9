"""Groups lost at the gate: which they are, and that they count in the verdict, the tables and the figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fastbench.engine.cpjump.compare.comparison import Comparison, compare_runs
from fastbench.engine.cpjump.compare.options import CompareOptions
from fastbench.engine.cpjump.compare.runs import lost_at_gate, read_run
from fastbench.engine.cpjump.compare.verdict import verdict_of
from fastbench.engine.cpjump.figures.comparison import draw_gained_lost
from fastbench.engine.cpjump.names import COMMON, HEADLINE, RETRIEVED

from ..figures.test_comparison import words
from .made_results import LONG, SHORT, groups, make_result

N = 100
EVERY = groups([0.5] * N, [True] * N)


def two(folder: Path, *, measured: int = N, **options: Any) -> Comparison:
    """Compare a run that scored 35 of 100 targets and retrieved 2 with one that scored 100 and retrieved 24."""
    few = groups([0.6] * 35, [True] * 2 + [False] * 33)
    many = groups([0.6] * N, [True] * 24 + [False] * (N - 24))
    runs = [
        ("base", {"replicability": {SHORT: EVERY}, "matching": {SHORT: many}}),
        ("poor", {"replicability": {SHORT: EVERY[:measured]}, "matching": {SHORT: few}}),
    ]
    read = [read_run(name, make_result(folder / name, tasks, options=options)) for name, tasks in runs]
    return compare_runs(read, CompareOptions(bootstrap=2000))


def test_groups_lost_at_the_gate_count_in_the_verdict(tmp_path: Path):
    found = two(tmp_path)
    rows = {row["metric"]: row for row in found.pairs.filter(task="matching", Description="all").iter_rows(named=True)}
    assert rows["fraction_retrieved"]["value_a"] == pytest.approx(2 / 35)  # 0.057 beside 0.240, as reported
    assert rows["fraction_retrieved"]["value_b"] == pytest.approx(0.24)
    assert rows["fraction_retrieved"]["p_value"] is None
    assert rows["fraction_retrieved"]["status"] == "not tested: the runs have different groups"
    assert rows[COMMON]["difference"] == 0  # what both scored is equally good
    every = rows[RETRIEVED]
    assert (every["value_a"], every["value_b"], every["groups_compared"]) == (0.02, 0.24, N)
    assert (every["lost_at_gate_a"], every["lost_at_gate_b"]) == (65, 0)
    assert (every["retrieved_only_a"], every["retrieved_only_b"], every["only_b_at_gate"]) == (0, 22, 0)
    assert rows[HEADLINE]["value_a"] == pytest.approx(0.35 * rows[HEADLINE]["value_b"])
    assert rows[HEADLINE]["q_value"] < 0.05
    standing = found.standing.filter(task="matching", run="poor").row(0, named=True)
    assert standing["verdict"] == "worse"
    assert standing["fr_difference"] == pytest.approx(-0.22)
    assert (standing["gained"], standing["lost"], standing["lost_at_gate"]) == (0, 22, 65)
    assert standing["status"] == "tested"
    assert "65 were lost at a gate and count there as of chance AP and as not retrieved." in " ".join(found.notes)


def test_what_was_not_measured_is_no_loss(tmp_path: Path):
    found = two(tmp_path, measured=50)
    row = found.pairs.filter(task="matching", Description="all", metric=HEADLINE).row(0, named=True)
    assert (row["lost_at_gate_a"], row["groups_compared"]) == (15, 50)
    assert "15 were lost at a gate" in " ".join(found.notes)
    assert "50 were not measured in the other run and are left out." in " ".join(found.notes)


@pytest.mark.parametrize("options", [{"gate": "none"}, {"preset": "cellclip"}], ids=["none", "compounds alone"])
def test_without_a_gate_nothing_is_lost_at_it(tmp_path: Path, options: dict[str, str]):
    key = SHORT if "gate" in options else ("crispr", "A549", "short")
    runs = [
        read_run(name, make_result(tmp_path / name, {"matching": {key: EVERY[:n]}}, options=options))
        for name, n in (("base", N), ("poor", 40))
    ]
    assert lost_at_gate(runs[1], runs[0]).is_empty()
    found = compare_runs(runs, CompareOptions(bootstrap=100)).pairs.filter(Description="all", metric=HEADLINE)
    assert found["groups_compared"].item() == found["groups_common"].item() == 40


def test_where_nothing_passes_all_is_lost(tmp_path: Path):
    asked = {"tasks": ["replicability", "matching"]}
    good = {"replicability": {SHORT: EVERY, LONG: EVERY}, "matching": {SHORT: EVERY, LONG: EVERY}}
    poor = {"replicability": {SHORT: EVERY, LONG: EVERY}, "matching": {SHORT: EVERY}}
    runs = [
        read_run(name, make_result(tmp_path / name, tasks, options=asked))
        for name, tasks in (("good", good), ("poor", poor))
    ]
    lost = lost_at_gate(runs[1], runs[0])
    assert lost["Description"].unique().to_list() == ["compound_A549_long"]
    assert len(lost) == N
    found = compare_runs(runs, CompareOptions(bootstrap=500))
    row = found.pairs.filter(task="matching", Description="compound_A549_long", metric=RETRIEVED).row(0, named=True)
    assert (row["value_a"], row["value_b"], row["groups_a"], row["only_b_at_gate"]) == (0, 1, 0, N)
    assert found.gained_lost.filter(task="matching")["at_gate"].all()


def test_genes_and_compounds_are_looked_up_in_their_own_configurations(tmp_path: Path):
    key = (*SHORT, "crispr", "long")
    crispr = ("crispr", "A549", "long")
    runs = []
    for name, n, genes in (("base", 20, 20), ("poor", 8, 12)):
        half = EVERY[:10], EVERY[10:genes]
        tasks = {"replicability": {SHORT: half[0], crispr: half[1]}, "gene_compound_matching": {key: EVERY[:n]}}
        runs.append(read_run(name, make_result(tmp_path / name, tasks)))
    lost = lost_at_gate(runs[1], runs[0])
    assert lost["group"].to_list() == ["P008", "P009", "P010", "P011"]


@pytest.mark.slow
def test_the_figure_has_bars_for_matching_and_hatches_what_the_gate_took(tmp_path: Path):
    asked = {"tasks": ["replicability", "matching"]}
    poor = {"replicability": {SHORT: EVERY}, "matching": {SHORT: groups([0.5] * 30, [True] * 10 + [False] * 20)}}
    runs = [
        read_run(name, make_result(tmp_path / name, tasks, options=asked))
        for name, tasks in (("good", {"replicability": {SHORT: EVERY}, "matching": {SHORT: EVERY}}), ("poor", poor))
    ]
    found = compare_runs(runs, CompareOptions(bootstrap=500))
    paths = tmp_path / "changes.png", tmp_path / "changes.svg"
    draw_gained_lost(found.fractions, found.pairs, found.runs, *paths, subtitle="test")
    text = words(paths[1])
    assert "90" in text.splitlines()
    assert "lost at the gate of the other" in text


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((0.1, 0.01, -0.1, 0.01), "better"),
        ((-0.1, 0.01, 0.1, 0.01), "worse"),
        ((-0.1, 0.2, -0.1, 0.01), "retrieves fewer"),
        ((-0.1, None, 0.1, 0.01), "retrieves more"),
        ((0.1, 0.05, 0.1, 0.05), "no clear difference"),
        ((0.1, 0.3, 0.1, None), "no clear difference"),
        ((None, None, None, None), "not tested"),
    ],
)
def test_verdicts_name_the_difference_that_they_are_about(numbers: tuple[float | None, ...], said: str):
    assert verdict_of(*numbers) == said
