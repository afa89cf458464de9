"""Paired comparison of models: joined cells, values, differences, tests, gains and losses by class."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from fastbench.engine.errors import InputError
from fastbench.engine.fmeasure.compare.paired import ScoredModel, class_changes, compare, pair_cells
from fastbench.engine.fmeasure.confusion import matrices
from fastbench.engine.fmeasure.ontology.ontology import ROOT, Ontology
from fastbench.engine.fmeasure.scores.intervals import intervals
from fastbench.engine.fmeasure.scores.metrics import single_scores
from fastbench.engine.fmeasure.scores.tables import Rules, flat_row, hierarchical_row
from fastbench.engine.statistics.resampling import mcnemar
from fastbench.kernels import dispatch

from ....examples import SOME

ROOM = dispatch.get_backend()
RULES = Rules()
IDS = (ROOT, "A", "B", "C", "D", "E")
EDGES = [("A", ROOT), ("B", ROOT), ("C", "A"), ("D", "A"), ("D", "B"), ("E", "D")]
ONTOLOGY = Ontology.from_edges(IDS, EDGES, source="first.json")
#: The same terms in another order, with another graph.
OTHER = Ontology.from_edges(IDS[::-1], EDGES[:-1], source="second.json")


def calls_of(ids, truth, predicted, **more):
    """Cells of a run; the prediction None is "no prediction"."""
    codes = np.array([len(IDS) if p is None else p for p in predicted], np.int32)
    return pl.DataFrame(
        {
            "cell_id": pl.Series(list(ids), dtype=pl.String),
            "truth": np.array(truth, np.int32),
            "predicted": codes,
            **more,
        }
    )


def model(name, calls, ontology=ONTOLOGY, labels=IDS):
    calls = calls if isinstance(calls, dict) else {"one": calls}
    return ScoredModel(name, calls, ontology.terms if ontology else labels, ontology)


def simulated(seed, n, rights, donors=6):
    """Models on the same cells; what is hard for one is hard for all."""
    rng = np.random.default_rng(seed)
    truth, ids = rng.integers(0, len(IDS), n), [f"cell{i}" for i in range(n)]
    hard, wrong = rng.random(n), rng.integers(0, len(IDS) + 1, n)
    donor = rng.choice([f"donor{i}" for i in range(donors)], n)
    return [
        model(f"m{i}", calls_of(ids, truth, np.where(hard + 0.05 * rng.random(n) < right, truth, wrong), donor=donor))
        for i, right in enumerate(rights)
    ]


def pipeline_values(calls, ontology=ONTOLOGY, labels=IDS):
    """The metrics as result tables show them."""
    truth, predicted = calls["truth"].to_numpy(), calls["predicted"].to_numpy()
    found = matrices(ROOM.count_confusion(truth, predicted[np.newaxis], len(labels)), labels)
    row = {name.removesuffix("_k1"): value for name, value in flat_row(found, RULES).items()}
    row |= {name: float(value) for name, value in single_scores(found[0].entries.class_counts()).items()}
    return row | (hierarchical_row(found[0], ontology, RULES, ROOM) if ontology else {})


def of(table, metric, a="m0", b="m1"):
    return table.filter(model_a=a, model_b=b, metric=metric).row(0, named=True)


@st.composite
def scored_by_several(draw):
    """Cells of up to three samples; each model has scored some of them, in an order of its own."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    samples = sorted(draw(st.sets(st.sampled_from("xyz"), min_size=1)))
    truth = {(sample, f"c{i}"): int(rng.integers(len(IDS))) for sample in samples for i in range(9)}
    models = []
    for number in range(draw(st.integers(2, 4))):
        keys = sorted(truth)
        if draw(st.booleans()):
            keys = [keys[at] for at in rng.permutation(len(keys))[: draw(st.integers(1, len(keys)))]]
        said = {key: None if rng.random() < 0.3 else int(rng.integers(len(IDS))) for key in keys}
        calls = {
            sample: calls_of(
                [i for s, i in keys if s == sample],
                [truth[key] for key in keys if key[0] == sample],
                [said[key] for key in keys if key[0] == sample],
            )
            for sample in sorted({sample for sample, _ in keys})
        }
        models.append((model(f"m{number}", calls), said))
    return truth, models


