"""The seven-node graph of the hand-worked numbers, and annotate directories made of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import anndata
import pandas as pd

IDS = [f"CL:{i:07d}" for i in range(7)]
R, A, B, C, D, E, F = IDS
CHILDREN = {R: [A, B], A: [C, D], B: [D, F], D: [E]}
NAMES = dict(zip(IDS, ("cell", "a", "b", "c", "d", "e", "f"), strict=True))
#: Truth, prediction, cells: 20 of them.
COUNTS = [(E, E, 4), (E, D, 3), (C, D, 2), (D, C, 1), (F, B, 2), (F, F, 5), (B, R, 1), (R, A, 1), (R, R, 1)]
TRUTH = [true for true, _, n in COUNTS for _ in range(n)]
CALLS = [(predicted,) for _, predicted, n in COUNTS for _ in range(n)]
#: Hierarchical metrics of these cells, worked by hand.
HIERARCHICAL: dict[str, int | Fraction] = {
    "h_tp": 40,
    "h_fp": 6,
    "h_fn": 10,
    "h_precision_micro": Fraction(20, 23),
    "h_recall_micro": Fraction(4, 5),
    "h_f1_micro": Fraction(5, 6),
    "h_f1_macro": Fraction(14701, 20944),
    "h_precision_macro": Fraction(3613, 4752),
    "h_recall_macro": Fraction(113, 168),
    "h_precision_weighted": Fraction(2144, 2475),
    "h_recall_weighted": Fraction(4, 5),
    "h_f1_weighted": Fraction(107433, 130900),
}
#: Truth and three ranks of four cells.
TRUTH_3 = [D, F, C, E]
CALLS_3 = [(C, D, A), (B, R, F), (C, A, A), (D, A, B)]

GT, NAME = "cell_type", "cas_cell_type_name_1"


def resource(children: dict[str, list[str]] = CHILDREN, ids: Sequence[str] = IDS) -> dict[str, Any]:
    lengths = dict.fromkeys(ids, 0)
    return {
        "cl_names": list(ids),
        "cell_ontology_term_id_to_cell_type": {i: NAMES.get(i, i) for i in ids},
        "children_dictionary": children,
        "shortest_path_lengths_from_cell_root": lengths,
        "longest_path_lengths_from_cell_root": lengths,
    }


def write_truth(path: Path, truth: Sequence[Any], **obs: Sequence[str]) -> Path:
    """AnnData without a matrix; cells are called c0, c1 ..."""
    path.parent.mkdir(parents=True, exist_ok=True)
    index = pd.Index([f"c{i}" for i in range(len(truth))], dtype=object)
    frame = pd.DataFrame({GT: pd.Categorical(truth), **{k: pd.Categorical(v) for k, v in obs.items()}}, index=index)
    anndata.AnnData(obs=frame).write_h5ad(path)
    return path


def write_run(
    folder: Path,
    truth: Path,
    calls: Sequence[Sequence[str | None]],
    *,
    model: str = "model",
    order: Sequence[int] = (),
    scores: Sequence[float] = (),
    ontology: dict[str, Any] | None = None,
) -> Path:
    """Write an annotate directory; cell i of the truth has the calls ``calls[i]``, written in the given order."""
    folder.mkdir(parents=True)
    rows = {f"cas_cell_type_name_{r + 1}": [each[r] for each in calls] for r in range(len(calls[0]))}
    if len(scores):
        rows["cas_cell_type_score_1"] = list(scores)
    frame = pd.DataFrame(rows, index=[f"c{i}" for i in range(len(calls))])
    frame.iloc[list(order) or slice(None)].to_csv(folder / "inferred_labels.csv")
    meta = {"input_path": str(truth), "model_name": model}
    (folder / "metadata.json").write_text(json.dumps(meta))
    (folder / "ontology_response.json").write_text("{}")
    (folder / "ontology_resource.json").write_text(json.dumps(ontology or resource()))
    return folder
