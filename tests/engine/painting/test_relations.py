"""Known relations, clusters and signal against controls: EFAAR's numbers, and the definitions."""

from __future__ import annotations

import importlib.util
import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from fastbench.engine.errors import InputError
from fastbench.engine.painting import pairs, relations
from fastbench.engine.painting.relation_files import read_relations
from fastbench.engine.painting.relations import THRESHOLDS, cluster_test, known_pairs, recall_of_relations
from fastbench.engine.painting.signal import consistency, consistency_null, magnitude_null, upper_p_value

needs_efaar = pytest.mark.skipif(
    importlib.util.find_spec("efaar_benchmarking") is None, reason="efaar-benchmarking is not installed"
)


@cache
def screen():
    """The simulated map of 400 genes, whose complexes have a direction in common."""
    files = read_relations(["efaar"])
    genes = sorted({gene for pair in files.pairs["CORUM"] for gene in pair})[:400]
    place = {gene: row for row, gene in enumerate(genes)}
    rows = {name: [place[g] for g in members if g in place] for name, members in files.clusters["CORUM"].items()}
    rng = np.random.default_rng(7)
    x = rng.normal(size=(400, 32))
    for name in sorted(rows):
        if len(rows[name]) >= 3:
            x[rows[name]] += 0.5 * rng.normal(size=32)
    return files, genes, rows, x


@needs_efaar
@pytest.mark.parametrize(
    ("source", "n_pairs", "narrow", "wide"),
    [
        ("CORUM", 477, 0.295597, 0.436059),
        ("HuMAP", 217, 0.244240, 0.354839),
        ("Reactome", 142, 0.147887, 0.260563),
        ("SIGNOR", 71, 0.084507, 0.169014),
        ("StringDB", 499, 0.222445, 0.330661),
    ],
)
def test_recall_equals_efaar(source, n_pairs, narrow, wide):
    files, genes, _, x = screen()
    found = recall_of_relations(x, {source: known_pairs(files.pairs[source], genes)}, draws=20)[source]
    assert (found.n_pairs, found.n_null) == (n_pairs, 79_800)
    assert found.values[THRESHOLDS[0]] == pytest.approx(narrow, abs=5e-7)
    assert found.values[THRESHOLDS[1]] == pytest.approx(wide, abs=5e-7)
    if source == "CORUM":
        assert found.upper[THRESHOLDS[0]] == pytest.approx(0.289308, abs=5e-7)
        assert found.upper[THRESHOLDS[1]] == pytest.approx(0.415094, abs=5e-7)
        assert found.p_values[THRESHOLDS[0]] == 1 / 21


@needs_efaar
def test_clusters_equal_efaar():
    _, _, rows, x = screen()
    tests = list(cluster_test(x, rows, 5).values())
    assert len(tests) == 16
    assert np.mean([each.within for each in tests]) == pytest.approx(0.246050, abs=1e-6)
    assert np.mean([each.between for each in tests]) == pytest.approx(0.002304, abs=1e-6)
    assert np.mean([each.statistic for each in tests]) == pytest.approx(0.580149, abs=1e-6)


@needs_efaar
def test_the_packaged_file_is_that_of_efaar():
    assert read_relations(["sample:reactome"]).pairs["Reactome"] == screen()[0].pairs["Reactome"]


def plain_recall(x, known, low, high):
    """The definition of EFAAR, from the whole matrix."""
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    c = np.clip(unit @ unit.T, -1, 1)
    null = np.sort(c[np.triu_indices(len(x), 1)])
    query = c[known[:, 0], known[:, 1]]
    left, right = (np.searchsorted(null, query, side) / len(null) for side in ("left", "right"))
    return float(((right <= low) | (left >= high)).mean()), float((left >= high).mean())


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 30), st.integers(1, 20), st.integers(0, 10_000), st.booleans(), st.sampled_from([4, 1024]))
def test_recall_is_its_definition(n, n_known, seed, repeated, tile):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    if repeated:  # Whole numbers of few kinds: cosines tie, without rounding.
        x = np.eye(4)[rng.integers(0, 4, n)]
    known = known_pairs([(str(a), str(b)) for a, b in rng.integers(0, n, (n_known, 2))], [str(i) for i in range(n)])
    if not len(known):
        return
    least = pairs.TILE, relations.TILE
    try:
        pairs.TILE = relations.TILE = tile
        found = recall_of_relations(x, {"s": known}, draws=19, seed=seed)["s"]
    finally:
        pairs.TILE, relations.TILE = least
    for limits in THRESHOLDS:
        both, upper = plain_recall(x, known, *limits)
        assert found.values[limits] == pytest.approx(both, abs=1e-12)
        assert found.upper[limits] == pytest.approx(upper, abs=1e-12)
        assert 1 / 20 <= found.p_values[limits] <= 1


