"""One annotate directory with the hand-worked counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from .dag import (
    CALLS,
    TRUTH,
    write_run,
    write_truth,
)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """One directory, the hand-worked graph and counts, rows in another order than the truth."""
    truth = write_truth(tmp_path / "truth.h5ad", TRUTH, donor=["x"] * 9 + ["y"] * 11)
    order = np.random.default_rng(0).permutation(20).tolist()
    write_run(tmp_path / "runs" / "one", truth, CALLS, order=order)
    return tmp_path / "runs"
