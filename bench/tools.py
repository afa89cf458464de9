"""One call of each tool on a retrieval problem."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastbench.bench.problem import Problem, build, small_one_like

__all__ = ["build", "ready", "small_one_like"]

#: A product of more rows than this is taken in blocks of rows, since the whole would not fit in memory.
STORED_ROWS = 20_000
BLOCK_ROWS = 2_000


def ready(tool: str, problem: Problem) -> Callable[[], object]:
    """Return the call to time; what no run of a user would repeat (imports, the output of the product) is done."""
    return {"fastbench": _fastbench, "copairs": _copairs, "scikit-learn": _sklearn, "GEMM": _gemm}[tool](problem)


def _fastbench(problem: Problem) -> Callable[[], object]:
    import fastbench

    return lambda: fastbench.average_precision(problem.meta, problem.features, *problem.rule, progress_bar=False)


def _copairs(problem: Problem) -> Callable[[], object]:
    from copairs.map import average_precision

    return lambda: average_precision(problem.meta, problem.features, *problem.rule, progress_bar=False)


def _gemm(problem: Problem) -> Callable[[], object]:
    """Return the product of all rows with all rows, the floor of every method that compares them.

    Of ``x @ x.T`` NumPy makes a symmetric product and a slow mirroring, so the second operand is a copy; and the
    result is allocated and touched before, because fresh pages cost as much as the arithmetic.
    """
    x = problem.features
    copy = x.copy()
    rows = len(x) if len(x) <= STORED_ROWS else BLOCK_ROWS
    out = np.full((rows, len(x)), 0, np.float32)

    def multiply() -> None:
        for start in range(0, len(x), rows):
            block = x[start : start + rows]
            np.matmul(block, copy.T, out=out[: len(block)])

    return multiply


def _sklearn(problem: Problem) -> Callable[[], object]:
    """Return the scores of scikit-learn, query by query, from the same cosines."""
    from sklearn.metrics import average_precision_score

    def score() -> list[float]:
        units = problem.features / np.linalg.norm(problem.features, axis=1, keepdims=True)
        found = []
        for rows in np.split(np.arange(len(units)), np.flatnonzero(np.diff(problem.plate)) + 1):
            similarity = units[rows] @ units[rows].T
            group = problem.group[rows]
            control = group < 0
            for query in np.flatnonzero(~control):
                relevant = group == group[query]
                candidate = relevant | control if control.any() else np.ones(len(rows), bool)
                candidate[query] = False
                found.append(average_precision_score(relevant[candidate], similarity[query, candidate]))
        return found

    return score
