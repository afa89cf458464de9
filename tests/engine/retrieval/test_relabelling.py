"""P-values from relabelling the data, against all relabellings."""

import math

import numpy as np
import polars as pl
import pytest

import fastbench as fb
from fastbench.engine.retrieval.relabelling import labels, negatives, sequential

from .relabelling_designs import count_label, count_replicates, multilabel, replicates_among_controls

CONTROLS = (["compound"], [], ["plate"], ["control"])
LABELS = (["t"], [], [], ["t"])


def among_controls(meta, x, rule=CONTROLS, null_size=100_000, seed=0, **options):
    asked = ~meta["control"].to_numpy()
    ap = fb.average_precision(meta, x, *rule, queries=asked, progress_bar=False)
    data = fb.Relabelling(meta, x, *rule, queries=asked)
    return fb.mean_average_precision(
        ap, ["compound"], null_size, 0.05, seed, null="permutation", relabelling=data, bracket=True, **options
    )


def among_labels(meta, x, rule=LABELS, null_size=100_000, seed=0, by=("t",), queries=None, **options):
    if meta["t"].dtype == pl.List:
        ap = fb.multilabel.average_precision(meta, x, *rule, "t", progress_bar=False)
        data = fb.Relabelling(meta, x, *rule, "t")
    else:
        ap = fb.average_precision(meta, x, *rule, queries=queries, progress_bar=False)
        data = fb.Relabelling(meta, x, *rule, queries=queries)
    return fb.mean_average_precision(
        ap, list(by), null_size, 0.05, seed, null="permutation", relabelling=data, bracket=True, **options
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("n_plates", "per_plate", "n_controls", "within"),
    [(1, 3, 8, False), (2, 2, 3, False), (3, 1, 5, False), (2, 2, 3, True)],
)
def test_replicates_and_controls_are_counted(n_plates, per_plate, n_controls, within):
    for seed, effect in ((0, 0.0), (1, 0.8)):
        meta, x = replicates_among_controls(seed, n_plates, per_plate, n_controls, effect)
        rule = (["compound", "plate"], [], ["plate"], ["control"]) if within else CONTROLS
        found = among_controls(meta, x, rule).row(0, named=True)
        truth = count_replicates(meta, x, within)
        assert found["p_value"] == found["p_lower"] == found["p_upper"] == pytest.approx(truth, rel=1e-12)
        count = math.comb(per_plate + n_controls, per_plate) ** n_plates
        assert found["p_floor"] == 1 / count <= found["p_value"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(3))
def test_labels_are_counted(seed):
    meta, x = multilabel(seed, n=10, n_labels=4)
    counted = 0
    for row in among_labels(meta, x).iter_rows(named=True):
        truth, count = count_label(meta, x, row["t"])
        assert row["p_value"] == pytest.approx(truth, rel=1e-12)
        assert row["p_floor"] == pytest.approx(1 / count, rel=1e-12)
        counted += 1
    assert counted >= 2


@pytest.mark.filterwarnings("ignore")
def test_one_label_a_row_is_exchanged_with_all_others():
    meta, x = multilabel(4, n=10, n_labels=3)
    meta = meta.with_columns(pl.col("t").list.first())
    single = meta.with_columns(t=pl.concat_list("t"))
    for row in among_labels(meta, x).iter_rows(named=True):
        assert row["p_value"] == pytest.approx(count_label(single, x, row["t"], exclusive=True)[0], rel=1e-12)


@pytest.mark.filterwarnings("ignore")
def test_labels_stay_in_their_block():
    meta, x = multilabel(5, n=12, n_labels=3)
    for row in among_labels(meta, x, (["t"], [], ["plate"], ["t"])).iter_rows(named=True):
        truth, count = count_label(meta, x, row["t"], block=meta["plate"])
        assert row["p_value"] == pytest.approx(truth, rel=1e-12)
        assert row["p_floor"] == pytest.approx(1 / count, rel=1e-12)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("module", [labels, negatives])
