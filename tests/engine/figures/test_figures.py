"""Figures: files are made, equal data give equal files, and what is not drawn is said."""

from __future__ import annotations

import html
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fastbench.engine.cpjump.figures.benchmark import draw_cpjump
from fastbench.engine.errors import InputError
from fastbench.engine.map.figures import draw_map

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


def png_size(path: Path) -> tuple[int, int]:
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def words(path: Path) -> str:
    """Texts of an SVG; letters are drawn as shapes, and each text stands in a comment beside them."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return html.unescape("\n".join(line.strip()[5:-4] for line in lines if line.strip().startswith("<!-- ")))


def groups(n: int, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    precision = rng.beta(1.2, 2.5, n)
    p_value = 10 ** (-8 * precision * rng.uniform(0.5, 1.2, n))
    return pl.DataFrame(
        {
            "Metadata_broad_sample": [f"BRD-{i:05d}" for i in range(n)],
            "mean_average_precision": precision,
            "p_value": p_value,
            "corrected_p_value": p_value,
            "below_corrected_p": p_value < 0.05,
        }
    )


def map_figure(frame: pl.DataFrame, folder: Path, label: str = "Metadata_broad_sample") -> tuple[Path, Path]:
    folder.mkdir(exist_ok=True)
    png, svg = folder / "map.png", folder / "map.svg"
    draw_map(frame, label, png, svg, threshold=0.05, subtitle=SUBTITLE)
    return png, svg


@pytest.mark.parametrize("n", [1, 40])
def test_map_figure_states_count_share_and_statistic(tmp_path: Path, n: int) -> None:
    frame = groups(n)
    png, svg = map_figure(frame, tmp_path)
    k = int(frame["below_corrected_p"].sum())
    assert k > 0
    width, height = png_size(png)
    assert width == 1500
    assert 900 < height < 1400
    text = words(svg)
    assert f"mAP: {k} of {n} group{'s' if n > 1 else ''} significant ({100 * k / n:.1f} %)" in text
    assert f"significant (corrected p < 0.05): {k}" in text
    assert f"not significant: {n - k}" in text
    assert SUBTITLE in text
    assert "dashed line" not in text


def test_map_figure_names_the_group_with_the_smallest_p(tmp_path: Path) -> None:
    frame = groups(60).with_columns(p_value=pl.col("p_value").clip(1e-7))
    best = pl.DataFrame(
        {
            "Metadata_broad_sample": ["costs $1 or $2"],
            "mean_average_precision": [0.6],
            "p_value": [1e-12],
            "corrected_p_value": [1e-11],
            "below_corrected_p": [True],
        }
    )
    _, svg = map_figure(pl.concat([frame, best]), tmp_path)
    names = [line for line in words(svg).splitlines() if line.startswith(("BRD-", "costs"))]
    assert "costs $1 or $2" in names
    assert 1 < len(names) <= 8
    significant = frame.filter("below_corrected_p")["Metadata_broad_sample"].to_list()
    assert set(names) <= {*significant, "costs $1 or $2"}


def test_map_figure_is_the_same_for_any_row_order_and_on_every_run(tmp_path: Path) -> None:
    frame = groups(200).with_columns(p_value=pl.col("p_value").clip(1e-4))  # many ties
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=3)
    assert not shuffled.equals(frame)
    for first, second in zip(map_figure(frame, tmp_path / "a"), map_figure(shuffled, tmp_path / "b"), strict=True):
        assert first.read_bytes() == second.read_bytes()


def test_map_figure_caps_tiny_p_values_and_counts_them(tmp_path: Path) -> None:
    tiny = groups(10).with_columns(p_value=pl.Series([0.0, 1e-300, 1e-16, 1e-15, *[0.5] * 6]))
    assert "3 groups with p ≤ 1e-16 (p = 0 included): on the dashed line." in words(map_figure(tiny, tmp_path)[1])


@pytest.mark.parametrize(("next_p", "line"), [(1e-3, "1e-8"), (1.0, "1e-8"), (1e-11, "1e-12")])
def test_map_figure_caps_zero_above_the_other_points(tmp_path: Path, next_p: float, line: str) -> None:
    """Just above them, but never so low that zero would read as a middling p."""
    zero = groups(4).with_columns(p_value=pl.Series([0.0, next_p, 0.5, 1.0]))
    assert f"1 group with p ≤ {line} (p = 0 included): on the dashed line." in words(map_figure(zero, tmp_path)[1])


@pytest.mark.parametrize("scored", [0, 5])
def test_map_figure_counts_groups_without_a_value(tmp_path: Path, scored: int) -> None:
    missing = pl.when(pl.int_range(pl.len()) < scored).then("mean_average_precision").otherwise(float("nan"))
    png, svg = map_figure(groups(8).with_columns(mean_average_precision=missing), tmp_path)
    png_size(png)
    text = words(svg)
    assert f"{8 - scored} groups without an mAP or p value: not drawn." in text
    assert ("no group has an mAP and a p value" in text) == (scored == 0)
    assert (f"of {scored} groups" in text) == (scored > 0)


def test_many_groups_are_one_picture_inside_the_svg(tmp_path: Path) -> None:
    _, few = map_figure(groups(500), tmp_path / "few")
    png, many = map_figure(groups(10_000), tmp_path / "many")
    png_size(png)
    assert "data:image/png" not in few.read_text()
    assert "data:image/png" in many.read_text()
    assert many.stat().st_size < 1_000_000


def test_map_figure_without_its_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'p_value', 'gene'"):
        map_figure(groups(3).drop("p_value"), tmp_path, label="gene")


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


@pytest.fixture
def draw(tmp_path: Path) -> Callable[..., tuple[list[str], Path]]:
    runs = iter(range(10))

    def run(frames: dict[str, pl.DataFrame], *, simulated: bool = False) -> tuple[list[str], Path]:
        root = tmp_path / str(next(runs))
        (root / "figures").mkdir(parents=True)
        written = draw_cpjump(frames, lambda name: root / name, simulated=simulated, subtitle=SUBTITLE)
        assert sorted(written) == sorted(str(path.relative_to(root)) for path in root.rglob("*.*"))
        return written, root

    return run


def test_all_seven_figures_are_drawn_alike_on_every_run(draw: Callable[..., tuple[list[str], Path]]) -> None:
    tables = sample_tables()
    written, one = draw(tables)
    assert written == [f"figures/{name}.{kind}" for name in ALL for kind in ("png", "svg")]
    _, two = draw({name: frame.reverse() for name, frame in tables.items()})
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


def test_simulated_features_are_marked_on_every_figure(draw: Callable[..., tuple[list[str], Path]]) -> None:
    written, root = draw(sample_tables(), simulated=True)
    drawings = [words(root / name) for name in written if name.endswith(".svg")]
    assert len(drawings) == 7
    assert all("SIMULATED FEATURES" in text for text in drawings)
    assert sum("published CellProfiler (real features)" in text for text in drawings) == 4


def test_bars_show_values_published_markers_and_hours(draw: Callable[..., tuple[list[str], Path]]) -> None:
    table = sample_tables()["replicability_fr"]
    _, root = draw({"replicability_fr": table})
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


def test_absent_and_empty_tables_are_skipped(draw: Callable[..., tuple[list[str], Path]]) -> None:
    tables = sample_tables()
    assert draw({})[0] == []
    assert draw({name: frame.clear() for name, frame in tables.items()})[0] == []
    assert draw({"gene_compound_matching_map": tables["gene_compound_matching_map"]})[0] == []
    written, _ = draw({"matching_map": tables["matching_map"], "matching_fr": tables["matching_fr"].clear()})
    assert written == ["figures/matching_map_boxplot.png", "figures/matching_map_boxplot.svg"]


def test_fractions_without_a_value_are_marked(draw: Callable[..., tuple[list[str], Path]]) -> None:
    value = pl.when(pl.col("Modality") == "crispr").then(float("nan")).when(pl.col("Cell") == "U2OS").then("fr")
    _, root = draw({"matching_fr": sample_tables()["matching_fr"].with_columns(fr=value)})
    for kind in ("barplot", "faceted"):
        lines = words(root / f"figures/matching_fr_{kind}.svg").splitlines()
        assert lines.count("n/a") == 6
        assert "n/a: no group was scored." in lines


def test_boxes_leave_out_missing_map_and_say_so(draw: Callable[..., tuple[list[str], Path]]) -> None:
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


def test_one_configuration_with_one_group_is_enough(draw: Callable[..., tuple[list[str], Path]]) -> None:
    written, root = draw({name: frame.head(1) for name, frame in sample_tables().items()})
    assert len(written) == 14
    assert "n = 1" in words(root / "figures/matching_map_boxplot.svg")


@pytest.mark.parametrize(("top", "end"), [(0.03, "0.1"), (0.4, "0.46"), (1.0, None)])
def test_gene_compound_axis_says_where_it_ends(
    draw: Callable[..., tuple[list[str], Path]], top: float, end: str | None
) -> None:
    _, root = draw({"gene_compound_matching_fr": sample_tables()["gene_compound_matching_fr"].with_columns(fr=top)})
    text = words(root / "figures/gene_compound_matching_fr_barplot.svg")
    assert "vs crispr long" in text
    if end is None:
        assert "axis ends" not in text
    else:
        assert f"the axis ends at {end}, not at 1" in text


def test_a_cell_keeps_its_colour_when_it_is_alone(draw: Callable[..., tuple[list[str], Path]]) -> None:
    tables = sample_tables()
    alone = tables["matching_fr"].filter(pl.col("Cell") == "U2OS")
    _, root = draw({"replicability_fr": tables["replicability_fr"], "matching_fr": alone})
    drawing = (root / "figures/matching_fr_barplot.svg").read_text().lower()
    assert "#e69f00" in drawing
    assert "#0072b2" not in drawing


def test_wrong_tables_are_refused(draw: Callable[..., tuple[list[str], Path]]) -> None:
    table = sample_tables()["matching_fr"]
    with pytest.raises(InputError, match="matching_fr cannot be drawn: it has no column 'time'"):
        draw({"matching_fr": table.drop("time")})
    with pytest.raises(InputError, match=r"more than one fraction for .'compound', 'short', 'A549'"):
        draw({"matching_fr": pl.concat([table, table.head(1)])})


def test_drawing_needs_no_pyplot_and_leaves_settings_alone(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
import fastbench.engine.cpjump.figures.benchmark, fastbench.engine.map.figures, fastbench.engine.figures.style
assert "matplotlib" not in sys.modules
import matplotlib, polars as pl
matplotlib.rcParams["font.size"] = 31
frame = pl.DataFrame({"g": ["a"], "mean_average_precision": [0.5], "p_value": [0.01], "below_corrected_p": [True]})
here = Path(sys.argv[1])
fastbench.engine.map.figures.draw_map(frame, "g", here / "a.png", here / "a.svg", threshold=0.05, subtitle="s")
assert "matplotlib.pyplot" not in sys.modules
assert matplotlib.rcParams["font.size"] == 31
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, env={**os.environ, "MPLBACKEND": "agg"})
    frame = pl.DataFrame({"g": ["a"], "mean_average_precision": [0.5], "p_value": [0.01], "below_corrected_p": [True]})
    here = tmp_path / "here.svg"
    draw_map(frame, "g", tmp_path / "here.png", here, threshold=0.05, subtitle="s")
    # Another process, with other settings of the user's, made the same file.
    assert here.read_bytes() == (tmp_path / "a.svg").read_bytes()