def test_permutations_are_judged_alike_with_and_without_a_table(monkeypatch):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 5))
    known = known_pairs([(str(a), str(b)) for a, b in rng.integers(0, 60, (80, 2))], [str(i) for i in range(60)])
    table = recall_of_relations(x, {"s": known}, draws=50)["s"]
    monkeypatch.setattr(relations, "MOST_IN_TABLE", 0)
    assert recall_of_relations(x, {"s": known}, draws=50)["s"] == table


def test_known_pairs_are_unordered_and_of_two_entities():
    given_pairs = [("b", "a"), ("a", "b"), ("c", "c"), ("a", "z"), ("c", "a")]
    assert known_pairs(given_pairs, ["a", "b", "c"]).tolist() == [[0, 1], [0, 2]]
    assert known_pairs([], ["a"]).shape == (0, 2)
    assert recall_of_relations(np.eye(3), {"s": known_pairs([], ["a", "b", "c"])})["s"].n_pairs == 0


def test_planted_relations_have_a_small_p_value_and_random_ones_do_not():
    rng = np.random.default_rng(1)
    base = rng.normal(size=(30, 16))
    x = np.concatenate([base, base + 0.3 * rng.normal(size=base.shape)])
    planted = np.stack([np.arange(30), np.arange(30) + 30], axis=1)
    others = np.stack([np.arange(29), np.arange(1, 30)], axis=1)
    found = recall_of_relations(x, {"planted": planted, "random": others}, draws=199)
    assert found["planted"].values[THRESHOLDS[0]] == 1
    assert found["planted"].p_values[THRESHOLDS[0]] == 1 / 200
    assert found["random"].p_values[THRESHOLDS[0]] > 0.05


def test_files_of_relations(tmp_path: Path):
    (tmp_path / "one.csv").write_text("entity1,entity2\na,b\nb,a\na,b\n")
    (tmp_path / "two.tsv").write_text("entity1\tentity2\na\tc\n")
    (tmp_path / "two_clusters.tsv").write_text("complex 1\ta b c\n\ncomplex 2\tb d\n")
    (tmp_path / "LICENSE").write_text("x")
    found = read_relations([str(tmp_path)])
    assert found.pairs == {"one": [("a", "b"), ("b", "a")], "two": [("a", "c")]}
    assert found.clusters == {"two": {"complex 1": ["a", "b", "c"], "complex 2": ["b", "d"]}}
    assert len(found.sources) == 3
    assert len(read_relations(["sample:reactome"]).pairs["Reactome"]) > 20_000
    (tmp_path / "bad_clusters.tsv").write_text("complex 1 a b c\n")
    (tmp_path / "empty").mkdir()
    for paths, sentence in (
        ([str(tmp_path / "bad_clusters.tsv")], "line 1: a name, a tab and members"),
        ([str(tmp_path / "empty")], "has no file that ends in"),
        ([str(tmp_path / "one.csv")] * 2, "two files are called 'one'"),
        ([str(tmp_path / "none.csv")], "none.csv"),
    ):
        with pytest.raises(InputError, match=sentence):
            read_relations(paths)


def plain_energy(x, y):
    return 2 * cdist(x, y).mean() - cdist(x, x).mean() - cdist(y, y).mean()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9), st.integers(0, 10_000))
def test_consistency_is_the_mean_cosine_of_pairs(n, seed):
    unit, _ = pairs.unit_rows(np.random.default_rng(seed).integers(-2, 3, (n, 3)))
    mine = (unit @ unit.T)[np.tril_indices(n, -1)]
    if n < 2:
        assert math.isnan(consistency(unit))
    else:
        assert consistency(unit) == pytest.approx(mine.mean(), abs=1e-12)


def test_nulls_are_of_groups_of_controls():
    x = np.random.default_rng(0).normal(size=(9, 3))
    unit, _ = pairs.unit_rows(x)
    possible = [
        plain_energy(x[rows], np.delete(x, rows, axis=0)) for rows in ([i, j] for i in range(9) for j in range(i))
    ]
    drawn = magnitude_null(x, 2, 40, np.random.default_rng(1))
    assert all(np.isclose(possible, each, atol=1e-12).any() for each in drawn)
    cosines = (unit @ unit.T)[np.tril_indices(9, -1)]
    assert all(np.isclose(cosines, each).any() for each in consistency_null(unit, 2, 40, np.random.default_rng(1)))
    assert upper_p_value(0.5, np.array([0.1, 0.5, 0.9])) == 3 / 4
    assert math.isnan(upper_p_value(math.nan, np.ones(3)))
