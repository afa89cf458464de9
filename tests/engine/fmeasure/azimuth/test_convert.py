"""Azimuth calls to annotate directories: by hand, against per-cell oracles, and file by file."""

from __future__ import annotations

import gzip
import json
import math
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.engine.errors import InputError
from fastbench.engine.fmeasure.azimuth.convert import (
    azimuth_to_cas_annotation,
    build_ontology_response,
    map_azimuth_to_cas_labels,
)
from fastbench.engine.fmeasure.azimuth.options import UNMAPPED
from fastbench.engine.fmeasure.ontology.read import read_ontology
from fastbench.engine.fmeasure.runs.annotate_dirs import find_annotate_dirs

from ....examples import SOME
from .files import ABOVE, CHILDREN, CROSSWALK, IDS, L1, L2, NAMES, OBO, A, B, C, E, F, Files, R, write_rows

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*zarr.*:UserWarning", "ignore:Consolidated metadata:UserWarning", "ignore:Observation names:UserWarning"
)

# --- a case by hand ---


def test_directory(files: Files) -> None:
    calls = files.convert(response=True)
    assert files.read("inferred_labels.csv") == [
        ["", *(f"cas_cell_type_{what}_{k}" for what in ("label", "name", "score") for k in (1, 2))],
        ["c1", "Lf", "Lb", F, B, "0.6", "0.5"],
        ["c2", "Lc", "La", C, A, "0.25", "1.0"],
        ["c3", "Lc", "La", C, A, "0.3", "0.9"],
    ]
    assert files.read("metadata.json") == {
        "input_path": str(files.folder / "cells.h5ad"),
        "model_name": "azimuth_test",
        "n_cells": 3,
        "ontology_resource_name": None,
    }
    out = files.folder / "all" / "out"
    assert (out / "ontology_resource.json").read_bytes() == (files.folder / "resource.json").read_bytes()
    first = files.read("ontology_response.json")["data"][0]
    assert first == {
        "query_cell_id": "c1",
        "matches": [
            {"score": 0.6, "cell_type_ontology_term_id": R, "cell_type": "cell"},
            {"score": 0.6, "cell_type_ontology_term_id": B, "cell_type": "b cell"},
            {"score": 0.6, "cell_type_ontology_term_id": F, "cell_type": "f cell"},
        ],
        "total_weight": 0.6,
        "total_neighbors": 1,
        "total_neighbors_unrecognized": 0,
    }
    manifest = files.read("manifest.json")
    assert manifest["inconsistent"] == {"pairs": 0, "cells": 0, "most_frequent": []}
    assert manifest["levels"] == calls.levels.to_dicts()
    assert manifest["levels"][0] == {
        "rank": 1,
        "level": L2,
        "score": L2 + ".score",
        "labels": 2,
        "terms": 2,
        "mapped": 3,
        "unmapped": 0,
        "outside": 0,
        "missing": 0,
        "mean_score": pytest.approx(1.15 / 3),
        "without_score": 0,
    }
    assert [source["path"].rpartition("/")[2] for source in manifest["inputs"]] == [
        "azimuth.csv",
        "cells.h5ad",
        "crosswalk.csv",
        "resource.json",
    ]
    assert manifest["inputs"][3]["fingerprint"] == read_ontology(out / "ontology_resource.json").fingerprint
    (found,) = find_annotate_dirs(files.folder / "all")
    assert found.input_path == files.folder / "cells.h5ad"


def test_response_is_left_out_unless_asked_for(files: Files) -> None:
    files.convert()
    assert files.read("ontology_response.json") == {}


