"""Counts and log1p values are declared or proven, and files of both become one kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fastbench.engine.perturb.screens.screen import scaled

from .input_files import COUNTS, MODEL, dense, logged, read, refused, saved, sparse


def test_log1p_is_proven_by_the_totals_of_cells(tmp_path: Path):
    truth = saved(tmp_path / "truth.h5ad", sparse(logged(COUNTS)))
    rough = logged(MODEL) * 0.9
    found = read(truth, saved(tmp_path / "a.h5ad", logged(MODEL)), saved(tmp_path / "b.h5ad", rough))
    assert {each.values for each in (found.truth, *found.predictions)} == {"log1p"}
    assert found.kinds["truth"].total == pytest.approx(1e4, rel=1e-5)
    assert found.kinds["b"].total is None
    assert any("b.h5ad' is taken as log1p values, since the truth is" in note for note in found.notes)
    np.testing.assert_array_equal(dense(found.truth.matrix), logged(COUNTS))


def test_what_is_not_proven_must_be_declared(tmp_path: Path):
    genes = saved(tmp_path / "genes.h5ad", logged(COUNTS)[:, :80], genes=[f"G{i:03d}" for i in range(80)])
    refused(r"nothing proves what its values are. They are no counts .*--input log1p", genes)
    assert read(genes, input="log1p").truth.values == "log1p"
    counts = saved(tmp_path / "counts.h5ad", COUNTS)
    refused("all values .* are whole numbers, as counts are", counts, input="log1p")
    truth = saved(tmp_path / "truth.h5ad", logged(COUNTS))
    refused("has log1p values, since expm1 of every cell sums to 10,000", truth, input="counts")
    large = logged(COUNTS) * 2
    refused("stays below 15", saved(tmp_path / "large.h5ad", large), input="log1p")
    refused("too large for a logarithm", tmp_path / "large.h5ad")
    minus = logged(MODEL)
    minus[7, 5] = -0.5
    below = saved(tmp_path / "below.h5ad", sparse(minus))
    refused("has -0.5 in row 8, gene 'G005': neither counts nor log1p", counts, below)
    refused("but log1p of counts is 0 or more", below, input="log1p")
    assert any("values below 0, down to -0.5" in note for note in read(truth, below, input="log1p").notes)


@pytest.mark.parametrize("made", [np.asarray, sparse])
def test_values_that_are_no_numbers_are_refused(tmp_path: Path, made):
    wrong = COUNTS.copy()
    wrong[11, 250] = np.nan
    refused("has nan in row 12, gene 'G250': values must be finite", saved(tmp_path / "a.h5ad", made(wrong)))
    wrong[11, 250] = -3
    refused("has -3 in row 12, gene 'G250'", saved(tmp_path / "b.h5ad", made(wrong)), input="counts")
    refused("all values are 0", saved(tmp_path / "c.h5ad", made(np.zeros_like(COUNTS))))


def test_counts_beside_log1p_values_need_a_total(tmp_path: Path):
    counts, log = saved(tmp_path / "c.h5ad", sparse(COUNTS)), saved(tmp_path / "l.h5ad", logged(MODEL, 5e4))
    refused("has log1p values and .* has counts; they were scaled to 50,000.*--total", counts, log)
    refused("--total is 10,000, but cells of .* were scaled to 50,000", counts, log, total=1e4)
    found = read(counts, log, total=5e4)
    assert {found.truth.values, found.predictions[0].values} == {"log1p"}
    expected = scaled(COUNTS.astype(float), 5e4, log=True)
    np.testing.assert_allclose(dense(found.truth.matrix), expected, rtol=1e-6)
    assert found.truth.matrix.dtype == np.float32
    assert any("were scaled to 50,000 a cell" in note for note in found.notes)
    rough = saved(tmp_path / "rough.h5ad", logged(MODEL, 5e4) * 0.9)
    refused("nothing proves", counts, rough)
    assert any("since --total says" in note for note in read(counts, rough, total=5e4).notes)
    two = saved(tmp_path / "two.h5ad", logged(COUNTS))
    refused("were scaled to 10,000 before log1p, those of .* to 50,000", two, log)
