"""What a notebook shows: of IPython's own formatter, and of a kernel that runs the guide, where they are installed."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import fastbench as fb
from fastbench.engine.api.outcome import Outcome, Picture

from .pages import blocks_of

TRUTH, CALLS = ["B", "T", "T", "NK"], ["B", "T", "NK", "NK"]


class _Tags(HTMLParser):
    """Counts tags, and refuses one that is not closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in ("img", "br", "hr", "col"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def tags_of(page: str) -> list[str]:
    parser = _Tags()
    parser.feed(page)
    assert parser.open == []
    return parser.seen


def shown(value: Any) -> dict[str, Any]:
    """What a notebook is handed for a value: from IPython where it is installed, else by the methods that it calls."""
    try:
        from IPython.core.formatters import DisplayFormatter
    except ImportError:
        methods = {"text/html": "_repr_html_", "image/png": "_repr_png_"}
        found = {kind: getattr(value, name)() for kind, name in methods.items() if hasattr(value, name)}
        return {"text/plain": repr(value), **found}
    return dict(DisplayFormatter().format(value)[0])


@pytest.fixture(scope="module")
def result() -> Outcome[Any]:
    return fb.fmeasure(TRUTH, {"<model>": CALLS}, bootstrap=0, progress_bar=False)


def test_a_result_shows_tables_and_figures(result: Outcome[Any]) -> None:
    given = shown(result)
    assert given["text/plain"].startswith("<fastbench fmeasure")
    tags = tags_of(given["text/html"])
    assert tags.count("table") == len(result.tables)
    assert tags.count("img") == len(result.figures) > 0
    assert "<model>" not in given["text/html"]  # names of the user's are escaped


def test_a_figure_and_a_table_show_themselves(result: Outcome[Any]) -> None:
    picture = next(iter(result.figures.values()))
    assert isinstance(picture, Picture)
    given = shown(picture)
    assert set(given) == {"text/plain", "image/png"}
    assert isinstance(result.tables["summary_per_group"], pl.DataFrame)
    assert "table" in tags_of(shown(result.tables["summary_per_group"])["text/html"])


def test_nothing_is_lost_on_the_tab_key() -> None:
    assert {"map", "cpjump", "fmeasure", "compare"} <= set(dir(fb))


@pytest.mark.slow
def test_the_guide_runs_in_a_kernel(tmp_path: Path) -> None:
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    book = nbformat.v4.new_notebook()
    path = f"import sys; sys.path[:0] = {sys.path!r}"
    book.cells = [
        nbformat.v4.new_code_cell(text) for text in (path, *(text for _, text in blocks_of("guide-notebook.md")))
    ]
    nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [cell.outputs for cell in book.cells]
    results = [each.data for some in outputs for each in some if each.output_type == "execute_result"]
    assert len(results) == 6
    assert "<table" in results[0]["text/html"]
    assert "data:image/png;base64," in results[0]["text/html"]
    assert (tmp_path / "results" / "one" / "manifest.json").exists()
