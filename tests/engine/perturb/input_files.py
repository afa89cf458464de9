"""Files of a small screen, and what is read of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from fastbench.engine.errors import InputError
from fastbench.engine.perturb.inputs.assembly import Inputs
from fastbench.engine.perturb.inputs.reading import read_screens
from fastbench.engine.perturb.options import PerturbOptions
from fastbench.engine.perturb.screens.example import simulated

SCREEN = simulated()
#: Every fourth cell: 15 of each perturbation, 50 controls.
ROWS = np.arange(0, 920, 4)
LABELS = SCREEN.labels[ROWS].astype(object)
COUNTS = SCREEN.truth[ROWS]
MODEL = SCREEN.model[ROWS]
GENES = SCREEN.genes.tolist()


def logged(counts: np.ndarray, total: float = 1e4) -> np.ndarray:
    return np.log1p(counts / counts.sum(axis=1, keepdims=True) * total).astype(np.float32)


def cells(matrix: Any, labels: Any = LABELS, genes: Any = GENES, **obs: Any) -> anndata.AnnData:
    frame = pd.DataFrame({"target_gene": np.asarray(labels, object), **obs})
    frame.index = [f"cell{i}" for i in range(len(frame))]
    return anndata.AnnData(matrix, obs=frame, var=pd.DataFrame(index=list(genes)))


def saved(path: Path, *given: Any, **obs: Any) -> Path:
    made = given[0] if isinstance(given[0], anndata.AnnData) else cells(*given, **obs)
    (made.write_zarr if path.suffix == ".zarr" else made.write_h5ad)(path)
    return path


def sparse(matrix: np.ndarray) -> scipy.sparse.csr_matrix:
    return scipy.sparse.csr_matrix(matrix)


def read(*files: Any, **options: Any) -> Inputs:
    options = {"condition": "target_gene"} | options
    return read_screens(PerturbOptions(screens=tuple(map(str, files)), **options))


def refused(match: str, *files: Any, **options: Any) -> None:
    with pytest.raises(InputError, match=match) as caught:
        read(*files, **options)
    assert "\n" not in str(caught.value)


def dense(matrix: Any) -> np.ndarray:
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
