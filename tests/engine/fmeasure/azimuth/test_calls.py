"""Azimuth calls to terms: policies for what is no term, levels, cells, crosswalks, and every refusal."""

from __future__ import annotations

import pytest

from .files import L1, L2, A, B, C, Files, R

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*zarr.*:UserWarning", "ignore:Consolidated metadata:UserWarning", "ignore:Observation names:UserWarning"
)

# --- policies ---


def lost_case(files: Files) -> None:
    files.cells(["c1", "c2", "c3", "c4"])
    files.calls(
        [["c1", "La", 1, "Lx", 0.5], ["c2", "La", 1, "Lz", 0.5], ["c3", "La", 1, "NA", 0.5], ["c4", "La", 1, "Lc", 0.5]]
    )


@pytest.mark.parametrize(
    ("unmapped", "names", "labels"),
    [
        ("unknown", ["unknown", "CL:7777777", "", C], ["unknown", "Lz", "", "Lc"]),
        ("empty", ["", "", "", C], ["", "", "", "Lc"]),
        ("root", [R, R, R, C], ["cell", "cell", "cell", "Lc"]),
    ],
)
def test_calls_that_are_no_terms(files: Files, unmapped: str, names: list[str], labels: list[str]) -> None:
    lost_case(files)
    calls = files.convert(unmapped=unmapped, response=True)
    table = files.read("inferred_labels.csv")[1:]
    assert [row[1] for row in table] == labels
    assert [row[3] for row in table] == names
    assert [row[5] for row in table] == ["0.5"] * 4
    assert {name: calls.levels[name].to_list() for name in ("mapped", "unmapped", "outside", "missing")} == {
        "mapped": [1, 4],
        "unmapped": [1, 0],
        "outside": [1, 0],
        "missing": [1, 0],
    }
    assert calls.unmapped.rows() == [(L2, "Lx", None, 1), (L2, "Lz", "CL:7777777", 1)]
    weights = [cell["total_weight"] for cell in files.read("ontology_response.json")["data"]]
    assert weights == ([0.5] * 4 if unmapped == "root" else [1, 1, 1, 0.5])
    notes = "\n".join(calls.notes)
    assert f"{L2} has 1 labels that {files.folder / 'crosswalk.csv'} does not have, in 1 cells ('Lx')" in notes
    assert f"{L2} has 1 labels with an id that the ontology lacks, in 1 cells ('Lz: CL:7777777')" in notes
    assert f"{L2} has no label in 1 cells" in notes


def test_unmapped_error(files: Files) -> None:
    lost_case(files)
    files.refused(
        "labels that",
        "('Lx')",
        "an id that the ontology lacks, in 1 cells ('Lz: CL:7777777')",
        "has no label in 1",
        "--unmapped unknown, empty or root",
        unmapped="error",
    )
    Files(files.folder)
    assert files.convert(unmapped="error").levels["mapped"].to_list() == [3, 3]


def test_a_word_for_missing_may_be_a_label(files: Files) -> None:
    files.cells(["c1"])
    files.calls([["c1", "None", 1, "nan", 1]])
    files.crosswalk([["None", A, ""]])
    assert files.convert().table.row(0)[3:5] == (None, A)


# --- levels ---


def test_levels(files: Files) -> None:
    header = ["", "predicted.l1", "predicted.l1.score", "mapping.score", "other", "other_confidence", "predicted.id"]
    files.calls([[f"c{i}", "La", 0.5, 0.1, "Lc", 0.75, "Lf"] for i in (1, 2, 3)], header)
    assert files.convert().levels["level"].to_list() == ["predicted.l1"]
    levels = ("other:other_confidence", "predicted.l1:mapping.score")
    assert files.convert(levels=levels).table.row(0) == ("c1", "Lc", "La", C, A, 0.75, 0.1)


def test_levels_that_cannot_be_found(files: Files) -> None:
    said = files.refused(
        "no column 'predicted.celltype.l3'",
        "did you mean",
        levels=(L1, "predicted.celltype.l3:x"),
    )
    assert L2 in said
    files.refused("no column 'x'", levels=(f"{L1}:x",))
    files.refused("name a column twice", levels=(L1, f"{L1}:{L2}.score"))
    files.calls([["c1", "La", 1]], ["", "predicted.id", "prediction.score.max"])
    files.refused("predicted.<level>.score", "'predicted.id', 'prediction.score.max'", "LABEL:SCORE")


# --- cells ---


@pytest.mark.parametrize("name", ["cells.zarr", "other.h5ad"])
def test_other_files_of_cells(files: Files, name: str) -> None:
    files.cells(["c3", "c2"], name)
    calls = files.convert(h5ad=str(files.folder / name))
    assert calls.table[""].to_list() == ["c3", "c2"]
    assert files.read("metadata.json")["input_path"] == str(files.folder / name)


