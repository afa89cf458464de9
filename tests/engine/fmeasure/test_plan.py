"""The plan of ``fastbench fmeasure``: what is known before anything is read."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from fastbench.engine.errors import InputError
from fastbench.engine.fmeasure.command import CONFUSION_MATRIX, FMEASURE
from fastbench.engine.fmeasure.options import FmeasureOptions

from .dag import CALLS_3, GT, NAME, TRUTH_3, write_run, write_truth
from .scoring import options_of


def planned(options: FmeasureOptions) -> tuple[list[dict[str, object]], dict[str, float], list[str]]:
    assert FMEASURE.plan is not None
    plan = FMEASURE.plan(options)
    return plan.frame().to_dicts(), dict(plan.cost()), list(plan.notes())


def test_runs_of_directories(tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "truth.h5ad", TRUTH_3)
    for name in ("one", "two"):
        write_run(tmp_path / "runs" / name, truth, CALLS_3, model=name)
    told = {"input_path": str(truth), "model_name": "two", "n_cells": 7}
    (tmp_path / "runs" / "two" / "metadata.json").write_text(json.dumps(told))
    options = options_of(
        annotate_dirs=str(tmp_path / "runs"), gt_label=GT, inferred_label=NAME, f_measure_top_k=2, bootstrap=50
    )
    rows, cost, notes = planned(options)
    assert rows == [
        {"run": "one", "model": "one", "cells": 4, "ranks": 2, "terms": 7},
        {"run": "two", "model": "two", "cells": 7, "ranks": 2, "terms": 7},
    ]
    counts = {name: cost[name] for name in ("runs", "cells", "ranks", "terms", "draws")}
    assert counts == {"runs": 2, "cells": 11, "ranks": 2, "terms": 7, "draws": 50}
    assert min(cost["seconds"], cost["peak_megabytes"]) > 0
    assert notes == []


def test_cells_of_files(tmp_path: Path) -> None:
    table = pl.DataFrame({"id": [f"c{i:03d}" for i in range(500)], "label": ["abc"] * 500})
    table.write_parquet(tmp_path / "truth.parquet")
    table.write_csv(tmp_path / "truth.csv")
    calls = (f"{tmp_path}/truth.csv:label",)
    rows, cost, notes = planned(options_of(truth=f"{tmp_path}/truth.parquet:label", pred=calls))
    assert (rows[0]["cells"], rows[0]["terms"], cost["terms"], notes) == (500, None, 0, [])
    rows, _, notes = planned(options_of(truth=f"{tmp_path}/truth.csv:label", pred=calls))
    assert rows[0]["cells"] == pytest.approx(500, abs=2)
    assert notes == ["The cells of 1 run are estimated from the size of the file of truth."]


def test_of_the_example_and_of_the_first_step() -> None:
    rows, cost, notes = planned(FmeasureOptions())
    assert (len(rows), cost["cells"]) == (6, 9000)
    assert "simulated" in notes[0]
    assert CONFUSION_MATRIX.plan is not None
    with pytest.raises(InputError, match="Give either --annotate-dirs, or --truth with --pred"):
        CONFUSION_MATRIX.plan(FmeasureOptions())
