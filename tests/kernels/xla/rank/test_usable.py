"""What the devices and the fused kernel take, and why not."""

from __future__ import annotations

import numpy as np
import pytest

from fastbench.kernels.backend import Status
from fastbench.kernels.codes import key_index
from fastbench.kernels.names import DISTANCE_TABLE, PRECISIONS
from fastbench.kernels.xla.rank import fused, tiling, usable

from ...strategies import make_codes
from ..definition import PLATFORM, assert_equals_definition


@pytest.mark.parametrize("distance", ["euclidean", "manhattan", "chebyshev"])
def test_other_distances_are_counted_on_the_host(distance):
    x = np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32)
    codes = make_codes(np.arange(30) // 3), make_codes(np.zeros(30, int))
    prepared, _ = assert_equals_definition(x, distance, *codes)
    assert distance in prepared.reason


def test_keys_without_a_compact_form_are_counted_on_the_host():
    rng = np.random.default_rng(1)
    n, each = 60, 8
    labels = np.concatenate([np.sort(rng.choice(2000, each, replace=False)) for _ in range(n)])
    many = key_index(labels, np.repeat(np.arange(n), each), n, 2000)
    negative = make_codes(np.zeros(n, int))._replace(exclude=many)
    x = rng.normal(size=(n, 4)).astype(np.float32)
    prepared, _ = assert_equals_definition(x, "cosine", make_codes(np.arange(n) // 3), negative)
    assert "keys" in prepared.reason


def test_what_does_not_fit_is_counted_on_the_host(monkeypatch):
    x = np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32)
    codes = make_codes(np.arange(30) // 3), make_codes(np.zeros(30, int))
    with monkeypatch.context() as patch:
        patch.setattr(usable, "MOST_POSITIVES", 1)
        prepared, _ = assert_equals_definition(x, "cosine", *codes)
        assert prepared.status is Status.READY
    assert not prepared.reason
    monkeypatch.setattr(usable, "free_bytes", lambda device: 30 * 4 * 12)
    prepared, _ = assert_equals_definition(x, "cosine", *codes)
    assert "memory" in prepared.reason
    monkeypatch.setattr(usable, "free_bytes", lambda device: 1 << 30)
    prepared, _ = assert_equals_definition(x, "cosine", *codes)
    assert prepared.tile == (tiling.QUERY_SIZES[1], tiling.COLUMN_SIZES[1])


def test_little_work_is_left_to_the_cpu(monkeypatch):
    rng = np.random.default_rng(7)
    x, group = rng.normal(size=(200, 20)).astype(np.float32), np.arange(200) // 4
    codes = make_codes(group), make_codes(np.zeros(200, int), exclude=[group])
    for flops, why in ((2 * 20 * 200**2, ""), (2 * 20 * 200**2 + 1, "compiled")):
        monkeypatch.setattr(usable, "LEAST_FLOPS", {PLATFORM: flops})
        prepared, _ = assert_equals_definition(x, "cosine", *codes)
        assert why in prepared.reason
        assert bool(prepared.reason) == bool(why)


class Device:
    """A device by name; its memory is not told."""

    platform = "gpu"

    def __init__(self, capability):
        self.compute_capability = capability

    def memory_stats(self):
        return None


def ask(**changes):
    given = {"name": "cosine", "distance": DISTANCE_TABLE["cosine"], "n_rows": 10, "n_features": 4, "itemsize": 4}
    problem = usable.Problem(**given | {"pairs": 100.0, "has_keys": True} | changes)
    return usable.is_usable_for(problem, (Device("9.0"),), "gpu")


def test_a_problem_is_taken_or_a_reason_given(monkeypatch):
    assert ask() == (True, "")
    assert usable.is_usable_for(usable.Problem("cosine", DISTANCE_TABLE["cosine"], 1, 1, 4, 1, True), (), "gpu") == (
        False,
        "there is no gpu device",
    )
    for changes, said in (
        ({"name": "jaccard", "distance": None}, "jaccard is not a product of unit rows"),
        ({"name": "euclidean", "distance": DISTANCE_TABLE["euclidean"]}, "euclidean is not a product of unit rows"),
        ({"has_keys": False}, "the keys of the rule have no compact form"),
    ):
        assert ask(**changes) == (False, said)
    monkeypatch.setattr(usable, "LEAST_FLOPS", {"gpu": 801})
    assert "compiled its programs" in ask().reason
    monkeypatch.setattr(usable, "LEAST_FLOPS", {"gpu": 800})
    assert ask().usable
    monkeypatch.setattr(usable, "free_bytes", lambda device: 10 * 4 * 12)
    assert "memory of a device" in ask().reason


@pytest.mark.parametrize(
    ("capability", "shape", "expected"),
    [
        ("8.0", (64, 64), True),
        ("9.0", (64, 64), True),
        ("7.5", (64, 64), False),
        ("", (64, 64), False),
        ("9.0", ((1 << 24) - 1, 64), True),
        ("9.0", (1 << 24, 64), False),
        ("9.0", (1 << 21, 1 << 10), False),
    ],
)
def test_where_the_fused_kernel_runs(capability, shape, expected, monkeypatch):
    monkeypatch.setattr(fused, "IS_THERE", True)
    assert usable.is_fused_usable_for((Device("9.0"), Device(capability)), shape) is expected
    monkeypatch.setattr(fused, "IS_THERE", False)
    assert not usable.is_fused_usable_for((Device("9.0"),), (64, 64))


def test_the_fused_kernel_takes_split_operands_and_few_thresholds():
    assert [name for name in PRECISIONS if usable.is_fused_usable_with(name)] == ["bf16x3", "fp16x3"]
    assert usable.is_fused_usable_with("fp16x3", 16)
    assert not usable.is_fused_usable_with("fp16x3", 32)
    assert usable.is_usable_for_lists(1 << 20)
    assert not usable.is_usable_for_lists((1 << 20) + 1)
