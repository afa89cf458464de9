"""The packaged LINCS plate: 58 compounds against DMSO, beside copairs 0.5.5 on every row."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pandas as pd
import polars as pl
import pytest
from copairs.map import average_precision as copairs_ap
from copairs.map import mean_average_precision as copairs_map

import fastbench as fb
from fastbench.engine.readers.packaged import resolve
from fastbench.engine.retrieval.pair_rules import PairRules, compile_pairs
from fastbench.kernels import cpu, dispatch
from fastbench.kernels.xla.rank import tiling

from ...quick_programs import quick_programs

RULE = (["Metadata_broad_sample"], [], [], ["Metadata_negcon"])
NULL_SIZE = 100_000


@pytest.fixture(scope="module")
def plate():
    profiles = fb.read_profiles([resolve("sample:lincs")])
    meta = profiles.metadata.select("Metadata_broad_sample", "Metadata_Well").to_pandas()
    meta["Metadata_negcon"] = meta["Metadata_broad_sample"] == "DMSO"
    return meta, profiles.features


def test_average_precision_equals_copairs_on_every_row(plate):
    expected = copairs_ap(*plate, *RULE, progress_bar=False)
    got = fb.average_precision(*plate, *RULE)
    np.testing.assert_array_equal(got["n_pos_pairs"], expected["n_pos_pairs"])
    np.testing.assert_array_equal(got["n_total_pairs"], expected["n_total_pairs"])
    np.testing.assert_allclose(got["average_precision"], expected["average_precision"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        got["normalized_average_precision"], expected["normalized_average_precision"], rtol=0, atol=1e-12
    )


def test_p_values_lie_within_the_sampling_error_of_copairs(plate, tmp_path):
    ap = fb.average_precision(*plate, *RULE)
    ap = ap[ap["Metadata_broad_sample"] != "DMSO"].reset_index(drop=True)
    arguments = ap, ["Metadata_broad_sample"], NULL_SIZE, 0.05, 0
    expected = copairs_map(*arguments, progress_bar=False, cache_dir=tmp_path)
    exact = fb.mean_average_precision(*arguments, tail=">")
    p = exact["p_value"].to_numpy()
    error = np.sqrt(np.maximum(p * (1 - p), 1 / NULL_SIZE) / NULL_SIZE)
    np.testing.assert_array_less(np.abs(expected["p_value"] - (1 + NULL_SIZE * p) / (1 + NULL_SIZE)), 5 * error)
    same = fb.mean_average_precision(*arguments, p_values="copairs")
    pd.testing.assert_frame_equal(same.drop(columns="p_floor"), expected, check_dtype=False)
    assert same["mean_average_precision"].mean() == pytest.approx(0.61783, abs=5e-6)
    assert same["below_corrected_p"].mean() == pytest.approx(33 / 58)


@pytest.mark.parametrize("distance", ["cosine", "correlation"])
def test_all_backends_count_the_same(plate, distance, monkeypatch):
    """Counts of the compiled kernels, the JAX programs and the definition, to the last bit.

    The programs of one distance are compiled as users compile them, and then lists are padded to one width: each is a
    program of its own.
    """
    as_users = distance == "correlation"
    if as_users:
        monkeypatch.setattr(tiling, "WIDTHS", (32,))
    meta, x = plate
    frame = pl.from_pandas(meta)
    plan = compile_pairs(frame, PairRules(pos_sameby=RULE[0], neg_diffby=RULE[3]))
    queries = np.arange(len(frame))
    offsets, positives = cpu.partners(plan.positives, queries)
    found = {}
    for device in ("cpu", "cpu-xla", "reference"):
        backend = dispatch.get_backend(device)
        with nullcontext() if as_users else quick_programs():
            prepared = backend.prepare(x, distance, plan.negatives)
            found[device] = backend.count_outranking(prepared, queries, offsets, positives)[:3]
    for device in ("cpu", "cpu-xla"):
        for mine, definition in zip(found[device], found["reference"], strict=True):
            np.testing.assert_array_equal(mine, definition)
