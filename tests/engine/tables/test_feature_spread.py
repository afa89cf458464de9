"""Features of one value, and those of which float32 keeps few digits."""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl
import pytest

import fastbench as fb
from fastbench.engine.tables import feature_spread
from fastbench.engine.tables.feature_spread import feature_notes, few_digits
from fastbench.engine.tables.profiles import Profiles

RNG = np.random.default_rng(0)
X = RNG.standard_normal((50, 6)).astype(np.float32)
NAMES = tuple("abcdef")


def profiles(x: np.ndarray) -> Profiles:
    return Profiles(pl.DataFrame({"Metadata_x": range(len(x))}), x.astype(np.float32), NAMES)


def test_nothing_is_said_of_usual_features() -> None:
    assert feature_notes(profiles(X)) == []
    assert feature_notes(profiles(X[:1])) == []
    assert feature_notes(profiles(X + 1000)) == []


@pytest.mark.parametrize("block", [1, 7, 2**20])
def test_both_are_found_whatever_is_looked_at_together(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(feature_spread, "BLOCK", block)
    x = X.copy()
    x[:, 1] = 4.0
    x[:, 2] = 0.0
    x[:, 3] += 50_000
    x[:, 4] = np.float32(1e8) + 16 * RNG.standard_normal(50)
    few, constant = feature_notes(profiles(x))
    assert few.startswith("2 features vary by less than 1e-4 of their size ('d', 'e'): float32")
    assert constant.startswith("1 feature has one value in all profiles ('b')")


def test_values_that_float32_made_one_are_told_to_be_that() -> None:
    x = X.astype(np.float64)
    x[:, 0] = 1e8 + 0.1 * RNG.standard_normal(50)
    [constant] = feature_notes(profiles(x))
    assert "one value in all profiles as float32, which keeps 7 digits ('a')" in constant


def test_rows_that_are_missing_say_nothing() -> None:
    x = X.copy()
    x[3, 0], x[4, 1] = np.nan, np.inf
    assert feature_notes(profiles(x)) == []
    assert feature_notes(profiles(np.full((5, 6), np.nan))) == []


def test_python_warns_of_float32_alone() -> None:
    meta = pl.DataFrame({"Metadata_x": [f"g{i % 8}" for i in range(50)]})
    rules = {"pos_sameby": ["Metadata_x"], "pos_diffby": [], "neg_sameby": [], "neg_diffby": ["Metadata_x"]}
    far = X.astype(np.float64) + 1e6
    with pytest.warns(UserWarning, match="6 features vary by less than 1e-4 of their size"):
        fb.average_precision(meta, far.astype(np.float32), progress_bar=False, **rules)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fb.average_precision(meta, far, progress_bar=False, **rules)
    assert few_digits(far, None) == ""
    assert "(0, 1, 2" in few_digits(far.astype(np.float32), None)
