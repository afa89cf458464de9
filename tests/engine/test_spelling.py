"""How messages name options on the command line and in Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import fastbench as fb
from fastbench.engine.map.options import MapOptions
from fastbench.engine.options import options_of
from fastbench.engine.spelling import as_arguments, as_flags
from tests.cli.running import refused

KNOWN = options_of(MapOptions)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("null_size must be 1 or more.", "--null-size must be 1 or more."),
        ("threshold must lie between 0 and 1.", "--threshold must lie between 0 and 1."),
        ("p_values='copairs' goes with tail='>'.", "--p-values copairs goes with --tail >."),
        ("No pair under neg_sameby and neg_diffby: none.", "No pair under --neg-sameby and --neg-diffby: none."),
        ("a.zarr: zarr_fill=True reads zeros.", "a.zarr: --zarr-fill reads zeros."),
        (
            "column 'group_by' of runs/group_by.csv and group_by.csv",
            "column 'group_by' of runs/group_by.csv and group_by.csv",
        ),
        ("map.csv: the threshold, the seed", "map.csv: the threshold, the seed"),
    ],
)
def test_options_are_flags_on_the_command_line(said: str, shown: str) -> None:
    assert as_flags(said, KNOWN) == shown


@pytest.mark.parametrize(
    ("said", "shown", "unknown"),
    [
        ("use --missing drop-features.", "use missing='drop-features'.", "use --missing drop-features."),
        ("fill it (--fill 'c=1'), or drop", "fill it (fill='c=1'), or drop", "fill it, or drop"),
        (
            "--features all or --features REGEX.",
            "features='all' or features=REGEX.",
            "--features all or --features REGEX.",
        ),
        ("one (--fill COLUMN=VALUE).", "one (fill='COLUMN=VALUE').", "one."),
        ("join them with --key.", "join them with key.", "join them with --key."),
        ("x (--zarr-fill reads zeros)", "x (zarr_fill=True reads zeros)", "x (--zarr-fill reads zeros)"),
        ("pass --overwrite to replace", "pass overwrite=True to replace", "pass overwrite=True to replace"),
    ],
)
def test_options_are_arguments_in_python(said: str, shown: str, unknown: str) -> None:
    assert as_arguments(said, KNOWN) == shown
    assert as_arguments(said, ()) == unknown


def test_errors_and_notes_name_options_where_they_are_read(tmp_path: Path) -> None:
    x = {f"f{k}": values for k, values in enumerate(np.random.default_rng(0).normal(size=(4, 8)))}
    table = pl.DataFrame({"Metadata_c": ["a", "b"] * 4, "Metadata_p": "p", **x})
    table.write_csv(tmp_path / "a.csv")
    rules = {"pos_sameby": "Metadata_c", "neg_diffby": "Metadata_c"}
    found = fb.map(str(tmp_path / "a.csv"), queries="Metadata_p == 'p'", features="f", **rules)
    assert "queries=\"Metadata_p == 'p'\" is met by every row." in found.notes
    found.save(tmp_path / "run")
    with pytest.raises(fb.InputError, match="overwrite=True"):
        found.save(tmp_path / "run")
    table.with_columns(Metadata_c=pl.Series(["a", None] * 4)).write_csv(tmp_path / "a.csv")
    with pytest.raises(fb.InputError, match="fill it, drop these rows, or keep"):
        fb.average_precision(pl.read_csv(tmp_path / "a.csv"), None, ["Metadata_c"], [], [], ["Metadata_c"])
    table.with_columns(f0=pl.lit("x")).write_csv(tmp_path / "b.csv")
    with pytest.raises(fb.InputError, match=r"holds 8 values .* \(features\)"):
        fb.read_profiles(tmp_path / "b.csv")
    one = ("--pos-sameby", "Metadata_Plate", "--neg-diffby", "Metadata_Plate")
    said = refused("map", "sample:lincs", *one, "--output", tmp_path / "x")
    assert "under --neg-sameby and --neg-diffby: each of the 384 rows" in said
