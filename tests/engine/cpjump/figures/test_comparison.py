"""Figures of compared runs: they say what is drawn, with two and with many runs, and equal data give equal files."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fastbench.engine.cpjump.compare.comparison import Comparison, compare_runs
from fastbench.engine.cpjump.compare.options import CompareOptions
from fastbench.engine.cpjump.compare.runs import read_run
from fastbench.engine.cpjump.figures.comparison import draw_gained_lost, draw_overview
from fastbench.engine.cpjump.names import RETRIEVED

from ...figures.pictures import no_pixels, png_size, words
from ..compare.made_results import LONG, SHORT, groups, make_result, random_groups


def compared(folder: Path, names: Sequence[str], *, cross: bool = False, **options: Any) -> Comparison:
    runs = []
    for seed, name in enumerate(names):
        tasks: dict[str, Any] = {
            "replicability": {SHORT: random_groups(40, seed, shift=seed), LONG: random_groups(40, seed)}
        }
        if cross:
            few = groups([0.9, 0.2, 0.1 * seed], [True, True, seed > 0], total=21)
            key = (*SHORT, "orf", "short")
            tasks["gene_compound_matching"] = {key: few, (*SHORT, "crispr", "long"): random_groups(30, seed)}
        runs.append(read_run(name, make_result(folder / f"run{seed}", tasks, simulated=seed == 1)))
    return compare_runs(runs, CompareOptions(bootstrap=200, **options))


def draw(found: Comparison, folder: Path, *, pixels: bool = False) -> list[Path]:
    """Draw both pages; the pixels of PNG files only where they are looked at."""
    paths = [folder / f"{name}.{ending}" for name in ("overview", "changes") for ending in ("png", "svg")]
    with warnings.catch_warnings(), nullcontext() if pixels else no_pixels():
        warnings.simplefilter("error")  # a page too small for its plots
        draw_overview(
            found.fractions,
            found.pairs,
            found.runs,
            paths[0],
            paths[1],
            by_run=found.by_run,
            subtitle=found.words,
            simulated=found.simulated,
        )
        draw_gained_lost(
            found.fractions, found.pairs, found.runs, paths[2], paths[3], subtitle="McNemar", simulated=found.simulated
        )
    return paths


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Comparison, list[Path]]:
    """Two runs of both tasks with published fractions, drawn."""
    folder = tmp_path_factory.mktemp("whole")
    found = compared(folder, ["CellProfiler", "DINO $2"], cross=True, published=True)
    return found, draw(found, folder, pixels=True)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Comparison, list[Path]]:
    """Two runs of one task, drawn."""
    folder = tmp_path_factory.mktemp("plain")
    found = compared(folder, ["a", "b"])
    return found, draw(found, folder)


def test_overview_says_runs_tasks_configurations_and_significance(whole: tuple[Comparison, list[Path]]):
    _, overview, _, changes = whole[1]
    text = words(overview)
    for said in (
        "2 runs side by side: which is better, and where?",
        "SIMULATED FEATURES",
        "CellProfiler (baseline)",
        "DINO $2",
        "published CellProfiler (real features)",
        "Replicability",
        "Gene-compound matching",
        "all configurations",
        "compound A549 short",
        "compound A549 long",
        "A549 compound short – orf short",
        "swaps the runs by cluster (200 draws, seed 0)",
        "q < 0.05: filled, in the colour of its run",
        "not significant",
        "← worse    difference of mAP    better →",
        "Hollow fraction: of fewer than 10 groups",
        "Without a line: no interval",
    ):
        assert said in text, said
    text = words(changes)
    for said in (
        "Groups retrieved in one run and not in CellProfiler",
        "DINO $2",
        "gained",
        "lost",
        "McNemar",
        "pale: not significant (q ≥ 0.05)",
    ):
        assert said in text, said
    assert "all configurations" not in text


def test_counts_of_gained_and_lost_stand_at_the_bars(plain: tuple[Comparison, list[Path]]):
    found, (_, _, _, changes) = plain
    text = words(changes).splitlines()
    tested = found.pairs.filter(pl.col("Description") != "all", metric=RETRIEVED)
    assert len(tested) == 2
    for column in ("retrieved_only_a", "retrieved_only_b"):
        assert all(str(count) in text for count in tested[column])


def test_what_is_not_there_is_not_explained(plain: tuple[Comparison, list[Path]]):
    text = words(plain[1][1])
    for said in ("published", "Hollow fraction", "Without a line", "Gene-compound matching", "axis ends"):
        assert said not in text
    assert "McNemar" not in text


@pytest.mark.parametrize("n", [2, 8])
def test_pages_grow_with_the_runs_and_long_names_are_cut(tmp_path: Path, n: int):
    names = [f"run_{i}_of_a_feature_set_with_a_very_long_name_number_{i}" for i in range(n)]
    found = compared(tmp_path, names, cross=True)
    png, svg, other, _ = draw(found, tmp_path, pixels=n == 2)
    assert png_size(png)[0] == png_size(other)[0] == 1950
    assert 900 < png_size(png)[1] < 3000
    assert names[1] not in words(svg)
    assert "run_1_of" in words(svg)


def test_equal_results_give_equal_files(whole: tuple[Comparison, list[Path]], tmp_path: Path):
    found, drawn = whole
    for first, second in zip(drawn, draw(found, tmp_path, pixels=True), strict=True):
        assert first.read_bytes() == second.read_bytes()


def test_pages_without_intervals_are_drawn(tmp_path: Path):
    runs = []
    for seed, name in enumerate("ab"):
        few = groups([0.5, 0.1 * seed], [True, False])
        runs.append(read_run(name, make_result(tmp_path / name, {"replicability": {SHORT: few}})))
    found = compare_runs(runs, CompareOptions(bootstrap=0))
    text = words(draw(found, tmp_path)[1])
    assert "no intervals were computed" in text
