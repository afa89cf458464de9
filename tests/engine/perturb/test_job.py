"""The whole job: files in, tables and figures out, published values, games that gain nothing."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

import fastbench as fb
from fastbench.engine.errors import InputError
from fastbench.engine.perturb.audit.job import run_audit
from fastbench.engine.perturb.audit.options import AuditOptions
from fastbench.engine.perturb.comparison import OF_MEANS
from fastbench.engine.perturb.options import PerturbOptions
from fastbench.engine.perturb.presets import preset_of
from fastbench.engine.perturb.scoring_options import PRESETS
from fastbench.engine.perturb.screens.example import simulated
from fastbench.engine.perturb.screens.screen import scaled
from tests.cli.running import call, refused

SCREEN = simulated()


def cells(counts: np.ndarray, log: bool = False) -> anndata.AnnData:
    matrix = scaled(counts, 1e4, log=True).astype(np.float32) if log else counts
    names = [str(number) for number in range(len(matrix))]
    obs = pd.DataFrame({"gene": SCREEN.labels}, index=names)
    return anndata.AnnData(sparse.csr_matrix(matrix), obs, pd.DataFrame(index=SCREEN.genes))


def values(found: object, prediction: str) -> dict[str, float]:
    table: pl.DataFrame = found.tables["summary"].filter(pl.col("prediction") == prediction)  # type: ignore[attr-defined]
    return dict(table.select("metric_type", "value").iter_rows())


def test_presets_give_the_numbers_of_their_peers():
    """One or two values of each preset; the others are tested metric by metric."""
    logged = [cells(counts, log=True) for counts in (SCREEN.truth, SCREEN.model)]
    quick = {"condition": "gene", "splits": 0, "bootstrap": 0, "progress_bar": False}
    expected = {
        "cell-eval": {"pearson_delta": 0.7970409, "overlap_at_N": 0.6939416, "pearson_edistance": 0.9896019},
        "vcc2025": {"mae": 0.1584531, "discrimination_score_l1": 1.0, "overlap_at_N": 0.6939416},
        "scperteval": {"pearson_pert": 0.736743, "weighted_r2_pert_exp2": 0.880770, "de_auprc": 0.693071},
    }
    for preset, numbers in expected.items():
        found = fb.perturb(logged[0], {"model": logged[1]}, preset=preset, metrics=list(numbers), **quick)
        for name, value in numbers.items():
            assert values(found, "model")[name] == pytest.approx(value, abs=2e-6), (preset, name)
    found = fb.perturb(cells(SCREEN.truth), {"model": cells(SCREEN.model)}, preset="vcc2026", **quick)
    assert values(found, "model")["expr_mse_unbiased_capped_norm"] == pytest.approx(0.0998420, abs=1e-6)
    assert values(found, "model")["de_wilcoxon_sig_jaccard"] == pytest.approx(0.5510923, abs=0.01)  # 4.5: .551 or .559
    with pytest.raises(InputError, match="is defined on counts"):
        fb.perturb(logged[0], {"model": logged[1]}, preset="vcc2026", **quick)


@pytest.mark.parametrize("name", PRESETS)
def test_metrics_of_a_preset_have_names_of_their_own(name: str):
    names = [metric.name for metric in preset_of(name).metrics]
    assert len(set(names)) == len(names)


def test_from_two_files_to_an_answer(tmp_path: Path):
    truth, model = tmp_path / "truth.h5ad", tmp_path / "model.h5ad"
    cells(SCREEN.truth).write_h5ad(truth)
    cells(SCREEN.model).write_h5ad(model)
    metrics = "pearson_ctrl,pds_cosine,wmse_exp2"
    done = call("perturb", truth, model, "--condition", "gene", "--metrics", metrics, "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "model is better than the mean response in 3 of 3 metrics" in done.stdout
    assert {"summary.csv", "results.csv", "leaderboard.csv", "differences.csv", "strata.csv", "manifest.json"} <= {
        path.name for path in (tmp_path / "out").iterdir()
    }
    board = pl.read_csv(tmp_path / "out" / "leaderboard.csv")
    assert board["prediction"][0] == "model"
    again = call("rerun", tmp_path / "out" / "manifest.json", "--output", tmp_path / "again")
    assert "Equal: all files" in again.stdout, again.stdout + again.stderr
    said = refused("perturb", truth, model, "--condition", "gene", "--metrics", "pearson", "--output", tmp_path / "no")
    assert "has no 'pearson'" in said


def test_what_a_metric_gives_does_not_depend_on_the_others():
    quick = {"splits": 2, "bootstrap": 0, "progress_bar": False}
    whole = values(fb.perturb(**quick), "model")
    some = ["roc_auc", "pds_l1", "mmd2_rbf_u_pca_50", "mse"]
    for names in (some, some[::-1]):
        assert values(fb.perturb(metrics=names, **quick), "model") == {name: whole[name] for name in names}


def test_games_gain_nothing_under_the_default_preset():
    found = run_audit(AuditOptions(presets=("default",), splits=3, bootstrap=0))
    assert len(found.games) == 10
    assert found.games["score"].max() < 0
    assert found.games["highest_score"].max() < 0.3
    assert found.verdict() == ["default: none of 10 games scores."]


def test_calibration_comes_before_scores(tmp_path: Path):
    done = call("perturb", "calibrate", "--metrics", "mae,wmse_exp2", "--splits", "2", "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    table = pl.read_csv(tmp_path / "out" / "calibration.csv")
    drf = dict(table.select("metric_type", "drf").iter_rows())
    assert drf["mae"] < 0.1 < 0.6 < drf["wmse_exp2"]
    variation = pl.read_csv(tmp_path / "out" / "variation.csv")
    assert 0.5 < variation["to_mean"].item() < 0.65
    assert "truth alone" in refused("perturb", "calibrate", "a.h5ad", "b.h5ad", "--condition", "gene")


def test_options_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="above 0"):
        PerturbOptions(total=0)
    with pytest.raises(InputError, match="truth alone"):
        AuditOptions(screens=("a", "b"), condition="gene")


def test_predictions_need_no_names_and_means_are_not_tested():
    truth = cells(SCREEN.truth, log=True)
    means = truth.to_df().groupby(truth.obs["gene"].to_numpy()).mean().rename_axis("gene").reset_index()
    quick = {"condition": "gene", "splits": 2, "bootstrap": 0, "progress_bar": False}
    metrics = ["mse", "pearson_ctrl", "roc_auc"]
    found = fb.perturb(truth, means, metrics=metrics, **quick)
    table = found.tables["summary"].filter(prediction="prediction")
    status = dict(table.select("metric_type", "status").iter_rows())
    assert status == {"mse": "ok", "pearson_ctrl": "ok", "roc_auc": OF_MEANS}
    assert found.tables["leaderboard"]["score"].drop_nulls().is_between(-1, 2).all()
    with pytest.raises(InputError, match="'prediction 2' has none of the genes"):
        fb.perturb(truth, [means, means.rename(columns=lambda name: name.replace("G", "X"))], metrics=metrics, **quick)
    for wrong in (3, [3], {3: means}):
        with pytest.raises(InputError):
            fb.perturb(truth, wrong, **quick)