def test_what_is_rewritten_is_counted(files: Files) -> None:
    files.cells(["c1", "c2"])
    files.calls([["x", "L", 1, "L", 1], ["c2", " La", 0.5, "Lc ", "NA"], ["c1", "La", "", "Lc", 1.5]])
    rows = [[f" {label}", *meaning] for label, meaning in CROSSWALK.items()]
    files.crosswalk([*rows, rows[0], ["", "CL:0000001", ""], ["La", "CL:0000001", "A Cell"]])
    calls = files.convert(crosswalk_cl_label_col="cl_label")
    notes = "\n".join(calls.notes)
    assert "2 ids were rewritten ('CL_0000002 to CL:0000002', 'http://purl.obolibrary.org/obo/CL_0000005 to" in notes
    assert "White space was taken off 8 labels" in notes
    assert "1 rows without a label were left out" in notes
    assert "1 rows of " in notes
    assert f"{L1}: White space was taken off the labels of 1 cells" in notes
    assert f"{L2}: White space was taken off the labels of 1 cells" in notes
    assert f"{L2}.score: 1 cells have no score" in notes
    assert f"{L2}.score: 1 scores lie outside 0 to 1" in notes
    assert len(calls.notes) == 9
    assert calls.extra_rows == 1
    assert files.read("manifest.json")["dropped"] == {"azimuth_rows_of_no_cell": 1}
    assert files.read("manifest.json")["notes"] == list(calls.notes)
    assert files.read("inferred_labels.csv")[1:] == [
        ["c1", "c cell", "A Cell", C, A, "1.5", ""],
        ["c2", "c cell", "A Cell", C, A, "", "0.5"],
    ]


def test_labels_of_the_crosswalk(files: Files) -> None:
    rows = [["La", A, "another"], ["Lb", B, ""], ["Lc", C, "C CELL"], ["Lf", F, ""]]
    files.crosswalk(rows)
    calls = files.convert(crosswalk_cl_label_col="cl_label")
    assert [row[1:3] for row in files.read("inferred_labels.csv")[1:]] == [
        ["f cell", "b cell"],
        ["C CELL", "another"],
        ["C CELL", "another"],
    ]
    assert f"The labels of 1 terms are not those of the ontology ('{A}: another, not a cell')" in calls.notes[-1]


def test_pairs_that_are_not_below_each_other_are_counted_once(files: Files) -> None:
    ids = [f"c{i}" for i in range(6)]
    files.cells(ids)
    fine = ["Lc", "Lc", "Lf", "Le", "Lx", "Lc"]
    coarse = ["Lb", "Lb", "La", "Lb", "La", "Lc"]
    header = ["", L1, L1 + ".score", "predicted.m", "predicted.m.score", L2, L2 + ".score"]
    middle = ["", "", "", "La", "Lb", ""]
    files.calls([[i, c, 1, m, 1, f, 1] for i, c, m, f in zip(ids, coarse, middle, fine, strict=True)], header)
    calls = files.convert()
    found = [(row["finer"], row["coarser"], row["cells"]) for row in calls.inconsistent.to_dicts()]
    # A level without a call is passed over: c0 has nothing between Lc and Lb.
    assert found == [(C, B, 2), (A, B, 1), (B, A, 1), (F, A, 1)]
    assert "5 calls, of 4 distinct pairs, are not below the next coarser call" in calls.notes[-1]
    assert calls.inconsistent["finer_name"][0] == "c cell"
    account = files.read("manifest.json")["inconsistent"]
    assert account == {"pairs": 4, "cells": 5, "most_frequent": calls.inconsistent.to_dicts()}


# --- oracles ---

TEXTS = st.sampled_from([*CROSSWALK, " La", "Lc ", "Lx", "Ly\u00e9", "", "NA", "  "])
CELLS = st.lists(
    st.tuples(
        st.tuples(TEXTS, TEXTS, TEXTS),
        st.tuples(*[st.one_of(st.just(math.nan), st.sampled_from([0.0, 0.1, 1e-7, 1.0]), st.floats(0, 1))] * 3),
    ),
    min_size=1,
    max_size=25,
)


