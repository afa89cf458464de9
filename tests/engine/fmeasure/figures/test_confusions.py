"""The figure of confusions: what is told of whom, where it stands, and that no text covers another."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.engine.errors import InputError
from fastbench.engine.fmeasure.figures import confusions as module
from fastbench.engine.fmeasure.figures.confusion_list import percent
from fastbench.engine.fmeasure.figures.confusions import draw_confusions
from fastbench.engine.fmeasure.figures.outline import Row, outline, ways_up

from ...figures.pictures import no_pixels, png_size, words

PARENTS = {
    "cell": [],
    "blood": ["cell"],
    "T": ["blood"],
    "ab": ["T"],
    "gd": ["T"],
    "cd4": ["ab"],
    "mono": ["blood", "phago"],
    "phago": ["cell"],
    "macro": ["phago"],
}
NAMES = {
    "blood": "blood cell",
    "T": "T cell",
    "ab": "alpha-beta T cell",
    "gd": "gamma-delta T cell",
    "cd4": "CD4-positive, alpha-beta T cell",
    "mono": "monocyte",
    "phago": "mononuclear phagocyte",
    "macro": "macrophage",
}
# truth, prediction, cells, relation, lowest common ancestor
FOUR: list[tuple[str, str | None, int, str | None, str | None]] = [
    ("cd4", "T", 40, "ancestor", "T"),
    ("mono", "macro", 30, "other", "phago"),
    ("ab", "cd4", 20, "descendant", "ab"),
    ("gd", None, 10, None, None),
]
LONG = [
    "naive thymus-derived CD4-positive, alpha-beta T cell of the human small intestine wall",
    "CD8-positive, CD28-negative, alpha-beta regulatory T cell of the lamina propria, human",
    "label_of_a_laboratory_that_is_written_with_underscores_and_never_seems_to_come_to_its_end",
    "CD14-low,CD16-positive,CD163-negative,HLA-DR-positive,CX3CR1-high-nonclassical-monocyte",
]


def tables(
    rows: Sequence[tuple[str, str | None, int, str | None, str | None]],
    names: Mapping[str, str] = NAMES,
    right: int = 100,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Tables as `fmeasure` makes them; each true class has `right` more cells."""
    support: dict[str, int] = {}
    for truth, _, cells, _, _ in rows:
        support[truth] = support.get(truth, right) + cells
    frame = pl.DataFrame(
        {
            "truth": [row[0] for row in rows],
            "truth_name": [names.get(row[0], row[0]) for row in rows],
            "predicted": [row[1] for row in rows],
            "predicted_name": [None if row[1] is None else names.get(row[1], row[1]) for row in rows],
            "cells": [row[2] for row in rows],
            "share_of_truth": [row[2] / support[row[0]] for row in rows],
            "relation": [row[3] for row in rows],
            "lowest_common_ancestor": [row[4] for row in rows],
        },
        schema={
            **dict.fromkeys(("truth", "truth_name", "predicted", "predicted_name"), pl.String),
            "cells": pl.Int64,
            "share_of_truth": pl.Float64,
            **dict.fromkeys(("relation", "lowest_common_ancestor"), pl.String),
        },
    )
    schema = {"label": pl.String, "support": pl.Int64, "tp": pl.Int64}
    return frame, pl.DataFrame([(label, n, right) for label, n in support.items()], schema=schema, orient="row")


Draw = Callable[..., list[str]]