def test_draws_agree_with_the_count(module, monkeypatch):
    if module is labels:
        meta, x = multilabel(6)
        solve = lambda: among_labels(meta, x, null_size=20_000)  # noqa: E731
    else:
        meta, x = replicates_among_controls(2, 2, 2, 5, 0.5)
        solve = lambda: among_controls(meta, x, null_size=20_000)  # noqa: E731
    exact = solve()["p_value"].to_numpy()
    monkeypatch.setattr(module, "COUNTED", 0)
    found = solve()
    assert (found["p_lower"].to_numpy() <= exact).all()
    assert (exact <= found["p_upper"].to_numpy()).all()
    np.testing.assert_allclose(found["p_value"], exact, atol=0.03)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("module", [labels, negatives])
def test_order_of_rows_and_size_of_parts_do_not_show(module, monkeypatch):
    monkeypatch.setattr(module, "COUNTED", 0)
    if module is labels:
        meta, x = multilabel(7, n=40)
        solve = among_labels
    else:
        meta, x = replicates_among_controls(3, 2, 2, 9, 0.4)
        solve = among_controls
    first = solve(meta, x, null_size=300)
    order = np.random.default_rng(0).permutation(len(meta))
    again = solve(meta[order], x[order], null_size=300)
    assert first["p_value"].to_list() == again["p_value"].to_list()
    assert solve(meta, x, null_size=300, seed=1)["p_value"].to_list() != first["p_value"].to_list()
    for name, value in (("_ROWS", 7), ("_DRAWS", 2000), ("_NUMBERS", 999)):
        monkeypatch.setattr(module, name, value, raising=False)
    assert solve(meta, x, null_size=300)["p_value"].to_list() == first["p_value"].to_list()


@pytest.mark.filterwarnings("ignore")
def test_a_group_does_not_look_at_the_other_groups_draws(monkeypatch):
    monkeypatch.setattr(labels, "COUNTED", 0)
    meta, x = multilabel(8, n=30)
    both = among_labels(meta, x, null_size=1000)
    label = both["t"][0]
    ap = fb.multilabel.average_precision(meta, x, *LABELS, "t", progress_bar=False).filter(pl.col("t") == label)
    alone = fb.mean_average_precision(
        ap, ["t"], 1000, 0.05, 0, null="permutation", relabelling=fb.Relabelling(meta, x, *LABELS, "t")
    )
    assert alone["p_value"][0] == both["p_value"][0]


def test_rows_that_are_no_queries_keep_their_part():
    """Rows that are not asked are exchanged among themselves."""
    rng = np.random.default_rng(0)
    meta = pl.DataFrame({"t": ["a"] * 4 + ["b"] * 8})
    x = rng.normal(size=(12, 5))
    asked = np.array([True, True, False, False] * 3)
    found = among_labels(meta, x, queries=asked)
    assert len(found) == 2
    assert (found["p_value"] >= 1 / (math.comb(6, 2) * math.comb(6, 2))).all()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("degenerate", ["drop", "last"])
def test_rows_without_a_similarity(degenerate):
    meta, x = replicates_among_controls(6, 1, 3, 8, 0.8)
    x = np.concatenate([x, np.zeros((2, 6))])
    meta = pl.concat([meta, meta[-2:]])
    asked = ~meta["control"].to_numpy()
    ap = fb.average_precision(meta, x, *CONTROLS, queries=asked, degenerate=degenerate, progress_bar=False)
    data = fb.Relabelling(meta, x, *CONTROLS, queries=asked, degenerate=degenerate)
    found = fb.mean_average_precision(ap, ["compound"], 1000, 0.05, 0, null="permutation", relabelling=data)
    n = 11 if degenerate == "drop" else 13
    assert found["p_floor"][0] == 1 / math.comb(n, 3) <= found["p_value"][0]


@pytest.mark.filterwarnings("ignore")
def test_a_function_as_distance():
    meta, x = replicates_among_controls(7, 1, 3, 8, 0.8)
    asked = ~meta["control"].to_numpy()

    def nearness(a, b):
        return -np.abs(a - b).sum(axis=1)

    found = []
    for distance in (nearness, "manhattan"):
        ap = fb.average_precision(meta, x, *CONTROLS, queries=asked, distance=distance, progress_bar=False)
        data = fb.Relabelling(meta, x, *CONTROLS, queries=asked, distance=distance)
        arguments = (ap, ["compound"], 1000, 0.05, 0)
        found.append(fb.mean_average_precision(*arguments, null="permutation", relabelling=data)["p_value"][0])
    assert found[0] == found[1]