@given(scored_by_several())
@SOME
def test_values_are_those_of_the_cells_that_all_scored(problem):
    truth, models = problem
    common = sorted(set(truth).intersection(*(said for _, said in models)))
    scored = [each for each, _ in models]
    if not common:
        with pytest.raises(InputError, match="scored no cell in common"):
            pair_cells(scored)
        return
    paired = pair_cells(scored)
    assert paired.cells.sum() == len(common)
    assert (np.diff(paired.cells) >= 0).all()
    assert paired.left_out == {each.name: len(said) - len(common) for each, said in models}
    assert bool(paired.notes) == any(paired.left_out.values())
    said = np.array([[-1 if each[key] is None else each[key] for key in common] for _, each in models])
    patterns = {tuple(column) for column in np.vstack([[truth[key] for key in common], said]).T.tolist()}
    assert len(paired.cells) == len(patterns)

    table = compare(paired, RULES, ROOM, draws=0)
    assert table["lower"].null_count() == table["p_value"].null_count() == len(table)
    for a, (_, said_a) in enumerate(models):
        values = pipeline_values(calls_of(range_ids(common), [truth[k] for k in common], [said_a[k] for k in common]))
        for b in range(a + 1, len(models)):
            rows = table.filter(model_a=f"m{a}", model_b=f"m{b}")
            assert rows["metric"].to_list() == list(values)
            for name, value in zip(rows["metric"], rows["value_a"], strict=True):
                assert (values[name] != values[name] and value is None) or value == values[name], name
            assert rows["cells"].to_list() == [len(common)] * len(rows)
            said_b = models[b][1]
            accuracy = of(table, "accuracy", f"m{a}", f"m{b}")
            only_a = sum(said_a[key] == truth[key] != said_b[key] for key in common)
            only_b = sum(said_b[key] == truth[key] != said_a[key] for key in common)
            assert (accuracy["right_only_a"], accuracy["right_only_b"]) == (only_a, only_b)
            assert accuracy["difference"] == pytest.approx((only_a - only_b) / len(common))


def range_ids(keys):
    return [str(i) for i in range(len(keys))]


def test_only_rows_of_accuracy_have_the_test_of_mcnemar():
    table = compare(pair_cells(simulated(0, 200, [0.8, 0.6])), RULES, ROOM, draws=0)
    has = table.filter(pl.col("mcnemar_mid_p").is_not_null())
    assert has["metric"].to_list() == ["accuracy"]
    assert has["mcnemar_exact_p"].item() < 1e-3


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (1, 0), (3, 9), (9, 3), (5, 5), (0, 12), (400, 500)])
def test_mcnemar(only_a, only_b):
    found, n = mcnemar(only_a, only_b), only_a + only_b
    if n == 0:
        assert found == {"mcnemar_exact_p": 1.0, "mcnemar_mid_p": 1.0}
        return
    exact = scipy.stats.binomtest(only_a, n, 0.5).pvalue
    assert found["mcnemar_exact_p"] == pytest.approx(exact, rel=1e-10)
    point = scipy.stats.binom.pmf(only_a, n, 0.5)
    assert found["mcnemar_mid_p"] == pytest.approx(1.0 if only_a == only_b else exact - point, rel=1e-10)


def test_models_that_say_the_same_do_not_differ():
    first, _ = simulated(1, 300, [0.7, 0.7])
    table = compare(pair_cells([first, ScoredModel("m1", first.calls, first.labels, first.ontology)]), RULES, ROOM)
    assert set(table["difference"]) == set(table["lower"]) == set(table["upper"]) == {0.0}
    assert set(table["p_value"]) == {1.0}


@pytest.mark.parametrize("by", [None, "donor"])
def test_differences_are_paired(by):
    """Models that share what is hard differ by less than their own intervals would have it."""
    models = simulated(2, 1500, [0.72, 0.70])
    paired = pair_cells(models, by)
    assert len(paired.clusters) == (6 if by else 0)
    table = compare(paired, RULES, ROOM, draws=400)
    alone = {each.metric: each for each in intervals(paired.entries(0), RULES, ROOM, draws=400)}
    for metric in ("accuracy", "f1_macro", "cohen_kappa", "h_f1_micro"):
        row = of(table, metric)
        assert row["lower"] < row["difference"] < row["upper"]
        assert row["difference"] == row["value_a"] - row["value_b"]
        if by is None and metric in alone:
            assert row["upper"] - row["lower"] < 0.5 * (alone[metric].upper - alone[metric].lower)


