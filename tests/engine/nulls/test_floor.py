"""The smallest p-value that a relabelling could give."""

import math

import numpy as np
import polars as pl
import pytest

import fastbench as fb
from fastbench.engine.nulls.floor import p_floors
from fastbench.engine.tables.groups import Groups

CONTROL = np.repeat([False, True], [12, 20])


def controls(plates=1, seed=0):
    """Three compounds of four replicates and 20 controls, on one plate or dealt to several."""
    rng = np.random.default_rng(seed)
    meta = pl.DataFrame(
        {
            "compound": [*np.repeat(["a", "b", "c"], 4), *["DMSO"] * 20],
            "plate": np.arange(32) % plates,
            "control": CONTROL,
        }
    )
    x = rng.normal(size=(32, 8))
    x[:12] += 5 * np.repeat(rng.normal(size=(3, 8)), 4, axis=0)
    return meta, x


def floors(meta, x, *rule, by, multilabel=None, **options):
    call = fb.average_precision
    arguments = ()
    if multilabel:
        call, arguments = fb.multilabel.average_precision, (multilabel,)
    ap = call(meta, x, *rule, *arguments, progress_bar=False, **({} if multilabel else {"queries": ~CONTROL}))
    return fb.mean_average_precision(ap, by, 1000, 0.05, 0, bracket=True, **options)


def test_replicates_among_controls():
    found = floors(*controls(), ["compound"], [], [], ["control"], by=["compound"])
    assert found["p_floor"].to_list() == [1 / math.comb(24, 4)] * 3


def test_replicates_on_several_plates():
    found = floors(*controls(4), ["compound"], [], ["plate"], ["control"], by=["compound"])
    assert found["p_floor"].to_list() == [1 / math.comb(6, 1) ** 4] * 3
    found = floors(*controls(2), ["compound"], [], ["plate"], ["control"], by=["compound"])
    assert found["p_floor"].to_list() == [1 / math.comb(12, 2) ** 2] * 3


def test_labels_of_all_rows():
    meta, x = controls()
    found = floors(meta, x, ["compound"], [], [], ["compound"], by=["compound"])
    assert found["p_floor"].to_list() == [1 / math.comb(32, 4)] * 3


def multilabel_design(seed):
    """A random design of labels, in which every member has a list length of its own; targets are found at once."""
    rng = np.random.default_rng(seed)
    n, n_labels = int(rng.integers(12, 40)), int(rng.integers(4, 12))
    carries = rng.random((n, n_labels)) < rng.uniform(0.1, 0.3)
    carries[np.arange(n), rng.integers(n_labels, size=n)] = True
    x = carries @ rng.normal(size=(n_labels, 16)) * 8 + rng.normal(size=(n, 16))
    labels = [[f"t{j}" for j in np.flatnonzero(row)] for row in carries]
    sizes = {f"t{j}": int(size) for j, size in enumerate(carries.sum(axis=0))}
    return pl.DataFrame({"t": labels}), x, n, sizes


@pytest.mark.slow
@pytest.mark.parametrize("null", ["shared", "independent"])
def test_no_p_value_of_a_multilabel_group_is_below_its_smallest_relabelling(null):
    lowest = math.inf
    for seed in range(12):
        meta, x, n, sizes = multilabel_design(seed)
        try:
            found = floors(meta, x, ["t"], [], [], ["t"], by=["t"], multilabel="t", null=null)
        except fb.UnpairedException:
            continue
        floor = np.array([1 / math.comb(n, sizes[label]) for label in found["t"]])
        np.testing.assert_array_equal(found["p_floor"], floor)
        for name in ("p_value", "p_lower", "p_upper"):
            assert (found[name].to_numpy() >= floor).all()
        lowest = min(lowest, (found["p_value"].to_numpy() / floor).min())
    assert lowest == 1  # some would be below it


def test_what_is_above_the_floor_does_not_move():
    meta, x = controls()
    rng = np.random.default_rng(3)
    ap = fb.average_precision(
        meta, rng.normal(size=x.shape), ["compound"], [], [], ["control"], queries=~CONTROL, progress_bar=False
    )
    with_floor = fb.mean_average_precision(ap, ["compound"], 1000, 0.05, 0)
    without = fb.mean_average_precision(ap.drop("n_exchangeable", "n_carriers"), ["compound"], 1000, 0.05, 0)
    assert with_floor["p_value"].to_list() == without["p_value"].to_list()
    assert (without["p_floor"] < with_floor["p_floor"]).all()


def test_a_table_that_does_not_say_has_the_lowest_floor():
    n_pos, n_total = np.array([2, 2, 2]), np.array([12, 7, 9])
    (found,) = p_floors(Groups.of([range(3)]), n_pos, n_total)
    assert found == 1 / math.comb(3 + 10 + 5 + 7, 3)


def test_many_relabellings_are_no_zero():
    one = np.array([300] * 4)
    (found,) = p_floors(Groups.of([range(4)]), one, one + 20_000, one + 20_001, one + 1)
    assert 0 < found < 1e-300
    (several,) = p_floors(Groups.of([range(4)]), one, one, np.array([10, 10, 8, 8]), np.array([2, 2, 1, 1]))
    assert several == 1 / (math.comb(10, 2) * 8 * 8)


def test_copairs_numbers_stay_and_the_floor_is_told():
    found = floors(*controls(), ["compound"], [], [], ["control"], by=["compound"], p_values="copairs")
    assert found["p_value"].to_list() == [1 / 1001] * 3
    assert found["p_floor"].to_list() == [1 / math.comb(24, 4)] * 3


def test_impossible_counts_are_refused():
    meta, x = controls()
    ap = fb.average_precision(meta, x, ["compound"], [], [], ["control"], queries=~CONTROL, progress_bar=False)
    with pytest.raises(fb.InputError, match="n_carriers"):
        fb.mean_average_precision(ap.with_columns(n_carriers=99), ["compound"], 1000, 0.05, 0)
