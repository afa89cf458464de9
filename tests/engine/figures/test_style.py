"""What all figures share: no global state."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from fastbench.engine.map.figures import draw_map


@pytest.mark.slow
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
