"""Labels as other programs write them: right, or refused with the sentence that helps; never wrong in silence.

Sixty cells of four types, of which 52 are called by their right name: accuracy 13 / 15, whoever wrote the files.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import polars as pl
import pytest

from fastbench.engine.command.job import Job
from fastbench.engine.errors import InputError
from fastbench.engine.fmeasure.options import FmeasureOptions
from fastbench.engine.fmeasure.pipeline import run_fmeasure
from fastbench.engine.fmeasure.result import FmeasureResult
from fastbench.engine.fmeasure.runs.samples import make_groups, same_values
from fastbench.engine.tables.labels import singular_form
from fastbench.kernels.dispatch import get_backend

RNG = np.random.default_rng(1)
NAMES = ["B cell", "NK cell", "T cell", "monocyte"]
IDS = [f"cell{i}-1" for i in range(60)]
TRUE = RNG.integers(0, 4, 60)
CALLED = TRUE.copy()
CALLED[:8] = (TRUE[:8] + 1 + np.arange(8) % 3) % 4
RIGHT = 13 / 15


def named(codes: np.ndarray, names: Sequence[Any] = NAMES) -> list[Any]:
    return [names[code] for code in codes]


def table(path: Path, labels: Sequence[Any], **more: Sequence[Any]) -> Path:
    frame = pl.DataFrame({"id": IDS[: len(labels)], "ct": labels, **more}, strict=False)
    frame.write_csv(path) if path.suffix == ".csv" else frame.write_parquet(path)
    return path


def scored(truth: Path | str, calls: Path | str, **options: Any) -> FmeasureResult:
    sides = [f"{side}:ct" if isinstance(side, Path) else side for side in (truth, calls)]
    given = FmeasureOptions(truth=sides[0], pred=(f"m={sides[1]}",), bootstrap=0, figures=False, **options)
    return run_fmeasure(given, Job())


def accuracy(found: FmeasureResult) -> float:
    assert found.report is not None
    return float(found.report.summary["accuracy"][0])


def both(folder: Path, truth: Sequence[Any], calls: Sequence[Any], **options: Any) -> FmeasureResult:
    return scored(table(folder / "t.csv", truth), table(folder / "c.csv", calls), **options)


# --- one value written in two ways ---


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ([0, 1, 2, 3], ["0.0", "1.0", "2.0", "3.0"], "4 numbers or booleans"),
        ([0.5, 1.5, 2.25, 3.75], ["0.50", "1.5", "2.250", "3.75"], "2 numbers or booleans"),
        ([0, 1, 2, 100000], ["0", "1", "2", "1e+05"], "1 numbers or booleans"),
        (NAMES, [f"{name} " for name in NAMES], "4 labels that differ only by space"),
        (NAMES, [name.replace(" ", "\u00a0") for name in NAMES], "3 labels that differ only by space"),
        (NAMES, [name.upper() for name in NAMES], "4 labels that differ only by space"),
        (NAMES, [name.title() for name in NAMES], "labels that differ only by space"),
        (["caf\u00e9", "\u03b2", "x", "y"], ["cafe\u0301", "\u0392", "x", "y"], "2 labels that differ only by space"),
        (NAMES, [f"\ufeff{name}" for name in NAMES], "4 labels that differ only by space"),
    ],
)
def test_one_value_in_two_spellings(tmp_path: Path, ours: list[Any], theirs: list[str], said: str) -> None:
    for truth, calls in ((ours, theirs), (theirs, ours)):
        found = both(tmp_path, named(TRUE, truth), named(CALLED, calls))
        assert accuracy(found) == pytest.approx(RIGHT)
        assert any(said in note and "count as one" in note for note in found.notes)
        assert found.report is not None
        assert set(found.report.confusions["truth_name"]) <= {str(name) for name in truth}


def test_booleans_of_three_programs(tmp_path: Path) -> None:
    for words in (["FALSE", "TRUE"], ["false", "true"], ["False", "True"]):
        truth = table(tmp_path / "t.parquet", [bool(code % 2) for code in TRUE])
        found = scored(truth, table(tmp_path / "c.csv", [words[code % 2] for code in TRUE]))
        assert accuracy(found) == 1


def test_labels_as_they_are_written(tmp_path: Path, ontology: str) -> None:
    theirs = [NAMES[0], f"{NAMES[1]} ", NAMES[2].upper(), NAMES[3]]
    found = both(tmp_path, named(TRUE), named(TRUE, theirs), spelling="exact")
    assert accuracy(found) == pytest.approx(np.isin(TRUE, [0, 3]).mean())
    assert not any("count as one" in note for note in found.notes)
    with pytest.raises(InputError, match="No label is in common"):
        both(tmp_path, named(TRUE, [0, 1, 2, 3]), named(TRUE, ["0.0", "1.0", "2.0", "3.0"]), spelling="exact")
    with pytest.raises(InputError, match="has 1 label outside the 5 known ones"):
        both(tmp_path, named(TRUE, TERMS), named(TRUE, [*TERMS[:3], "cl:0000004"]), ontology=ontology, spelling="exact")


def test_numbers_that_are_names_stay_apart(tmp_path: Path) -> None:
    names = ["1.1", "1.10", "2", "3"]
    found = both(tmp_path, named(TRUE, names), named(CALLED, names))
    assert accuracy(found) == pytest.approx(RIGHT)
    assert any("'1.1', '1.10'" in note and "taken for names" in note for note in found.notes)


# --- no label in common ---


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        ([3, 1, 2, 4], "the predictions seem to be codes whose names were lost"),
        (["B.cell", "NK.cell", "T.cell", "Mono.cyte"], "4 differ only by signs, as 'B cell' and 'B.cell': map them"),
        (["B_cell", "NK-cell", "Tcell", "mono cyte"], "4 differ only by signs"),
        (["CL:0000236", "CL:0000623", "CL:0000084", "CL:0000576"], "the predictions are ids and the others names"),
        (["Lymphoid", "Naive", "CD8", "Myeloid"], "map one to the other with --map"),
    ],
)
def test_vocabularies_without_a_label_in_common(tmp_path: Path, theirs: list[Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        both(tmp_path, named(TRUE), named(CALLED, theirs))
    text = str(caught.value)
    assert text.startswith("m: No label is in common. The truth 'ct' has 4 labels ('B cell', 'NK cell', 'T cell', ")
    assert repr(str(theirs[0])) in text
    assert said in text
    with pytest.raises(InputError, match="No label is in common"):
        both(tmp_path, named(TRUE, theirs), named(CALLED))


def test_most_cells_called_by_labels_of_their_own(tmp_path: Path) -> None:
    found = both(tmp_path, named(TRUE), named(CALLED, ["B.cell", "NK.cell", "T.cell", "monocyte"]))
    assert any("cells are called by labels that the truth does not have ('B.cell'" in note for note in found.notes)


@pytest.mark.parametrize("theirs", ["NK_cell", "NK-cell", "NK.cell", "'NK cell'", "NKcell"])
def test_a_label_that_differs_by_signs_is_noted(tmp_path: Path, theirs: str) -> None:
    calls = [theirs if label == "NK cell" else label for label in named(CALLED)]
    found = both(tmp_path, named(TRUE), calls)
    assert any("1 labels of truth and predictions differ only by signs" in n and repr(theirs) in n for n in found.notes)


@pytest.mark.parametrize("theirs", ["NK cells", "NK_cells", "nk.Cells"])
def test_a_label_in_the_plural_is_noted(tmp_path: Path, theirs: str) -> None:
    calls = [theirs if label == "NK cell" else label for label in named(CALLED)]
    found = both(tmp_path, named(TRUE), calls)
    said = f"differ only by signs or a plural, and count as different ('NK cell' and {theirs!r})"
    assert any(said in note for note in found.notes)
    with pytest.raises(InputError, match="4 differ only by signs or a plural, as 'B cell' and 'B cells'"):
        both(tmp_path, named(TRUE), named(CALLED, ["B cells", "NK cells", "T cells", "monocytes"]))


def test_words_that_end_in_s_are_no_plurals() -> None:
    assert singular_form("T cells, CD8+") == singular_form("T-Cell CD8+")
    for word in ("plus", "mass", "s", "CD3s", "pons"):
        assert (singular_form(word) == singular_form(word[:-1])) == (word == "pons")


# --- codes without their names ---


def store(path: Path, column: Callable[[h5py.Group], None], attribute: Callable[[str], Any] = str) -> Path:
    """Write obs of an AnnData file, as some program does."""
    with h5py.File(path, "w") as file:
        obs = file.create_group("obs")
        kind = h5py.string_dtype() if attribute is str else None
        obs.attrs.create("_index", attribute("_index"), dtype=kind)
        obs.attrs.create("column-order", np.array([attribute("ct")], object if kind else None), dtype=kind)
        obs["_index"] = np.array(IDS, object)
        column(obs)
    return path


def orphaned(obs: h5py.Group) -> None:
    obs["ct"] = TRUE.astype(np.int8)
    obs["__categories/ct"] = np.array(NAMES, object)


def in_uns(obs: h5py.Group) -> None:
    obs["ct"] = TRUE.astype(np.int8)
    obs.parent["uns/ct_categories"] = np.array(NAMES, object)


def factor(obs: h5py.Group) -> None:
    obs["ct/values"] = (TRUE + 1).astype(np.int32)
    obs["ct/levels"] = np.array(NAMES, object)


def enumerated(obs: h5py.Group) -> None:
    kind = h5py.enum_dtype({name: i + 1 for i, name in enumerate(NAMES)}, basetype="i4")
    obs.create_dataset("ct", data=TRUE + 1, dtype=kind)


def fixed_length(obs: h5py.Group) -> None:
    obs["ct/codes"], obs["ct/categories"] = TRUE.astype(np.int8), np.array(NAMES, object)
    obs["ct"].attrs["encoding-type"] = np.bytes_("categorical")


def compound(obs: h5py.Group) -> None:
    file = obs.parent
    del file["obs"]
    rows = list(zip([name.encode() for name in IDS], TRUE.tolist(), strict=True))
    file["obs"] = np.array(rows, dtype=[("index", "S12"), ("ct", "i1")])
    file["uns/ct_categories"] = np.array([name.encode() for name in NAMES])


@pytest.mark.parametrize("column", [orphaned, in_uns, factor, enumerated, fixed_length, compound])
def test_codes_are_read_by_names_that_lie_elsewhere(tmp_path: Path, column: Callable[[h5py.Group], None]) -> None:
    truth = store(tmp_path / "t.h5ad", column, np.bytes_ if column is fixed_length else str)
    assert accuracy(scored(truth, table(tmp_path / "c.csv", named(CALLED)))) == pytest.approx(RIGHT)


def test_codes_beyond_their_names_are_refused(tmp_path: Path) -> None:
    def short(obs: h5py.Group) -> None:
        obs["ct"] = TRUE.astype(np.int8)
        obs["__categories/ct"] = np.array(NAMES[:2], object)

    with pytest.raises(InputError, match="obs/ct has codes of no category"):
        scored(store(tmp_path / "t.h5ad", short), table(tmp_path / "c.csv", named(CALLED)))


# --- text that means missing ---


@pytest.mark.parametrize("text", ["NA", "NaN", "None", "N/A", "", "<NA>", "nan", "null", " NA ", "#N/A", "NULL"])
def test_text_that_means_missing(tmp_path: Path, text: str) -> None:
    calls = [text if i % 10 == 9 else name for i, name in enumerate(named(TRUE))]
    for path in (tmp_path / "c.csv", tmp_path / "c.parquet"):
        with pytest.raises(InputError, match=r"'ct' has no label in 6 cells.*--unknown drop, miss or root"):
            scored(table(tmp_path / "t.csv", named(TRUE)), table(path, calls))
        found = scored(table(tmp_path / "t.csv", named(TRUE)), path, unknown="miss")
        assert accuracy(found) == pytest.approx(0.9)
        assert found.report is not None
        assert found.report.summary["n_true_classes"][0] == 4
        assert found.report.summary["n_predicted_classes"][0] == 4
        told = any("holds text that means missing" in note for note in found.notes)
        assert told == bool(text.strip())


def test_what_means_missing_can_be_told(tmp_path: Path) -> None:
    calls = [("Unassigned", "NA")[i % 2] if i % 10 > 7 else name for i, name in enumerate(named(TRUE))]
    found = both(tmp_path, named(TRUE), calls, unknown="miss", missing_text=("default", "Unassigned"))
    assert found.report is not None
    assert found.report.summary["n_predicted_classes"][0] == 4
    found = both(tmp_path, named(TRUE), calls, missing_text=())
    assert found.report is not None
    assert found.report.summary["n_predicted_classes"][0] == 6
    found = both(tmp_path, named(TRUE), ["none" if label == "NA" else label for label in calls])
    assert any("'none' count as labels" in note and "--missing-text 'default,none'" in note for note in found.notes)


# --- tables of other programs ---


def lines(labels: Sequence[str], form: str) -> list[str]:
    return [form.format(name, label) for name, label in zip(IDS, labels, strict=True)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.tsv", "ct\tscore\n" + "\n".join(lines(named(CALLED), "{}\t{}\t0.5")) + "\n"),
        ("c.csv", '"ct","score"\n' + "\n".join(lines(named(CALLED), '"{}","{}",1')) + "\n"),
        ("c.csv", "ct,barcode\n" + "\n".join(lines(named(CALLED), "{1},{0}")) + "\n"),
        ("c.csv", "id,ct\r" + "\r".join(lines(named(CALLED), "{},{}")) + "\r"),
        ("c.csv", "\ufeffid,ct\r\n" + "\r\n".join(lines(named(CALLED), "{},{}")) + "\r\n"),
        ("c.tsv", '"ct"\n' + "\n".join(lines(named(CALLED), '"{}"\t"{}"')) + "\n"),
    ],
)
def test_tables_of_other_programs(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_bytes(text.encode())
    assert accuracy(scored(table(tmp_path / "t.csv", named(TRUE)), tmp_path / name)) == pytest.approx(RIGHT)


@pytest.mark.parametrize("name", ["c.csv", "c.csv.gz"])
def test_a_table_that_may_be_cut_off_is_noted(tmp_path: Path, name: str) -> None:
    truth = table(tmp_path / "t.csv", named(TRUE))
    text = table(tmp_path / "whole.csv", named(CALLED)).read_bytes()
    for content, said in ((text, 0), (text[:-1], 1)):
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
        notes = [note for note in scored(truth, tmp_path / name).notes if "end with a line break" in note]
        assert len(notes) == said
        assert not said or f"{tmp_path / name}' does not end with a line break; if it was cut off" in notes[0]
    (tmp_path / "t.csv").write_bytes(truth.read_bytes()[:-1])
    runs = tuple(f"{model}={tmp_path / 'whole.csv'}:ct" for model in "ab")
    found = run_fmeasure(FmeasureOptions(truth=f"{truth}:ct", pred=runs, bootstrap=0, figures=False), Job())
    assert sum("end with a line break" in note for note in found.notes) == 1  # of one file of truth


def test_which_column_has_the_cell_ids(tmp_path: Path) -> None:
    truth = table(tmp_path / "t.csv", named(TRUE))
    calls = pl.DataFrame({"n": range(60), "ct": named(CALLED), "barcode": IDS})
    calls.write_csv(tmp_path / "c.csv")
    with pytest.raises(InputError, match=r"ids are column 'id' of t\.csv and column 'n' of c\.csv; --id names other"):
        scored(truth, tmp_path / "c.csv")
    found = scored(truth, tmp_path / "c.csv", id=("barcode",))
    assert accuracy(found) == pytest.approx(RIGHT)
    assert any("cell ids of c.csv are those of column 'barcode'" in note for note in found.notes)


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("name", ["", "id"])
def test_row_numbers_are_no_cell_ids(tmp_path: Path, first: int, name: str) -> None:
    rows, order = range(first, first + 60), np.random.default_rng(2).permutation(60)
    truth, calls = tmp_path / "t.csv", tmp_path / "c.csv"
    pl.DataFrame({name: rows, "cell": IDS, "ct": named(TRUE)}).write_csv(truth)
    pl.DataFrame({name: rows, "cell": np.array(IDS)[order], "ct": named(CALLED[order])}).write_csv(calls)
    with pytest.raises(InputError, match=r"only numbers of rows.*column 'cell' of both.*--id cell\."):
        scored(truth, calls)
    assert accuracy(scored(truth, calls, id=("cell",))) == pytest.approx(RIGHT)
    # The same cells in the same rows, whatever matches them, and no other column that tells.
    pl.DataFrame({name: rows, "cell": IDS, "ct": named(CALLED)}).write_csv(calls)
    assert not any("row number" in note for note in scored(truth, calls).notes)
    pl.DataFrame({name: rows, "ct": named(CALLED)}).write_csv(calls)
    found = scored(truth, calls)
    assert accuracy(found) == pytest.approx(RIGHT)
    assert any("matched by row number" in note for note in found.notes)


def test_ids_under_two_names(tmp_path: Path) -> None:
    truth, calls, order = tmp_path / "t.csv", tmp_path / "c.csv", np.random.default_rng(2).permutation(60)
    pl.DataFrame({"": range(60), "cell": IDS, "ct": named(TRUE)}).write_csv(truth)
    pl.DataFrame({"": range(60), "ct": named(CALLED[order]), "barcode": np.array(IDS)[order]}).write_csv(calls)
    with pytest.raises(
        InputError, match=r"columns 'cell' of the truth and 'barcode' of the predictions do; .* --id cell,barcode\."
    ):
        scored(truth, calls)
    assert accuracy(scored(truth, calls, id=("cell", "barcode"))) == pytest.approx(RIGHT)
    pl.DataFrame({"sample": ["s"] * 60, "cell": IDS, "ct": named(TRUE)}).write_csv(truth)
    said = r"column 'cell' of t\.csv and column 'barcode' of c\.csv match: --id cell,barcode\."
    with pytest.raises(InputError, match=said):
        scored(truth, calls)


def test_files_without_cell_ids(tmp_path: Path) -> None:
    truth, calls = tmp_path / "t.csv", tmp_path / "c.csv"
    pl.DataFrame({"ct": named(TRUE)}).write_csv(truth)
    pl.DataFrame({"ct": named(CALLED)}).write_csv(calls)
    with pytest.raises(InputError, match=r"t\.csv has no column but labels and scores, so there are no cell ids"):
        scored(truth, calls)
    found = scored(truth, calls, align="position")
    assert accuracy(found) == pytest.approx(RIGHT)
    assert not any("position" in note for note in found.notes)


@pytest.mark.parametrize("column", ["a:b", "a,b", "a:b,c", "x=y"])
def test_names_of_columns_that_hold_signs(tmp_path: Path, column: str) -> None:
    pl.DataFrame({"id": IDS, column: named(TRUE)}).write_csv(tmp_path / "t.csv")
    calls = table(tmp_path / "c.csv", named(CALLED))
    truth = f"{tmp_path / 't.csv'}:"
    for text in (truth + column, f"{truth}'{column}'", f'{truth}"{column}"'):
        assert accuracy(scored(text, calls)) == pytest.approx(RIGHT)
    pl.DataFrame({"id": IDS, column: named(CALLED), "second": named(TRUE)}).write_csv(tmp_path / "c.csv")
    found = scored(truth + column, f"{tmp_path / 'c.csv'}:'{column}',second", f_measure_top_k=2)
    assert accuracy(found) == pytest.approx(RIGHT)
    assert found.samples[0].confusions[1].matrix.diagonal().sum() == 60


# --- crosswalks, names and the limit of unknown labels ---

OBO = "format-version: 1.2\n\n[Term]\nid: CL:0000000\nname: cell\n" + "".join(
    f"\n[Term]\nid: CL:000000{i + 1}\nname: {name}\nis_a: CL:0000000\n" for i, name in enumerate(NAMES)
)
TERMS = [f"CL:000000{i + 1}" for i in range(4)]


def crosswalk(path: Path, meanings: Mapping[str, str]) -> str:
    pl.DataFrame({"label": list(meanings), "means": list(meanings.values())}).write_csv(path)
    return str(path)


@pytest.fixture
def ontology(tmp_path: Path) -> str:
    (tmp_path / "cl.obo").write_text(OBO)
    return str(tmp_path / "cl.obo")


@pytest.mark.parametrize("match", ["id", "name", "any"])
@pytest.mark.parametrize("leads_to", [TERMS, NAMES, [TERMS[0], NAMES[1], TERMS[2], NAMES[3]]])
def test_crosswalks_lead_to_ids_or_names(tmp_path: Path, ontology: str, match: str, leads_to: list[str]) -> None:
    short = ["B", "NK", "T", "Mono"]
    given = f"m={crosswalk(tmp_path / 'map.csv', dict(zip(short, leads_to, strict=True)))}"
    truth = named(TRUE, NAMES if match == "name" else TERMS)
    for spelled in (short, [f"{label} " for label in short], [label.lower() for label in short]):
        found = both(tmp_path, truth, named(CALLED, spelled), ontology=ontology, match=match, map=(given,))
        assert accuracy(found) == pytest.approx(RIGHT)


def test_a_crosswalk_of_one_model_or_of_the_truth(tmp_path: Path, ontology: str) -> None:
    swapped = crosswalk(tmp_path / "swap.csv", dict(zip(NAMES, NAMES[1:] + NAMES[:1], strict=True)))
    before = (named((TRUE - 1) % 4), named((CALLED - 1) % 4))
    for truth, calls, given in (
        (named(TRUE), named(CALLED), swapped),  # on both sides
        (named(TRUE), before[1], f"m={swapped}"),
        (before[0], named(CALLED), f"truth={swapped}"),
    ):
        assert accuracy(both(tmp_path, truth, calls, map=(given,))) == pytest.approx(RIGHT)
    with pytest.raises(InputError, match=r"--map n=FILE: there is no model 'n'"):
        both(tmp_path, named(TRUE), named(CALLED), map=(f"n={swapped}",))


@pytest.mark.parametrize("model", ["", "m=", "truth="])
def test_a_crosswalk_without_a_header_is_refused(tmp_path: Path, model: str) -> None:
    short = ["B", "NK", "T", "Mono"]
    pairs = [f"{ours},{theirs}\n" for ours, theirs in zip(short, NAMES, strict=True)]
    file = tmp_path / "map.csv"
    sides = (named(TRUE, short), named(CALLED)) if model == "truth=" else (named(TRUE), named(CALLED, short))
    file.write_text("".join(pairs))
    with pytest.raises(InputError, match=r"map\.csv has no header: .* begins with 'B'"):
        both(tmp_path, *sides, map=(f"{model}{file}",))
    file.write_text("".join(["label,replacement\n", *pairs]))
    assert accuracy(both(tmp_path, *sides, map=(f"{model}{file}",))) == pytest.approx(RIGHT)


def test_columns_of_a_crosswalk_that_are_exchanged_are_refused(tmp_path: Path) -> None:
    short = ["B", "NK", "T", "Mono"]
    exchanged = crosswalk(tmp_path / "map.csv", dict(zip(NAMES, short, strict=True)))
    with pytest.raises(
        InputError, match=r"columns of the crosswalk .* exchanged: .* 'label', .* \('B', 'NK', 'T' and 1 more\)"
    ):
        both(tmp_path, named(TRUE), named(CALLED, short), map=(f"m={exchanged}",))
    with pytest.raises(InputError, match="--strip-suffix is for cells that are joined by id"):
        both(tmp_path, named(TRUE), named(CALLED), align="position", strip_suffix=True)


def test_a_column_of_scores_among_the_ranks_is_refused(tmp_path: Path) -> None:
    truth = table(tmp_path / "t.csv", named(TRUE))
    calls = table(tmp_path / "c.csv", named(CALLED), p=[0.5] * len(CALLED))
    with pytest.raises(InputError, match=r"Column 'p', of rank 2, holds numbers \('0.5'\).*--score p"):
        scored(truth, f"{calls}:ct,p", f_measure_top_k=2)


def test_scores_that_are_missing_are_counted(tmp_path: Path) -> None:
    truth = table(tmp_path / "t.csv", named(TRUE))
    for scores, said in (
        ([None] * 60, "60 of 60 calls have no score, so there is no"),
        ([None] + [0.5] * 59, "1 of 60"),
    ):
        calls = table(tmp_path / "c.csv", named(CALLED), p=scores)
        found = scored(truth, f"{calls}:ct", score="p")
        assert any(said in note for note in found.notes)
        assert ("coverage.csv" in found.tables()) == (said == "1 of 60")


def test_a_column_of_ids_may_be_called_as_the_labels_of_the_other_file(tmp_path: Path) -> None:
    pl.DataFrame({"cell": IDS, "name": named(TRUE)}).write_csv(tmp_path / "t.csv")
    pl.DataFrame({"name": IDS, "call": named(CALLED)}).write_csv(tmp_path / "c.csv")
    found = scored(f"{tmp_path / 't.csv'}:name", f"{tmp_path / 'c.csv'}:call")
    assert accuracy(found) == pytest.approx(RIGHT)
    with pytest.raises(InputError, match="has no column 'Call'; did you mean 'call'"):
        scored(f"{tmp_path / 't.csv'}:name", f"{tmp_path / 'c.csv'}:Call")


def test_labels_that_a_crosswalk_leaves_over_are_noted(tmp_path: Path) -> None:
    short = ["B", "NK", "T", "Mono"]
    known = dict(zip(short[:3], NAMES[:3], strict=True))
    for meanings, cells in ((known, int((CALLED == 3).sum())), (known | {"mono": "Mono"}, 0)):
        given = f"m={crosswalk(tmp_path / 'map.csv', meanings)}"
        notes = both(tmp_path, named(TRUE), named(CALLED, short), map=(given,)).notes
        said = [note for note in notes if "in the crosswalk" in note]
        assert len(said) == (cells > 0)
        assert not said or "1 label is neither in the crosswalk nor in the truth" in said[0]
        assert not said or f"'Mono', in {cells} cells" in said[0]


def test_names_and_ids_together(tmp_path: Path, ontology: str) -> None:
    found = both(tmp_path, named(TRUE, TERMS), named(CALLED), ontology=ontology, match="any")
    assert accuracy(found) == pytest.approx(RIGHT)
    spelled = ["http://purl.obolibrary.org/obo/CL_0000001", "CL_0000002", "cl:0000003", "CL:0000004 "]
    found = both(tmp_path, named(TRUE, TERMS), named(CALLED, spelled), ontology=ontology)
    assert accuracy(found) == pytest.approx(RIGHT)
    assert any("written in another way than in the ontology" in note for note in found.notes)


@pytest.mark.parametrize("policy", ["miss", "drop", "root"])
def test_a_run_whose_labels_are_mostly_unknown_stops(tmp_path: Path, ontology: str, policy: str) -> None:
    calls = named(TRUE, TERMS)
    calls[:31] = ["strange"] * 31
    given = {"ontology": ontology, "unknown": policy}
    for truth, called in ((named(TRUE, TERMS), calls), (calls, named(TRUE, TERMS))):
        with pytest.raises(InputError, match=r"31 of 60 cells have a label outside .*'strange'.*--unknown-limit"):
            both(tmp_path, truth, called, **given)
        both(tmp_path, truth, called, unknown_limit=0.6, **given)
    both(tmp_path, named(TRUE, TERMS), ["strange"] * 30 + calls[31:] + calls[-1:], **given)
    with pytest.raises(InputError, match="unknown_limit must lie between 0 and 1"):
        both(tmp_path, calls, calls, unknown_limit=1.5, **given)


def test_the_encoding_of_an_ontology_is_named(tmp_path: Path) -> None:
    (tmp_path / "cl.obo").write_bytes(OBO.replace("monocyte", "monocyt\u00e9").encode("latin-1"))
    with pytest.raises(InputError, match=r"is not UTF-8 text .*b'\\xe9' in line 24.*save it as UTF-8"):
        both(tmp_path, named(TRUE, TERMS), named(CALLED, TERMS), ontology=str(tmp_path / "cl.obo"))


# --- found by trying files of further programs ---


def test_groups_of_one_number_are_one(tmp_path: Path) -> None:
    """Donors are whole numbers in one file and have a decimal point in the other, where one of them is missing."""
    for half, donors in (("a", [1, 2] * 30), ("b", [1.0, 2.0] * 29 + [1.0, None])):
        calls = pl.DataFrame({"id": IDS, "ct": named(TRUE), "donor": donors})
        calls.write_csv(tmp_path / f"{half}.csv")
    runs = [run_fmeasure(_donors(tmp_path, half), Job()) for half in "ab"]
    samples = [sample for run in runs for sample in run.samples]
    groups = make_groups(samples, ["donor"], get_backend())
    assert [group.name for group in groups] == ["(none)", "1", "2"]
    assert [group.confusions[0].n_cells for group in groups] == [1, 60, 59]
    assert "2 numbers or booleans" in same_values(samples, "donor").notes[0]


def _donors(folder: Path, half: str) -> FmeasureOptions:
    path = f"{folder / f'{half}.csv'}:ct"
    return FmeasureOptions(truth=path, pred=(f"m={path}",), group_by=("donor",), bootstrap=0, figures=False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "\ufeffid;ct;score\r\n" + "".join(f"{line};0,5\r\n" for line in lines(named(CALLED), "{};{}")),
            "by semicolons",
        ),
        ("# by a tool\nid,ct\n" + "\n".join(lines(named(CALLED), "{},{}")), "begins with a comment ('# by a tool')"),
        ("id|ct\n" + "\n".join(lines(named(CALLED), "{}|{}")), "has no column 'ct'"),
        ("id,ct\n" + "\n".join(lines(named(CALLED), "{},{},")), "has 3 fields, but the header has 2"),
        ("id,ct,ct\n" + "\n".join(lines(named(CALLED), "{0},{1},{1}")), "more than one column named 'ct'"),
    ],
)
def test_tables_that_are_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "c.csv").write_bytes(text.encode())
    with pytest.raises(InputError) as caught:
        scored(table(tmp_path / "t.csv", named(TRUE)), tmp_path / "c.csv")
    assert said in str(caught.value)


@pytest.mark.parametrize("word", ["Unknown", "unassigned", "Not assigned", "no_call"])
def test_a_word_for_no_call_is_noted(tmp_path: Path, word: str) -> None:
    calls = [word if i % 6 == 0 else name for i, name in enumerate(named(TRUE))]
    found = both(tmp_path, named(TRUE), calls)
    assert any(f"{word!r} is a label that the truth does not have" in note for note in found.notes)
    assert not any("truth does not have" in note for note in both(tmp_path, calls, calls).notes)


def test_crosswalks_to_nothing_are_refused(tmp_path: Path) -> None:
    for nothing in ("NA", "", "nan", " "):
        given = crosswalk(tmp_path / "map.csv", {"B cell": nothing, "T cell": "T"})
        with pytest.raises(InputError, match="has empty cells"):
            both(tmp_path, named(TRUE), named(CALLED), map=given)


@pytest.mark.parametrize(
    ("truth", "calls"),
    [
        ([0, 1, 2, 3], [1, 2, 3, 4]),  # one counts from 0, the other from 1
        (NAMES, NAMES[1:] + NAMES[:1]),
        ([0, 1, 2, 3], ["2", "0", "3", "1"]),
        (["cluster 0", "cluster 1", "cluster 2", "cluster 3"], ["cluster 3", "cluster 2", "cluster 1", "cluster 0"]),
    ],
)
def test_labels_that_seem_to_be_exchanged(tmp_path: Path, truth: list[Any], calls: list[Any]) -> None:
    found = both(tmp_path, named(TRUE, truth), named(CALLED, calls))
    assert accuracy(found) < 0.2
    assert any("87% would be if 4 labels were exchanged" in note for note in found.notes)
    for same in (named(TRUE, truth), named(CALLED, truth), ["all one"] + named(TRUE, truth)[1:2] * 59):
        assert not any("exchanged" in note for note in both(tmp_path, named(TRUE, truth), same).notes)


# --- suffixes of barcodes ---


@pytest.mark.parametrize(
    ("truth_ids", "call_ids", "side"),
    [
        ([f"AC{i:02d}" for i in range(60)], [f"AC{i:02d}-1" for i in range(60)], "the predictions"),
        ([f"s1_AC{i:02d}-1" for i in range(60)], [f"s1_AC{i:02d}" for i in range(60)], "the truth"),
        ([f"AC{i:02d}-1" for i in range(60)], [f"AC{i:02d}_rna" for i in range(60)], "truth and predictions"),
    ],
)
def test_suffixes_are_taken_off_where_asked_for(
    tmp_path: Path, truth_ids: list[str], call_ids: list[str], side: str
) -> None:
    truth, calls = tmp_path / "t.csv", tmp_path / "c.csv"
    order = np.random.default_rng(3).permutation(60)
    pl.DataFrame({"id": truth_ids, "ct": named(TRUE)}).write_csv(truth)
    pl.DataFrame({"id": np.array(call_ids)[order], "ct": named(CALLED[order])}).write_csv(calls)
    with pytest.raises(InputError, match=r"when a suffix such as '-1' is taken off .*; pass --strip-suffix"):
        scored(truth, calls)
    found = scored(truth, calls, strip_suffix=True)
    assert accuracy(found) == pytest.approx(RIGHT)
    assert any(f"Suffixes were taken off the cell ids of {side} (--strip-suffix)" in note for note in found.notes)
    assert found.samples[0].calls is not None
    assert found.samples[0].calls["cell_id"].to_list() == truth_ids


def test_suffixes_that_tell_cells_apart_stay(tmp_path: Path) -> None:
    ids = [f"AC{i // 2:02d}-{i % 2}" for i in range(60)]
    truth, calls = tmp_path / "t.csv", tmp_path / "c.csv"
    pl.DataFrame({"id": ids, "ct": named(TRUE)}).write_csv(truth)
    pl.DataFrame({"id": ids, "ct": named(CALLED)}).write_csv(calls)
    found = scored(truth, calls, strip_suffix=True)
    assert accuracy(found) == pytest.approx(RIGHT)
    assert any("--strip-suffix had no effect" in note for note in found.notes)
    pl.DataFrame({"id": [each[:-2] for each in ids], "ct": named(CALLED)}).write_csv(calls)
    with pytest.raises(InputError, match="come more than once"):
        scored(truth, calls, strip_suffix=True)


# --- ids in one column, names in another ---


def test_ids_and_names_are_told_of_each_column(tmp_path: Path, ontology: str) -> None:
    half = [TERMS[c] if i % 2 else NAMES[c] for i, c in enumerate(CALLED)]
    for truth, calls, said in (
        (named(TRUE, TERMS), named(CALLED), ("ids", "names")),
        (named(TRUE), named(CALLED, TERMS), ("names", "ids")),
        (named(TRUE, TERMS), half, ("ids", "ids and names")),
    ):
        found = both(tmp_path, truth, calls, ontology=ontology, match="auto")
        assert accuracy(found) == pytest.approx(RIGHT)
        for words in said:
            assert f"m: Column 'ct' holds {words} (--match auto)." in found.notes


@pytest.mark.parametrize(("columns", "said"), [("ct,second", True), ("ct", False)])
def test_columns_beyond_the_ranks_asked_for_are_said(tmp_path: Path, columns: str, said: bool):
    truth = table(tmp_path / "t.csv", named(TRUE))
    calls = table(tmp_path / "c.csv", named(CALLED), second=named(TRUE))
    found = scored(f"{truth}:ct", f"{calls}:{columns}")
    assert accuracy(found) == pytest.approx(RIGHT)
    assert any("'second' is not used (--f-measure-top-k 2" in note for note in found.account()["notes"]) == said
