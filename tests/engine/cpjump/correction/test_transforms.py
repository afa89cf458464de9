"""Batch correction against scikit-learn and the definitions, its files, and what it does to the benchmark."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import KernelPCA
from sklearn.preprocessing import StandardScaler

from fastbench.engine.cpjump.correction.files import load_fitted, save_fitted
from fastbench.engine.cpjump.correction.transforms import fit
from fastbench.engine.cpjump.names import KERNELS
from fastbench.engine.cpjump.options import Options
from fastbench.engine.cpjump.planning import plan
from fastbench.engine.cpjump.plates.corrected import Correction
from fastbench.engine.cpjump.plates.files import is_control
from fastbench.engine.cpjump.plates.metadata import experiments
from fastbench.engine.cpjump.plates.simulate import write_simulated
from fastbench.engine.cpjump.plates.wells import plate_reader
from fastbench.engine.cpjump.workflow import run
from fastbench.engine.errors import InputError

from ....examples import SOME

CHOICE = {"cells": ("A549",), "timelines": ("short",), "tasks": ("replicability",)}


def wells(n: int = 60, d: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Correlated features of wells on three plates of different scale."""
    rng = np.random.default_rng(seed)
    plates = np.array([f"p{i % 3}" for i in range(n)])
    x = rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + (plates == "p1")[:, np.newaxis] * 3.0
    return x.astype(np.float32), plates, tuple(f"f{i}" for i in range(d))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("scaler", ["controls", "plate", "none"])
