"""Resampled counts and intervals: against direct counts, the law of draws, SciPy, and simulated data."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from fastbench.engine.errors import InputError
from fastbench.engine.fmeasure.confusion import ClassCounts, Entries
from fastbench.engine.fmeasure.ontology.ontology import ROOT, Ontology
from fastbench.engine.fmeasure.scores import resample
from fastbench.engine.fmeasure.scores.hierarchical import ancestor_matrix, node_class_counts
from fastbench.engine.fmeasure.scores.intervals import Interval, intervals
from fastbench.engine.fmeasure.scores.metrics import averages, single_scores
from fastbench.engine.fmeasure.scores.resample import CountMap, UnitDraws, distinct_entries, unit_matrix
from fastbench.engine.fmeasure.scores.tables import Rules
from fastbench.engine.statistics.resampling import percentile_bounds
from fastbench.kernels import dispatch

from ....examples import SOME

ROOM = dispatch.get_backend()
RULES = Rules()
IDS = (ROOT, "A", "B", "C", "D", "E", "F", "G")
ONTOLOGY = Ontology.from_edges(
    IDS,
    [("A", ROOT), ("B", ROOT), ("C", "A"), ("D", "A"), ("D", "B"), ("F", "B"), ("E", "D"), ("G", "E"), ("G", "above")],
)
BITS, NODES = ONTOLOGY.select(IDS)


def cells_of(truth, predicted):
    """Entries with one cell each."""
    return Entries(np.array(truth, np.int32), np.array(predicted, np.int32), np.ones(len(truth), np.int64), len(IDS))


def simulated(rng, n, right=0.7):
    """Cells whose prediction is right with a given chance, and otherwise anything, no prediction too."""
    truth = rng.choice(len(IDS), n, p=np.array([1, 2, 3, 4, 5, 6, 7, 2]) / 30)
    return cells_of(truth, np.where(rng.random(n) < right, truth, rng.integers(0, len(IDS) + 1, n)))


def by_name(found: list[Interval]):
    return {each.metric: each for each in found}


def run(units, **options):
    return by_name(intervals(units, RULES, ROOM, bits=BITS, n_nodes=len(NODES), **options))


@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 8), st.integers(0, 9)), min_size=1, max_size=40),
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 3, 12]),
)
@SOME
def test_counts_are_those_of_the_cells_drawn(cells, seed, n_units):
    """Cells of an entry are spread over units; a unit counts as often as it was drawn."""
    rng = np.random.default_rng(seed)
    table = np.array(cells)
    given = Entries(table[:, 0].astype(np.int32), table[:, 1].astype(np.int32), table[:, 2], len(IDS))
    unit = rng.integers(0, n_units, len(cells))
    entries, entry = distinct_entries(given)
    pairs = list(zip(entries.rows.tolist(), entries.cols.tolist(), strict=True))
    assert pairs == sorted({(t, p) for t, p, _ in cells})
    for pair, total in zip(pairs, entries.cells, strict=True):
        assert total == sum(m for t, p, m in cells if (t, p) == pair)
    drawn = rng.integers(0, 4, (n_units, 5)).astype(float)
    counts = CountMap(
        entries, unit_matrix(entry, unit, given.cells, len(entries.rows), n_units), ancestor_matrix(BITS, len(NODES))
    )
    classes, nodes = counts.counts(drawn)
    assert counts.numbers >= classes.hits.shape[1] + nodes.hits.shape[1]
    for j in range(5):
        some = Entries(given.rows, given.cols, given.cells * drawn[unit, j], len(IDS))
        whole = (some.class_counts(), node_class_counts(some, BITS, len(NODES), ROOM))
        for found, expected, which in zip((classes, nodes), whole, ("active", "true"), strict=True):
            ours = ClassCounts(found.hits[j], found.support[j], found.predicted[j])
            wanted = averages(expected, classes=which)
            for name, value in averages(ours, classes=which).items():
                assert value == pytest.approx(float(wanted[name]), rel=1e-12)
    plain, none = CountMap(entries).counts(rng.integers(0, 4, (len(entries.rows), 2)).astype(float))
    assert none is None
    assert plain.support.shape[0] == 2


@pytest.mark.parametrize("sizes", [[1, 1, 1], [1, 2, 3, 8], [1, 5, 8, 9, 40, 200], [20, 30], [9], [3]])
def test_draws_are_multinomial(sizes):
    sizes = np.array(sizes)
    n, share = sizes.sum(), sizes / sizes.sum()
    drawn = UnitDraws(sizes).draw(40_000, np.random.default_rng(5))
    assert drawn.shape == (len(sizes), 40_000)
    np.testing.assert_array_equal(drawn.sum(axis=0), n)
    law = scipy.stats.multinomial(n, share)
    variance = np.diag(law.cov())
    np.testing.assert_allclose(drawn.mean(axis=1), n * share, atol=5 * np.sqrt(variance.max() / 40_000))
    np.testing.assert_allclose(np.cov(drawn).reshape(law.cov().shape), law.cov(), atol=0.05 * variance.max() + 1e-9)
    for at in range(len(sizes)):  # the law of one kind is binomial
        values, counts = np.unique(drawn[at], return_counts=True)
        expected = scipy.stats.binom.pmf(values, n, share[at])
        np.testing.assert_allclose(counts / 40_000, expected, atol=5 * np.sqrt(0.25 / 40_000))


def test_every_metric_has_an_interval_about_its_value():
    cells = simulated(np.random.default_rng(0), 400)
    counts, nodes = cells.class_counts(), node_class_counts(cells, BITS, len(NODES), ROOM)
    values = {**averages(counts), **single_scores(counts)}
    values |= {f"h_{name}": value for name, value in averages(nodes, classes="true").items()}
    found = run(distinct_entries(cells)[0])
    assert list(found) == list(values)
    for name, each in found.items():
        assert each.value == values[name]  # to the last digit
        assert each.lower < each.value < each.upper
    assert not any(name.startswith("h_") for name in by_name(intervals(cells, RULES, ROOM)))


def test_threads_and_repeats_give_the_same_intervals(monkeypatch):
    cells = simulated(np.random.default_rng(1), 500)
    donors = [simulated(np.random.default_rng(i), 60) for i in range(9)]
    for units in (cells, donors):
        first = run(units, threads=1, draws=100, seed=3)
        assert run(units, threads=2, draws=100, seed=3) == first
        assert run(units, threads=2, draws=100, seed=4) != first
        monkeypatch.setattr(resample, "NUMBERS", 1)  # blocks of one draw: other streams, the same distribution
        small = run(units, threads=2, draws=100, seed=3)
        assert run(units, threads=1, draws=100, seed=3) == small != first
        monkeypatch.undo()


def test_draws_fill_the_last_block():
    cells = simulated(np.random.default_rng(1), 50)
    entries, _ = distinct_entries(cells)
    sizes = np.sort(entries.cells)
    for draws in (1, 15, 16, 17, 33):
        found = resample.resample(sizes, [CountMap(entries)], RULES, draws, seed=0)
        assert {len(values) for values in found[0].values()} == {draws}


def test_scipy_finds_the_same_intervals():
    cells = simulated(np.random.default_rng(2), 150)
    found = run(distinct_entries(cells)[0], draws=4000, level=0.9)

    names = ("accuracy", "f1_macro", "cohen_kappa", "h_f1_micro")

    def values(rows, cols):
        counts = cells_of(rows, cols)
        plain = counts.class_counts()
        nodes = averages(node_class_counts(counts, BITS, len(NODES), ROOM), classes="true")
        every = averages(plain) | single_scores(plain) | {f"h_{name}": value for name, value in nodes.items()}
        return np.array([every[name] for name in names])

    def statistics(rows, cols, axis):
        """The values of one sample, (4,), or of one in each row, (4, resamples)."""
        assert axis == -1
        return values(rows, cols) if rows.ndim == 1 else np.stack(list(map(values, rows, cols)), axis=1)

    theirs = scipy.stats.bootstrap(
        (cells.rows, cells.cols),
        statistics,
        paired=True,
        vectorized=True,
        n_resamples=1500,
        confidence_level=0.9,
        method="percentile",
        rng=np.random.default_rng(3),
    ).confidence_interval
    for name, low, high in zip(names, theirs.low, theirs.high, strict=True):
        width = high - low
        assert found[name].lower == pytest.approx(low, abs=0.1 * width)
        assert found[name].upper == pytest.approx(high, abs=0.1 * width)


def test_scipy_finds_the_same_intervals_by_cluster():
    rng = np.random.default_rng(4)
    donors = [
        simulated(rng, int(n), right) for n, right in zip(rng.integers(5, 60, 14), rng.beta(6, 3, 14), strict=True)
    ]
    found = run(donors, draws=4000, level=0.9)["accuracy"]
    right, cells = (
        np.array([f(each) for each in donors]) for f in (lambda e: (e.rows == e.cols).sum(), lambda e: len(e.rows))
    )
    theirs = scipy.stats.bootstrap(
        (right, cells),
        lambda r, c, axis: r.sum(axis=axis) / c.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=4000,
        confidence_level=0.9,
        method="percentile",
        rng=np.random.default_rng(3),
    ).confidence_interval
    width = theirs.high - theirs.low
    assert found.value == right.sum() / cells.sum()
    assert [found.lower, found.upper] == pytest.approx([theirs.low, theirs.high], abs=0.1 * width)


def covered(units_of, truth, repeats, **options):
    """Share of simulated data sets whose interval of the accuracy holds the true one."""
    hits = 0
    for repeat in range(repeats):
        each = by_name(intervals(units_of(np.random.default_rng(1000 + repeat)), RULES, ROOM, draws=200, **options))
        hits += each["accuracy"].lower <= truth <= each["accuracy"].upper
    return hits / repeats


def test_intervals_by_cell_hold_the_truth_as_often_as_they_say():
    truth = 0.6 + 0.4 / (len(IDS) + 1)
    share = covered(lambda rng: distinct_entries(simulated(rng, 250, 0.6))[0], truth, 200, level=0.9)
    assert 0.84 <= share <= 0.95


def test_clusters_are_needed_where_cells_hang_together():
    """Donors differ in how well their cells are called; intervals by cells do not know it."""

    def donors(rng):
        return [simulated(rng, 40, right) for right in rng.beta(3, 2, 20)]

    def pooled(rng):
        parts = donors(rng)
        return cells_of(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("rows", "cols")))

    truth = 0.6 + 0.4 / (len(IDS) + 1)
    assert 0.8 <= covered(donors, truth, 100, level=0.9) <= 0.97
    assert covered(pooled, truth, 100, level=0.9) < 0.7


def test_clusters_of_one_cell_are_cells():
    """The same law: bounds agree up to the noise of drawing."""
    cells = simulated(np.random.default_rng(6), 120)
    singles = [cells_of([t], [p]) for t, p in zip(cells.rows, cells.cols, strict=True)]
    one, other = run(distinct_entries(cells)[0], draws=4000), run(singles, draws=4000)
    for name in one:
        width = one[name].upper - one[name].lower
        assert other[name].value == one[name].value
        assert other[name].lower == pytest.approx(one[name].lower, abs=0.1 * width)


def test_order_of_entries_of_a_cluster_does_not_matter():
    donors = [simulated(np.random.default_rng(i), 60) for i in range(5)]
    turned = [cells_of(each.rows[::-1], each.cols[::-1]) for each in donors]
    assert run([distinct_entries(each)[0] for each in donors]) == run(turned) == run([*turned, cells_of([], [])])


def test_undefined_draws_do_not_enter_bounds():
    """With three cells of one class and one of another, some draws have one class only: no correlation."""
    found = by_name(intervals(cells_of([1, 1, 1, 2], [1, 1, 1, 2]), RULES, ROOM, draws=400))
    assert (found["matthews_correlation"].lower, found["matthews_correlation"].upper) == (1.0, 1.0)
    found = by_name(intervals(cells_of([1, 1], [1, 1]), RULES, ROOM, draws=40))
    assert np.isnan([found["cohen_kappa"].value, found["cohen_kappa"].lower, found["cohen_kappa"].upper]).all()


def test_bounds_of_columns():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(101, 3))
    values[5, 1], values[:, 2] = np.nan, np.nan
    bounds = percentile_bounds(values, 0.9)
    np.testing.assert_allclose(bounds[:, 0], np.percentile(values[:, 0], [5, 95]))
    np.testing.assert_allclose(bounds[:, 1], np.nanpercentile(values[:, 1], [5, 95]))
    assert np.isnan(bounds[:, 2]).all()


@pytest.mark.parametrize(
    ("units", "message"),
    [
        (cells_of([], []), "at least 2 cells to draw from, but there are 0"),
        (cells_of([1], [1]), "at least 2 cells to draw from, but there are 1"),
        ([], "at least 2 clusters to draw from, but there are 0"),
        ([cells_of([1, 2], [1, 1]), cells_of([], [])], "at least 2 clusters to draw from, but there are 1"),
    ],
)
def test_too_few_units(units, message):
    with pytest.raises(InputError, match=message):
        intervals(units, RULES, ROOM)


def with_rare_classes():
    """Cells of a common class, and of six rare ones that are one cell or one wrong call each."""
    truth = [1] * 40 + [2, 3, 4, 5]
    return cells_of(truth, [1] * 38 + [6, 7] + [2, 3, 1, 1])


def test_rare_classes_do_not_come_and_go_in_draws():
    """Macro means of draws are over the classes of the data, so that they centre on the value."""
    cells = with_rare_classes()
    entries = distinct_entries(cells)[0]
    order = np.argsort(entries.cells, kind="stable")
    sizes = entries.cells[order]
    sorted_entries = Entries(entries.rows[order], entries.cols[order], sizes, len(IDS))
    for rules in (RULES, Rules(macro="true"), Rules(zero_division_rule="sklearn")):
        values = {**rules.flat(cells.class_counts()), **single_scores(cells.class_counts())}
        [drawn] = resample.resample(sizes, [CountMap(sorted_entries)], rules, 2000, seed=1)
        for name in ("f1_macro", "precision_macro", "recall_macro", "balanced_accuracy"):
            assert drawn[name].mean() == pytest.approx(float(values[name]), abs=0.02)
    found = run(entries, draws=1000)
    for each in found.values():
        assert each.lower <= each.value <= each.upper
    plain = [averages(cells_of(*drawn_cells(cells, seed)).class_counts())["f1_macro"] for seed in range(200)]
    assert np.mean(plain) > found["f1_macro"].value + 0.05  # what they would centre on without it


def drawn_cells(cells, seed):
    chosen = np.random.default_rng(seed).integers(0, len(cells.rows), len(cells.rows))
    return cells.rows[chosen], cells.cols[chosen]


def test_a_class_that_a_draw_misses_counts_with_its_score_in_the_data():
    whole = ClassCounts(np.array([4, 1, 0]), np.array([5, 1, 0]), np.array([4, 2, 1]))
    drawn = ClassCounts(np.array([5, 0, 0]), np.array([6, 0, 0]), np.array([5, 1, 0]))
    of_data, of_draw = averages(whole), averages(drawn, whole=whole)
    f = 2 * (5 / 6) / (1 + 5 / 6)
    assert of_draw["f1_macro"] == pytest.approx((f + 0 + 0) / 3)  # the second is called wrongly, the third stays at 0
    assert averages(drawn, whole=whole, classes="true")["f1_macro"] == pytest.approx((f + 2 / 3) / 2)
    assert averages(whole, whole=whole) == of_data
    assert single_scores(drawn, whole)["balanced_accuracy"] == pytest.approx((5 / 6 + 1) / 2)
    assert averages(drawn, whole=whole)["f1_weighted"] == averages(drawn)["f1_weighted"]
