"""Pages made from declarations are those that the code makes now."""

from __future__ import annotations

from pathlib import Path

import pytest

import fastbench
from fastbench.engine.command.documentation import pages

DOCS = Path(fastbench.__file__).parent / "docs"


@pytest.mark.parametrize("page", ["options.md", "results.md"])
def test_pages_are_true(page: str) -> None:
    made = pages()[page]
    assert (DOCS / page).read_text("utf-8") == made, "python -m fastbench.engine.command.documentation"
