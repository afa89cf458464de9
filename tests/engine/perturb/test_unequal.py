"""A screen with unequal groups, combinations, two contexts, a perturbation not predicted and genes in another order."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import pytest

import fastbench as fb
from fastbench.engine.perturb.screens.screen import scaled

GENES = [f"G{place:03d}" for place in range(120)]
#: Cells of each condition, of the first context; the second has them in the opposite order.
SIZES = {
    "non-targeting": 90,
    "G000": 8,
    "G005": 12,
    "G010": 21,
    "G015": 90,
    "G020": 34,
    "G000+G005": 15,
    "G010+G015": 55,
    "G040": 27,
}
CONTEXTS, LACKING = ("one", "two"), "G040"

Floats = npt.NDArray[np.float64]


def unequal(shared: float = 0.5, private: float = 1.0, own: float = 1.5) -> tuple[pd.DataFrame, Floats, Floats]:
    """Return cells, and true and predicted counts, of all conditions and in the order of the genes."""
    rng = np.random.default_rng(7)
    base = np.exp(rng.normal(0, 1.0, len(GENES)))
    common = np.where(rng.random(len(GENES)) < 0.3, rng.normal(0, 1, len(GENES)), 0)
    singles = {name: np.where(rng.random(len(GENES)) < 0.2, rng.normal(0, 1, len(GENES)), 0) for name in GENES[:45:5]}
    labels, contexts, true, predicted = [], [], [], []
    for place, context in enumerate(CONTEXTS):
        sizes = list(SIZES.values())[:: 1 - 2 * place]
        for name, n in zip(SIZES, sizes, strict=True):
            parts = [] if name == "non-targeting" else name.split("+")
            effect = shared * common * bool(parts) + private * sum((singles[part] for part in parts), np.zeros(120))
            effect[[GENES.index(part) for part in parts]] -= own
            for tables, scale in ((true, 1.0), (predicted, 0.7)):
                rate = base * np.exp(scale * effect + 0.2 * place * np.sin(np.arange(120)))
                depth = rng.lognormal(np.log(900), 0.3, (n, 1))
                tables.append(rng.poisson(depth * rate / rate.sum() * rng.gamma(5, 0.2, (n, 120))))
            labels += [name] * n
            contexts += [context] * n
    cells = pd.DataFrame({"condition": labels, "context": contexts}, index=[f"cell {k}" for k in range(len(labels))])
    return cells, *(np.concatenate(tables).astype(np.float64) for tables in (true, predicted))


#: Means over the seven perturbations that are predicted, in each context: cell-eval 0.8.2 on log1p values (to 10,000),
#: cell-eval2 0.20 (vcc2026) on counts, run on each context with the genes in order.
PEERS = {
    "cell-eval": {
        "overlap_at_N": (0.53643628, 0.63016965),
        "overlap_at_50": (0.59044583, 0.63016965),
        "precision_at_N": (0.71426215, 0.72239522),
        "precision_at_50": (0.71426215, 0.72239522),
        "de_spearman_sig": (0.91895621, 0.96428571),
        "de_direction_match": (0.9467167, 0.94391464),
        "de_spearman_lfc_sig": (0.89823448, 0.9040082),
        "de_sig_genes_recall": (0.53643628, 0.63016965),
        "de_nsig_counts_real": (44.14285714, 25.42857143),
        "de_nsig_counts_pred": (25.85714286, 20.28571429),
        "pr_auc": (0.84803544, 0.80486605),
        "roc_auc": (0.84782141, 0.87718209),
        "pearson_delta": (0.8336215, 0.74474539),
        "mse": (0.16217685, 0.19050587),
        "mae": (0.29860667, 0.31919048),
        "mse_delta": (0.18967783, 0.26843577),
        "mae_delta": (0.33056457, 0.38570325),
        "discrimination_score_l1": (1.0, 0.97959184),
        "discrimination_score_l2": (1.0, 0.97959184),
        "discrimination_score_cosine": (1.0, 1.0),
        "pearson_edistance": (0.91191565, 0.95908875),
    },
    "vcc2026": {
        "de_wilcoxon_direction_fidelity_yield_raw": (0.6535556, 0.6082517),
        "de_wilcoxon_direction_reach_raw": (1.0, 1.0),
        "de_wilcoxon_lfc_nmae": (0.34156631, 0.37082066),
        "de_wilcoxon_sig_jaccard": (0.54910035, 0.60069834),
        "expr_distance_unbiased": (0.37859825, 0.35882729),
        "expr_mse_unbiased": (0.02048378, 0.03326587),
        "expr_mse_unbiased_capped": (0.02048378, 0.03326587),
        "pds_cosine": (1.0, 1.0),
    },
}


def screen(counts: Floats, cells: pd.DataFrame, kept: npt.NDArray[np.bool_], log: bool, turned: bool = False) -> Any:
    """Return some cells as the job takes them, with the genes turned round if asked."""
    genes = slice(None, None, -1 if turned else 1)
    matrix = scaled(counts, 1e4, log=True) if log else counts
    return matrix[kept][:, genes].astype(np.float32), cells[kept], GENES[genes]


@pytest.mark.parametrize("preset", ["cell-eval", "vcc2026"])
def test_values_are_those_of_peers(preset):
    """Also those of a truth that has one perturbation more, but for metrics that choose among all perturbations."""
    cells, true, predicted = unequal()
    log = preset == "cell-eval"
    kept = (cells["condition"] != LACKING).to_numpy()
    model = screen(predicted, cells, kept, log, turned=True)
    asked = {"condition": "condition", "context_col": "context", "splits": 0, "bootstrap": 0, "progress_bar": False}
    for rows, lacks in ((kept, False), (kept | True, True)):
        found = fb.perturb(screen(true, cells, rows, log), {"model": model}, preset=preset, **asked)
        mine = found.tables["results"].filter(pl.col("prediction") == "model")
        whole = found.tables["summary"].filter(pl.col("prediction") == "model")
        absent = mine.filter(pl.col("condition") == LACKING)
        assert (len(absent) > 0) == lacks
        assert set(absent["status"]) <= {"The prediction has no cells of this perturbation."}
        for place, context in enumerate(CONTEXTS):
            here = mine.filter(pl.col("context") == context, pl.col("condition") != LACKING)
            values = dict(whole.filter(pl.col("context") == context).select("metric_type", "value").iter_rows())
            values |= dict(here.group_by("metric_type").agg(pl.col("value").mean()).iter_rows())
            for metric, numbers in PEERS[preset].items():
                if not (lacks and metric.startswith(("discrimination", "pds"))):
                    assert values[metric] == pytest.approx(numbers[place], abs=1e-6), (metric, context)


def test_of_a_shared_response_the_mean_is_a_strong_baseline():
    """Metrics of means, retrieval and tested genes then tell no model from it, and say so."""
    cells, true, _ = unequal(shared=1.0, private=0.1)
    _, _, alike = unequal(shared=1.0 / 0.7, private=0.0, own=0.0)
    kept = np.ones(len(cells), np.bool_)
    found = fb.perturb(
        screen(true, cells, kept, False),
        {"alike": screen(alike, cells, kept, False)},
        condition="condition",
        context_col="context",
        bootstrap=0,
        progress_bar=False,
    )
    mine = found.tables["summary"].filter(pl.col("prediction") == "alike", pl.col("context") == "all")
    rows = {row["metric_type"]: row for row in mine.to_dicts()}
    assert rows["pearson_ctrl"]["baseline"] > 0.8
    for metric in ("mse", "pearson_ctrl", "cosine_ctrl", "pds_cosine", "pds_l1", "centroid_accuracy", "overlap_at_N"):
        assert rows[metric]["score"] is None
        assert rows[metric]["status"].startswith("The metric does not tell a replicate")
    tested = [row["score"] for row in rows.values() if row["family"] == "differential" and row["score"] is not None]
    assert max(tested) < 0.25
    scores = dict(found.tables["leaderboard"].select("prediction", "score").iter_rows())
    assert scores["baseline: no change"] <= -0.5 < scores["alike"]  # each metric counts -1 at least
