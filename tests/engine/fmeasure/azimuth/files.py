"""The files of a conversion of Azimuth calls, over a graph of seven terms."""

from __future__ import annotations

import csv
import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import anndata
import pandas as pd
import pytest

from fastbench.engine.errors import InputError
from fastbench.engine.fmeasure.azimuth.calls import AzimuthCalls
from fastbench.engine.fmeasure.azimuth.convert import (
    convert_azimuth,
)
from fastbench.engine.fmeasure.azimuth.options import AzimuthOptions
from fastbench.engine.results.folder import ResultFolder

R, A, B, C, D, E, F = IDS = [f"CL:{i:07d}" for i in range(7)]
NAMES = dict(zip(IDS, ["cell", "a cell", "b cell", "c cell", "d cell", 'e "quoted" cell', "f cell"], strict=True))
CHILDREN = {R: [A, B], A: [C, D], B: [D, F], D: [E]}
#: Each term and all above it.
ABOVE = {R: {R}, A: {A, R}, B: {B, R}, C: {C, A, R}, D: {D, A, B, R}, E: {E, D, A, B, R}, F: {F, B, R}}
OBO = "format-version: 1.4\n\n" + "".join(
    f"[Term]\nid: {term}\nname: {NAMES[term]}\n"
    + "".join(f"is_a: {parent}\n" for parent, below in CHILDREN.items() if term in below)
    + "\n"
    for term in IDS
)
OBO += f"[Term]\nid: CL:0000099\nname: old\nis_obsolete: true\nreplaced_by: {F}\n"
#: Azimuth label to (id as written, label of the term); Z is in the crosswalk, but not in the ontology.
CROSSWALK = {
    "La": (A, "A Cell"),
    "Lb": ("CL_0000002", ""),
    "Lc": (C, "c cell"),
    "Ld": (D, "d cell"),
    "Le": ("http://purl.obolibrary.org/obo/CL_0000005", 'e "quoted" cell'),
    "Lf": (F, "f cell"),
    "Lz": ("CL:7777777", "z cell"),
}
L1, L2 = "predicted.celltype.l1", "predicted.celltype.l2"


def write_rows(path: Path, rows: list[list[Any]]) -> Path:
    with path.open("w", newline="") as handle:
        csv.writer(handle).writerows(rows)
    return path


def write_cells(path: Path, ids: list[str], **columns: list[str]) -> Path:
    made = anndata.AnnData(obs=pd.DataFrame(columns, index=pd.Index(ids, dtype=object)))
    made.write_zarr(path) if path.suffix == ".zarr" else made.write_h5ad(path)
    return path


@cache
def three_cells() -> bytes:
    """An h5ad file of the cells c1, c2 and c3; writing one takes longer than many a conversion."""
    with tempfile.TemporaryDirectory() as folder:
        return write_cells(Path(folder, "cells.h5ad"), ["c1", "c2", "c3"]).read_bytes()


class Files:
    """The files of a conversion, each with a sound default."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "cells.h5ad").write_bytes(three_cells())
        self.calls([["c3", "La", 0.9, "Lc", 0.3], ["c1", "Lb", 0.5, "Lf", 0.6], ["c2", "La", 1, "Lc", 0.25]])
        self.crosswalk([[label, *meaning] for label, meaning in CROSSWALK.items()])
        resource = {
            "cl_names": IDS,
            "cell_ontology_term_id_to_cell_type": NAMES,
            "children_dictionary": CHILDREN,
        }
        (folder / "resource.json").write_text(json.dumps(resource))
        (folder / "cl.obo").write_text(OBO)

    def cells(self, ids: list[str], name: str = "cells.h5ad") -> None:
        write_cells(self.folder / name, ids)

    def calls(self, rows: list[list[Any]], header: list[str] | None = None) -> None:
        write_rows(self.folder / "azimuth.csv", [header or ["", L1, L1 + ".score", L2, L2 + ".score"], *rows])

    def crosswalk(self, rows: list[list[Any]]) -> None:
        write_rows(self.folder / "crosswalk.csv", [["azimuth", "cl_id", "cl_label"], *rows])

    def options(self, **changes: Any) -> AzimuthOptions:
        given = {
            "azimuth_csv": str(self.folder / "azimuth.csv"),
            "h5ad": str(self.folder / "cells.h5ad"),
            "crosswalk_csv": str(self.folder / "crosswalk.csv"),
            "crosswalk_azimuth_col": "azimuth",
            "crosswalk_cl_id_col": "cl_id",
            "azimuth_ref_name": "test",
            "ontology": str(self.folder / "resource.json"),
        }
        return AzimuthOptions(**(given | changes))

    def convert(self, **changes: Any) -> AzimuthCalls:
        with ResultFolder(self.folder / "all" / "out", "test", {}, True) as folder:
            return convert_azimuth(self.options(**changes), folder)

    def refused(self, *pieces: str, **changes: Any) -> str:
        with pytest.raises(InputError) as caught:
            self.convert(**changes)
        for piece in pieces:
            assert piece in str(caught.value)
        assert "\n" not in str(caught.value)
        assert not (self.folder / "all" / "out").exists()
        return str(caught.value)

    def read(self, name: str) -> Any:
        path = self.folder / "all" / "out" / name
        if name.endswith(".csv"):
            with path.open(newline="") as handle:
                return list(csv.reader(handle))
        return json.loads(path.read_text())
