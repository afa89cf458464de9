"""Test labels and splits: which wells are scored, as it should be and as the published evaluator does it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fastbench.engine.cpjump.options import Options
from fastbench.engine.cpjump.planning import plan
from fastbench.engine.cpjump.plates.metadata import Plate
from fastbench.engine.cpjump.plates.simulate import write_simulated
from fastbench.engine.cpjump.split.filters import read_test_labels, well_filters
from fastbench.engine.cpjump.workflow import run
from fastbench.engine.errors import InputError
from fastbench.engine.tables.profiles import Profiles

PLATES = tuple(Plate(name, "compound", "A549", "short", 24) for name in ("p1", "p2", "p3"))


def profiles() -> Profiles:
    """Three plates of four wells, the last one a control."""
    rows = [(p.name, w, "negcon" if w == "A04" else None) for p in PLATES for w in ("A01", "A02", "A03", "A04")]
    columns = ["Metadata_Plate", "Metadata_Well", "Metadata_control_type"]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    return Profiles(frame, np.zeros((12, 2), np.float32), ("a", "b"))


def kept(mask: np.ndarray) -> set[tuple[str, str]]:
    return set(profiles().metadata.filter(pl.Series(mask)).select("Metadata_Plate", "Metadata_Well").iter_rows())


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    keys = ["p1-A01-r01c01-1", "p1-A01-r01c01-2", "p1-a2-x-1", "p2-A02-x-1", "p2-A03-x-1", "p3-A02-x", "p3-A04-x"]
    path = tmp_path / "labels.csv"
    pl.DataFrame({"other": range(len(keys)), "SAMPLE_KEY": keys}).write_csv(path)
    return path


def test_labels_by_plate_and_well_with_the_controls(labels: Path) -> None:
    found = read_test_labels(labels)
    assert kept(found.keep(profiles())) == {
        ("p1", "A01"),
        ("p1", "A02"),
        ("p1", "A04"),
        ("p2", "A02"),
        ("p2", "A03"),
        ("p2", "A04"),
        ("p3", "A02"),
        ("p3", "A04"),
    }


def test_controls_that_are_not_listed_are_kept_and_told_or_left_out(labels: Path) -> None:
    filters = well_filters(Options(test_labels=labels))
    assert filters.unlisted_controls(profiles()) == [
        "2 negative controls that the test labels do not list are kept, as all controls of their plates are "
        "(--test-labels-controls listed leaves them out)."
    ]
    strict = well_filters(Options(test_labels=labels, test_labels_controls="listed"))
    listed = {("p1", "A01"), ("p1", "A02"), ("p2", "A02"), ("p2", "A03"), ("p3", "A02"), ("p3", "A04")}
    assert kept(strict.keep(profiles(), PLATES)) == listed
    assert kept(filters.keep(profiles(), PLATES)) == listed | {("p1", "A04"), ("p2", "A04")}
    assert strict.unlisted_controls(profiles()) == [
        "2 negative controls that the test labels do not list were left out."
    ]
    assert well_filters(Options(test_labels=labels, preset="cellclip")).unlisted_controls(profiles()) == []
    assert well_filters(Options()).unlisted_controls(profiles()) == []
    with pytest.raises(InputError, match="--test-labels-controls listed is for --test-labels"):
        Options(test_labels_controls="listed")
    with pytest.raises(InputError, match="test_labels_controls"):
        Options(test_labels=labels, test_labels_controls="all")


def test_the_accumulated_filter_is_the_published_loop(labels: Path) -> None:
    found = read_test_labels(labels)
    table = profiles().metadata.with_row_index()
    accumulated = table.head(0)
    for plate in PLATES:  # as it is published: by well name, after each plate, on all read so far
        accumulated = pl.concat([accumulated, table.filter(Metadata_Plate=plate.name)])
        accumulated = accumulated.filter(pl.col("Metadata_Well").is_in(list(found.wells.get(plate.name, ()))))
    expected = set(accumulated.select("Metadata_Plate", "Metadata_Well").iter_rows())
    assert kept(found.keep_accumulated(profiles(), ["p1", "p2", "p3"])) == expected
    assert expected == {("p1", "A02"), ("p2", "A02"), ("p3", "A02"), ("p3", "A04")}


def test_only_cellclip_accumulates(labels: Path) -> None:
    for preset, n in (("stable", 8), ("paper", 8), ("cellclip", 4)):
        options = Options(preset=preset, test_labels=labels)
        assert well_filters(options).keep(profiles(), PLATES).sum() == n
        assert any("Test labels filter all wells" in f for f in options.published_faults) == (preset == "cellclip")


def test_a_split_keeps_its_wells_and_the_controls_of_its_plates(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("subset,Metadata_Plate,Metadata_Well\ntrain,p1,A01\ntest,p2,A01\ntrain,p1,A02\n")
    filters = well_filters(Options(split_manifest=manifest, split_subset="train"))
    assert kept(filters.keep(profiles(), PLATES)) == {("p1", "A01"), ("p1", "A02"), ("p1", "A04")}
    plates, dropped = filters.plates(PLATES)
    assert [plate.name for plate in plates] == ["p1"]
    assert dropped == {"not in the split subset": 2}
    assert filters.absent(profiles()) == []
    manifest.write_text("subset,Metadata_Plate,Metadata_Well\ntrain,p1,A01\ntrain,p1,P24\ntrain,far,A01\n")
    said = well_filters(Options(split_manifest=manifest, split_subset="train")).absent(profiles())
    assert said == ["1 of 2 wells of the split subset have no profile of a perturbation: 'p1 P24'."]


def test_labels_of_wells_without_a_profile_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("SAMPLE_KEY\np1-A01-1\np1-A01-2\np1-P24-1\n")
    said = well_filters(Options(test_labels=path)).absent(profiles())
    assert said == ["1 of 2 wells of the test labels have no profile of a perturbation: 'p1 P24'."]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("KEY\np1-A01\n", "has no column 'SAMPLE_KEY'"),
        ("SAMPLE_KEY\np1A01\n", "1 keys that are not PLATE-WELL-... ('p1A01')"),
        ("SAMPLE_KEY\n", "have no rows"),
    ],
)
def test_bad_labels_are_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(InputError) as refused:
        read_test_labels(path)
    assert told in str(refused.value)


@pytest.mark.slow
def test_the_benchmark_scores_the_wells_of_a_split(tmp_path: Path) -> None:
    from fastbench.engine.cpjump.split.manifest import output_paths, write_split
    from fastbench.engine.cpjump.split.strategies import SplitOptions, make_split

    write_simulated(tmp_path / "profiles", n_features=10)
    split = make_split(SplitOptions("cellclip_cpjump_style"))
    paths = output_paths(tmp_path / "manifest.csv", False)
    write_split(split, paths, {})
    chosen = {"cells": ("A549",), "timelines": ("short",), "tasks": ("replicability",)}
    chosen["profiles"] = tmp_path / "profiles"
    result = run(plan(Options(split_manifest=paths[0], split_subset="test", **chosen)))
    wells = pl.read_csv(paths[0]).filter(pl.col("subset") == "test").select("Metadata_Plate", "Metadata_Well")
    scored = result.average_precision.select("Metadata_Plate", "Metadata_Well")
    plates = {plate.name for plate in result.plan.experiments.plates}
    expected = wells.filter(pl.col("Metadata_Plate").is_in(plates))
    assert scored.sort(scored.columns).equals(expected.unique().sort(scored.columns))
    account = result.report.filter(Description="compound_A549_short").to_dicts()[0]
    assert account["control_wells"] == 4 * 64
    assert account["wells_filtered"] == 4 * 384 - account["wells"]
    with pytest.raises(InputError, match="has no well in validate"):
        plan(Options(split_manifest=paths[0], split_subset="val", **chosen))