def slow_name(text: str, unmapped: str) -> tuple[str, str]:
    """Name and label of a call."""
    text = text.strip()
    written = CROSSWALK[text][0] if text in CROSSWALK else ""
    identifier = "CL:" + written[-7:] if written else ""
    if identifier in IDS:
        return identifier, text
    if unmapped == "root":
        return R, "cell"
    if unmapped == "unknown" and identifier:
        return identifier, text
    if unmapped == "unknown" and text not in ("", "NA"):
        return "unknown", "unknown"
    return "", ""


def slow_response(name: list[str], score: list[float]) -> tuple[dict[str, float], float]:
    """Scores of all terms, and the weight of a cell."""
    valid = [(n, 0.0 if math.isnan(s) else s) for n, s in zip(name, score, strict=True) if n in ABOVE]
    terms = set().union(*(ABOVE[n] for n, _ in valid))
    return {term: max(s for n, s in valid if term in ABOVE[n]) for term in terms}, valid[0][1] if valid else 0.0


@SOME
@given(
    CELLS,
    st.sampled_from([name for name in UNMAPPED if name != "error"]),
    st.randoms(use_true_random=False),
    st.integers(0, 3),
)
def test_against_oracle(cells: list[Any], unmapped: str, random: Any, n_extra: int) -> None:
    cells = [(("La", "Lb", "Lc"), (0.5, 0.5, 0.5)), *cells]  # at least one call must be a term
    ids = [f'cell "{i}", \u7d30' for i in range(len(cells))]
    columns = ["predicted.x", "predicted.y", "predicted.z"]
    rows = [
        [
            i,
            *(
                value
                for pair in zip(labels, ("" if math.isnan(s) else repr(s) for s in scores), strict=True)
                for value in pair
            ),
        ]
        for i, (labels, scores) in zip(ids, cells, strict=True)
    ]
    rows += [[f"extra {i}", "Lq", 1, "Lq", 1, "Lq", 1] for i in range(n_extra)]
    random.shuffle(rows)
    with tempfile.TemporaryDirectory() as folder:
        files = Files(Path(folder))
        files.cells(ids)
        files.calls(rows, ["barcode", *(name for column in columns for name in (column, column + ".score"))])
        calls = files.convert(unmapped=unmapped, response=True)
        table = files.read("inferred_labels.csv")[1:]
        response = files.read("ontology_response.json")
        rebuilt = build_ontology_response(
            Path(folder, "all", "out", "inferred_labels.csv"),
            Path(folder, "resource.json"),
            "test",
            Path(folder, "again"),
        )
        assert (
            Path(folder, "again", "ontology_response.json").read_bytes()
            == Path(folder, "all", "out", "ontology_response.json").read_bytes()
        )
        assert rebuilt["inconsistent"].equals(calls.inconsistent)
    assert calls.extra_rows == n_extra
    assert response["model_name"] == "azimuth_test"
    pairs: dict[tuple[str, str], int] = {}
    for i, (labels, scores), row, cell in zip(ids, cells, table, response["data"], strict=True):
        found = [slow_name(text, unmapped) for text in labels][::-1]
        names = [name for name, _ in found]
        own = list(scores)[::-1]
        assert row[0] == i
        assert row[1:4] == [label for _, label in found]
        assert row[4:7] == names
        assert [math.nan if text == "" else float(text) for text in row[7:]] == pytest.approx(own, rel=0, nan_ok=True)
        expected, weight = slow_response(names, own)
        assert cell["query_cell_id"] == i
        assert {match["cell_type_ontology_term_id"]: match["score"] for match in cell["matches"]} == expected
        assert len(cell["matches"]) == len(expected)
        assert all(match["cell_type"] == NAMES[match["cell_type_ontology_term_id"]] for match in cell["matches"])
        assert cell["total_weight"] == weight
        valid = [name for name in names if name in ABOVE]
        for finer, coarser in pairwise(valid):
            if coarser not in ABOVE[finer]:
                pairs[finer, coarser] = pairs.get((finer, coarser), 0) + 1
    assert {(row["finer"], row["coarser"]): row["cells"] for row in calls.inconsistent.to_dicts()} == pairs
    for rank, level in enumerate(calls.levels.to_dicts()):
        texts = [labels[2 - rank].strip() for labels, _ in cells]
        own = [scores[2 - rank] for _, scores in cells if not math.isnan(scores[2 - rank])]
        assert level["missing"] == sum(text in ("", "NA") for text in texts)
        assert level["outside"] == texts.count("Lz")
        assert level["unmapped"] == sum(text in ("Lx", "Ly\u00e9") for text in texts)
        assert level["mapped"] == len(cells) - level["missing"] - level["outside"] - level["unmapped"]
        assert level["without_score"] == len(cells) - len(own)
        assert level["mean_score"] == pytest.approx(sum(own) / len(own)) if own else level["mean_score"] is None


