"""The figures of a benchmark run: equal data give equal files, and what is not drawn is said."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fastbench.engine.cpjump.figures.benchmark import draw_cpjump
from fastbench.engine.errors import InputError
from tests.engine.figures.pictures import no_pixels, png_size, words

SUBTITLE = "exact p, Benjamini-Hochberg"
ALL = [
    "replicability_fr_barplot",
    "replicability_fr_faceted",
    "replicability_map_boxplot",
    "matching_fr_barplot",
    "matching_fr_faceted",
    "matching_map_boxplot",
    "gene_compound_matching_fr_barplot",
]


HOURS = {"compound": (24, 48), "crispr": (96, 144), "orf": (48, 96)}


def sample_tables() -> dict[str, pl.DataFrame]:
    rng = np.random.default_rng(5)
    tables = {}
    for task, modalities in (("replicability", ["compound", "crispr", "orf"]), ("matching", ["compound", "crispr"])):
        keys = [
            {"Modality": modality, "Cell": cell, "time": time, "timepoint": HOURS[modality][time == "long"]}
            for modality in modalities
            for cell in ("A549", "U2OS")
            for time in ("short", "long")
        ]
        tables[f"{task}_fr"] = pl.DataFrame([{**key, "fr": rng.random(), "published": 0.5} for key in keys])
        tables[f"{task}_map"] = pl.DataFrame([{**k, "mean_average_precision": rng.random()} for k in keys * 7])
    tables["gene_compound_matching_map"] = pl.DataFrame(
        {"Modality1": ["compound"], "time1": ["short"], "Modality2": ["orf"], "time2": ["long"], "Cell": ["A549"]}
    ).with_columns(mean_average_precision=0.1)
    tables["gene_compound_matching_fr"] = pl.DataFrame(
        [
            {
                "Modality1": "compound",
                "Modality2": two,
                "Cell": cell,
                "time1": t1,
                "time2": t2,
                "fr": 0.04 * rng.random(),
            }
            for two in ("crispr", "orf")
            for cell in ("A549", "U2OS")
            for t1 in ("short", "long")
            for t2 in ("short", "long")
        ]
    )
    return tables


Draw = Callable[..., tuple[list[str], Path]]


@pytest.fixture(scope="module")
def draw(tmp_path_factory: pytest.TempPathFactory) -> Draw:
    """Draw into a folder of its own; the pixels of PNG files only where they are looked at."""

    def run(
        frames: dict[str, pl.DataFrame], *, simulated: bool = False, pixels: bool = False
    ) -> tuple[list[str], Path]:
        root = tmp_path_factory.mktemp("drawn")
        (root / "figures").mkdir()
        with nullcontext() if pixels else no_pixels():
            written = draw_cpjump(frames, lambda name: root / name, simulated=simulated, subtitle=SUBTITLE)
        assert sorted(written) == sorted(str(path.relative_to(root)) for path in root.rglob("*.*"))
        return written, root

    return run


@pytest.fixture(scope="module")
def all_drawn(draw: Draw) -> tuple[list[str], Path]:
    return draw(sample_tables(), pixels=True)


def test_all_seven_figures_are_drawn_alike_on_every_run(draw: Draw, all_drawn: tuple[list[str], Path]) -> None:
    written, one = all_drawn
    assert written == [f"figures/{name}.{kind}" for name in ALL for kind in ("png", "svg")]
    _, two = draw({name: frame.reverse() for name, frame in sample_tables().items()}, pixels=True)
    for name in written:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name
        if name.endswith(".png"):
            width, height = png_size(one / name)
            assert 1000 <= width <= 1800
            assert 500 <= height <= 1600
        else:
            text = words(one / name)
            assert SUBTITLE in text
            assert "SIMULATED" not in text


def test_simulated_features_are_marked_on_every_figure(draw: Draw) -> None:
    written, root = draw(sample_tables(), simulated=True)
    drawings = [words(root / name) for name in written if name.endswith(".svg")]
    assert len(drawings) == 7
    assert all("SIMULATED FEATURES" in text for text in drawings)
    assert sum("published CellProfiler (real features)" in text for text in drawings) == 4


def test_bars_show_values_published_markers_and_hours(draw: Draw, all_drawn: tuple[list[str], Path]) -> None:
    table = sample_tables()["replicability_fr"]
    _, root = all_drawn
    text = words(root / "figures/replicability_fr_barplot.svg")
    lines = text.splitlines()
    for value in table["fr"]:
        assert f"{value:.3f}" in lines
    assert "fraction retrieved (q < 0.05)" in lines
    assert "published CellProfiler" in lines
    assert "long (144 h)" in text
    _, plain = draw({"replicability_fr": table.drop("published", "timepoint")})
    text = words(plain / "figures/replicability_fr_barplot.svg")
    assert "published" not in text
    assert " h)" not in text


def test_absent_and_empty_tables_are_skipped(draw: Draw) -> None:
    tables = sample_tables()
    assert draw({})[0] == []
    assert draw({name: frame.clear() for name, frame in tables.items()})[0] == []
    assert draw({"gene_compound_matching_map": tables["gene_compound_matching_map"]})[0] == []
    written, _ = draw({"matching_map": tables["matching_map"], "matching_fr": tables["matching_fr"].clear()})
    assert written == ["figures/matching_map_boxplot.png", "figures/matching_map_boxplot.svg"]


def test_fractions_without_a_value_are_marked(draw: Draw) -> None:
    value = pl.when(pl.col("Modality") == "crispr").then(float("nan")).when(pl.col("Cell") == "U2OS").then("fr")
    _, root = draw({"matching_fr": sample_tables()["matching_fr"].with_columns(fr=value)})
    for kind in ("barplot", "faceted"):
        lines = words(root / f"figures/matching_fr_{kind}.svg").splitlines()
        assert lines.count("n/a") == 6
        assert "n/a: no group was scored." in lines


def test_boxes_leave_out_missing_map_and_say_so(draw: Draw) -> None:
    table = sample_tables()["matching_map"]
    assert table.height == 56
    gone = pl.int_range(pl.len()) < 3
    value = pl.when(gone).then(float("nan")).otherwise("mean_average_precision")
    _, root = draw({"matching_map": table.with_columns(mean_average_precision=value)})
    lines = words(root / "figures/matching_map_boxplot.svg").splitlines()
    assert (lines.count("n = 6"), lines.count("n = 7")) == (3, 5)
    assert any(line.endswith("Without an mAP and left out: 3.") for line in lines)
    _, root = draw({"matching_map": table.with_columns(mean_average_precision=pl.lit(None, pl.Float64))})
    assert "left out: 56." in words(root / "figures/matching_map_boxplot.svg")


def test_one_configuration_with_one_group_is_enough(draw: Draw) -> None:
    written, root = draw({name: frame.head(1) for name, frame in sample_tables().items()})
    assert len(written) == 14
    assert "n = 1" in words(root / "figures/matching_map_boxplot.svg")


@pytest.mark.parametrize(("top", "end"), [(0.03, "0.1"), (0.4, "0.46"), (1.0, None)])
def test_gene_compound_axis_says_where_it_ends(draw: Draw, top: float, end: str | None) -> None:
    _, root = draw({"gene_compound_matching_fr": sample_tables()["gene_compound_matching_fr"].with_columns(fr=top)})
    text = words(root / "figures/gene_compound_matching_fr_barplot.svg")
    assert "vs crispr long" in text
    if end is None:
        assert "axis ends" not in text
    else:
        assert f"the axis ends at {end}, not at 1" in text


def test_a_cell_keeps_its_colour_when_it_is_alone(draw: Draw) -> None:
    tables = sample_tables()
    alone = tables["matching_fr"].filter(pl.col("Cell") == "U2OS")
    _, root = draw({"replicability_fr": tables["replicability_fr"], "matching_fr": alone})
    drawing = (root / "figures/matching_fr_barplot.svg").read_text().lower()
    assert "#e69f00" in drawing
    assert "#0072b2" not in drawing


def test_wrong_tables_are_refused(draw: Draw) -> None:
    table = sample_tables()["matching_fr"]
    with pytest.raises(InputError, match="matching_fr cannot be drawn: it has no column 'time'"):
        draw({"matching_fr": table.drop("time")})
    with pytest.raises(InputError, match=r"more than one fraction for .'compound', 'short', 'A549'"):
        draw({"matching_fr": pl.concat([table, table.head(1)])})
