"""Profile files that lie in the wrong place or lack something: refused by name, or counted and told."""

import gzip
import shutil

import polars as pl
import pytest

from fastbench.engine.cpjump import BATCH, Options, plan, run, write_simulated
from fastbench.engine.cpjump.plates.wells import plate_reader, read_wells
from fastbench.engine.errors import InputError

CHOICE = {"cells": ("U2OS",), "timelines": ("short",)}
TREATED = pl.col("Metadata_control_type").fill_null("") != "negcon"


@pytest.fixture
def plates():
    """Plates of the three configurations of U2OS at the short times, by modality."""
    found = plan(Options(**CHOICE)).experiments.configurations()
    return {name.split("_")[0]: list(plates) for name, plates in found.items()}


def written(folder, plates):
    return write_simulated(folder, n_features=5, plates=plates)


def rewrite(path, change):
    frame = change(pl.read_csv(path, infer_schema=False))
    path.write_bytes(gzip.compress(frame.write_csv().encode(), mtime=0))


def wells_of(folder, plates):
    return read_wells(plates, plate_reader(Options(profiles=folder, **CHOICE)))


def refused(folder, plates, *words):
    with pytest.raises(InputError) as error:
        wells_of(folder, plates)
    for word in words:
        assert str(word) in str(error.value)


@pytest.mark.parametrize(
    ("modality", "column"),
    [
        ("compound", "Metadata_broad_sample"),
        ("compound", "Metadata_control_type"),
        ("compound", "Metadata_Well"),
        ("compound", "Metadata_Plate"),
        ("crispr", "Metadata_gene"),
    ],
)
def test_a_column_that_one_plate_lacks_is_named_with_its_file(tmp_path, plates, modality, column):
    paths = written(tmp_path, plates[modality][:3])
    rewrite(paths[1], lambda frame: frame.drop(column))
    refused(tmp_path, plates[modality], f"'{paths[1]}' has no column '{column}'")


def test_a_column_that_one_plate_lacks_is_named_in_other_formats(tmp_path, plates):
    chosen = plates["compound"][:2]
    paths = write_simulated(tmp_path, n_features=5, plates=chosen, suffix="_x.parquet")
    pl.read_parquet(paths[1]).drop("Metadata_broad_sample").write_parquet(paths[1])
    reader = plate_reader(Options(profiles=tmp_path, suffix="_x.parquet", **CHOICE))
    with pytest.raises(InputError, match=rf"{paths[1].name}' has no column 'Metadata_broad_sample'"):
        reader(chosen)


def test_a_near_miss_is_suggested(tmp_path, plates):
    (path,) = written(tmp_path, plates["compound"][:1])
    rewrite(path, lambda frame: frame.rename({"Metadata_broad_sample": "Metadata_Broad_sample"}))
    refused(tmp_path, plates["compound"], "no column 'Metadata_broad_sample'", "did you mean 'Metadata_Broad_sample'")


@pytest.mark.parametrize("n_rows", [384, 3])
def test_a_file_of_another_plate_is_refused(tmp_path, plates, n_rows):
    first, second = plates["compound"][:2]
    paths = written(tmp_path, [first, second])
    name = pl.when(pl.int_range(pl.len()) < n_rows).then(pl.lit("BR00000001")).otherwise("Metadata_Plate")
    rewrite(paths[1], lambda frame: frame.with_columns(name.alias("Metadata_Plate")))
    refused(tmp_path, [first, second], paths[1], f"{n_rows} of its 384 rows", "'BR00000001'", second.name)


def test_rows_without_a_plate_are_refused(tmp_path, plates):
    (path,) = written(tmp_path, plates["orf"][:1])
    rewrite(path, lambda frame: frame.with_columns(Metadata_Plate=pl.lit(None, pl.String)))
    refused(tmp_path, plates["orf"], path, "384 of its 384 rows", "'blank'")


def test_a_plate_copied_over_another_is_refused(tmp_path, plates):
    first, second = plates["compound"][:2]
    paths = written(tmp_path, [first, second])
    shutil.copy(paths[0], paths[1])
    refused(tmp_path, [first, second], *paths, "identical content")
    read = plate_reader(Options(profiles=tmp_path, **CHOICE))  # also when they are read one after the other
    read([first])
    with pytest.raises(InputError, match="identical content"):
        read([second])


def test_a_file_doubled_in_its_folder_is_refused(tmp_path, plates):
    (path,) = written(tmp_path, plates["compound"][:1])
    copy = path.with_name(f"copy_{path.name}")
    shutil.copy(path, copy)
    refused(tmp_path, plates["compound"], path, copy, "identical content: take one of them out")


def test_different_files_of_a_plate_are_joined_with_a_note(tmp_path, plates):
    (path,) = written(tmp_path, plates["compound"][:1])
    other = path.with_name(f"b_{path.name}")
    shutil.copy(path, other)
    rewrite(path, lambda frame: frame.head(200))
    rewrite(other, lambda frame: frame.tail(184))
    wells = wells_of(tmp_path, plates["compound"])
    assert (wells.read, wells.absent) == (384, 0)
    assert any(f"plate {plates['compound'][0].name} is read from 2 files" in note for note in wells.warnings)


@pytest.mark.parametrize(("modality", "wrong"), [("compound", "crispr"), ("crispr", "compound"), ("orf", "crispr")])
def test_samples_of_another_modality_are_refused(tmp_path, plates, modality, wrong):
    paths = written(tmp_path, [plates[modality][0], plates[wrong][0]])
    name = plates[modality][0].name
    frame = pl.read_csv(paths[1], infer_schema=False).with_columns(pl.lit(name).alias("Metadata_Plate"))
    rewrite(paths[0], lambda _: frame)
    refused(tmp_path, plates[modality], paths[0], f"{modality} plate {name}", f"of the {wrong} plates")


