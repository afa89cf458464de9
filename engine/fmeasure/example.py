"""The embedded example: real Cell Ontology terms, simulated calls of two models on three donors."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ..readers.packaged import data_folder
from .ontology.ontology import Ontology
from .ontology.read import read_ontology

__all__ = ["GT_LABEL", "INFERRED_LABEL", "write_example"]

GT_LABEL, INFERRED_LABEL = "cell_type_ontology_term_id", "cas_cell_type_name_1"

#: Cells of a donor, ranks of a call; donors.
CELLS, RANKS = 1500, 3
DONORS = ("donor1", "donor2", "donor3")
#: Model -> chances of the right term, of an ancestor of it, of a term beside it; the rest is any term.
MODELS = {"model_a": (0.74, 0.14, 0.09), "model_b": (0.58, 0.12, 0.22)}
#: The terms of the donors' cells, with their shares.
COMPOSITION = {
    "CL:0000798": 3,
    "CL:0000789": 22,
    "CL:0000785": 8,
    "CL:0000786": 3,
    "CL:0000980": 2,
    "CL:0000576": 16,
    "CL:0000990": 3,
    "CL:0000784": 2,
    "CL:0000775": 14,
    "CL:0000771": 2,
    "CL:0000767": 1,
    "CL:0000233": 5,
    "CL:0000232": 6,
    "CL:0000558": 2,
    "CL:0000037": 1,
    "CL:0001065": 4,
    "CL:0000097": 1,
    "CL:0000235": 5,
}


def write_example(folder: Path, seed: int = 0) -> Path:
    """Write annotate directories and ground truth as a user would have them.

    Parameters
    ----------
    folder : Path
        Where ``truth/`` and ``annotate/`` are made.
    seed : int
        Of the simulated calls.

    Returns
    -------
    Path
        The folder of annotate directories.
    """
    resource = data_folder() / "ontology" / "blood_and_immune_example.json"
    ontology = read_ontology(resource)
    rng = np.random.default_rng(seed)
    terms = np.array(ontology.terms)
    shares = np.array([COMPOSITION.get(term, 0) for term in ontology.terms], np.float64)
    (folder / "truth").mkdir(parents=True)
    for donor in DONORS:
        own = shares * rng.gamma(3.0, size=len(shares))  # donors differ in composition
        truth = rng.choice(len(terms), size=CELLS, p=own / own.sum())
        ids = [f"{donor}_cell{i:04d}" for i in range(CELLS)]
        tissue = np.where(rng.random(CELLS) < 0.7, "blood", "bone marrow")
        path = folder / "truth" / f"{donor}.h5ad"
        _write_truth(path, ids, terms[truth], donor, tissue)
        for model, chances in MODELS.items():
            where = folder / "annotate" / f"{model}_{donor}"
            where.mkdir(parents=True)
            calls, scores = _simulate(ontology, truth, chances, rng)
            order = rng.permutation(CELLS)  # cells are found by id, not by position
            columns: dict[str, Any] = {"": np.array(ids)[order]}
            columns |= {
                f"cas_cell_type_label_{r + 1}": [ontology.names[t] for t in terms[calls[r][order]]]
                for r in range(RANKS)
            }
            columns |= {f"cas_cell_type_name_{r + 1}": terms[calls[r][order]] for r in range(RANKS)}
            columns |= {f"cas_cell_type_score_{r + 1}": scores[r][order].round(4) for r in range(RANKS)}
            pl.DataFrame(columns).write_csv(where / "inferred_labels.csv")
            metadata = {
                "input_path": f"../../truth/{donor}.h5ad",
                "model_name": f"{model} (simulated)",
                "n_cells": CELLS,
            }
            (where / "metadata.json").write_text(json.dumps(metadata, indent=2))
            (where / "ontology_response.json").write_text("{}")
            shutil.copyfile(resource, where / "ontology_resource.json")
    return folder / "annotate"


def _write_truth(
    path: Path, ids: list[str], labels: npt.NDArray[np.str_], donor: str, tissue: npt.NDArray[np.str_]
) -> None:
    """Write an AnnData file without a matrix."""
    import anndata
    import pandas

    obs = pandas.DataFrame(
        {
            GT_LABEL: pandas.Categorical(labels),
            "donor_id": pandas.Categorical([donor] * len(ids)),
            "tissue": pandas.Categorical(tissue),
        },
        index=pandas.Index(ids, dtype=object),
    )
    anndata.AnnData(obs=obs).write_h5ad(path)


def _simulate(
    ontology: Ontology, truth: npt.NDArray[np.int64], chances: tuple[float, float, float], rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Draw ranked calls, shape (ranks, n), and their scores: higher where the first one is right."""
    position = {node: i for i, node in enumerate(ontology.nodes)}
    parents = [
        ontology.parents[ontology.parent_offsets[i] : ontology.parent_offsets[i + 1]].tolist()
        for i in range(len(ontology.terms))
    ]
    used = sorted(position[term] for term in COMPOSITION)
    beside = {
        t: [u for u in used if u != t and set(parents[u]) & set(parents[t])] or [u for u in used if u != t]
        for t in used
    }
    kinds = rng.choice(4, size=(RANKS, len(truth)), p=[*chances, 1 - sum(chances)])
    calls = np.empty((RANKS, len(truth)), np.int64)
    for i, t in enumerate(truth.tolist()):
        for r in range(RANKS):
            above = [p for p in parents[t] if ontology.nodes[p] != ontology.root] or [t]
            choices = ([t], above, beside[t], used)[kinds[r, i]]
            calls[r, i] = choices[rng.integers(len(choices))]
    right = calls == truth
    scores = np.sort(np.where(right, rng.beta(6, 2, right.shape), rng.beta(3, 3, right.shape)), axis=0)[::-1]
    # The first call keeps a score of its own, so that scores say something about being right.
    scores[0] = np.maximum(scores[1], np.where(right[0], rng.beta(7, 2, len(truth)), rng.beta(3, 3, len(truth))))
    return calls, scores
