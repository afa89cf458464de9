"""Annotation runs that the suites share: a graph like the Cell Ontology, and calls like those of an annotator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["GT_LABEL", "INFERRED_LABEL", "Graph", "random_graph", "simulate_calls", "write_directories"]

GT_LABEL, INFERRED_LABEL = "cell_type_ontology_term_id", "cas_cell_type_name_1"

#: Child -> parents, by position; the root is 0.
Graph = list[list[int]]


def random_graph(terms: int, seed: int = 0) -> Graph:
    """Draw a graph like the Cell Ontology: 15 % of the terms have two parents, and six ancestors are usual."""
    rng = np.random.default_rng(seed)
    parents: Graph = [[]]
    for term in range(1, terms):
        # Parents among the first terms keep the graph shallow.
        near = max(1, int(term**0.75))
        parents.append(sorted({int(p) for p in rng.integers(0, near, 2 if rng.random() < 0.15 else 1)}))
    return parents


def simulate_calls(
    parents: Graph, cells: int, ranks: int, seed: int = 0
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Draw truth (n,) and calls (ranks, n): 60 % exact, 15 % a parent, the rest any term; frequencies by Zipf's law."""
    rng = np.random.default_rng(seed)
    c = len(parents)
    frequency = 1 / np.arange(1, c + 1) ** 1.1
    shuffled = rng.permutation(c)
    frequency = frequency[shuffled] / frequency.sum()
    truth = rng.choice(c, size=cells, p=frequency).astype(np.int32)
    first_parent = np.array([above[0] if above else 0 for above in parents], np.int32)
    chance = rng.random((ranks, cells))
    calls = rng.choice(c, size=(ranks, cells), p=frequency).astype(np.int32)
    calls = np.where(chance < 0.75, first_parent[truth], calls)
    return truth, np.where(chance < 0.6, truth, calls).astype(np.int32)


def write_directories(
    folder: Path, *, models: int, samples: int, cells: int, terms: int, ranks: int, genes: int, seed: int = 0
) -> Path:
    """Write annotate directories as cellarium-cas does, with ground truth beside them; return their folder."""
    import anndata
    import pandas as pd
    import scipy.sparse as sp

    parents = random_graph(terms, seed)
    names = np.array([f"CL:{i:07d}" for i in range(terms)])
    resource = _resource(parents, names)
    rng = np.random.default_rng(seed)
    for s in range(samples):
        ids = np.array([f"sample{s}_{i:08d}-1" for i in range(cells)])
        truth, _ = simulate_calls(parents, cells, ranks, seed=100 + s)
        counts = sp.random(cells, genes, density=0.02, format="csr", dtype=np.float32, random_state=rng)
        obs = pd.DataFrame({GT_LABEL: pd.Categorical(names[truth])}, index=pd.Index(ids, dtype=object))
        path = folder / f"sample{s}.h5ad"
        path.parent.mkdir(parents=True, exist_ok=True)
        anndata.AnnData(X=counts, obs=obs).write_h5ad(path)
        for m in range(models):
            where = folder / "annotate" / f"model{m}_sample{s}"
            where.mkdir(parents=True)
            _, calls = simulate_calls(parents, cells, ranks, seed=100 + s)
            mixed = rng.random(calls.shape) < 0.1 * m  # a weaker model
            calls = np.where(mixed, rng.permuted(calls, axis=1), calls)
            table: dict[str, Any] = {
                f"cas_cell_type_label_{r + 1}": np.char.add("type ", names[calls[r]]) for r in range(ranks)
            }
            table |= {f"cas_cell_type_name_{r + 1}": names[calls[r]] for r in range(ranks)}
            table |= {f"cas_cell_type_score_{r + 1}": rng.random(cells).round(6) for r in range(ranks)}
            pd.DataFrame(table, index=ids).to_csv(where / "inferred_labels.csv")
            meta = {"input_path": str(path.absolute()), "model_name": f"model{m}", "n_cells": cells}
            (where / "metadata.json").write_text(json.dumps(meta, indent=2))
            (where / "ontology_response.json").write_text("{}")
            (where / "ontology_resource.json").write_text(json.dumps(resource))
    return folder / "annotate"


def _resource(parents: Graph, names: npt.NDArray[np.str_]) -> dict[str, Any]:
    children: dict[str, list[str]] = {}
    depth = [0] * len(parents)
    for child, above in enumerate(parents):
        for parent in above:
            children.setdefault(str(names[parent]), []).append(str(names[child]))
        depth[child] = 1 + min((depth[parent] for parent in above), default=-1)
    lengths = {str(name): d for name, d in zip(names, depth, strict=True)}
    return {
        "cl_names": names.tolist(),
        "cell_ontology_term_id_to_cell_type": {str(name): f"type {name}" for name in names},
        "children_dictionary": children,
        "shortest_path_lengths_from_cell_root": lengths,
        "longest_path_lengths_from_cell_root": lengths,
    }