def test_samples_that_no_plate_map_knows_are_scored(tmp_path, plates):
    """Other libraries are no fault."""
    (path,) = written(tmp_path, plates["compound"][:1])
    rewrite(path, lambda frame: frame.with_columns(Metadata_broad_sample="X" + pl.col("Metadata_broad_sample")))
    assert wells_of(tmp_path, plates["compound"]).read == 384


def test_absent_and_unknown_wells_are_counted_and_named(tmp_path, plates):
    paths = written(tmp_path, plates["compound"][:2])
    rewrite(paths[0], lambda frame: frame.head(300))
    well = pl.when(pl.col("Metadata_Well") == "A01").then(pl.lit("Z99")).otherwise("Metadata_Well")
    rewrite(paths[1], lambda frame: frame.with_columns(well.alias("Metadata_Well")))
    wells = wells_of(tmp_path, plates["compound"])
    assert (wells.absent, wells.off_map, wells.read) == (85, 1, 684)
    first, second = (plate.name for plate in plates["compound"][:2])
    absent = next(note for note in wells.warnings if "have no profile" in note)
    assert f"plate {first}: 84 (" in absent
    assert f"plate {second}: 1 ('A01')" in absent
    assert any(f"plate {second}: 1 ('Z99')" in note for note in wells.warnings)


def test_both_layouts_are_looked_in(tmp_path, plates):
    first, second = plates["compound"][:2]
    written(tmp_path, [first])
    write_simulated(tmp_path, n_features=5, plates=[second], batch=None)
    prepared = plan(Options(profiles=tmp_path, **CHOICE))
    assert not {first.name, second.name}.intersection(prepared.missing)
    shutil.copytree(tmp_path / BATCH / first.name, tmp_path / first.name)
    with pytest.raises(InputError, match=rf"Plate {first.name} has profiles both in .* keep one"):
        plan(Options(profiles=tmp_path, **CHOICE))


def test_missing_plates_are_listed_in_one_note(tmp_path, plates):
    written(tmp_path, plates["compound"][:2])
    prepared = plan(Options(profiles=tmp_path))
    notes = [note for note in prepared.notes() if "no profile file" in note]
    assert len(notes) == 1
    assert notes[0].startswith("38 of 40 plates have no profile file *_normalized")
    assert notes[0].endswith(f"{', '.join(prepared.missing[:3])} and 35 more.")
    assert len(prepared.missing) == 38
    result = run(prepared)
    assert [warning for warning in result.warnings if "runs" in warning] == [
        "34 of 36 runs have no plate and were not scored."
    ]
    assert prepared.cost()["runs"] == 2


def test_plates_without_negative_controls_are_named(tmp_path, plates):
    paths = written(tmp_path, [*plates["compound"][:2], *plates["orf"]])
    rewrite(paths[0], lambda frame: frame.filter(TREATED))
    said = f"no well of plate {plates['compound'][0].name} is a negative control (Metadata_control_type == 'negcon')"

    def outcome():
        result = run(plan(Options(profiles=tmp_path, tasks=("replicability",), **CHOICE)))
        row = result.report.filter(Description="compound_U2OS_short").row(0, named=True)
        return row["outcome"], [warning for warning in result.warnings if "negative control" in warning]

    reason, warnings = outcome()
    assert reason == "scored"
    assert warnings == [f"compound_U2OS_short: {said}."]
    rewrite(paths[1], lambda frame: frame.filter(~TREATED))  # controls, but none beside a treated well
    assert outcome()[0] == f"skipped: {said}"
    written(tmp_path, plates["compound"][1:2])
    rewrite(paths[1], lambda frame: frame.filter(TREATED))
    reason, warnings = outcome()
    assert reason == "skipped: no negative control wells"
    assert any("replicability of compound_U2OS_short" in warning for warning in warnings)


def test_what_is_left_out_counts_once_and_has_units(benchmark_of):
    result = benchmark_of()
    passed = {
        row["Description"]: row["groups_retrieved"]
        for row in result.fractions["replicability_fr"].iter_rows(named=True)
    }
    sizes = {"compound": 306, "crispr": 305, "orf": 160}
    expected = sum(sizes[name.split("_")[0]] - count for name, count in passed.items())
    assert result.dropped()["perturbations_dropped_by_gate"] == expected
    assert expected < result.report["dropped_by_gate"].sum()  # the runs in which they are missing
    assert f"{expected} perturbations dropped by the gate (over 12 configurations)" in result.left_out()
    assert result.dropped()["wells_empty"] == 4 * (16 + 8)
    assert "4 plates (density is not 100)" in result.left_out()


def test_simulated_tables_say_so(tmp_path, benchmark_of, monkeypatch):
    from fastbench.engine.command.execute import write_result
    from fastbench.engine.command.job import Job
    from fastbench.engine.cpjump import CpjumpResult
    from fastbench.engine.results.folder import ResultFolder

    monkeypatch.setattr(CpjumpResult, "draw", lambda self, path: None)
    result = benchmark_of(gate="none")
    with ResultFolder(tmp_path / "out", "cpjump", {}, False) as folder:
        write_result(result, folder, Job())
    paths = sorted((tmp_path / "out").glob("*.csv"))
    assert len(paths) == 6
    for path in paths:
        frame = pl.read_csv(path)
        assert frame.columns[-1] == "simulated"
        assert frame["simulated"].all()
