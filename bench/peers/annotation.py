"""The pipeline of cell-type annotation as users write it with anndata, pandas and scikit-learn: the peer of the suite.

Position by position, label by label: what `fastbench fmeasure` writes as matrices and as the four CSV files of
cellarium-cas, from the definitions.

    python -m fastbench.bench.peers.annotation ANNOTATE_DIRS OUTPUT RANKS
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from fastbench.bench.annotation import GT_LABEL, INFERRED_LABEL

__all__ = ["run"]


def run(folder: Path, output: Path, ranks: int) -> None:
    """Score all annotate directories of a folder."""
    import anndata
    import pandas as pd
    from scipy.sparse import csr_matrix, save_npz
    from sklearn.metrics import confusion_matrix

    sums: dict[tuple[str, int], Any] = {}
    rows: list[dict[str, Any]] = []
    labels: list[str] = []
    ancestors: dict[str, frozenset[str]] = {}
    for directory in sorted(folder.iterdir()):
        meta = json.loads((directory / "metadata.json").read_text())
        resource = json.loads((directory / "ontology_resource.json").read_text())
        labels, ancestors = resource["cl_names"], _ancestors(resource)
        truth = anndata.read_h5ad(meta["input_path"]).obs[GT_LABEL].astype(str).to_numpy()
        table = pd.read_csv(directory / "inferred_labels.csv", index_col=0)
        calls = table[[f"{INFERRED_LABEL[:-1]}{r + 1}" for r in range(ranks)]].astype(str).to_numpy()
        row = {"model_name": meta["model_name"], "test_sample": meta["input_path"]}
        for k in range(1, ranks + 1):
            hit = (calls[:, :k] == truth[:, np.newaxis]).any(axis=1)
            matrix = csr_matrix(confusion_matrix(truth, np.where(hit, truth, calls[:, 0]), labels=labels))
            place = output / f"cm_raw_k{k}" / directory.name
            place.mkdir(parents=True)
            save_npz(place / "confusion_matrix.npz", matrix)
            key = meta["model_name"], k
            sums[key] = matrix if key not in sums else sums[key] + matrix
            row |= {f"{name}_k{k}": value for name, value in _flat(matrix).items()}
            if k == 1:
                row |= _hierarchical(matrix, labels, ancestors)
        rows.append(row)
    pd.DataFrame(rows).to_csv(output / "per_sample.csv", index=False)
    groups = []
    for model in sorted({model for model, _ in sums}):
        row = {"group_name": model}
        for k in range(1, ranks + 1):
            row |= {f"{name}_k{k}": value for name, value in _flat(sums[model, k]).items()}
        groups.append(row | _hierarchical(sums[model, 1], labels, ancestors))
    pd.DataFrame(groups).to_csv(output / "per_group.csv", index=False)


def _ancestors(resource: dict[str, Any]) -> dict[str, frozenset[str]]:
    parents = defaultdict(set)
    for parent, children in resource["children_dictionary"].items():
        for child in children:
            parents[child].add(parent)

    def above(term: str) -> set[str]:
        return {term}.union(*(above(parent) for parent in parents[term]))

    return {term: frozenset(above(term) - {"CL:0000000"}) for term in resource["cl_names"]}


def _flat(matrix: Any) -> dict[str, float]:
    support, predicted = (np.asarray(matrix.sum(axis=axis)).ravel() for axis in (1, 0))
    right = matrix.diagonal()
    used = (support > 0) | (predicted > 0)
    precision, recall = right / np.maximum(predicted, 1), right / np.maximum(support, 1)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-300)
    return {"f1_micro": right.sum() / support.sum(), "f1_macro": f1[used].mean()}


def _hierarchical(matrix: Any, labels: list[str], ancestors: dict[str, frozenset[str]]) -> dict[str, float]:
    entries = matrix.tocoo()
    tp: dict[str, int] = defaultdict(int)
    fp: dict[str, int] = defaultdict(int)
    fn: dict[str, int] = defaultdict(int)
    for i, j, cells in zip(entries.row.tolist(), entries.col.tolist(), entries.data.tolist(), strict=True):
        true, predicted = ancestors[labels[i]], ancestors[labels[j]]
        for counts, nodes in ((tp, true & predicted), (fp, predicted - true), (fn, true - predicted)):
            for node in nodes:
                counts[node] += cells
    hits, errors = sum(tp.values()), sum(fp.values()) + sum(fn.values())
    f1 = [2 * tp[v] / (2 * tp[v] + fp[v] + fn[v]) for v in labels if tp[v] + fn[v]]
    return {"h_f1_micro": 2 * hits / (2 * hits + errors), "h_f1_macro": float(np.mean(f1))}


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
