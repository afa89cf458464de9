"""A correction is used on the features that it was fitted on: by their names, or by what controls look like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from fastbench.engine.cpjump.correction.files import load_fitted, save_fitted
from fastbench.engine.cpjump.correction.fingerprint import KNOWN, fingerprint_of, has_names, unlike
from fastbench.engine.cpjump.correction.transforms import fit
from fastbench.engine.cpjump.options import Options
from fastbench.engine.cpjump.planning import plan
from fastbench.engine.cpjump.plates.metadata import experiments
from fastbench.engine.cpjump.plates.simulate import write_simulated
from fastbench.engine.cpjump.plates.simulate_embeddings import write_simulated_embeddings
from fastbench.engine.cpjump.workflow import run
from fastbench.engine.errors import InputError

CHOICE: dict[str, Any] = {"cells": ("A549",), "timelines": ("short",), "tasks": ("replicability",), "limit_plates": 4}


def controls(model: int, plates: int, n: int = 120, d: int = 64, *, centred: bool = False) -> np.ndarray:
    """Vectors that a model makes of control wells: a few directions, its own means, shifts of plates, noise."""
    of_model, of_plates = np.random.default_rng(model), np.random.default_rng(1000 + plates)
    directions, means = of_model.standard_normal((6, d)), 0.0 if centred else of_model.gamma(1.0, 2.0, d)
    states = of_plates.standard_normal((n, 6)) + 0.5 * of_plates.standard_normal(6)
    return states @ directions + means + 0.3 * of_plates.standard_normal((n, d))


@pytest.mark.parametrize("centred", [False, True])
def test_controls_of_one_model_are_alike_and_of_two_are_not(centred: bool) -> None:
    for seed in range(8):
        of_model = fingerprint_of(controls(seed, 0, centred=centred))
        for plates in (0, 1, 2):
            assert unlike(of_model, controls(seed, plates, 40, centred=centred)) == ""
        for other in range(20, 24):
            assert unlike(of_model, controls(other, 3, 40, centred=centred))
    shuffled = controls(0, 0)[:, np.random.default_rng(0).permutation(64)]  # the same model, its components in disorder
    assert unlike(fingerprint_of(controls(0, 0)), shuffled)


def test_nothing_is_said_where_nothing_is_known() -> None:
    noise = np.random.default_rng(0).standard_normal((60, 32))
    assert unlike(fingerprint_of(noise), np.random.default_rng(1).standard_normal((60, 32))) == ""
    assert fingerprint_of(noise[:10]) == {}
    assert fingerprint_of(noise[:, :5]) == {}
    assert unlike({}, noise) == ""
    assert unlike(fingerprint_of(controls(0, 0)), controls(1, 0)[:3]) == ""


@pytest.mark.parametrize("method", ["kernel-pca", "sphering", "mad"])
def test_it_is_kept_with_corrections_of_vectors(tmp_path: Path, method: str) -> None:
    x, plates = controls(0, 0).astype(np.float32), np.array(["a", "b"] * 60)
    for names in ([f"Embedding_{i:04d}" for i in range(64)], [f"Cells_{i}" for i in range(64)]):
        save_fitted(fit(method, x, plates, names)[0], tmp_path / "c.npz")
        assert (KNOWN in load_fitted(tmp_path / "c.npz").arrays) == (not has_names(names))


@pytest.mark.slow
def test_a_correction_of_other_features_is_refused(tmp_path: Path) -> None:
    chosen = [plate for plates in experiments(Options(**CHOICE)).configurations().values() for plate in plates]
    for seed, name in ((0, "a"), (1, "b")):
        mixing, means = (
            np.random.default_rng(seed).standard_normal((32, 32)) ** 3,
            9 * np.random.default_rng(seed).random(32),
        )
        for path in write_simulated_embeddings(tmp_path / name, n_features=32, plates=chosen):
            with h5py.File(path, "a") as file:  # the same wells, seen by two models
                file["embeddings"][...] = file["embeddings"][...] @ mixing + means
    write_simulated_embeddings(tmp_path / "long", n_features=40, plates=chosen)
    write_simulated(tmp_path / "profiles", n_features=32, plates=chosen)
    saved = tmp_path / "c.npz"

    def scored(folder: str, **more: Any) -> Any:
        embedded = {"features": "emb", "embeddings": tmp_path / folder}
        given = {"profiles": tmp_path / folder} if folder == "profiles" else embedded
        return run(plan(Options(**given, **CHOICE, **more)))

    fitted = scored("a", batch_correction="sphering", save_correction=saved)
    again = scored("a", load_correction=saved)
    assert again.maps["replicability_map"].equals(fitted.maps["replicability_map"])
    with pytest.raises(InputError, match=r"c\.npz' was fitted on vectors of another model than these \(their means"):
        scored("b", load_correction=saved)
    with pytest.raises(InputError, match=r"c\.npz' was fitted on 32 features .* but the profiles have 40"):
        scored("long", load_correction=saved)
    with pytest.raises(InputError, match=r"c\.npz' was fitted on 32 features \('Embedding_0001'"):
        scored("profiles", load_correction=saved)


@pytest.mark.slow
def test_published_values_stand_beside_whole_runs_only(benchmark_of: Any) -> None:
    whole = benchmark_of(cells=("U2OS",), timelines=("short",), tasks=("replicability",))
    assert whole.fr_tables()["replicability"]["published"].null_count() == 0
    part = benchmark_of(cells=("U2OS",), timelines=("short",), tasks=("replicability",), limit_plates=6)
    assert part.fr_tables()["replicability"]["published"].is_null().all()
    assert Options(limit_plates=6, **{"tasks": ("replicability",)}).part_of_wells == ("--limit-plates",)
