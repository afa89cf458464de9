"""Nearest neighbours, silhouettes, entropy of batches and all metrics, beside the tools that otherwise compute them.

``EMBEDDING_PEERS_PYTHON`` names a Python with scib-metrics and cz-benchmarks, for all metrics
(``peers/embedding_tasks.py``).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fastbench.bench.peers import embedding_tasks
from fastbench.engine.embed.cells import Cells, Groups
from fastbench.engine.embed.metrics.neighborhoods import entropy_per_cell
from fastbench.engine.embed.metrics.silhouettes import label_silhouette
from fastbench.engine.embed.space import Space
from fastbench.kernels import cpu

LABELS, BATCHES = 30, 5
#: What must be installed for a tool.
NEEDED = {"pynndescent": "pynndescent", "scib-metrics": "scib_metrics", "hnswlib": "hnswlib"}


def mixture(n: int, d: int) -> Space:
    """Cells of 30 labels and 5 batches."""
    rng = np.random.default_rng(0)
    label, batch = rng.integers(0, LABELS, n), rng.integers(0, BATCHES, n)
    centres = rng.normal(size=(LABELS, d))
    x = (centres[label] + rng.normal(size=(n, d))).astype(np.float32)
    names = tuple(f"{i:02}" for i in range(LABELS))
    return Space(x, Cells(Groups(label, names), Groups(batch, names[:BATCHES])), cpu)


def measure(
    benchmark: Any, tool: str, group: str, n: int, d: int, run: Callable[[Space], Any], rounds: int = 1
) -> None:
    """Time calls after a small one that compiles and loads; note the CPU seconds of all threads, and of that one."""
    if tool in NEEDED and find_spec(NEEDED[tool]) is None:
        pytest.skip(f"{tool} is not installed")
    benchmark.group = f"embeddings, {group}"
    benchmark.extra_info.update(tool=tool, job=f"{n:,} x {d}", n=n, d=d)
    spent = []

    def once(space: Space) -> None:
        started = time.process_time()
        run(space)
        spent.append(time.process_time() - started)

    once(mixture(300, d))
    # A new space each time, since it keeps what it has found.
    benchmark.pedantic(once, setup=lambda: ((mixture(n, d),), {}), rounds=rounds)
    benchmark.extra_info.update(cpu_seconds_start=spent[0], cpu_seconds_first=spent[1], cpu_seconds=min(spent[1:]))


def neighbors(tool: str, k: int) -> Callable[[Space], Any]:
    """Return a search of the k nearest others."""
    if tool == "fastbench":
        return lambda space: cpu.nearest_neighbors(space.x, k, "euclidean")
    if tool == "scikit-learn":
        from sklearn.neighbors import NearestNeighbors

        return lambda space: NearestNeighbors(n_neighbors=k, algorithm="brute").fit(space.x).kneighbors()

    def approximate(space: Space) -> Any:
        from pynndescent import NNDescent

        return NNDescent(space.x, n_neighbors=k + 1, random_state=0).neighbor_graph

    return approximate


@pytest.mark.parametrize("tool", ["fastbench", "scikit-learn", "pynndescent"])
@pytest.mark.parametrize(
    "n",
    [pytest.param(4_000, marks=pytest.mark.quick), 20_000, pytest.param(100_000, marks=pytest.mark.slow)],
)
def test_neighbors(benchmark: Any, n: int, tool: str) -> None:
    """The 90 nearest others in 50 dimensions; pynndescent's are approximate."""
    measure(benchmark, tool, "90 neighbours", n, 50, neighbors(tool, 90))


def silhouette(tool: str) -> Callable[[Space], Any]:
    """Return the mean silhouette of labels."""
    if tool == "fastbench":
        return label_silhouette
    if tool == "scikit-learn":
        from sklearn.metrics import silhouette_score

        return lambda space: silhouette_score(space.x, space.cells.labels.codes)

    def of_scib(space: Space) -> Any:
        from scib_metrics import silhouette_label

        return silhouette_label(space.x, space.cells.labels.codes)

    return of_scib


