"""Steps of a run: how far it is, what they took, and what it would cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from fastbench.engine.command.job import Job
from fastbench.engine.embed.judging import Judging
from fastbench.engine.embed.options import EmbedOptions
from fastbench.engine.embed.plan import plan_embed
from fastbench.engine.embed.registry import metrics_of
from fastbench.engine.results.steps import StepStore
from tests.engine.embed.metrics.problems import problem


def test_progress_goes_forward_and_times_are_kept(tmp_path: Path):
    metrics = metrics_of(("embedding", "batch_integration"), ("batch",))
    seconds = []
    for run in range(2):
        job, told = Job(), []
        job.steps = StepStore(tmp_path)
        judging = Judging(job, metrics, ())
        space = problem("plain", 130, 5, 3, 2, 0)
        judging.findings(space, "x", lambda done, of, told=told: told.append(done / of))
        assert told == sorted(told)
        assert told[-1] == 1
        told.clear()
        judging.anchors(space, "x", 0, lambda done, of, told=told: told.append(done / of))
        assert told == sorted(told)
        assert 0.9 < told[-1] <= 1
        times = judging.seconds["x"]
        assert {metric.name for metric in metrics} <= set(times)
        seconds.append({metric.name: times[metric.name] for metric in metrics})
        assert ("neighbors" in times) == (run == 0)
        assert len(judging.taken) == (0 if run == 0 else job.steps.n_taken)
    assert seconds[0] == seconds[1]
    assert judging.taken[0] == "x: silhouette_score"


def test_a_plan_counts_what_is_asked_for(tmp_path: Path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", rng.normal(size=(3000, 20)).astype(np.float32))
    pl.DataFrame({"l": rng.integers(0, 9, 3000), "b": rng.integers(0, 3, 3000)}).write_csv(tmp_path / "cells.csv")

    def costs(**more: object) -> dict[str, float]:
        known = {"metadata": str(tmp_path / "cells.csv"), "labels": "l", "tasks": ("embedding",), "anchors": "none"}
        return plan_embed(EmbedOptions(embeddings=(str(tmp_path / "x.npy"),), **known | more)).costs

    least = costs()
    for more in ({"anchors": "all"}, {"tasks": ("embedding", "retrieval")}, {"batch": "b", "tasks": ()}):
        assert costs(**more)["seconds"] > least["seconds"] * 1.02
    assert costs(per_cell=True)["peak_megabytes"] > least["peak_megabytes"]
