"""Hierarchical counts and metrics against plain sets of ancestors."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.engine.fmeasure.confusion import Entries
from fastbench.engine.fmeasure.ontology.ontology import ROOT, Ontology, with_empty_row
from fastbench.engine.fmeasure.scores.hierarchical import (
    ancestor_matrix,
    cell_scores,
    information_content,
    node_class_counts,
    shared_ancestors,
)
from fastbench.engine.fmeasure.scores.metrics import averages, class_scores
from fastbench.kernels import dispatch

from ....examples import SOME

ROOM = dispatch.get_backend()
SEVEN_IDS = (ROOT, "A", "B", "C", "D", "E", "F")
SEVEN = Ontology.from_edges(
    SEVEN_IDS, [("A", ROOT), ("B", ROOT), ("C", "A"), ("D", "A"), ("D", "B"), ("F", "B"), ("E", "D")]
)
#: Root, 1 under it, 2 and 3 under 1, 4 under 3.
FIVE = Ontology.from_edges((ROOT, "1", "2", "3", "4"), [("1", ROOT), ("2", "1"), ("3", "1"), ("4", "3")])


def entries(cells, labels):
    """Entries of (truth, prediction, cells); the prediction None is "no prediction"."""
    place = {label: i for i, label in enumerate(labels)} | {None: len(labels)}
    rows, cols = ([place[each[at]] for each in cells] for at in (0, 1))
    return Entries(
        np.array(rows, np.int32), np.array(cols, np.int32), np.array([each[2] for each in cells]), len(labels)
    )


def scored(cells, ontology, labels=None, **options):
    labels = labels or ontology.terms
    bits, nodes = ontology.select(labels)
    return averages(node_class_counts(entries(cells, labels), bits, len(nodes), ROOM), classes="true", **options)


@st.composite
def problems(draw):
    """An ontology with several parents, roots and cycles at times, labels that it need not have, and cells."""
    n = draw(st.integers(1, 70))
    ids = draw(st.permutations([ROOT, *(f"T{i}" for i in range(1, n))]))
    one = st.sampled_from(ids)
    edges = draw(st.lists(st.tuples(one, one), max_size=2 * n))
    ontology = Ontology.from_edges(ids[: draw(st.integers(1, n))], edges)
    labels = draw(st.permutations([*ontology.terms, "X1", "X2"]))
    label = st.sampled_from(labels)
    cells = draw(st.lists(st.tuples(label, st.one_of(label, st.none()), st.integers(0, 9)), max_size=25))
    return ontology, edges, tuple(labels), cells


def ancestors(label, edges, ontology):
    """The set of ancestors by definition: reached over edges, the label itself too, the root not."""
    if label is None or label == ROOT:
        return set()
    found = {label}
    while label in ontology.terms and (more := {p for child, p in edges if child in found} - found):
        found |= more
    return found - {ROOT}


@given(problems(), st.sampled_from([0, 1]))
@SOME
def test_counts_and_metrics_by_definition(problem, zero):
    ontology, edges, labels, cells = problem
    bits, nodes = ontology.select(labels)
    counts = node_class_counts(entries(cells, labels), bits, len(nodes), ROOM)
    sets = {label: ancestors(label, edges, ontology) for label in (*labels, None)}
    of_nodes = {
        node: (
            sum(m for t, p, m in cells if node in sets[t] & sets[p]),
            sum(m for t, _, m in cells if node in sets[t]),
            sum(m for _, p, m in cells if node in sets[p]),
        )
        for node in nodes
    }
    assert list(zip(counts.hits, counts.support, counts.predicted, strict=True)) == list(of_nodes.values())

    found = averages(counts, classes="true", zero_division=zero)
    assert found["tp"] == sum(m * len(sets[t] & sets[p]) for t, p, m in cells)
    assert found["fp"] == sum(m * len(sets[p] - sets[t]) for t, p, m in cells)
    assert found["fn"] == sum(m * len(sets[t] - sets[p]) for t, p, m in cells)

    def over(a, b):
        return Fraction(a) / b if b > 0 else Fraction(zero)

    qualifying = [each for each in of_nodes.values() if each[1] > 0]
    precision = [over(hits, predicted) for hits, _, predicted in qualifying]
    recall = [over(hits, support) for hits, support, _ in qualifying]
    f1 = [over(2 * p * r, p + r) for p, r in zip(precision, recall, strict=True)]
    for name, values in (("precision", precision), ("recall", recall), ("f1", f1)):
        weighted = sum(support * value for (_, support, _), value in zip(qualifying, values, strict=True))
        total = sum(support for _, support, _ in qualifying)
        assert found[f"{name}_macro"] == pytest.approx(float(over(sum(values), len(values))), rel=1e-12)
        assert found[f"{name}_weighted"] == pytest.approx(float(over(weighted, total)), rel=1e-12)


@given(problems(), st.randoms(use_true_random=False))
@SOME
def test_weights_may_be_fractions(problem, random):
    ontology, _, labels, cells = problem
    bits, nodes = ontology.select(labels)
    plain = node_class_counts(entries(cells, labels), bits, len(nodes), ROOM)
    quarter = [(t, p, m / 4) for t, p, m in cells]
    random.shuffle(quarter)
    weighted = node_class_counts(entries(quarter, labels), bits, len(nodes), ROOM)
    for name in ("hits", "support", "predicted"):
        np.testing.assert_array_equal(4 * getattr(weighted, name), getattr(plain, name))


@given(problems())
@SOME
def test_sparse_ancestors(problem):
    ontology, edges, labels, cells = problem
    bits, nodes = ontology.select(labels)
    above = ancestor_matrix(bits, len(nodes))
    sets = [ancestors(label, edges, ontology) for label in (*labels, None)]
    assert above.shape == (len(labels) + 1, len(nodes))
    assert [{nodes[v] for v in row.indices} for row in above] == sets
    found = entries(cells, labels)
    shared = shared_ancestors(found, above)
    expected = [sets[t] & sets[p] for t, p in zip(found.rows, found.cols, strict=True)]
    assert [{nodes[v] for v in row.indices} for row in shared] == expected
    assert set(shared.data) <= {1.0}


@given(problems())
@SOME
def test_scores_of_single_cells(problem):
    ontology, edges, labels, cells = problem
    bits, _ = ontology.select(labels)
    found = cell_scores(entries(cells, labels), bits, ROOM)
    n = sum(m for _, _, m in cells)
    if n == 0:
        assert all(np.isnan(value) for value in found.values())
        return
    sums = np.zeros(3)
    for t, p, m in cells:
        true, predicted = ancestors(t, edges, ontology), ancestors(p, edges, ontology)
        shared = len(true & predicted)
        sizes = (len(predicted), len(true), (len(true) + len(predicted)) / 2)
        sums += m * np.array([1.0 if t == p else shared / size if size else 0.0 for size in sizes])
    names = ["h_precision_per_cell", "h_recall_per_cell", "h_f1_per_cell"]
    assert [found[name] for name in names] == pytest.approx(list(sums / n), rel=1e-12)


def test_seven_nodes():
    cells = [
        ("E", "E", 4),
        ("E", "D", 3),
        ("C", "D", 2),
        ("D", "C", 1),
        ("F", "B", 2),
        ("F", "F", 5),
        ("B", ROOT, 1),
        (ROOT, "A", 1),
        (ROOT, ROOT, 1),
    ]
    bits, nodes = SEVEN.select(SEVEN_IDS)
    counts = node_class_counts(entries(cells, SEVEN_IDS), bits, len(nodes), ROOM)
    np.testing.assert_array_equal(counts.hits, [0, 10, 14, 0, 7, 4, 5])
    np.testing.assert_array_equal(counts.support, [0, 10, 16, 2, 8, 7, 7])
    np.testing.assert_array_equal(counts.predicted, [0, 11, 16, 1, 9, 4, 5])
    f1 = class_scores(counts)[2][1:]
    expected = [Fraction(20, 21), Fraction(7, 8), 0, Fraction(14, 17), Fraction(8, 11), Fraction(5, 6)]
    assert list(f1) == pytest.approx([float(value) for value in expected], rel=1e-15)
    found = averages(counts, classes="true")
    of_all = {
        "tp": 40,
        "fp": 6,
        "fn": 10,
        "precision_micro": Fraction(20, 23),
        "recall_micro": Fraction(4, 5),
        "f1_micro": Fraction(5, 6),
        "f1_macro": Fraction(14701, 20944),
        "precision_macro": Fraction(3613, 4752),
        "recall_macro": Fraction(113, 168),
        "precision_weighted": Fraction(2144, 2475),
        "recall_weighted": Fraction(4, 5),
        "f1_weighted": Fraction(107433, 130900),
    }
    for name, value in of_all.items():
        assert found[name] == pytest.approx(float(value), rel=1e-15), name


def test_four_cells():
    found = scored([(t, p, 1) for t, p in zip("DFCE", "CBCD", strict=True)], SEVEN)
    expected = {
        "tp": 7,
        "fp": 1,
        "fn": 4,
        "precision_micro": Fraction(7, 8),
        "recall_micro": Fraction(7, 11),
        "f1_micro": Fraction(14, 19),
        "f1_macro": Fraction(47, 90),
        "precision_macro": Fraction(7, 12),
        "recall_macro": Fraction(19, 36),
        "precision_weighted": Fraction(17, 22),
        "f1_weighted": Fraction(37, 55),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(float(value), rel=1e-15), name


def test_five_terms():
    found = scored([("2", "2", 2), ("3", "2", 1)], FIVE)
    assert (found["tp"], found["fp"], found["fn"]) == (5, 1, 1)
    values = [found[name] for name in ("precision_micro", "recall_micro", "f1_micro", "f1_macro")]
    assert values == pytest.approx([5 / 6, 5 / 6, 5 / 6, 0.6], rel=1e-15)
    assert found["precision_macro"] == pytest.approx(5 / 9, rel=1e-15)
    assert found["recall_macro"] == pytest.approx(2 / 3, rel=1e-15)
    assert scored([("2", "3", 1), ("3", "2", 1)], FIVE)["f1_macro"] == pytest.approx(1 / 3, rel=1e-15)
    found = scored([("2", "2", 1), ("3", "2", 1), ("4", "2", 1)], FIVE)
    assert (found["tp"], found["fp"], found["fn"]) == (4, 2, 3)


def test_labels_that_the_ontology_does_not_know():
    found = scored([("X1", "X1", 1), ("X1", "X2", 1), ("2", "X2", 1)], FIVE, (*FIVE.terms, "X1", "X2"))
    assert (found["tp"], found["fp"], found["fn"]) == (1, 2, 3)
    assert found["f1_macro"] == pytest.approx(2 / 9, rel=1e-15)


def test_root_as_truth_leaves_nothing_to_average():
    found = scored([(ROOT, ROOT, 3), (ROOT, "1", 1)], FIVE, zero_division=0.25)
    assert (found["tp"], found["fp"], found["fn"]) == (0, 1, 0)
    assert found["f1_macro"] == found["precision_weighted"] == found["recall_micro"] == 0.25
    assert found["precision_micro"] == 0.0


def test_information_content():
    support = np.array([8, 4, 1, 0])
    np.testing.assert_array_equal(information_content(support, 8), -np.log2((support + 1) / 9))
    assert not np.signbit(information_content(support, 8)).any()


def test_padding_is_an_empty_row():
    bits, _ = SEVEN.select(SEVEN_IDS)
    assert not with_empty_row(bits)[-1].any()
    assert len(with_empty_row(bits)) == 8
