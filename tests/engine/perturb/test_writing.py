"""Files beside the tables: forms of other tools, differential expression written and read, effects that are drawn."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import polars as pl
import pytest

from fastbench.engine.errors import InputError
from fastbench.engine.perturb.comparison import MISSING, NO_ROWS
from fastbench.engine.perturb.compat import cell_eval, cell_eval2
from fastbench.engine.perturb.differential.given import Given, read_given
from fastbench.engine.perturb.differential.settings import CELL_EVAL
from fastbench.engine.perturb.differential.table import differential_table
from fastbench.engine.perturb.effects import chosen_condition, effects_of, refuse_unknown
from fastbench.engine.perturb.figures.effects import draw_effects
from fastbench.engine.perturb.metrics.calls import NO_GENES
from fastbench.engine.perturb.presets import preset_of
from fastbench.engine.perturb.screens.example import screens, simulated
from fastbench.engine.perturb.screens.screen import LOG1P, scaled
from fastbench.engine.perturb.screens.side import Side
from fastbench.engine.perturb.writing import file_names
from fastbench.kernels import cpu
from tests.cli.running import call, refused

TRUTH, MODEL, _ = screens(LOG1P)
SETTINGS = ["--condition", "gene", "--splits", "0", "--bootstrap", "0"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, made = tmp_path_factory.mktemp("screens"), simulated()
    for name in ("truth", "model"):
        matrix = scaled(getattr(made, name), 1e4, log=True).astype(np.float32)
        cells = np.arange(len(matrix))
        obs = pd.DataFrame({"gene": made.labels, "type": np.array(["a/b", "c"])[cells % 2]}, index=cells.astype(str))
        anndata.AnnData(matrix, obs, pd.DataFrame(index=made.genes)).write_h5ad(folder / f"{name}.h5ad")
    return folder


@pytest.mark.slow
def test_files_are_those_of_cell_eval_and_read_back(files: Path, tmp_path: Path):
    """Numbers are those that cell-eval 0.8.2 wrote for the same cells."""
    screens = [files / "truth.h5ad", files / "model.h5ad", *SETTINGS, "--preset", "cell-eval"]
    metrics = ["--metrics", "overlap_at_N,pearson_delta,de_spearman_sig"]
    done = call("perturb", *screens, *metrics, "--de-tables", "--output", tmp_path / "one")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "one" / "cell-eval" / "model"
    results, described = (pl.read_csv(folder / f"{name}results.csv") for name in ("", "agg_"))
    assert results.columns == ["perturbation", "overlap_at_N", "de_spearman_sig", "pearson_delta"]
    assert results.row(0) == pytest.approx(("G000", 0.46875, 0.8359905377283481, 0.5835371017456055), abs=1e-6)
    assert described["statistic"].to_list()[2:7] == ["mean", "std", "min", "25%", "50%"]
    expected = [0.6939416434231939, 0.11695720359542629, 0.46875, 0.6507936507936508, 0.7297297297297297]
    assert described["overlap_at_N"].to_list()[2:7] == pytest.approx(expected, abs=1e-12)
    table = pl.read_csv(folder / "real_de.csv")
    assert len(table) == 3600
    first = table.row(0, named=True)
    assert first["p_value"] == pytest.approx(4.9217601988394304e-14, rel=1e-9)
    assert first["log2_fold_change"] == pytest.approx(-2.7874922682125045, abs=1e-5)
    tables = ["--de-true", folder / "real_de.csv", "--de", f"model={tmp_path / 'one' / 'de_model.parquet'}"]
    done = call("perturb", *screens, *metrics, *tables, "--show", "G030", "--output", tmp_path / "two")
    assert "Differential expression of truth, model was taken from tables" in done.stderr + done.stdout
    for name in ("results.csv", "agg_results.csv"):
        assert (tmp_path / "two" / "cell-eval" / "model" / name).read_bytes() == (folder / name).read_bytes()
    assert not (tmp_path / "two" / "cell-eval" / "model" / "real_de.csv").exists()
    assert (tmp_path / "two" / "figures" / "effects.png").exists()
    assert "did you mean" in refused("perturb", *screens, "--show", "G03")
    said = refused("perturb", *screens[:-1], "scperteval", "--de-true", folder / "real_de.csv")
    assert "orders genes by a statistic of its own" in said


@pytest.mark.slow
def test_contexts_begin_the_names_of_files(files: Path, tmp_path: Path):
    screens = [files / "truth.h5ad", files / "model.h5ad", *SETTINGS, "--context-col", "type", "--preset", "vcc2025"]
    done = call("perturb", *screens, "--de-tables", "--output", tmp_path / "one")
    assert done.returncode == 0, done.stderr
    found = sorted(path.name for path in (tmp_path / "one" / "cell-eval" / "model").iterdir())
    kinds = ("agg_results", "pred_de", "real_de", "results")
    assert found == [f"{context}_{kind}.csv" for context in ("a-b", "c") for kind in kinds]
    assert pl.read_csv(tmp_path / "one" / "leaderboard.csv")["competition"].max() > 0.5
    assert "competition" in done.stdout
    given = tmp_path / "one" / "de_true.parquet"
    again = call("perturb", *screens, "--de-true", given, "--output", tmp_path / "two")
    assert again.returncode == 0, again.stderr
    name = "summary.csv"
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    without = tmp_path / "without.parquet"
    pl.read_parquet(given).drop("context").write_parquet(without)
    assert "no column 'type' (or 'context')" in refused("perturb", *screens, "--de-true", without)


def rows(**of_metrics: list[tuple[float | None, str]]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"condition": f"p{place}", "metric_type": name, "value": value, "status": status}
            for name, values in of_metrics.items()
            for place, (value, status) in enumerate(values)
        ]
    )


def test_what_is_not_defined_has_the_value_of_the_other_tool():
    ok, none, gone = (0.5, "ok"), (None, NO_GENES), (None, MISSING)
    results = rows(pr_auc=[ok, none, gone], de_sig_genes_recall=[ok, none, gone])
    whole = pl.DataFrame({"metric_type": ["de_spearman_sig", "pr_auc"], "value": [None, 0.5]}, strict=False)
    table = cell_eval.by_perturbation(results, whole)
    assert table["de_sig_genes_recall"].to_list() == [0.5, None, None]
    assert str(table["pr_auc"].to_list()) == "[0.5, nan, None]"
    assert table["de_spearman_sig"].is_nan().all()
    results = rows(pds_cosine=[ok, none, gone], de_wilcoxon_lfc_nmae=[(0.1, "ok"), (None, "few"), gone], more=[ok] * 3)
    long = cell_eval2.by_perturbation(results)
    assert long.filter(pl.col("value").is_not_nan()).rows() == [
        ("p0", "pds_cosine", 0.5),
        ("p0", "de_wilcoxon_lfc_nmae", 0.1),
    ]
    assert len(long) == 3  # and one that is NaN
    whole = pl.DataFrame({"metric_type": ["expr_mse_unbiased_capped_norm"], "value": [0.3]})
    described = cell_eval2.aggregated(long, whole)
    assert described["pds_cosine"].to_list()[:3] == [2, 0, 0.5]
    assert described["expr_mse_unbiased_capped_norm"].to_list()[2] == 0.3


def test_names_of_files_are_safe_and_differ():
    assert list(file_names(["a", "x/y", "x\\y", "..", "A"]).values()) == ["a", "x-y", "x-y-2", "prediction", "A-2"]


def read(path: Path) -> Given:
    return read_given(("truth", ""), ["model"], [f"model={path}"], TRUTH.panel, CELL_EVAL)


def test_tables_of_other_tools_are_taken_and_what_does_not_fit_is_told(tmp_path: Path):
    truth = Side(TRUTH, 0, 1e4, cpu)
    table = differential_table(Side(MODEL, 0, 1e4, cpu), CELL_EVAL, truth)
    names = {"target": "group", "feature": "names", "log2_fold_change": "logfoldchanges", "p_value": "pvals"}
    more = table[:2].with_columns(target=pl.lit("other"))
    partly = pl.concat([table.filter(pl.col("target") != "G005"), more])
    partly.rename(names | {"fdr": "pvals_adj"}).write_csv(tmp_path / "scanpy.csv")
    found = read(tmp_path / "scanpy.csv")
    assert found.tables["model", 0].reasons == {1: NO_ROWS}
    assert "1 condition that is not judged (other): 2 rows left out" in found.notes[0].replace("'other'", "other")
    assert "no row of 1 condition" in found.notes[1]
    ratio = table.with_columns(fold_change=2 ** pl.col("log2_fold_change")).drop("log2_fold_change")
    ratio.write_parquet(tmp_path / "ratio.parquet")
    change = read(tmp_path / "ratio.parquet").tables["model", 0].change
    np.testing.assert_allclose(change.ravel(), table["log2_fold_change"], atol=1e-12)
    for wrong, said in (
        (table.with_columns(feature=pl.lit("X")), "no gene that is judged: it has"),
        (table.with_columns(p_value=pl.lit("small")), "'p_value' must hold numbers, but has 'small'"),
        (table.drop("fdr"), "needs the columns fdr"),
        (ratio.with_columns(fold_change=-1.0), "must be a ratio"),
    ):
        wrong.write_csv(tmp_path / "wrong.csv")
        with pytest.raises(InputError, match=said):
            read(tmp_path / "wrong.csv")
    with pytest.raises(InputError, match="there is no prediction 'modle'"):
        read_given(("truth", ""), ["model", "b"], ["modle=x.csv"], TRUTH.panel, CELL_EVAL)


def test_effects_of_one_perturbation_are_those_of_the_whole_screen(tmp_path: Path):
    preset = preset_of("cell-eval")
    found = effects_of("G030", "all", TRUTH, [MODEL], preset, cpu)
    place = TRUTH.panel.conditions.index("G030")
    truth, model = (Side(screen, 0, preset.total, cpu) for screen in (TRUTH, MODEL))
    np.testing.assert_allclose(found.true, truth.effects[place], atol=1e-12)
    np.testing.assert_allclose(found.predicted["model"], model.effects[place], atol=1e-12)
    kept = np.arange(300) != TRUTH.panel.targets[place][0]
    assert found.agreement("model") == pytest.approx(np.corrcoef(found.true[kept], model.effects[place][kept])[0, 1])
    table = differential_table(truth, CELL_EVAL).filter(pl.col("target") == "G030")
    np.testing.assert_array_equal(found.significant, (table["fdr"] < 0.05).to_numpy())
    draw_effects(found, tmp_path / "a.png", tmp_path / "a.svg", "drawn", simulated=True)
    assert (tmp_path / "a.png").stat().st_size > 20_000


def test_the_perturbation_with_the_median_score_is_shown():
    results = pl.DataFrame(
        {
            "prediction": "model",
            "condition": list("abcde"),
            "context": "all",
            "metric_type": "m",
            "score": [0.9, 0.1, None, 0.5, 0.2],
            "n_cells_pred": [1, 1, 0, 1, 1],
        }
    )
    assert chosen_condition(results, "m", "model") == ("e", "all")
    assert chosen_condition(results, None, "model") == ("a", "all")
    assert chosen_condition(results, "m", "model", "d") == ("d", "all")
    assert chosen_condition(results, "m", "model", "c") is None
    with pytest.raises(InputError, match="no perturbation 'G03'; did you mean"):
        refuse_unknown("G03", TRUTH.panel)