def test_kernel_pca_is_that_of_scikit_learn(kernel: str, scaler: str) -> None:
    x, plates, names = wells()
    controls = np.arange(len(x)) % 2 == 0
    fitted, notes = fit("kernel-pca", x[controls], plates[controls], names, kernel=kernel, components=7, scaler=scaler)
    assert notes == []
    found = fitted.transform(x, plates)
    assert found.dtype == np.float32
    assert fitted.output_names[:2] == ("corrected_feature_0000", "corrected_feature_0001")
    model = KernelPCA(n_components=7, kernel=kernel).fit(x[controls].astype(np.float64))
    expected = model.transform(x.astype(np.float64))
    if scaler == "controls":
        expected = StandardScaler().fit(expected[controls]).transform(expected)
    elif scaler == "plate":
        for plate in ("p0", "p1", "p2"):
            mine = plates == plate
            expected[mine] = StandardScaler().fit_transform(expected[mine])
    signs = np.sign((found * expected).sum(axis=0))
    np.testing.assert_allclose(found * signs, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


def test_components_are_capped_and_told() -> None:
    x, plates, names = wells(n=6, d=12)
    fitted, notes = fit("kernel-pca", x, plates, names)
    assert fitted.transform(x, plates).shape == (6, 6)
    assert "6 of the 500 components asked for" in notes[0]
    assert np.isfinite(fitted.transform(x, plates)).all()  # the last one has no variance


@given(st.integers(3, 40), st.integers(1, 12), st.integers(0, 5))
@SOME
def test_sphered_controls_are_uncorrelated(n: int, d: int, seed: int) -> None:
    x, plates, names = wells(n, d, seed)
    found = fit("sphering", x, plates, names, epsilon=0.0)[0].transform(x, plates).astype(np.float64)
    assert found.shape == x.shape
    values, _ = np.linalg.eigh(np.cov(found.T).reshape(d, d))
    rank = min(n - 1, d)
    np.testing.assert_allclose(values[-rank:], 1.0, atol=2e-3)
    np.testing.assert_allclose(values[:-rank], 0.0, atol=2e-3)


def test_sphering_by_the_definition() -> None:
    x, plates, names = wells()
    found = fit("sphering", x, plates, names, epsilon=0.1)[0].transform(x, plates)
    z = StandardScaler().fit_transform(x.astype(np.float64))
    _, singular, axes = np.linalg.svd(z)
    whitening = axes.T @ np.diag(np.sqrt(len(x) - 1) / (singular + 0.1)) @ axes
    np.testing.assert_allclose(found, z @ whitening, atol=1e-4)
    constant = np.concatenate([x, np.full((len(x), 1), 5.0, np.float32)], axis=1)
    fitted, notes = fit("sphering", constant, plates, (*names, "same"), epsilon=0.1)
    assert "1 features are equal in all controls" in notes[0]
    np.testing.assert_allclose(fitted.transform(constant, plates)[:, :-1], found, atol=1e-4)
    assert not fitted.transform(constant, plates)[:, -1].any()


def test_mad_by_the_definition() -> None:
    x, plates, names = wells()
    x[plates == "p2", 3] = 1.0
    controls = np.arange(len(x)) % 2 == 0
    fitted, notes = fit("mad", x[controls], plates[controls], names)
    found = fitted.transform(x, plates)
    mine = plates == "p1"
    base = x[mine & controls].astype(np.float64)
    median = np.median(base, axis=0)
    expected = (x[mine] - median) / (1.4826 * np.median(np.abs(base - median), axis=0))
    np.testing.assert_allclose(found[mine], expected, rtol=1e-5)
    assert not found[plates == "p2", 3].any()
    assert "1 features have a MAD of 0 on a plate" in notes[0]
    with pytest.raises(InputError, match=r"mad has no negative controls of 1 plates .'new'."):
        fitted.transform(x[:1], np.array(["new"]))


@pytest.mark.parametrize("method", ["kernel-pca", "sphering", "mad"])
def test_too_little_to_fit_on_is_refused(method: str) -> None:
    x, plates, names = wells()
    with pytest.raises(InputError, match="needs two or more negative control wells"):
        fit(method, x[:1], plates[:1], names)
    with pytest.raises(InputError, match="have missing or infinite features"):
        fit(method, np.where(np.arange(12) == 2, np.nan, x).astype(np.float32), plates, names)
    if method != "mad":
        with pytest.raises(InputError, match="there is nothing to correct by"):
            fit(method, np.ones_like(x), plates, names)
    else:
        with pytest.raises(InputError, match=r"plates 'p1', 'p2' have one"):
            fit(method, x[[0, 1, 2, 3]], plates[[0, 1, 2, 3]], names)


@pytest.mark.parametrize(
    ("method", "kernel"), [("kernel-pca", "linear"), ("kernel-pca", "rbf"), ("sphering", "linear"), ("mad", "linear")]
)
def test_files_hold_the_whole_transform(tmp_path: Path, method: str, kernel: str) -> None:
    x, plates, names = wells()
    fitted = fit(method, x, plates, names, kernel=kernel)[0]
    save_fitted(fitted, tmp_path / "fitted.npz")
    again = load_fitted(tmp_path / "fitted.npz")
    assert (again.method, again.feature_names, again.parameters) == (fitted.method, names, fitted.parameters)
    np.testing.assert_array_equal(again.transform(x, plates), fitted.transform(x, plates))


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no batch correction"):
        load_fitted(tmp_path / "none.npz")
    (tmp_path / "x.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match="is damaged or not a batch correction"):
        load_fitted(tmp_path / "x.npz")
    np.savez(tmp_path / "y.npz", about=np.array([object()]))
    with pytest.raises(InputError, match="holds pickled objects, which are never read"):
        load_fitted(tmp_path / "y.npz")
    about = json.dumps({"method": "magic", "feature_names": [], "parameters": {}}).encode()
    np.savez(tmp_path / "z.npz", about=np.frombuffer(about, np.uint8))
    with pytest.raises(InputError, match="of the unknown kind 'magic'"):
        load_fitted(tmp_path / "z.npz")


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("profiles")
    write_simulated(folder, n_features=20)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("method", ["kernel-pca", "sphering", "mad"])
def test_the_benchmark_on_corrected_profiles(profiles: Path, tmp_path: Path, method: str) -> None:
    options = Options(profiles=profiles, batch_correction=method, save_correction=tmp_path / "c.npz", **CHOICE)
    result = run(plan(options))
    assert result.correction is not None
    assert result.correction["controls"] == 4 * 64 + 4 * 60 + 2 * 60
    plain = run(plan(Options(profiles=profiles, **CHOICE)))
    column = "average_precision"
    assert not result.average_precision[column].equals(plain.average_precision[column])
    loaded = Options(profiles=profiles, load_correction=tmp_path / "c.npz", **CHOICE)
    assert loaded.batch_correction == method
    again = run(plan(loaded))
    assert again.average_precision[column].equals(result.average_precision[column])
    [source] = [source for source in again.sources if source.path.endswith("c.npz")]
    assert source.sha256 == hashlib.sha256((tmp_path / "c.npz").read_bytes()).hexdigest()


@pytest.mark.slow
def test_a_saved_correction_is_taken_as_it_is_or_refused(profiles: Path, tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    run(
        plan(
            Options(
                profiles=profiles, batch_correction="kernel-pca", pca_n_components=7, save_correction=path, **CHOICE
            )
        )
    )
    options = Options(profiles=profiles, load_correction=path, pca_n_components=7, **CHOICE)
    assert (options.pca_kernel, options.pca_n_components, options.sphering_epsilon) == ("linear", 7, None)
    for given_, told in (
        ({"batch_correction": "mad"}, "--batch-correction is mad, but .* was fitted with kernel-pca"),
        ({"pca_kernel": "rbf"}, "--pca-kernel is rbf, but .* was fitted with linear"),
        ({"pca_n_components": 8}, "--pca-n-components is 8, but .* was fitted with 7"),
        ({"sphering_epsilon": 0.1}, "--sphering-epsilon is 0.1, but .* has no such option"),
    ):
        with pytest.raises(InputError, match=told):
            Options(load_correction=path, **given_)
    with pytest.raises(InputError, match=r"standardises by controls, preset cellclip .* by none: fit it anew"):
        run(plan(replace(options, preset="cellclip")))


def test_a_correction_is_saved_over_an_older_one_only(tmp_path: Path) -> None:
    def saved(path: Path, **given_: Any) -> None:
        Options(batch_correction="mad", save_correction=path, **given_)

    path = tmp_path / "c.npz"
    saved(path)
    fitted, _ = fit("mad", np.random.default_rng(0).random((9, 3), np.float32), np.array(["a"] * 9), "abc")
    save_fitted(fitted, path)
    with pytest.raises(InputError, match=r"exists: choose another, or pass --overwrite"):
        saved(path)
    saved(path, overwrite=True)
    other = tmp_path / "embeddings.npz"
    np.savez(other, vectors=np.ones((3, 3)))
    with pytest.raises(InputError, match="is not a batch correction and is not replaced"):
        saved(other, overwrite=True)
    with pytest.raises(InputError, match=r"ends in \.npz"):
        saved(tmp_path / "c.txt")
    with pytest.raises(InputError, match="cannot be written"):
        saved(tmp_path / "none" / "c.npz")


@pytest.mark.slow
def test_corrected_wells_are_those_of_a_plain_pipeline(profiles: Path) -> None:
    options = Options(profiles=profiles, batch_correction="kernel-pca", pca_n_components=5, **CHOICE)
    configurations = experiments(options).configurations()
    read = plate_reader(options)
    raw = {name: read(plates) for name, plates in configurations.items()}
    controls = np.concatenate([p.features[is_control(p)] for p in raw.values()]).astype(np.float64)
    model = KernelPCA(n_components=5, kernel="linear").fit(controls)
    scaler = StandardScaler().fit(model.transform(controls))
    correction = Correction(options, plate_reader(options), list(configurations.values()))
    for name, plates in configurations.items():
        expected = scaler.transform(model.transform(raw[name].features.astype(np.float64)))
        found = correction.read(plates)
        assert found is not None
        signs = np.sign((found.features * expected).sum(axis=0))
        np.testing.assert_allclose(found.features * signs, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.slow
def test_the_branch_of_cellclip(profiles: Path) -> None:
    both = {**CHOICE, "tasks": ("replicability", "matching")}
    plain = run(plan(Options(profiles=profiles, preset="cellclip", **both)))  # without a correction it runs
    assert plain.correction is None
    options = Options(profiles=profiles, preset="cellclip", batch_correction="kernel-pca", pca_kernel="rbf", **both)
    assert options.corrects_consensus
    assert options.scaler == "none"
    assert any("after the consensus, and not standardised" in fault for fault in options.published_faults)
    result = run(plan(options))
    assert result.correction is not None
    assert result.correction["scaler"] == "none"
    # The consensus of raw wells is projected, not projected wells made a consensus: this kernel is not linear.
    stable = Options(profiles=profiles, gate="none", batch_correction="kernel-pca", pca_kernel="rbf", **both)
    both_ways = [each.average_precision.filter(task="matching") for each in (result, run(plan(stable)))]
    assert all(map(len, both_ways))
    assert not both_ways[0]["average_precision"].equals(both_ways[1]["average_precision"])


def test_options_that_need_each_other() -> None:
    for given_, told in (
        ({"features": "emb"}, "--features emb and --embeddings go together"),
        ({"split_subset": "test"}, "--split-manifest and --split-subset go together"),
        ({"save_correction": Path("x.npz")}, "needs --batch-correction"),
        ({"pca_kernel": "rbf"}, "--pca-kernel is for --batch-correction kernel-pca and has no effect with none"),
        (
            {"batch_correction": "mad", "sphering_epsilon": 0.1},
            "--sphering-epsilon is for --batch-correction sphering and has no effect with mad",
        ),
        ({"obsm": "X_pca"}, "--obsm is for embeddings and has no effect with profiles"),
        ({"well_aggregate": "mean"}, "--well-aggregate is for embeddings"),
        (
            {"batch_correction": "kernel_pca", "save_correction": Path("x"), "load_correction": Path("y")},
            "either loaded",
        ),
        ({"batch_correction": "combat"}, "'none', 'kernel-pca', 'sphering', 'mad'"),
        ({"pca_n_components": 0}, "pca_n_components is 0"),
        ({"sphering_epsilon": -1.0}, "sphering_epsilon is -1.0"),
    ):
        with pytest.raises(InputError, match=told):
            Options(**given_)
