"""How the candidates of queries are cut."""

from __future__ import annotations

import numpy as np

from fastbench.kernels.xla.rank import tiling


def test_ranges_cover_candidates_once():
    bounds = np.array([[0, 3, 5, 9], [4, 4, 9, 12], [20, 30, 30, 30], [0, 0, 0, 0], [25, 26, 28, 31]])
    assert tiling.ranges(bounds).tolist() == [[0, 3], [5, 12], [20, 31]]
    columns, (cut,) = tiling.pieces([bounds], 2048)
    assert columns == 256
    assert cut.tolist() == [[0, 3], [5, 12], [20, 31]]