@pytest.mark.filterwarnings("ignore")
def test_the_median_of_replicates():
    meta, x = replicates_among_controls(5, 1, 3, 8, 0.5)
    found = among_controls(meta, x, aggregate="median")
    assert 1 / math.comb(11, 3) <= found["p_value"][0] <= 1


def test_more_draws_only_near_the_threshold():
    asked = []

    def count(groups, first, size):
        asked.append((groups.tolist(), first, size))
        share = np.array([0.5, 0.048, 0.0])[groups]
        return np.round(share * size).astype(int)

    known = fb.engine.nulls.distribution.PValues(*(np.full(3, np.nan) for _ in range(3)))
    found = sequential.sequential_p_values(known, count, 100_000, 0.05)
    assert asked[0] == ([0, 1, 2], 0, 1000)
    assert asked[1:] == [([1], 1000, 3000), ([1], 4000, 12_000), ([1], 16_000, 48_000), ([1], 64_000, 36_000)]
    assert found.value.tolist() == pytest.approx([501 / 1001, 4801 / 100_001, 1 / 1001])
    assert (found.lower <= found.value).all()
    assert (found.value <= found.upper).all()


@pytest.mark.filterwarnings("ignore")
class TestRefusals:
    def test_the_profiles_are_needed(self):
        meta, x = replicates_among_controls(0, 1, 3, 6)
        ap = fb.average_precision(meta, x, *CONTROLS, queries=~meta["control"].to_numpy(), progress_bar=False)
        with pytest.raises(fb.InputError, match=r"relabelling=fb\.Relabelling"):
            fb.mean_average_precision(ap, ["compound"], 1000, 0.05, 0, null="permutation")

    def test_groups_that_have_nobody_to_change_places_with(self):
        meta, x = replicates_among_controls(0, 2, 2, 6)
        meta = meta.with_columns(
            compound=pl.when(~pl.col("control")).then("plate").otherwise("compound"),
            control=pl.col("control") & (pl.col("plate") == "p1"),
        )
        meta = meta.filter(pl.col("control") | (pl.col("compound") != "D"))
        x = x[: len(meta)]
        asked = ~meta["control"].to_numpy()
        ap = fb.average_precision(meta, x, *CONTROLS, queries=asked, progress_bar=False)
        data = fb.Relabelling(meta, x, *CONTROLS, queries=asked)
        lone = ap.filter(pl.col("compound") == "p0")
        with pytest.raises(fb.InputError, match="no exchange under these rules"):
            fb.mean_average_precision(lone, ["compound"], 1000, 0.05, 0, null="permutation", relabelling=data)
        both = ap.filter(pl.col("compound") != "D")
        found = fb.mean_average_precision(both, ["compound"], 1000, 0.05, 0, null="permutation", relabelling=data)
        assert found["p_value"][0] == found["p_floor"][0] == 1

    def test_list_columns_with_rules_that_tell_rows_apart(self):
        meta, x = multilabel(0)
        with pytest.raises(fb.InputError, match="pos_diffby must be empty"):
            among_labels(meta, x, (["t"], ["plate"], [], ["t"]))

    def test_other_profiles(self):
        meta, x = replicates_among_controls(0, 1, 3, 6)
        asked = ~meta["control"].to_numpy()
        ap = fb.average_precision(meta, x, *CONTROLS, queries=asked, progress_bar=False)
        arguments = (ap, ["compound"], 1000, 0.05, 0)
        data = fb.Relabelling(meta, -(x[::-1] ** 2), *CONTROLS, queries=asked)
        with pytest.raises(fb.InputError, match="in the profiles to relabel"):
            fb.mean_average_precision(*arguments, null="permutation", relabelling=data)
        fewer = fb.Relabelling(meta, x, *CONTROLS, queries=asked & (np.arange(len(asked)) > 0))
        with pytest.raises(fb.InputError, match="3 scored rows in the table and 2"):
            fb.mean_average_precision(*arguments, null="permutation", relabelling=fewer)

    def test_what_does_not_go_together(self):
        meta, x = multilabel(0)
        with pytest.raises(fb.InputError, match="aggregate='mean'"):
            among_labels(meta, x, aggregate="median")
        with pytest.raises(fb.InputError, match="p_values='sampled'"):
            among_labels(meta, x, p_values="sampled")
        with pytest.raises(fb.InputError, match="'shared'"):
            among_labels(meta, x, p_values="copairs")