@pytest.mark.slow
def test_cells_that_do_not_fit(files: Files) -> None:
    files.cells([f"c{i}" for i in range(1, 11)])
    files.refused(
        "azimuth.csv", "cells.h5ad", "7 of 10 cells of the truth have no prediction ('c4', 'c5', 'c6', 'c7', 'c8', ...)"
    )
    files.cells(["c1-1", "c2-1", "c3-1"])
    files.refused("3 of 3 cells of the truth have no prediction", "a suffix such as '-1'")
    files.cells(["c1", "c1"])
    files.refused("cells.h5ad: 1 cell ids come more than once ('c1')")
    files.cells(["c1"])
    files.calls([["c1", "La", 1, "Lc", 1], ["c2", "La", 1, "Lc", 1], ["c2", "La", 1, "Lc", 1]])
    files.refused("azimuth.csv: 1 barcodes come more than once ('c2')")
    files.calls([["c1", "La", 1, "Lc", 1], ["", "La", 1, "Lc", 1], ["", "La", 1, "Lc", 1]])
    assert files.convert().extra_rows == 2


def test_scores_that_are_no_numbers(files: Files) -> None:
    files.calls([["c1", "La", "high", "Lc", 1], ["c2", "La", 1, "Lc", 1], ["c3", "La", 1, "Lc", 1]])
    files.refused(L1 + ".score", "1 value that is not a number ('high' in row 2)")
    files.calls([["c1", "La", "Inf", "Lc", 1], ["c2", "La", 1, "Lc", 1], ["c3", "La", 1, "Lc", 1]])
    files.refused(L1 + ".score", "1 infinite scores")


# --- crosswalk ---


def test_crosswalks_that_cannot_be_used(files: Files) -> None:
    files.crosswalk([["La", A, ""], [" La", B, ""], ["Lb", B, ""]])
    files.refused("crosswalk.csv gives 1 labels two meanings", f"La: {A} or {B}")
    files.crosswalk([["La", A, "x"], ["La", A, "y"], ["Lb", B, ""]])
    files.refused(f"La: {A} x or {A} y", crosswalk_cl_label_col="cl_label")
    files.crosswalk([["La", "", ""], ["Lb", "nan", ""], ["Lc", C, ""]])
    files.refused("has no 'cl_id' for 2 labels ('La', 'Lb')", "leave its row out")
    files.crosswalk([["lA", A, ""]])
    files.refused("No call of", "becomes a term", "'Lc'", "(now 'azimuth' and 'cl_id')")
    files.refused("no column 'cl_ids'; did you mean 'cl_id'", crosswalk_cl_id_col="cl_ids")
    files.refused("no column 'label'", crosswalk_azimuth_col="label")
    files.crosswalk([["La", A, "x"], ["La", A, "y"]])  # the label of the term matters only where it is asked for
    assert files.convert().levels["mapped"].to_list() == [0, 2]


def test_crosswalks_as_cellarium_cas_takes_them(files: Files) -> None:
    files.crosswalk(
        [["La", B, ""], ["Lb", "", ""], ["Lb", "CL_0000002", ""], ["Lc", C, ""], ["Lf", "NA", ""], ["La", A, ""]]
    )
    files.refused("has no 'cl_id' for 2 labels ('Lb', 'Lf')", "--crosswalk-empty-id leave-out or nan")
    files.refused("gives 2 labels two meanings", "--crosswalk-duplicates last", crosswalk_empty_id="nan")
    old = files.convert(crosswalk_duplicates="last", crosswalk_empty_id="nan", crosswalk_id_form="as-written")
    names = [row[3:5] for row in files.read("inferred_labels.csv")[1:]]
    assert names == [["nan", "CL_0000002"], [C, A], [C, A]]  # of c1 (Lf, Lb), c2 and c3 (Lc, La)
    assert old.levels["outside"].to_list() == [1, 1]
    said = "\n".join(old.notes)
    assert "2 rows without an id got the text 'nan' ('Lb', 'Lf')" in said
    assert "2 labels have two meanings, of which the last counts" in said
    assert "1 ids are taken as written ('CL_0000002')" in said


def test_rows_without_an_id_are_left_out_where_asked_for(files: Files) -> None:
    files.crosswalk([["La", A, ""], ["Lb", "", ""], ["Lb", "CL_0000002", ""], ["Lc", C, ""], ["Lf", "", ""]])
    found = files.convert(crosswalk_empty_id="leave-out")
    assert [row[3:5] for row in files.read("inferred_labels.csv")[1:]] == [["unknown", B], [C, A], [C, A]]
    assert "2 rows without an id were left out ('Lb', 'Lf')" in "\n".join(found.notes)
