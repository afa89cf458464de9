"""What the compiler made of the inner loops: vectors, no bounds checks, no allocation in them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache

import llvmlite.binding
import numpy as np
import pytest

from fastbench.kernels import compile as compiling
from fastbench.kernels.compile import native_is_tried, njit
from fastbench.kernels.cpu import confusion
from fastbench.kernels.cpu.lanes import sum_product
from fastbench.kernels.cpu.rank import counting, tiles
from fastbench.kernels.cpu.rank.rows import Rows, gather
from fastbench.kernels.native import optimised

HOST = [name for name, there in llvmlite.binding.get_host_cpu_features().items() if there]


def ir_of(kernel, *arguments) -> str:
    return str(optimised(kernel, arguments)[0])


@pytest.fixture(scope="module")
def counted() -> str:
    """Optimised code of the counting on a float32 tile."""
    x = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
    rows = Rows(x, np.arange(64), np.zeros(64), np.ones(64), np.arange(64), 0)
    m, edges = 128, np.zeros((2, 128), np.float32)
    slots = counting.Slots(np.zeros(m), *edges, *np.zeros((3, m), np.int32))
    tile = np.zeros((64, 80), np.float32)
    words = np.empty(counting.STRIDE // 8, np.uint64)
    offsets, marks = np.arange(0, 2 * 65, 2), words.view(np.uint8)
    arguments = rows, np.arange(64), offsets, tile, 64, 0, 1, False, slots, words, marks, tile[:0], -1
    return ir_of(counting._count_rows_few, *arguments)


@pytest.mark.skipif("avx2" not in HOST, reason="the widths are those of AVX2 and wider")
def test_counting_compares_whole_vectors(counted):
    assert re.search(r"fcmp \w+ <(8|16) x float>", counted)
    assert re.search(r"add .*<(8|16) x i32>", counted)  # 32-bit counters: as many lanes as the comparison


def test_counting_checks_no_bounds(counted):
    assert "out of bounds" not in counted
    assert "IndexError" not in counted


@pytest.mark.skipif("avx2" not in HOST, reason="the widths are those of AVX2 and wider")
def test_sums_stay_in_registers():
    @njit
    def dot(x, i, j):
        return sum_product(x, i, j, 0.0, 0.0)

    code = ir_of(dot, np.ones((2, 200), np.float32), 0, 1)
    loop = code[code.index("for.body") :]
    assert "<64 x double>" in loop
    assert "fmuladd" not in code  # a fused operation would round once where the definition rounds twice
    assert "fast" not in re.findall(r"f(?:add|mul) (\w+)", code)


@pytest.mark.skipif("avx2" not in HOST, reason="the widths are those of AVX2 and wider")
def test_finishing_a_tile_is_vectorised():
    tile = np.ones((4, 80), np.float32)
    code = ir_of(tiles.finish, tile, 64, np.arange(4), 0, np.ones(64, np.float32), 0, 0)
    assert re.search(r"fmul <(8|16) x float>", code)


@pytest.mark.skipif("avx2" not in HOST, reason="the widths are those of AVX2 and wider")
def test_ranks_are_compared_as_whole_vectors():
    codes, weights = np.zeros((3, 8), np.int32), np.empty(0, np.int64)
    space = np.empty(confusion.BLOCK, np.int32)
    arguments = codes[0], codes, weights, 0, 8, 2, np.zeros(1, np.int64), space, np.zeros(8, np.int32), weights
    assert re.search(r"icmp \w+ <(8|16) x i32>", ir_of(confusion._scatter, *arguments))


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


ONCE = """
import sys
import numpy as np
from fastbench.kernels.compile import compile_seconds
from fastbench.kernels.cpu.rank.rows import gather
out = np.empty((2, 3), np.float32)
gather(np.arange(12, dtype=np.float32).reshape(4, 3), np.array([3, 1]), out)
print(out.astype(int).tolist(), compile_seconds() > 0, "numba" in sys.modules)
"""


def test_what_is_on_disk_is_loaded_without_numba(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    seen = []
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", ONCE], capture_output=True, text=True, check=True)
        seen.append(done.stdout.strip())
    assert seen == ["[[9, 10, 11], [3, 4, 5]] True True", "[[9, 10, 11], [3, 4, 5]] False False"]


@pytest.mark.skipif(not native_is_tried(), reason="Numba keeps its own files")
def test_a_damaged_kernel_is_compiled_anew(tmp_path, monkeypatch):
    """Each time a kernel, and a machine that holds its code, are those of a new process."""
    monkeypatch.setattr(compiling, "_cache_folder", lambda source: tmp_path)
    compiled = []
    compile_it = compiling._compiled
    monkeypatch.setattr(compiling, "_compiled", lambda *given: compiled.append(1) or compile_it(*given))

    def gathered():
        monkeypatch.setattr(compiling._Machine, "of_process", cache(compiling._Machine))
        out = np.empty((2, 3), np.float32)
        njit(gather.py_func)(np.arange(12, dtype=np.float32).reshape(4, 3), np.array([3, 1]), out)
        return out.tolist(), len(compiled)

    expected = [[9, 10, 11], [3, 4, 5]]
    assert gathered() == (expected, 1)
    assert gathered() == (expected, 1)
    (file,) = tmp_path.rglob("*.kernel")
    for damage in (lambda whole: whole[:-1], lambda whole: whole[:-500] + bytes(8) + whole[-492:], lambda whole: b""):
        before = len(compiled)
        file.write_bytes(damage(file.read_bytes()))
        assert gathered() == (expected, before + 1)
        assert list(tmp_path.rglob("*.kernel")) == [file]


@njit
def scaled(x, by, out):
    """Write x (n, d) times a number to `out`; return how many are above zero."""
    above = 0
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            out[i, k] = x[i, k] * by
            above += out[i, k] > 0
    return above


@pytest.mark.parametrize("by", [2, 2.5, True, np.int32(-1), np.float64(0.5)])
def test_arrays_of_any_strides_and_numbers_of_any_type(by):
    whole = np.arange(-20, 20, dtype=np.float64).reshape(5, 8)
    for x in (whole, whole[::-2, 1::3], whole.T, whole[:0], whole.astype(">f8").astype(np.float64)):
        out = np.zeros(x.shape[::-1]).T
        assert scaled(x, by, out) == (x * by > 0).sum()
        assert np.array_equal(out, x * by)


def test_a_kernel_takes_no_lists():
    with pytest.raises(TypeError, match="not list"):
        scaled([[1.0]], 2.0, np.empty((1, 1)))


SCORED = """
import numpy as np, polars as pl
import fastbench as fb
rng = np.random.default_rng(0)
meta = pl.DataFrame({"Metadata_a": [str(i // 4) for i in range(80)]})
x = rng.normal(size=(80, 9)).astype(np.float32)
options = {"progress_bar": False, "distance": "manhattan"}
for device in ("cpu", "reference"):
    ap = fb.average_precision(meta, x, ["Metadata_a"], [], [], ["Metadata_a"], **options, device=device)
    groups = fb.mean_average_precision(ap, ["Metadata_a"], null_size=1000, threshold=0.05, seed=0)
    print(ap["average_precision"].sum().hex(), groups["p_value"].sum().hex())
"""


def test_both_ways_of_calling_kernels_give_the_same_numbers(tmp_path):
    """Numba's way with a cache of its own; the native way with what other tests compile too."""

    def printed(**environment):
        call = [sys.executable, "-c", SCORED]
        done = subprocess.run(call, env=os.environ | environment, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    compiled, defined = by_numba = printed(FASTBENCH_KERNELS="numba", NUMBA_CACHE_DIR=str(tmp_path))
    assert compiled == defined
    assert re.fullmatch(r"0x\S+ 0x\S+", compiled)
    assert list(tmp_path.rglob("*.nbc"))
    assert printed(FASTBENCH_KERNELS="native") == by_numba
