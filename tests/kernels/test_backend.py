"""The contract: every backend has every function of the Protocol, with the same leading arguments."""

from __future__ import annotations

import inspect
from importlib import import_module

import numpy as np
import pytest

from fastbench.kernels import backend, cpu, dispatch, reference
from fastbench.kernels.backend import Backend, Status
from fastbench.kernels.names import DISTANCE_TABLE, DISTANCES, METRICS, TIES

from .strategies import make_codes

BACKENDS = {
    "reference": lambda: reference,
    "cpu": lambda: cpu,
    "xla": lambda: import_module("fastbench.kernels.xla"),  # here, and not above, since JAX takes a second
    "dispatched auto": lambda: dispatch.get_backend("auto"),
    "dispatched reference": lambda: dispatch.get_backend("reference"),
    "dispatched cpu-xla": lambda: dispatch.get_backend("cpu-xla"),
}


@pytest.fixture(params=BACKENDS)
def kernels(request):
    return BACKENDS[request.param]()


def parameters(function) -> list[inspect.Parameter]:
    return [each for each in inspect.signature(function).parameters.values() if each.name != "self"]


def test_the_contract_has_functions():
    assert {"prepare", "count_outranking", "group_means", "sample_ap", "count_confusion"} <= set(backend.functions())


@pytest.mark.parametrize("name", backend.functions())
def test_every_backend_has_every_function_with_the_same_leading_arguments(kernels, name):
    expected, found = parameters(getattr(Backend, name)), parameters(getattr(kernels, name))
    assert [each.name for each in found[: len(expected)]] == [each.name for each in expected]
    assert [each.default for each in found[: len(expected)]] == [each.default for each in expected]
    for more in found[len(expected) :]:
        assert more.kind is more.KEYWORD_ONLY
        assert more.default is not more.empty


@pytest.mark.parametrize("distance", ["cosine", "euclidean", "braycurtis", "mahalanobis"])
def test_what_is_prepared_says_who_counts_and_why(kernels, distance):
    x = np.abs(np.random.default_rng(0).normal(size=(6, 9)))  # more features than rows: no inverse covariance
    prepared = kernels.prepare(x, distance, make_codes(np.zeros(6, int)))
    assert isinstance(prepared.status, Status)
    assert bool(prepared.reason) == (prepared.status is not Status.READY)
    assert (prepared.status is Status.REFUSED) == (distance == "mahalanobis")
    if distance == "cosine":
        np.testing.assert_array_equal(prepared.norms, reference.prepare(x, "cosine", make_codes([0] * 6)).norms)


def test_values_that_are_not_numbers_are_refused(kernels):
    x = np.abs(np.random.default_rng(0).normal(size=(20, 3)))
    x[3:5] = 0
    group = np.arange(20) // 2
    offsets, positives = kernels.partners(make_codes(group), np.arange(20))
    prepared = kernels.prepare(x, "braycurtis", make_codes(np.zeros(20, int), exclude=[group]))
    found = kernels.count_outranking(prepared, np.arange(20), offsets, positives)
    assert found.status is Status.REFUSED
    assert "not numbers" in found.reason


def test_names_of_backends():
    assert [dispatch.name(dispatch.get_backend(d)) for d in ("auto", "reference", "cpu-xla")] == [
        "cpu",
        "reference",
        "xla",
    ]


def test_codes_are_positions():
    assert [traits.code for traits in DISTANCE_TABLE.values()] == list(range(len(DISTANCES)))
    assert not set(DISTANCES) & set(METRICS)
    assert TIES[0] == "expected"
