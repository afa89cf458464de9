"""Columns of two tables that are compared by value, and plates and wells in any usual spelling."""

from __future__ import annotations

import polars as pl
import pytest

from fastbench.engine.errors import examples
from fastbench.engine.tables.keys import comparable
from fastbench.engine.tables.wells import column_spelled, names_plate_or_well, plain_wells


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1, 2, None], [1.0, 2.0, None]),
        ([1, 2, None], ["1", " 2", ""]),
        ([1.0, 0.5, float("nan")], ["1", "0.5", None]),
        ([True, False], ["true", "false"]),
        ([1.0, 2.0], pl.Series([1, 2], dtype=pl.UInt8)),
        ([2**60, 1], pl.Series([2**60, 1], dtype=pl.UInt64)),
    ],
)
def test_equal_values_are_equal_in_one_type(one, other):
    first, second = comparable(pl.Series(one), pl.Series(other))
    assert first.dtype == second.dtype
    assert first.eq_missing(second).all()


@pytest.mark.parametrize(("one", "other"), [(["001"], [1]), (["a"], ["A"]), ([1.5], ["1"]), ([2**60], [2**60 + 1])])
def test_other_values_stay_apart(one, other):
    first, second = comparable(pl.Series(one), pl.Series(other))
    assert not first.eq(second).any()


def test_plates_and_wells_are_found_by_name():
    for name in (
        "plate",
        "Plate_ID",
        "PlateName",
        "Metadata_Plate",
        "assay_plate_barcode",
        "well",
        "WellID",
        "well pos",
    ):
        assert names_plate_or_well(name)
    for name in ("plated", "wellness", "plate_count", "Metadata_cell", "swell", "well_area"):
        assert not names_plate_or_well(name)
    assert column_spelled("Metadata_Plate", ["x", "plate_id"]) == "plate_id"
    assert column_spelled("well", ["Metadata_Well", "well_name"]) == "Metadata_Well"
    assert column_spelled("plate", ["plate_id", "plate_name"]) is None
    assert column_spelled("drug", ["Drug"]) is None


def test_wells_are_written_as_on_plate_maps():
    found = plain_wells(pl.Series(["a1", "A01", " b012", "AF48", "A0", "A49", "AG1", "x", None]))
    assert found.to_list() == ["A01", "A01", "B12", "AF48", "A0", "A49", "AG1", "x", None]


def test_long_values_are_cut_in_sentences():
    assert len(examples([[0.123456789] * 3000, "short"])) < 300
    assert examples([[0.1] * 3000]).endswith(" signs)")
    assert examples(["a" * 150]) == repr("a" * 150)
