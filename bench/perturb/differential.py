"""Differential expression of every perturbation of a sparse screen against its control cells, by rank sums.

    python -m fastbench.bench.perturb.differential illico 20000 1000 100

prints the CPU seconds of a first call in a new process, with what it imports and compiles. `memory` takes this module
for its calls.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from fastbench.bench.problem import Job

__all__ = ["SCIPY_DOES", "Cells", "build", "ready", "small_one_like"]

CONTROLS, DENSITY = 0.1, 0.15
#: Of how many perturbations SciPy's time is taken.
SCIPY_DOES = 5


class Cells(NamedTuple):
    """A screen of log1p values.

    Attributes
    ----------
    matrix : csr_array of float32, shape (cells, genes)
        A tenth of the cells are controls; 15 % of the values are not 0.
    codes : ndarray of int64, shape (cells,)
        Perturbation; the largest code is the control.
    """

    matrix: Any
    codes: npt.NDArray[np.int64]


def build(job: Job) -> Cells:
    """Draw cells; the job is a name and how many cells, genes and perturbations."""
    _, n, genes, perturbations = job
    rng = np.random.default_rng(0)
    per_cell = rng.binomial(genes, DENSITY, n)
    starts = np.concatenate([[0], np.cumsum(per_cell)])
    columns = np.concatenate([np.sort(rng.choice(genes, k, replace=False)) for k in per_cell])
    counts = rng.poisson(1.5, len(columns)) + 1.0
    depth = np.repeat(np.add.reduceat(counts, starts[:-1]), per_cell)
    values = np.log1p(counts / depth * 1e4).astype(np.float32)
    codes = np.where(rng.random(n) < CONTROLS, perturbations, rng.integers(0, perturbations, n))
    return Cells(sparse.csr_array((values, columns, starts), shape=(n, genes)), codes)


def small_one_like(job: Job) -> Job:
    """Return a job that loads and compiles all that the other needs."""
    return job[0], 500, 20, 3


def ready(tool: str, cells: Cells) -> Callable[[], object]:
    """Return the call to time: statistics, p-values, adjusted ones and fold changes of all perturbations."""
    return {"fastbench": _fastbench, "illico": _illico, "SciPy": _scipy}[tool](cells)


def _fastbench(cells: Cells) -> Callable[[], object]:
    from fastbench.engine.perturb.differential.settings import CELL_EVAL
    from fastbench.engine.perturb.differential.testing import differential
    from fastbench.engine.perturb.screens.screen import LOG1P, Panel, Screen
    from fastbench.engine.perturb.screens.side import Side
    from fastbench.kernels import cpu

    n, genes = cells.matrix.shape
    names = tuple(f"{code:05}" for code in range(cells.codes.max()))
    panel = Panel(names, "control", ("all",), tuple(map(str, range(genes))), (np.empty(0, np.int64),) * len(names))
    screen = Screen("cells", cells.matrix, LOG1P, panel, cells.codes, np.zeros(n, np.int64))
    return lambda: differential(Side(screen, 0, 1e4, cpu), CELL_EVAL)


def _illico(cells: Cells) -> Callable[[], object]:
    import anndata
    import pandas as pd
    from illico import asymptotic_wilcoxon

    labels = np.array([f"{code:05}" for code in range(cells.codes.max())] + ["control"])[cells.codes]
    data = anndata.AnnData(sparse.csr_matrix(cells.matrix), obs=pd.DataFrame({"condition": labels}, dtype="category"))
    return lambda: asymptotic_wilcoxon(data, True, "condition", "control", n_threads=2)


def _scipy(cells: Cells) -> Callable[[], object]:
    from scipy.stats import mannwhitneyu

    control = cells.matrix[cells.codes == cells.codes.max()].toarray()

    def some() -> None:
        for code in range(SCIPY_DOES):
            mannwhitneyu(cells.matrix[cells.codes == code].toarray(), control, method="asymptotic")

    return some


def main() -> None:
    """Print CPU seconds."""
    tool, *sizes = sys.argv[1:]
    n, genes, perturbations = map(int, sizes)
    cells = build(("differential", n, genes, perturbations))
    started = time.process_time()
    ready(tool, cells)()
    print(time.process_time() - started)


if __name__ == "__main__":
    main()