@pytest.mark.parametrize("tool", ["fastbench", "scikit-learn", "scib-metrics"])
@pytest.mark.parametrize(
    "n",
    [pytest.param(2_000, marks=pytest.mark.quick), 10_000, pytest.param(20_000, marks=pytest.mark.slow)],
)
def test_silhouette(benchmark: Any, n: int, tool: str) -> None:
    """Silhouettes of 30 labels in 256 dimensions, euclidean; scib-metrics compiles its programs for each shape."""
    measure(benchmark, tool, "silhouette", n, 256, silhouette(tool), rounds=2)


def entropy(tool: str) -> Callable[[Space], Any]:
    """Return the mean entropy of batches among 200 neighbours."""
    if tool == "fastbench":
        return entropy_per_cell

    def shares(indices: npt.NDArray[Any], batch: npt.NDArray[np.int64]) -> float:
        counts = (batch[indices][:, :, None] == np.arange(BATCHES)).sum(axis=1)
        share = counts / counts.sum(axis=1, keepdims=True)
        logs = np.log(share, out=np.zeros_like(share), where=share > 0)
        return float(-(share * logs).sum() / np.log(BATCHES) / len(share))

    def of_scikit_learn(space: Space) -> Any:
        from sklearn.neighbors import NearestNeighbors

        search = NearestNeighbors(n_neighbors=min(200, len(space)), algorithm="brute").fit(space.x)
        assert space.cells.batch is not None
        return shares(search.kneighbors(space.x, return_distance=False), space.cells.batch.codes)

    def of_hnswlib(space: Space) -> Any:
        import hnswlib

        # As cz-benchmarks calls it.
        index = hnswlib.Index(space="l2", dim=space.x.shape[1])
        index.init_index(max_elements=len(space), ef_construction=200, M=48, random_seed=42)
        index.add_items(space.x)
        index.set_ef(200)
        assert space.cells.batch is not None
        return shares(index.knn_query(space.x, k=min(200, len(space)))[0].astype(int), space.cells.batch.codes)

    return of_scikit_learn if tool == "scikit-learn" else of_hnswlib


@pytest.mark.parametrize("tool", ["fastbench", "scikit-learn", "hnswlib"])
@pytest.mark.parametrize("n", [pytest.param(2_000, marks=pytest.mark.quick), 10_000])
def test_entropy(benchmark: Any, n: int, tool: str) -> None:
    """Entropy of 5 batches among the 200 nearest in 256 dimensions; hnswlib (cz-benchmarks) is approximate."""
    measure(benchmark, tool, "entropy per cell", n, 256, entropy(tool))


@pytest.mark.parametrize("tool", ["fastbench", "peers"])
@pytest.mark.parametrize(
    "n", [pytest.param(2_000, marks=pytest.mark.quick), pytest.param(10_000, marks=pytest.mark.slow)]
)
def test_all_metrics(benchmark: Any, tmp_path: Path, n: int, tool: str) -> None:
    """All metrics but forests in 256 dimensions, in a new process: the first pass is timed, the second one noted."""
    python = os.environ.get("EMBEDDING_PEERS_PYTHON") if tool == "peers" else sys.executable
    if python is None and find_spec("scib_metrics") is None:
        pytest.skip("scib-metrics is not installed")
    benchmark.group = "embeddings, all metrics"
    benchmark.extra_info.update(tool=tool, job=f"{n:,} x 256", n=n, d=256)
    space = mixture(n, 256)
    assert space.cells.batch is not None
    label, batch = space.cells.labels.codes, space.cells.batch.codes
    np.savez(tmp_path / "x.npz", x=space.x, label=label, batch=batch, order=(label % 7).astype(float))
    command = [python or sys.executable, "-P", embedding_tasks.__file__, tool, str(tmp_path / "x.npz")]

    def once() -> None:
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found = json.loads(said.splitlines()[-1])
        benchmark.extra_info["values_and_cpu_seconds"] = found
        for number, name in ((1, "cpu_seconds_first"), (2, "cpu_seconds")):
            benchmark.extra_info[name] = sum(each[number] for each in found.values())

    benchmark.pedantic(once, rounds=1)