@pytest.fixture
def draw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Draw:
    """Draw, see that all texts lie inside the page and on no other text, and return the lines of text.

    The pixels of the PNG are drawn where `pixels` says so.
    """

    def look(page: Any, path_png: Path, path_svg: Path) -> None:
        renderer = page.canvas.get_renderer()
        boxes = [
            (text.get_text(), text.get_window_extent(renderer))
            for text in itertools.chain(page.texts, *(axes.texts for axes in page.axes))
        ]
        width, height = page.canvas.get_width_height()
        for text, box in boxes:
            assert box.x0 >= 0, text
            assert box.y0 >= 0, text
            assert box.x1 <= width, text
            assert box.y1 <= height, text
        for (one, a), (other, b) in itertools.combinations(boxes, 2):
            apart = min(a.x1, b.x1) - max(a.x0, b.x0) < 2 or min(a.y1, b.y1) - max(a.y0, b.y0) < 2
            assert apart, (one, other)
        saved(page, path_png, path_svg)

    saved = module.save_page
    monkeypatch.setattr(module, "save_page", look)
    runs = itertools.count()

    def run(confusions: pl.DataFrame, classes: pl.DataFrame, *, pixels: bool = False, **options: Any) -> list[str]:
        folder = tmp_path / f"{next(runs)}"
        folder.mkdir()
        png, svg = folder / "c.png", folder / "c.svg"
        options = {"group": "model_a", "subtitle": "three samples", "parents": PARENTS, "names": NAMES} | options
        with nullcontext() if pixels else no_pixels():
            draw_confusions(confusions, classes, png, svg, **options)
        assert png_size(png)[0] == 1800
        return words(svg).splitlines()

    return run


def test_each_confusion_is_told_with_cells_share_kind_and_steps(draw: Draw) -> None:
    lines = draw(*tables(FOUR), pixels=True)
    assert "Confusions of model_a: 20 % of 500 cells" in lines
    assert "three samples" in lines
    for text in (
        "too general (ancestor)",
        "40 wrong cells, 40 %",
        "too specific (descendant)",
        "20 wrong cells, 20 %",
        "beside (another branch)",
        "30 wrong cells, 30 %",
        "10 wrong cells, 10 %",
    ):
        assert text in lines
    assert "rarer confusions" not in lines
    for text in ("2 up", "1 down", "1 up, 1 down", "29 %", "17 %", "9.1 %", "–"):
        assert text in lines
    assert lines.count("CD4-positive, alpha-beta T cell") == 3  # twice in the bars, once in the outline
    assert lines.count("no prediction") == 3  # in the legend, the bars and the outline
    assert not any("are not drawn" in line and "Drawn" in line for line in lines)
    assert "SIMULATED PREDICTIONS" not in lines
    assert "SIMULATED PREDICTIONS" in draw(*tables(FOUR), simulated=True)


def test_the_outline_has_terms_where_branches_meet_support_and_recall(draw: Draw) -> None:
    lines = draw(*tables(FOUR))
    at = lines.index("Where they lie in the ontology")
    below = lines[at:]
    for term in ("cell", "… T cell", "alpha-beta T cell", "mononuclear phagocyte", "macrophage", "monocyte"):
        assert term in below
    assert "blood cell" not in " ".join(below)  # nothing meets there
    assert "…: terms between are not drawn." in " ".join(below)
    assert "also under" not in " ".join(below)
    assert "140" in below
    assert "0.71" in below


def test_the_order_of_rows_and_parents_does_not_matter(tmp_path: Path) -> None:
    rows = [*FOUR, ("macro", "mono", 10, "other", "phago"), ("T", "gd", 10, "descendant", "T")]
    confusions, classes = tables(rows)
    shuffled = dict(reversed([(term, ups[::-1]) for term, ups in PARENTS.items()]))
    for name, one, other, parents in (
        ("a", confusions, classes, PARENTS),
        ("b", confusions.reverse(), classes.reverse(), shuffled),
    ):
        paths = (tmp_path / f"{name}.png", tmp_path / f"{name}.svg")
        draw_confusions(one, other, *paths, group="g", subtitle="s", parents=parents, names=NAMES)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_one_confusion_and_none(draw: Draw) -> None:
    lines = draw(*tables(FOUR[:1]))
    assert "40 wrong cells, 100 %" in lines
    assert "1" in lines
    confusions, classes = tables(FOUR)
    lines = draw(confusions.clear(), classes.with_columns(support="tp"))
    assert "no confusion" in lines
    assert "Confusions of model_a: 0 % of 400 cells" in lines
    assert "no confusion is listed" in draw(confusions.clear(), classes)
    assert "no cells" in draw(confusions.clear(), classes.clear())
    assert "Where they lie in the ontology" not in lines


