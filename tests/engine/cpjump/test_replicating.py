"""Percent replicating and matching against copairs, and the variants of ORF replicates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from copairs.replicating import correlation_test

from fastbench.engine.cpjump.options import Options
from fastbench.engine.cpjump.planning import plan
from fastbench.engine.cpjump.replicating import percent_score
from fastbench.engine.cpjump.workflow import run
from fastbench.engine.tables.profiles import Profiles


def profiles(n_groups: int = 40, size: int = 4, strength: float = 0.6, seed: int = 0) -> Profiles:
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(n_groups), size)
    x = rng.standard_normal((len(label), 30)) + strength * rng.standard_normal((n_groups, 30))[label]
    metadata = pl.DataFrame({"label": [f"g{i:02d}" for i in label], "row": np.arange(len(label))})
    return Profiles(metadata, x.astype(np.float32), tuple(f"f{i}" for i in range(30)))


def test_the_score_is_that_of_copairs() -> None:
    some = profiles()
    found = percent_score(some, "label")
    assert found is not None
    meta = pd.DataFrame({"label": some.metadata["label"].to_list()})
    theirs = correlation_test(some.features.astype(np.float64), meta, ["label"], [], n_samples=2000, progress_bar=False)
    fraction, _, threshold = theirs.percent_score("right")
    assert found.groups == 40
    assert found.threshold == pytest.approx(threshold, abs=0.03)  # both are drawn
    assert found.fraction == pytest.approx(fraction, abs=0.1)
    # At their threshold the fractions are the same: the medians are.
    assert 0.2 < fraction < 0.98


def test_the_order_of_rows_does_not_matter_and_noise_is_at_chance() -> None:
    some = profiles(strength=0.0, n_groups=300)
    found = percent_score(some, "label")
    assert found is not None
    assert found.fraction == pytest.approx(0.05, abs=0.04)
    order = np.random.default_rng(1).permutation(len(some))
    assert percent_score(some.take(order), "label") == found


def test_lists_of_labels() -> None:
    some = profiles()
    lists = some.metadata.with_columns(pl.concat_list("label", pl.lit("of all")).alias("labels"))
    assert percent_score(some.with_metadata(lists), "labels") is None  # no pair is without a common label
    lists = some.metadata.with_columns(pl.concat_list("label", "label").alias("labels"))
    assert percent_score(some.with_metadata(lists), "labels") == percent_score(some, "label")
    alone = some.metadata.with_columns(label=pl.col("row").cast(pl.String))
    assert percent_score(some.with_metadata(alone), "label") is None


def test_fractions_have_the_percent_scores() -> None:
    result = run(plan(Options(simulated_features=50, cells=("U2OS",), timelines=("short",))))
    tables = result.fr_tables()
    assert tables["replicability"]["percent_replicating"].is_between(0, 1).all()
    assert tables["replicability"]["percent_replicating_threshold"].is_between(-1, 1).all()
    assert tables["matching"]["percent_matching"].is_not_null().all()
    assert "percent_matching" not in tables["gene_compound_matching"].columns


def test_replicates_of_an_orf_by_position() -> None:
    found = {}
    for variant in ("any", "same-position", "different-position"):
        few = {"simulated_features": 20, "cells": ("A549",), "timelines": ("short",), "tasks": ("replicability",)}
        queries = run(plan(Options(**few, orf_replicates=variant))).average_precision
        found[variant] = dict(queries.group_by("Description").agg(pl.col("n_pos_pairs").unique().sort()).iter_rows())
    # Two plates, two wells each on both: one replicate in the same well, two in the other.
    positives = {variant: found[variant]["orf_A549_short"] for variant in found}
    assert positives == {"any": [3], "same-position": [1], "different-position": [2]}
    assert found["any"]["compound_A549_short"] == found["same-position"]["compound_A549_short"]
