"""The metrics of an embedding one after another: fastbench's from one plan, those of scib-metrics and cz-benchmarks.

    python -P bench/peers/embedding_tasks.py TOOL FILE.npz [exact]

prints a JSON object, by metric ``[value, CPU seconds of the first call, of the second]``. The file holds ``x``,
``label``, ``batch`` and ``order``. Peers search neighbours as they do by themselves (pynndescent), or exactly. They
need no fastbench in their Python, and what is not installed there is left out. Forests are in neither list: they are
scikit-learn's in both, and most of the time.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np

__all__ = ["TASKS", "measured"]

#: What both lists hold; neighbours are a step of their own.
TASKS = (
    "neighbors",
    "clustering",
    "leiden_of_ten",
    "kmeans",
    "silhouette_score",
    "clisi",
    "graph_connectivity",
    "isolated_labels",
    "entropy_per_cell",
    "batch_silhouette",
    "bras",
    "ilisi",
    "kbet",
    "pcr_comparison",
    "kbet_per_label",
    "sequential_silhouette",
    "sequential_alignment",
    "label_prediction",
)
Problem = dict[str, Any]


def fastbench(problem: Problem) -> dict[str, Callable[[], Any]]:
    """Return the calls of fastbench, which share one space."""
    from fastbench.engine.embed.cells import Cells, grouped
    from fastbench.engine.embed.finding import named
    from fastbench.engine.embed.registry import METRICS
    from fastbench.engine.embed.space import MOST_NEIGHBORS, Prediction, Space
    from fastbench.kernels import cpu

    texts = [problem[name].astype(str) for name in ("label", "batch")]
    cells = Cells(grouped(texts[0]), grouped(texts[1]), None, problem["order"])
    whole = Space(
        problem["x"], cells, cpu, unintegrated=problem["before"], prediction=Prediction(classifiers=("lr", "knn"))
    )

    def call(compute: Callable[[Space], Any]) -> Callable[[], Any]:
        return lambda: named(compute(whole), "")[0].finding.value

    calls: dict[str, Callable[[], Any]] = {
        "neighbors": lambda: whole.neighbors(min(MOST_NEIGHBORS, len(whole)) - 1)[0].shape[1] + 1
    }
    return calls | {metric.name: call(metric.compute) for metric in METRICS if metric.name in TASKS}


class Peers:
    """The calls of scib-metrics and cz-benchmarks, which share a search of 90 neighbours, as scib-metrics' table."""

    def __init__(self, problem: Problem, exact: bool) -> None:
        self.x, self.label, self.batch = problem["x"], problem["label"], problem["batch"]
        self.order, self.before, self.exact = problem["order"], problem["before"], exact

    def calls(self) -> dict[str, Callable[[], Any]]:
        return {name: getattr(self, name) for name in (*TASKS, "sbee") if hasattr(self, name)}

    @cached_property
    def found(self) -> Any:
        from scib_metrics.nearest_neighbors import NeighborsResults, pynndescent

        k = min(90, len(self.x))
        if not self.exact:
            return pynndescent(self.x, n_neighbors=k)
        from sklearn.neighbors import NearestNeighbors

        wide = self.x.astype(np.float64)
        distances, indices = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(wide).kneighbors(wide)
        np.put_along_axis(distances, np.argmax(indices == np.arange(len(wide))[:, None], axis=1)[:, None], 0, axis=1)
        return NeighborsResults(indices=indices, distances=distances)

    def neighbors(self) -> int:
        return int(self.found.indices.shape[1])

    def clustering(self) -> float:
        """The task of cz-benchmarks, which searches neighbours by itself."""
        import anndata
        import pandas as pd
        from czbenchmarks.tasks.utils import cluster_embedding
        from scipy.sparse import csr_array
        from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

        if not hasattr(csr_array, "getnnz"):  # scanpy 1.11.5 asks for it from 4,096 cells on, SciPy took it away
            csr_array.getnnz = lambda self, axis=None: self.nnz if axis is None else np.diff(self.indptr)
        cells = anndata.AnnData(self.x, obs=pd.DataFrame(index=[str(i) for i in range(len(self.x))]))
        labels = cluster_embedding(cells, use_rep="X", n_iterations=2, flavor="igraph", key_added="leiden")
        normalized_mutual_info_score(self.label, labels)
        return float(adjusted_rand_score(self.label, labels))

    def leiden_of_ten(self) -> float:
        from scib_metrics import nmi_ari_cluster_labels_leiden

        return float(nmi_ari_cluster_labels_leiden(self.found.subset_neighbors(n=15), self.label)["ari"])

    def kmeans(self) -> float:
        from scib_metrics import nmi_ari_cluster_labels_kmeans

        return float(nmi_ari_cluster_labels_kmeans(self.x, self.label)["ari"])

    def silhouette_score(self) -> float:
        from scib_metrics import silhouette_label

        return float(silhouette_label(self.x, self.label))

    def clisi(self) -> float:
        from scib_metrics import clisi_knn

        return float(clisi_knn(self.found, self.label))

    def graph_connectivity(self) -> float:
        from scib_metrics import graph_connectivity

        return float(graph_connectivity(self.found.subset_neighbors(n=15), self.label))

    def isolated_labels(self) -> float:
        from scib_metrics import isolated_labels

        return float(isolated_labels(self.x, self.label, self.batch))

    def entropy_per_cell(self) -> float:
        from czbenchmarks.metrics.utils import compute_entropy_per_cell

        return float(compute_entropy_per_cell(self.x, self.batch))

    def batch_silhouette(self) -> float:
        from scib_metrics import silhouette_batch

        return float(silhouette_batch(self.x, self.label, self.batch))

    def bras(self) -> float:
        from scib_metrics import bras

        return float(bras(self.x, self.label, self.batch))

    def ilisi(self) -> float:
        from scib_metrics import ilisi_knn

        return float(ilisi_knn(self.found, self.batch))

    def kbet(self) -> float:
        from scib_metrics import kbet

        return float(kbet(self.found.subset_neighbors(n=50), self.batch)[0])

    def pcr_comparison(self) -> float:
        from scib_metrics import pcr_comparison

        return float(pcr_comparison(self.before, self.x, self.batch, categorical=True))

    def kbet_per_label(self) -> float:
        from scib_metrics import kbet_per_label

        return float(kbet_per_label(self.found.subset_neighbors(n=50), self.batch, self.label))

    def sbee(self) -> float:
        from scib_metrics import sbee

        return float(sbee(self.found, self.x, self.batch, self.label))

    def sequential_silhouette(self) -> float:
        from scib_metrics import silhouette_label

        return float(silhouette_label(self.x, self.order))

    def sequential_alignment(self) -> float:
        from czbenchmarks.metrics.utils import sequential_alignment

        return float(sequential_alignment(self.x, self.order, k=15))

    def label_prediction(self) -> float:
        """The folds and scores of cz-benchmarks' task, whose list of classifiers (with the forest) is fixed."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics import accuracy_score, f1_score, make_scorer, precision_score, recall_score, roc_auc_score
        from sklearn.model_selection import StratifiedKFold, cross_validate
        from sklearn.neighbors import KNeighborsClassifier
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        _, codes, sizes = np.unique(self.label, return_inverse=True, return_counts=True)
        kept = sizes[codes] >= 10
        scorers = {"accuracy": make_scorer(accuracy_score)}
        for score in (f1_score, precision_score, recall_score):
            scorers[score.__name__] = make_scorer(score, average="macro")
        scorers["auroc"] = make_scorer(
            roc_auc_score, average="macro", multi_class="ovr", response_method="predict_proba"
        )
        found = []
        for classifier in (LogisticRegression(), KNeighborsClassifier()):
            folds = StratifiedKFold(5, shuffle=True, random_state=42)
            model = make_pipeline(StandardScaler(with_mean=False), classifier)
            scores = cross_validate(model, self.x[kept], codes[kept], cv=folds, scoring=scorers)
            found.append(scores["test_accuracy"].mean())
        return float(np.mean(found))


def _pass(calls: dict[str, Callable[[], Any]]) -> Iterator[tuple[str, float, float]]:
    """Call all in turn: name, value, CPU seconds of all threads."""
    for name, call in calls.items():
        started = time.process_time()
        try:
            value = call()
        except ImportError as missing:
            print(f"{name}: {missing}", file=sys.stderr)
            continue
        seconds = time.process_time() - started
        print(f"{name}: {value:.6g}, {seconds:.3g} CPU s", file=sys.stderr, flush=True)
        yield name, float(value), seconds


def measured(tool: str, problem: Problem, exact: bool = False) -> Iterator[dict[str, list[float]]]:
    """Give value and CPU seconds by metric, after a first and after a second pass.

    Parameters
    ----------
    tool : {"fastbench", "peers"}
        Whose metrics.
    problem : dict
        ``x`` (n, d), ``label``, ``batch``, ``order`` (n,); ``before``, the unintegrated cells, is `x` where it is
        left out.
    exact : bool, default False
        Whether peers are given exact neighbours.
    """
    problem = {"before": problem["x"], **problem}
    found: dict[str, list[float]] = {}
    for _ in range(2):
        calls = fastbench(problem) if tool == "fastbench" else Peers(problem, exact).calls()
        for name, value, seconds in _pass(calls):
            found.setdefault(name, [value]).append(seconds)
        yield found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.INFO)
    with np.load(sys.argv[2]) as file:
        given = dict(file)
    for each in measured(sys.argv[1], given, sys.argv[3:] == ["exact"]):
        print(json.dumps(each), flush=True)
