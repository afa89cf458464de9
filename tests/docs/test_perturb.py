"""The page of ``fastbench perturb`` names every metric of every preset."""

from __future__ import annotations

import pytest

from fastbench.engine.perturb.presets import preset_of
from fastbench.engine.perturb.scoring_options import PRESETS

from .pages import DOCS


@pytest.mark.parametrize("preset", PRESETS)
def test_every_metric_has_its_row(preset: str) -> None:
    page = (DOCS / "perturb.md").read_text("utf-8")
    assert [metric.name for metric in preset_of(preset).metrics if f"`{metric.name}`" not in page] == []