@pytest.mark.parametrize("relation", [True, False])
def test_without_an_ontology_there_are_only_bars(draw: Draw, relation: bool) -> None:
    confusions, classes = tables(FOUR)
    if not relation:
        confusions = confusions.drop("relation", "lowest_common_ancestor")
    lines = draw(confusions, classes, parents=None, names=None)
    assert "Where they lie in the ontology" not in lines
    assert "steps in the" not in lines
    assert "macrophage" in lines
    assert ("too general (ancestor)" in lines) == relation
    assert ("another label" in lines) == (not relation)
    alone = draw(*(table.drop(["relation"], strict=False) for table in tables(FOUR[:3])), parents={}, names=None)
    assert "another label" not in alone


def test_terms_that_are_not_in_the_ontology_stand_below_it(draw: Draw) -> None:
    rows = [*FOUR[:2], ("mono", "my cell", 5, "other", None), ("odd", "odder", 4, "other", None)]
    lines = draw(*tables(rows))
    assert lines.count("not in the ontology") == 3
    assert "no common ancestor" in lines
    assert "9 wrong cells, 11 %" in lines
    lines = draw(*tables(rows[3:]))
    assert lines.count("not in the ontology") == 2


def test_of_many_confusions_the_most_frequent_are_drawn_and_the_rest_is_counted(draw: Draw) -> None:
    parents = {f"n{i:03d}": [f"n{i // 3:03d}"] * (i > 0) for i in range(400)}
    rng = random.Random(0)
    rows: list[tuple[str, str | None, int, str | None, str | None]] = []
    for place in range(300):
        truth = f"n{100 + place:03d}"
        predicted = f"n{rng.randrange(100):03d}"
        met = next(up for up in ways_up(truth, parents) if up in ways_up(predicted, parents))
        rows.append((truth, predicted, 1000 - place, "ancestor" if met == predicted else "other", met))
    confusions, classes = tables(rows)
    text = " ".join(draw(confusions, classes, parents=parents, names={}))
    total, drawn = sum(row[2] for row in rows), sum(row[2] for row in rows[:12])
    assert f"Drawn: the 12 most frequent confusions, {drawn:,} of {total:,} wrong cells" in text
    assert f"the other {total - drawn:,} wrong cells are not drawn" in text
    assert "rarer confusions" not in text
    rest = sum(row[2] for row in rows[100:])
    assert f"{rest:,} wrong cells" in " ".join(draw(confusions.head(100), classes, parents=parents, names={}))


def test_long_names_and_deep_ontologies_have_room(draw: Draw) -> None:
    chain = {f"t{i:02d}": [f"t{i - 1:02d}"] * (i > 0) for i in range(13)}
    names = {term: f"{LONG[i % 4]} {i}" for i, term in enumerate(chain)}
    rows = [(f"t{i:02d}", f"t{i - 1:02d}", 10**8 - i, "ancestor", f"t{i - 1:02d}") for i in range(1, 13)]
    lines = draw(*tables(rows, names), parents=chain, names=names, group=" | ".join(LONG), simulated=True)
    assert "99,999,999" in lines
    several = {"top": [], **{f"s{i}": ["top", *(f"u{j}" for j in range(4))] for i in range(6)}}
    several |= {f"u{j}": ["top"] for j in range(4)}
    names = {term: f"{LONG[i % 4]} {term}" for i, term in enumerate(several)}
    pairs = [(f"s{i}", f"s{i + 1}", 9 - i, "other", f"u{i % 4}") for i in range(5)]
    assert any(line.startswith("also under") for line in draw(*tables(pairs, names), parents=several, names=names))


def test_equal_names_are_told_apart_by_their_ids(draw: Draw) -> None:
    names = {**NAMES, "ab": "T cell"}
    lines = draw(*tables([("ab", "T", 3, "ancestor", "T")], names), names=names)
    assert lines.count("T cell (T)") == 2
    assert lines.count("T cell (ab)") == 2


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (0.0, "0 %"),
        (1e-9, "< 0.1 %"),
        (0.0312, "3.1 %"),
        (0.0999, "10 %"),
        (0.405, "40 %"),
        (0.9951, "99.5 %"),
        (0.99999, "> 99.9 %"),
        (1.0, "100 %"),
    ],
)
def test_shares_are_never_rounded_to_nothing_or_all(part: float, text: str) -> None:
    assert percent(part) == text


