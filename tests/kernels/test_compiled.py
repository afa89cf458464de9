"""What the compiler made of the inner loops: vectors, no bounds checks, no allocation in them."""

from __future__ import annotations

import re
import subprocess
import sys

import numba
import numpy as np
import pytest
from numba.core import codegen

from fastbench.kernels.cpu import confusion
from fastbench.kernels.cpu.lanes import sum_product
from fastbench.kernels.cpu.rank import counting, tiles
from fastbench.kernels.cpu.rank.rows import Rows

HOST = codegen.get_host_cpu_features()


def ir_of(function) -> str:
    return "\n".join(function.inspect_llvm().values())


@pytest.fixture(scope="module")
def counted() -> str:
    """Optimised code of the counting on a float32 tile."""
    x = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
    rows = Rows(x, np.arange(64), np.zeros(64), np.ones(64), np.arange(64), 0)
    m, edges = 128, np.zeros((2, 128), np.float32)
    slots = counting.Slots(np.zeros(m), *edges, *np.zeros((2, m), np.int64))
    tile = np.zeros((64, 80), np.float32)
    arguments = rows, np.arange(64), np.arange(0, 2 * 65, 2), tile, 64, 0, 1, False, slots
    count_few = numba.njit(nogil=True, error_model="numpy")(counting.count_tile.py_func)
    count_few(*arguments)
    return ir_of(count_few)


@pytest.mark.skipif("avx2" not in HOST, reason="the widths are those of AVX2 and wider")
def test_counting_compares_whole_vectors(counted):
    assert re.search(r"fcmp \w+ <(8|16) x float>", counted)
    assert re.search(r"add .*<(8|16) x i32>", counted)  # 32-bit counters: as many lanes as the comparison


def test_counting_checks_no_bounds(counted):
    assert "out of bounds" not in counted
    assert "IndexError" not in counted


@pytest.mark.skipif("avx2" not in HOST, reason="the widths are those of AVX2 and wider")
def test_sums_stay_in_registers():
    @numba.njit
    def dot(x, i, j):
        return sum_product(x, i, j, 0.0, 0.0)

    dot(np.ones((2, 200), np.float32), 0, 1)
    code = ir_of(dot)
    loop = code[code.index("for.body") :]
    assert "<64 x double>" in loop
    assert "fmuladd" not in code  # a fused operation would round once where the definition rounds twice
    assert "fast" not in re.findall(r"f(?:add|mul) (\w+)", code)


@pytest.mark.skipif("avx2" not in HOST, reason="the widths are those of AVX2 and wider")
def test_finishing_a_tile_is_vectorised():
    tile = np.ones((4, 80), np.float32)
    tiles.finish(tile, 64, np.arange(4), 0, np.ones(64, np.float32), 0, 0)
    finish = numba.njit(nogil=True, error_model="numpy")(tiles.finish.py_func)
    finish(tile, 64, np.arange(4), 0, np.ones(64, np.float32), 0, 0)
    assert re.search(r"fmul <(8|16) x float>", ir_of(finish))


@pytest.mark.skipif("avx2" not in HOST, reason="the widths are those of AVX2 and wider")
def test_ranks_are_compared_as_whole_vectors():
    scatter = numba.njit(nogil=True, error_model="numpy")(confusion._scatter.py_func)
    codes, weights = np.zeros((3, 8), np.int32), np.empty(0, np.int64)
    scatter(codes[0], codes, weights, 0, 8, 2, np.zeros(1, np.int64), np.zeros(8, np.int32), weights)
    assert re.search(r"icmp \w+ <(8|16) x i32>", ir_of(scatter))


MODULE = """
from typing import NamedTuple
import numpy as np
from fastbench.kernels.compile import compile_seconds, njit
class {name}(NamedTuple):
    x: np.ndarray
@njit
def total(rows):
    return rows.x.sum()
if __name__ == "__main__":
    import {module} as m
    print(m.total(m.{name}(np.ones(3))), compile_seconds() > 0)
"""


def test_a_cache_of_another_version_is_made_anew(tmp_path, monkeypatch):
    """What was compiled for a class that is no more is neither used nor an error."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    seen = []
    for name in ("Before", "Before", "After"):
        (tmp_path / "kernel.py").write_text(MODULE.format(name=name, module="kernel"))
        done = subprocess.run([sys.executable, "kernel.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
        seen.append(done.stdout.strip())
    assert seen == ["3.0 True", "3.0 False", "3.0 True"]
