"""Files of a whole evaluation: a screen of counts and predictions of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import sparse

from fastbench.bench.problem import Job

__all__ = ["write"]

CONTROLS, DENSITY = 0.1, 0.15


def write(folder: Path, job: Job, predictions: int) -> None:
    """Write the truth and predictions; the job is a name and how many cells, genes and perturbations."""
    import anndata
    import pandas as pd

    _, n, genes, perturbations = job
    rng = np.random.default_rng(0)
    names = [f"G{place:04}" for place in range(genes)]
    codes = np.where(rng.random(n) < CONTROLS, perturbations, rng.integers(0, perturbations, n))
    base = rng.gamma(0.6, 1, genes)
    base *= -np.log1p(-DENSITY) / np.median(base)
    effects = np.where(rng.random((perturbations + 1, genes)) < 0.05, rng.normal(0, 1, (perturbations + 1, genes)), 0)
    effects[np.arange(perturbations), np.arange(perturbations)] = -2  # the target itself
    effects[-1] = 0
    obs = pd.DataFrame({"condition": np.array([*names[:perturbations], "non-targeting"])[codes]})
    obs.index = obs.index.astype(str)
    for number in range(-1, predictions):
        rates = base * np.exp(effects * (0.85 - 0.15 * number))
        counts = rng.poisson(rates[codes] * rng.gamma(8, 1 / 8, (n, 1))).astype(np.float32)
        name = "truth" if number < 0 else f"model{number}"
        cells = anndata.AnnData(sparse.csr_matrix(counts), obs, pd.DataFrame(index=names))
        cells.write_h5ad(folder / f"{name}.h5ad")