def test_response_in_parts(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    files.convert(response=True)
    whole = files.read("ontology_response.json")
    monkeypatch.setattr("fastbench.engine.fmeasure.ontology.write._ROOM", 1)
    files.convert(response=True)
    assert files.read("ontology_response.json") == whole
    assert len(whole["data"]) == 3


# --- ontology ---


def test_other_ontologies_become_resource_files(files: Files) -> None:
    files.crosswalk(
        [*([label, *meaning] for label, meaning in CROSSWALK.items() if label != "Lf"), ["Lf", "CL:0000099", ""]]
    )
    calls = files.convert(ontology=str(files.folder / "cl.obo"))
    assert "1 ids were replaced as the ontology says ('CL:0000099 by CL:0000006')" in calls.notes[-1]
    assert calls.table["cas_cell_type_name_1"].to_list() == [F, C, C]
    resource = files.read("ontology_resource.json")
    assert resource["cl_names"] == IDS
    assert resource["cell_ontology_term_id_to_cell_type"] == NAMES
    assert {term: sorted(below) for term, below in resource["children_dictionary"].items()} == CHILDREN
    assert {term: {term, *above} for term, above in resource["ancestors_dictionary"].items()} == ABOVE
    assert all(term not in above for term, above in resource["ancestors_dictionary"].items())
    assert resource["shortest_path_lengths_from_cell_root"] == dict(zip(IDS, [0, 1, 1, 2, 2, 3, 2], strict=True))
    assert resource["longest_path_lengths_from_cell_root"] == dict(zip(IDS, [0, 1, 1, 2, 2, 3, 2], strict=True))
    again = read_ontology(files.folder / "all" / "out" / "ontology_resource.json")
    assert again.fingerprint == read_ontology(files.folder / "cl.obo").fingerprint


def test_path_lengths(files: Files) -> None:
    (files.folder / "cl.obo").write_text(OBO.replace(f"id: {E}\n", f"id: {E}\nis_a: {A}\n"))
    files.convert(ontology=str(files.folder / "cl.obo"))
    resource = files.read("ontology_resource.json")
    assert resource["shortest_path_lengths_from_cell_root"][E] == 2
    assert resource["longest_path_lengths_from_cell_root"][E] == 3


def test_gzipped_resource_is_unpacked(files: Files) -> None:
    content = (files.folder / "resource.json").read_bytes()
    (files.folder / "resource.json.gz").write_bytes(gzip.compress(content))
    files.convert(ontology=str(files.folder / "resource.json.gz"))
    assert (files.folder / "all" / "out" / "ontology_resource.json").read_bytes() == content


def test_ontologies_that_cannot_be_used(files: Files) -> None:
    files.refused("needs an ontology", ontology="")
    files.refused("There is no ontology file", ontology=str(files.folder / "gone.obo"))
    resource = {"cl_names": IDS[1:], "cell_ontology_term_id_to_cell_type": NAMES, "children_dictionary": CHILDREN}
    (files.folder / "resource.json").write_text(json.dumps(resource))
    files.refused("does not have its root CL:0000000", unmapped="root")
    files.convert(response=True)
    assert [m["cell_type_ontology_term_id"] for m in files.read("ontology_response.json")["data"][0]["matches"]] == [
        B,
        F,
    ]


def test_options(files: Files) -> None:
    files.refused("unmapped must be one of", "did you mean 'root'", unmapped="roots")
    files.refused("name of the Azimuth reference is empty", azimuth_ref_name=" ")


# --- under the names of cellarium-cas ---


def test_functions_of_cellarium(files: Files) -> None:
    own = files.options()
    paths: dict[str, Any] = {
        "azimuth_csv_path": own.azimuth_csv,
        "h5ad_path": Path(own.h5ad),
        "crosswalk_csv_path": own.crosswalk_csv,
        "crosswalk_azimuth_col": "azimuth",
        "crosswalk_cl_id_col": "cl_id",
        "azimuth_ref_name": "test",
    }
    specs = [(L2, L2 + ".score"), (L1, L1 + ".score")]
    two, whole = files.folder / "two" / "steps", files.folder / "whole"
    map_azimuth_to_cas_labels(output_dir=two, level_specs=specs, crosswalk_cl_label_col=None, **paths)
    assert sorted(path.name for path in two.iterdir()) == ["inferred_labels.csv", "metadata.json"]
    built = build_ontology_response(two / "inferred_labels.csv", own.ontology, "test", two)
    assert built["ontology_response_path"] == two / "ontology_response.json"
    assert built["outside"] == {}
    found = azimuth_to_cas_annotation(output_dir=whole, ontology_resource_path=own.ontology, level_specs=specs, **paths)
    names = ["inferred_labels", "metadata", "ontology_resource", "ontology_response"]
    assert list(found) == ["output_dir", *(f"{name}_path" for name in names)]
    for path in list(found.values())[1:]:
        assert path.read_bytes() == (two / path.name).read_bytes()
    with pytest.raises(InputError, match="not empty"):
        azimuth_to_cas_annotation(output_dir=whole, ontology_resource_path=own.ontology, **paths)


def test_response_of_other_files(files: Files) -> None:
    path = files.folder / "labels.csv"
    header = ["", "cas_cell_type_name_1", "cas_cell_type_name_2", "cas_cell_type_score_2"]
    write_rows(path, [header, ["c1", "unknown", A, 0.5], ["c2", C, "CL:7", ""], ["c3", "", "CL:7", 1]])
    built = build_ontology_response(path, files.folder / "resource.json", "x", files.folder / "out")
    assert built["outside"] == {"CL:7": 2, "unknown": 1}
    data = json.loads(built["ontology_response_path"].read_text())["data"]
    assert [cell["total_weight"] for cell in data] == [0.5, 0.0, 0.0]
    assert [[match["cell_type_ontology_term_id"] for match in cell["matches"]] for cell in data] == [
        [R, A],
        [R, A, C],
        [],
    ]
    write_rows(path, [["", "label"], ["c1", A]])
    with pytest.raises(InputError, match="no column 'cas_cell_type_name_1'"):
        build_ontology_response(path, files.folder / "resource.json", "x", files.folder / "out")
    write_rows(path, [header, ["c1", "x", "y", 1]])
    built = build_ontology_response(path, files.folder / "resource.json", "x", files.folder / "out")
    assert json.loads(built["ontology_response_path"].read_text())["data"][0]["matches"] == []


def test_other_tables(files: Files) -> None:
    """The Azimuth app writes tabs; what Polars or pandas made of it is read too."""
    frame = pl.read_csv(files.folder / "azimuth.csv")
    expected = files.convert().table
    frame.write_csv(files.folder / "azimuth.tsv", separator="\t")
    frame.write_parquet(files.folder / "azimuth.parquet")
    for name in ("azimuth.tsv", "azimuth.parquet"):
        assert files.convert(azimuth_csv=str(files.folder / name)).table.equals(expected)
