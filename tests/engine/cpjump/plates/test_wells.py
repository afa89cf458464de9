"""Profile folders: layouts, formats, missing plates, dropped wells, row order; and what is written."""

import gzip
import json
import shutil

import polars as pl
import pytest

from fastbench.engine.command.execute import execute
from fastbench.engine.cpjump import BATCH, CpjumpResult, Options, plan, run, write_simulated
from fastbench.engine.cpjump.command import CPJUMP
from fastbench.engine.cpjump.plates.files import plate_files
from fastbench.engine.cpjump.plates.metadata import target_lists
from fastbench.engine.cpjump.plates.wells import plate_reader, read_wells
from fastbench.engine.errors import InputError

CHOICE = {"cells": ("U2OS",), "timelines": ("short",)}
SUFFIX = "_normalized_feature_select_negcon_batch.csv.gz"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ten plates of U2OS at the short times, as published files are laid out."""
    path = tmp_path_factory.mktemp("profiles")
    write_simulated(path, seed=1, n_features=30, plates=plan(Options(**CHOICE)).experiments.plates)
    return path


@pytest.fixture(scope="module")
def result(folder):
    return run(plan(Options(profiles=folder, **CHOICE)))


def scores(result):
    return {name: frame.drop("time", strict=False) for name, frame in result.maps.items()}


def same_maps(one, other):
    return all(frame.equals(other.maps[name]) for name, frame in one.maps.items())


def test_files_give_what_the_simulation_gives(result):
    direct = run(plan(Options(seed=1, simulated_features=30, **CHOICE)))
    assert (direct.simulated, result.simulated) == (True, False)
    assert same_maps(direct, result)
    assert len(result.sources) == 2 + 10
    assert all(len(source.sha256) == 64 for source in result.sources)


@pytest.mark.parametrize(("batch", "suffix"), [(None, "_x.parquet"), (BATCH, "_x.csv")])
def test_other_layouts_and_formats(tmp_path, result, batch, suffix):
    plates = plan(Options(**CHOICE)).experiments.plates
    write_simulated(tmp_path, seed=1, n_features=30, plates=plates, batch=batch, suffix=suffix)
    found = run(plan(Options(profiles=tmp_path, suffix=suffix, **CHOICE)))
    assert same_maps(found, result)


def test_several_files_of_a_plate_are_joined_and_row_order_is_irrelevant(tmp_path, folder, result):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    for path in sorted(tmp_path.rglob(f"*{SUFFIX}")):
        frame = pl.read_csv(path, infer_schema_length=None).sample(fraction=1, shuffle=True, seed=3)
        halves = frame.head(200), frame.tail(184)
        path.unlink()
        for name, half in zip("ba", halves, strict=True):
            path.with_name(f"{name}{SUFFIX}").write_bytes(gzip.compress(half.write_csv().encode()))
    found = run(plan(Options(profiles=tmp_path, **CHOICE)))
    assert len(found.sources) == 2 + 20
    assert same_maps(found, result)


def test_missing_plate_is_named_and_counted(tmp_path, folder):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    plates = plan(Options(**CHOICE)).experiments.configurations()
    gone = plates["compound_U2OS_short"][2].name
    shutil.rmtree(tmp_path / BATCH / gone)
    prepared = plan(Options(profiles=tmp_path, **CHOICE))
    assert prepared.missing == (gone,)
    assert f"1 of 10 plates have no profile file *{SUFFIX}: {gone}." in prepared.notes()
    found = run(prepared)
    assert not any(gone in warning for warning in found.warnings)  # said once
    row = found.report.filter(task="replicability", Description="compound_U2OS_short").row(0, named=True)
    assert (row["plates"], row["plates_missing"], row["wells"]) == (3, 1, 3 * 384)
    assert found.dropped()["plates: no profile file"] == 1


def test_missing_configuration_is_reported_and_stops_no_other(tmp_path, folder):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    for plate in plan(Options(**CHOICE)).experiments.configurations()["compound_U2OS_short"]:
        shutil.rmtree(tmp_path / BATCH / plate.name)
    found = run(plan(Options(profiles=tmp_path, **CHOICE)))
    outcomes = dict(found.report.select(pl.concat_str("task", "Description"), "outcome").iter_rows())
    assert outcomes["replicabilitycompound_U2OS_short"].startswith("skipped: no plate")
    assert outcomes["replicabilitycrispr_U2OS_short"] == "scored"
    assert outcomes["gene_compound_matchingcompound_U2OS_short-orf_U2OS_short"].startswith("skipped")
    assert found.fractions["gene_compound_matching_fr"].is_empty()
    said = [warning for warning in found.warnings if "not scored" in warning]
    assert said == ["4 of 7 runs have no plate and were not scored."]
    frame = found.plan.frame()
    assert frame.filter(~pl.col("has_plates"))["Description"].str.contains("compound").to_list() == [True] * 4
    cost = found.plan.cost()
    assert cost["runs"] == 3
    assert cost["queries"] == frame.filter("has_plates")["queries"].sum() < frame["queries"].sum()


def test_no_plate_at_all(tmp_path):
    with pytest.raises(InputError, match="None of the 10 plates"):
        plan(Options(profiles=tmp_path, **CHOICE))


def test_nothing_to_score(tmp_path):
    """Only controls on the one plate there is a file of: no treated well."""
    plate = plan(Options(**CHOICE)).experiments.plates[0]
    (path,) = write_simulated(tmp_path, n_features=5, plates=[plate])
    frame = pl.read_csv(path, infer_schema_length=None)
    controls = frame.filter(Metadata_control_type="negcon")
    path.write_bytes(gzip.compress(controls.write_csv().encode()))
    with pytest.raises(InputError, match="is a negative control"):
        run(plan(Options(profiles=tmp_path, **CHOICE)))
    treated = frame.filter(pl.col("Metadata_control_type").fill_null("") != "negcon")
    path.write_bytes(gzip.compress(treated.write_csv().encode()))
    with pytest.raises(InputError, match="Nothing could be scored"):
        run(plan(Options(profiles=tmp_path, **CHOICE)))


def test_missing_column_is_named(tmp_path):
    plate = plan(Options(**CHOICE)).experiments.plates[0]
    (path,) = write_simulated(tmp_path, n_features=5, plates=[plate])
    frame = pl.read_csv(path, infer_schema_length=None).drop("Metadata_control_type")
    path.write_bytes(gzip.compress(frame.write_csv().encode()))
    with pytest.raises(InputError, match=r"no column 'Metadata_control_type': give profiles annotated"):
        run(plan(Options(profiles=tmp_path, **CHOICE)))


def test_wells_are_labelled_and_counted(folder):
    options = Options(profiles=folder, **CHOICE)
    plates = plan(options).experiments.configurations()
    wells = read_wells(plates["compound_U2OS_short"], plate_reader(options))
    assert (wells.read, wells.empty, wells.filled, len(wells.profiles)) == (1536, 0, 256, 1536)
    assert set(wells.profiles.metadata.filter(Metadata_negcon=1)["Metadata_broad_sample"]) == {"DMSO"}
    wells = read_wells(plates["crispr_U2OS_short"], plate_reader(options))
    assert (wells.read, wells.empty, wells.filled, len(wells.profiles)) == (1536, 16, 0, 1520)
    assert wells.treated.sum() == 1280


def test_doubled_wells_and_bad_features_are_told(tmp_path):
    plate = plan(Options(**CHOICE)).experiments.plates[0]
    (path,) = write_simulated(tmp_path, n_features=5, plates=[plate])
    frame = pl.read_csv(path, infer_schema_length=None)
    frame = pl.concat([frame, frame.head(3)]).with_columns(
        pl.when(pl.col("Metadata_Well") == "B01").then(None).otherwise("Simulated_0002").alias("Simulated_0002")
    )
    path.write_bytes(gzip.compress(frame.write_csv().encode()))
    wells = read_wells([plate], plate_reader(Options(profiles=tmp_path)))
    assert wells.profiles.feature_names == ("Simulated_0001", "Simulated_0003", "Simulated_0004", "Simulated_0005")
    assert any("6 rows share plate and well" in warning for warning in wells.warnings)
    assert any("'Simulated_0002'" in warning for warning in wells.warnings)


def test_hidden_files_and_other_suffixes_are_not_profiles(tmp_path):
    (tmp_path / "P").mkdir()
    for name in (f"P{SUFFIX}", f"._P{SUFFIX}", "P_augmented.csv.gz"):
        (tmp_path / "P" / name).touch()
    assert [path.name for path in plate_files(tmp_path, BATCH, "P", SUFFIX)] == [f"P{SUFFIX}"]


def test_written_folder(tmp_path, folder, monkeypatch):
    monkeypatch.setattr(CpjumpResult, "draw", lambda self, path: None)
    found = execute(CPJUMP, Options(profiles=folder, **CHOICE), tmp_path / "out")
    columns = {path.name: pl.read_csv(path).columns for path in (tmp_path / "out").glob("*.csv")}
    six = [
        "mean_average_precision",
        "nlog10pvalue",
        "q_value",
        "nlog10qvalue",
        "above_p_threshold",
        "above_q_threshold",
    ]
    one = ["Description", "Modality", "Cell", "time", "timepoint"]
    two = ["Description", "Modality1", "Modality2", "Cell", "time1", "time2", "timepoint1", "timepoint2"]
    fr = ["fr", "groups", "groups_retrieved", "published"]
    assert columns == {
        "replicability_map.csv": ["Metadata_broad_sample", *six, *one],
        "matching_map.csv": ["Metadata_matching_target", *six, *one],
        "gene_compound_matching_map.csv": ["Metadata_matching_target", *six, *two],
        "replicability_fr.csv": [*one, *fr, "percent_replicating", "percent_replicating_threshold"],
        "matching_fr.csv": [*one, *fr, "percent_matching", "percent_matching_threshold"],
        "gene_compound_matching_fr.csv": [*two, *fr],
    }
    names = {path.name for path in (tmp_path / "out" / "tables").iterdir()}
    assert names == {
        "replicability_summary.csv",
        "matching_summary.csv",
        "gene_compound_matching_summary.csv",
        "runs.csv",
    }
    queries = pl.read_parquet(tmp_path / "out" / "average_precision.parquet")
    assert queries.height == found.report["queries"].sum()
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["simulated"] is False
    assert len(manifest["inputs"]) == 12
    assert manifest["corrections"] == list(found.plan.options.rules.corrections)
    assert manifest["options"]["ties"] == "expected"


def test_summary_has_every_combination_of_times(benchmark_of):
    summary = benchmark_of(gate="none").summaries()["gene_compound_matching_summary"]
    assert summary.columns == ["Modality1", "time1", "Modality2", "time2", "A549", "U2OS"]
    assert summary.height == 8
    assert summary.null_count().row(0) == (0,) * 6


@pytest.mark.parametrize("separator", ["|", ";", "; ", ", "])
def test_targets_are_split_at_what_separates_them(tmp_path, separator):
    rows = [("c1", ["A", "B"]), ("c2", ["B"]), ("c3", ["A", "C", "B"]), ("c4", ["NA"]), ("c5", ["C"])]
    lines = [f"{sample}\t{separator.join(targets)}" for sample, targets in rows]
    (tmp_path / "targets.tsv").write_text("broad_sample\ttarget_list\n" + "\n".join(lines) + "\n")
    found, _ = target_lists(tmp_path)
    assert found.rows() == [row for row in rows if row[0] != "c4"]
    (tmp_path / "targets.tsv").write_text("broad_sample\ttarget_list\nc1\tA/B\nc2\tB/A\nc3\tA\n")
    with pytest.raises(InputError, match=r"targets\.tsv' does not say what separates .* write 'a\|b'"):
        target_lists(tmp_path)


def test_bookkeeping_of_profiles_is_kept_as_published_and_told(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "p")
    chosen = sorted((tmp_path / "p").rglob(f"*{SUFFIX}"))
    for path in chosen:
        frame = pl.read_csv(path, infer_schema_length=None, schema_overrides={"Metadata_Plate": pl.String})
        extra = frame.with_columns(
            pl.int_range(pl.len()).alias("X"),
            pl.lit(3).alias("Image_Metadata_Site"),
            (pl.int_range(pl.len()) % 7).alias("Cytoplasm_Parent_Cells"),
        )
        with gzip.open(path, "wb") as file:
            file.write(extra.write_csv().encode())
    plates = next(iter(plan(Options(profiles=tmp_path / "p", **CHOICE)).experiments.configurations().values()))
    plain = plate_reader(Options(profiles=folder, **CHOICE))(plates)
    found = plate_reader(Options(profiles=tmp_path / "p", **CHOICE))(plates)
    assert found.feature_names == (*plain.feature_names, "Cytoplasm_Parent_Cells")
    said = " ".join(found.notes)
    assert "number or count objects are kept, as in the published scripts: 'Cytoplasm_Parent_Cells'" in said
    assert "'X'" in said
