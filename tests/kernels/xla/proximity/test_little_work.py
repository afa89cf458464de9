"""What is little work for a CPU is left to it: no program is compiled for it."""

from __future__ import annotations

import numpy as np
import pytest

from fastbench.kernels import cpu, xla
from fastbench.kernels.xla.proximity import label_distances, neighborhoods, neighbors
from fastbench.kernels.xla.rank import usable

from ...proximity.test_neighbors import rows_of


def test_little_work_is_left_to_the_cpu(monkeypatch):
    def refuse(*_: object) -> None:
        pytest.fail("a device was asked")

    monkeypatch.setattr(usable, "LEAST_FLOPS", {"cpu": 1e11})
    monkeypatch.setattr(neighborhoods, "LEAST_NEIGHBORS", {"cpu": 1e7})
    for module, program in ((neighbors, "_candidates"), (label_distances, "_add_block"), (neighborhoods, "_search")):
        monkeypatch.setattr(module, program, refuse)
    x, labels = rows_of("plain", 40, 5, 0), np.arange(40) % 3
    found = xla.nearest_neighbors(x, 4, "euclidean", platform="cpu")
    np.testing.assert_array_equal(found.indices, cpu.nearest_neighbors(x, 4, "euclidean").indices)
    sums = xla.distance_sums(x, labels, 3, platform="cpu")
    np.testing.assert_array_equal(sums, cpu.distance_sums(x, labels, 3))
    given = np.sqrt(-found.values), labels[found.indices], 3, 2.0
    np.testing.assert_array_equal(xla.inverse_simpson(*given, platform="cpu"), cpu.inverse_simpson(*given))
