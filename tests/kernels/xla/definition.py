"""The JAX backend beside the definition."""

from __future__ import annotations

import os

import numpy as np

from fastbench.kernels import cpu, reference, xla

#: Whose devices are tried: "gpu" on a machine that has one.
PLATFORM = os.environ.get("FASTBENCH_XLA_PLATFORM", "cpu")
PRODUCTS = ("cosine", "abs_cosine", "correlation")
PRODUCTS = ("cosine", "abs_cosine", "correlation")


def assert_equals_definition(x, distance, positive, negative, queries=None, **options):
    """Counts of this backend equal those of the reference; returns what was prepared and the entries rechecked."""
    queries = np.arange(len(x)) if queries is None else queries
    offsets, positives = cpu.partners(positive, queries)
    prepared = xla.prepare(x, distance, negative, platform=PLATFORM, **options)
    got = xla.count_outranking(prepared, queries, offsets, positives)
    expected = reference.count_outranking(reference.prepare(x, distance, negative), queries, offsets, positives)
    for mine, definition in zip(got[:3], expected[:3], strict=True):
        np.testing.assert_array_equal(mine, definition)
    return prepared, got.rechecked
