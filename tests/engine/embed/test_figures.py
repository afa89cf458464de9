"""What the pictures of embeddings say: the ranking and whether to believe it, every value, what is not defined."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

import fastbench as fb
from fastbench.engine.embed.figures import maps
from fastbench.engine.embed.summary import verdict
from fastbench.engine.errors import InputError

from ..figures.pictures import no_pixels, png_size, words

QUICK = {"tasks": ("embedding", "batch_integration"), "bootstrap": 50, "progress_bar": False}


def judged(folder: Path, embeddings: dict[str, float], labels: int, n: int = 90, **options):
    """Judge made-up cells whose labels are so far apart, and return the result and the words of its pictures."""
    rng = np.random.default_rng(0)
    kind, batch = np.arange(n) % labels, np.arange(n) % 2
    centres = rng.normal(size=(labels, 5))
    vectors = {name: apart * centres[kind] + rng.normal(size=(n, 5)) for name, apart in embeddings.items()}
    with no_pixels(), warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fb.embed(
            vectors,
            labels=[f"kind {k:02}, whose name is long and differs at its end {k:02}" for k in kind],
            batch=[f"b{k}" for k in batch],
            output=folder / "out",
            **QUICK | options,
        )
    return found, words(folder / "out/figures/overview.svg"), words(folder / "out/figures/labels.svg")


def test_the_overview_says_who_is_first_and_whether_to_believe_it(tmp_path: Path) -> None:
    found, overview, labels = judged(tmp_path, {"poor": 0.2, "good": 3.0}, 3)
    assert "good ranks first of 2 embeddings" in overview
    assert "intervals do not confirm it" not in overview
    said = verdict(found.tables["results"], found.tables["summary"])
    assert not said.doubt
    assert said.sentence.split(";")[0] in " ".join(overview.split())
    for text in ("Total", "Labels", "Batches", "cLISI", "kBET", "worst to best"):
        assert text in overview
    for value in found.tables["results"]["value"]:
        assert f"{value:.3f}" in overview
    assert "poor" in labels
    assert "kind 00," in labels
    assert "its end 02 (30)" in labels


def test_equal_embeddings_are_not_told_apart(tmp_path: Path) -> None:
    _, overview, _ = judged(tmp_path, {"one": 1.0, "other": 1.0}, 3, anchors="none")
    assert "intervals do not confirm it" in " ".join(overview.split())
    assert "worst to best" not in overview


def test_one_embedding_and_many_labels(tmp_path: Path) -> None:
    _, overview, labels = judged(tmp_path, {"alone": 1.0}, 45)
    assert "How good alone is" in overview
    assert "not defined" in overview  # no label has ten cells
    assert "5 labels between the highest and the lowest are not drawn" in labels


def test_many_embeddings_of_long_names_have_room(tmp_path: Path) -> None:
    names = [f"model {i} with a name that is long, whose version is {i}" for i in range(8)]
    _, overview, labels = judged(tmp_path, {name: 1.0 + i for i, name in enumerate(names)}, 3)
    for i in range(8):
        assert f"is {i}" in overview
        assert f"is {i}" in labels
    width, height = png_size(tmp_path / "out/figures/overview.png")
    assert width > height


def test_one_label_is_drawn_by_what_it_has(tmp_path: Path) -> None:
    _, overview, labels = judged(tmp_path, {"x": 1.0}, 1)
    assert overview.count("not defined") >= 3
    assert "Labels by kSIM" in labels


@pytest.mark.parametrize(
    ("intervals", "doubt", "counts"),
    [
        ([(0.6, 0.7, 0.4, 0.5), (0.1, 0.3, 0.2, 0.4)], "", "above the next in 1, below in 0, and 1 overlap"),
        (
            [(0.6, 0.7, 0.4, 0.5), (0.1, 0.2, 0.3, 0.4)],
            "do not confirm",
            "above the next in 1, below in 1, and 0 overlap",
        ),
        ([(0.1, 0.2, 0.3, 0.4)], "contradict", "above the next in 0, below in 1, and 0 overlap"),
        ([(None, None, 0.4, 0.5)], "do not confirm", "no metric has an interval in both"),
    ],
)
def test_the_verdict_counts_intervals(intervals, doubt, counts) -> None:
    rows = [
        {"embedding": name, "metric_type": f"m{i}", "lower": each[at], "upper": each[at + 1], "score": None}
        for i, each in enumerate(intervals)
        for name, at in (("a", 0), ("b", 2))
    ]
    summary = pl.DataFrame({"embedding": ["a", "b"], "total": [0.7, 0.6]})
    schema = {"embedding": str, "metric_type": str, "lower": float, "upper": float, "score": float}
    results = pl.DataFrame(rows, schema=schema).with_columns(task=pl.lit("t"), variant=pl.lit("all"))
    said = verdict(results, summary)
    assert said.doubt == (f"intervals {doubt} it" if doubt else "")
    assert said.sentence.startswith("a has a total of 0.700, b is next with 0.600; ")
    assert said.sentence.endswith(counts)
    assert "Fewer than two" in verdict(results, summary.head(1)).sentence


class Layout:
    """Stands for umap-learn."""

    def __init__(self, **settings: object) -> None:
        assert settings == {"n_neighbors": 15, "random_state": 42, "n_jobs": 1}

    def fit_transform(self, x: np.ndarray) -> np.ndarray:
        return x[:, ::-2][:, :2]


def test_maps_are_drawn_when_they_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, label = rng.normal(size=(90, 5)), [f"kind {i % 3}" for i in range(90)]
    known = {"labels": label, "batch": [f"lab {i % 2}" for i in range(90)], "anchors": "none"}
    monkeypatch.setattr(maps, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="umap=True needs umap-learn: pip install"):
        fb.embed({"deep": x}, umap=True, **known | QUICK)
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=Layout, __spec__=object()))
    with no_pixels():
        fb.embed({"deep": x, "flat": x[:, :2], "line": x[:, :1]}, umap=True, output=tmp_path / "out", **known | QUICK)
    text = words(tmp_path / "out/figures/umap.svg")
    for said in ("deep (UMAP), by label", "flat (as it is), by batch", "lab 1", "90 cells of 3 labels"):
        assert said in text
    assert "line" not in text