def test_tables_that_do_not_fit_are_refused(draw: Draw) -> None:
    confusions, classes = tables(FOUR)
    with pytest.raises(InputError, match="'relation'"):
        draw(confusions.drop("relation"), classes)
    with pytest.raises(InputError, match="'tp'"):
        draw(confusions, classes.drop("tp"))
    with pytest.raises(InputError, match=r"'cd4', 'T'.* more than once; give it the confusions of one group"):
        draw(pl.concat([confusions, confusions.head(1)]), classes)
    with pytest.raises(InputError, match="100 confused cells, but only 10 cells of its classes are wrong"):
        draw(confusions, classes.filter(pl.col("label") == "gd"))


# The outline


def naive_above(parents: Mapping[str, Sequence[str]]) -> dict[str, set[str]]:
    """Ancestors, each term itself left out, by taking in those of the parents until nothing changes."""
    above = {term: set(ups) for term, ups in parents.items()}
    while True:
        more = {term: ups.union(*(above[up] for up in ups)) for term, ups in above.items()}
        if more == above:
            return above
        above = more


@st.composite
def ontologies(draw: st.DrawFn) -> dict[str, list[str]]:
    n = draw(st.integers(1, 14))
    return {
        f"n{i:02d}": [f"n{j:02d}" for j in sorted(draw(st.sets(st.integers(0, i - 1), max_size=3)) if i else ())]
        for i in range(n)
    }


@given(st.data(), ontologies())
def test_the_outline_says_all_that_lies_above_what_is_drawn(data: st.DataObject, parents: dict[str, list[str]]) -> None:
    some = st.lists(st.sampled_from([*parents, "absent"]), unique=True)
    terms, met = data.draw(some), data.draw(some)
    rows = outline(terms, met, parents)
    drawn = [row.term for row in rows]
    assert len(set(drawn)) == len(drawn)
    assert {*terms, *(term for term in met if term != "absent")} <= set(drawn)
    above = naive_above(parents)
    depth: dict[str | None, int] = {}
    for row in rows:
        assert row.placed == (row.term in parents)
        if row.term is None or not row.placed:
            continue
        lowest = {
            up
            for up in above[row.term] & set(drawn)
            if not any(up in above[other] for other in above[row.term] if other in drawn)
        }
        assert {*row.also, *([row.above] if row.above else [])} == lowest
        assert len(row.also) == max(len(lowest) - 1, 0)
        assert row.depth == (depth[row.above] + 1 if row.above else 0)
        assert row.skipped == (row.above is not None and row.above not in parents[row.term])
        depth[row.term] = row.depth
    tops = [row.term for row in rows if row.placed and not row.above and row.term]
    for one, other in itertools.combinations(tops, 2):
        assert not (above[one] | {one}) & (above[other] | {other})


def test_long_rows_of_siblings_are_divided_where_some_of_them_meet() -> None:
    kinds = {"cell": [], "T": ["cell"], "B": ["cell"]}
    leaves = {f"t{i}": ["T"] for i in range(4)} | {f"b{i}": ["B"] for i in range(3)}
    rows = outline(["b1", "cell", *sorted(leaves)], [], kinds | leaves)
    assert [row.term for row in rows] == ["cell", "B", "b1", "b0", "b2", "T", "t0", "t1", "t2", "t3"]
    rows = outline(["cell", "b0", "b1", "t0", "t1"], [], kinds | leaves)
    assert [(row.term, row.skipped) for row in rows[1:]] == [(t, True) for t in ("b0", "b1", "t0", "t1")]


def test_cycles_do_no_harm() -> None:
    rows = outline(["a", "b", "c"], [], {"a": ["b"], "b": ["a", "top"], "c": ["a"], "top": []})
    assert rows == [
        Row("top"),
        Row("a", 1, "top", skipped=True),
        Row("c", 2, "a", also=("b",)),
        Row("b", 1, "top"),
    ]


def test_importing_the_figure_imports_no_matplotlib() -> None:
    code = "import sys, fastbench.engine.fmeasure.figures.confusions; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