def test_draws_by_cell_agree_with_scipy():
    models = simulated(3, 200, [0.75, 0.65])
    row = of(compare(pair_cells(models), RULES, ROOM, draws=4000, level=0.9), "accuracy")
    right = [(each.calls["one"]["truth"] == each.calls["one"]["predicted"]).to_numpy().astype(float) for each in models]
    theirs = scipy.stats.bootstrap(
        (right[0] - right[1],),
        np.mean,
        n_resamples=4000,
        confidence_level=0.9,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert [row["lower"], row["upper"]] == pytest.approx(
        [theirs.low, theirs.high], abs=0.1 * (theirs.high - theirs.low)
    )


def test_p_values():
    """Where two models are equally good p-values are about uniform; where one is better they are small."""
    small = 0
    for seed in range(60):
        table = compare(pair_cells(simulated(100 + seed, 150, [0.7, 0.7])), RULES, ROOM, draws=100)
        small += of(table, "accuracy")["p_value"] <= 0.2
    assert 4 <= small <= 22
    row = of(compare(pair_cells(simulated(4, 400, [0.8, 0.6])), RULES, ROOM, draws=199), "accuracy")
    assert row["p_value"] == 2 / 200  # no draw is on the other side: the least there can be
    assert row["lower"] > 0
    turned = of(
        compare(pair_cells(simulated(4, 400, [0.8, 0.6])[::-1]), RULES, ROOM, draws=199), "accuracy", "m1", "m0"
    )
    assert turned["difference"] == -row["difference"]
    assert turned["p_value"] == row["p_value"]


def test_threads_do_not_matter():
    paired = pair_cells(simulated(5, 300, [0.8, 0.7, 0.6]))
    one = compare(paired, RULES, ROOM, threads=1, seed=1)
    assert one.equals(compare(paired, RULES, ROOM, threads=2, seed=1))
    assert not one.equals(compare(paired, RULES, ROOM, threads=1, seed=2))
    assert one.select("model_a", "model_b").unique(maintain_order=True).rows() == [
        ("m0", "m1"),
        ("m0", "m2"),
        ("m1", "m2"),
    ]


def test_clusters_that_reach_over_samples():
    donors = ["d1", "d2", "d1", None]
    calls = {
        sample: calls_of(["a", "b", "c", "d"], [1, 2, 3, 4], said, donor=pl.Series(donors, dtype=pl.String))
        for sample, said in (("s1", [1, 2, 3, 3]), ("s2", [1, 1, 3, 4]))
    }
    models = [model("m0", calls), model("m1", {name: each.drop("donor") for name, each in calls.items()})]
    paired = pair_cells(models, "donor")
    assert paired.clusters == ("(none)", "d1", "d2")
    assert [int(paired.cells[paired.unit == i].sum()) for i in range(3)] == [2, 4, 2]
    assert pair_cells(models, "sample").clusters == ("s1", "s2")
    with pytest.raises(InputError, match="no column 'donro' to make clusters of; did you mean 'donor'"):
        pair_cells(models, "donro")
    one = pair_cells([model(name, calls["s1"].with_columns(donor=pl.lit("d"))) for name in ("m0", "m1")], "donor")
    with pytest.raises(InputError, match="at least 2 clusters to draw from, but there is 1"):
        compare(one, RULES, ROOM)
    assert len(compare(one, RULES, ROOM, draws=0))


def test_other_cells_are_left_out_and_told():
    truth = [1, 2, 3, 4]
    models = [
        model("m0", {"one": calls_of("abcd", truth, truth), "two": calls_of("a", [1], [1])}),
        model("m1", calls_of("dcxa", [4, 3, 5, 1], [4, 1, 1, 1])),
    ]
    paired = pair_cells(models)
    assert paired.left_out == {"m0": 2, "m1": 1}
    assert paired.notes == ("Compared on the 3 cells that all models scored; left out: 2 of 'm0', 1 of 'm1'.",)
    assert of(compare(paired, RULES, ROOM, draws=0), "accuracy")["value_b"] == 2 / 3


def test_another_ontology():
    """Only flat metrics where all have the same labels, by whatever codes; nothing where they do not."""
    truth, said = [1, 2, 3, 4], [1, 2, 2, 5]
    turned = [[len(IDS) - 1 - code for code in codes] for codes in (truth, said)]
    models = [model("m0", calls_of("abcd", truth, said)), model("m1", calls_of("abcd", *turned), OTHER)]
    paired = pair_cells(models)
    assert paired.ontology is None
    assert paired.notes == (
        "The models were scored with different ontologies (first.json and second.json): "
        "only flat metrics are compared.",
    )
    table = compare(paired, RULES, ROOM, draws=0)
    assert not table["metric"].str.starts_with("h_").any()
    assert set(table["difference"].drop_nulls()) == {0.0}
    smaller = Ontology.from_edges(IDS[:-1], EDGES[:-1], source="second.json")
    with pytest.raises(
        InputError,
        match=r"'m0' and 'm1' cannot be compared: .*first.json and second.json\) that differ in 1 labels \('E'\)",
    ):
        pair_cells([models[0], model("m1", calls_of("abcd", truth, truth), smaller)])


def test_no_ontology():
    """Labels are those that occur, so models need not have the same ones."""
    models = [
        model("m0", calls_of("abc", [0, 1, 1], [0, 1, 2]), None, ("x", "y", "only m0")),
        model("m1", calls_of("abc", [1, 0, 0], [1, 0, None]), None, ("y", "x", *"0123")),
    ]
    paired = pair_cells(models)
    assert paired.labels == ("x", "y", "only m0", "0", "1", "2", "3")
    assert paired.notes == ()
    values = of(compare(paired, RULES, ROOM, draws=0), "f1_macro")
    assert (values["value_a"], values["value_b"]) == pytest.approx((5 / 9, 5 / 6))
    mixed = [models[0], model("m1", calls_of("abc", [1, 2, 2], [1, 2, 2]), Ontology.from_edges(("C", "x", "y"), []))]
    assert pair_cells(mixed).notes == ("Models 'm0' were scored without an ontology: only flat metrics are compared.",)


def test_truths_must_agree():
    models = [model("m0", calls_of("abc", [1, 2, 3], [1, 2, 3])), model("m1", calls_of("cba", [3, 1, 1], [3, 2, 1]))]
    with pytest.raises(InputError, match=r"'m0' and 'm1' have different truths for 1 cells of sample 'one' \('b'\); "):
        pair_cells(models)


def test_cell_ids_must_be_unique_where_they_are_needed():
    twice = calls_of("aab", [1, 1, 2], [1, 1, 2])
    assert pair_cells([model("m0", twice), model("m1", twice)]).cells.sum() == 3  # the same order: nothing to look up
    with pytest.raises(InputError, match=r"1 cell ids come more than once in sample 'one' of 'm1' \('a'\)"):
        pair_cells([model("m0", calls_of("ab", [1, 2], [1, 2])), model("m1", twice)])


def test_one_cell_is_too_few():
    models = [model(name, calls_of("a", [1], [1])) for name in ("m0", "m1")]
    with pytest.raises(InputError, match="at least 2 cells to draw from, but there is 1"):
        compare(pair_cells(models), RULES, ROOM)


def test_gains_and_losses_by_class():
    models = simulated(6, 400, [0.8, 0.65, 0.5])
    paired = pair_cells(models)
    table = class_changes(paired, "m2", "m0", RULES)
    truth = models[0].calls["one"]["truth"].to_numpy()
    said = {each.name: each.calls["one"]["predicted"].to_numpy() for each in models}
    scores = {
        name: precision_recall_fscore_support(truth, said[name], labels=range(len(IDS)), zero_division=0)
        for name in said
    }
    assert sorted(table["label"]) == sorted(IDS)
    for row in table.to_dicts():
        i = IDS.index(row["label"])
        assert row["support"] == (truth == i).sum()
        for letter, name in (("a", "m2"), ("b", "m0")):
            assert row[f"recall_{letter}"] == pytest.approx(scores[name][1][i])
            assert row[f"f1_{letter}"] == pytest.approx(scores[name][2][i])
        assert row["recall_difference"] == row["recall_a"] - row["recall_b"]
        assert row["right_only_a"] == ((truth == i) & (said["m2"] == i) & (said["m0"] != i)).sum()
        assert row["right_only_b"] == ((truth == i) & (said["m0"] == i) & (said["m2"] != i)).sum()
    surplus = (table["right_only_a"] - table["right_only_b"]).abs().to_list()
    assert surplus == sorted(surplus, reverse=True)
