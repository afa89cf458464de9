"""Labels to codes: crosswalk, replaced ids, names, and the policies for what lies outside the universe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.engine.errors import InputError
from fastbench.engine.fmeasure.ontology.ontology import Ontology
from fastbench.engine.fmeasure.runs.crosswalks import read_crosswalk
from fastbench.engine.fmeasure.runs.labels import (
    LabelCounts,
    Policy,
    apply_label_policy,
    code_labels,
)
from fastbench.engine.fmeasure.runs.universe import Universe, universe_of
from fastbench.engine.readers.cells import LabelColumn

IDS = ["CL:0000000", "CL:1", "CL:2", "CL:3"]
NAMES = {"CL:0000000": "cell", "CL:1": "one", "CL:2": "two", "CL:3": "three"}


@pytest.fixture(scope="module")
def universe() -> Universe:
    ontology = Ontology.from_edges(
        IDS,
        [("CL:1", IDS[0]), ("CL:2", "CL:1"), ("CL:3", "CL:1")],
        names=NAMES,
        replaced={"CL:9": "CL:2"},
        source="cl.obo",
    )
    return Universe(ontology.terms, ontology)


def column(labels: list[str | None]) -> LabelColumn:
    values = tuple(dict.fromkeys(label for label in labels if label is not None))
    return LabelColumn(np.array([-1 if x is None else values.index(x) for x in labels], np.int32), values)


def outcome(
    truth: list[str | None], predicted: list[list[str | None]], universe: Universe, policy: Policy
) -> tuple[list[int], list[list[int]], LabelCounts]:
    ranks = [code_labels(column(rank), universe, policy) for rank in predicted]
    codes, predictions, _, counts = apply_label_policy(
        code_labels(column(truth), universe, policy), ranks, universe, policy, "runs/a", ("truth", "name_1")
    )
    return codes.tolist(), predictions.tolist(), counts


def test_labels_find_their_codes(universe: Universe) -> None:
    policy = Policy(crosswalk={"T cell": "CL:3"})
    found = code_labels(column(["CL:2", "T cell", "CL:9", "CL:0000000", "nan", None, "T cell"]), universe, policy)
    assert found.codes.tolist() == [2, 3, 2, 0, 4, 4, 3]
    assert (found.missing, found.mapped, found.replaced) == (1, 2, 1)
    assert found.unknown == {"nan": 1}


def test_unknown_labels_come_by_frequency_and_only_where_they_occur(universe: Universe) -> None:
    labels = LabelColumn(np.array([0, 1, 1, 1, 2], np.int32), ("b", "a", "CL:1", "never used"))
    assert list(code_labels(labels, universe, Policy()).unknown.items()) == [("a", 3), ("b", 1)]


def test_names_instead_of_ids(universe: Universe) -> None:
    assert code_labels(column(["two", "CL:2"]), universe, Policy(match="name")).codes.tolist() == [2, 4]
    with pytest.raises(InputError, match="these hold an id and more: write the id alone"):
        outcome(["CL:1"], [["one (CL:1)"]], universe, Policy())
    with pytest.raises(InputError, match="did you mean 'one'"):
        outcome(["one"], [["on_e"]], universe, Policy(match="name"))
    alike = Ontology.from_edges(
        ["CL:0000000", "CL:1", "CL:2"], [], names={"CL:1": "same", "CL:2": "same"}, source="x.obo"
    )
    with pytest.raises(InputError, match=r"x\.obo: The labels CL:1 and CL:2 share the name 'same'"):
        code_labels(column(["same"]), Universe(alike.terms, alike), Policy(match="name"))


def test_error_says_directory_column_and_values(universe: Universe) -> None:
    with pytest.raises(InputError) as caught:
        outcome(["CL:1", "weird", None], [["CL:1", "unknown", "unknown"]], universe, Policy())
    said = str(caught.value)
    assert said.startswith("runs/a: Column 'truth' has 1 label outside the 4 known ones in 1 cell ('weird')")
    assert "Column 'truth' has no label in 1 cell" in said
    assert "Column 'name_1' has 1 label outside the 4 known ones in 2 cells ('unknown')" in said
    assert "--unknown" in said
    with pytest.raises(InputError, match="these are names, not ids: --match name"):
        outcome(["two"], [["CL:1"]], universe, Policy())


TRUTH = ["CL:1", "CL:1", "weird", "CL:2", None, "CL:3"]
CALLS = [["CL:1", "odd", "CL:2", None, "CL:1", "CL:0000000"], ["CL:2", "CL:1", "CL:1", "CL:2", "CL:1", "odd"]]


@pytest.mark.parametrize(
    ("policy", "codes", "predictions", "counts"),
    [
        (Policy("drop"), [1, 3], [[1, 0], [2, 4]], (6, 2, 4, 0)),
        (Policy("miss"), [1, 1, 2, 3], [[1, 4, 4, 0], [2, 1, 2, 4]], (6, 4, 2, 2)),
        (Policy("root"), [1, 1, 2, 3], [[1, 0, 0, 0], [2, 1, 2, 0]], (6, 4, 2, 0)),
        (Policy("miss", "miss"), [1, 1, 2, 3], [[1, 4, 4, 4], [2, 1, 2, 4]], (6, 4, 2, 3)),
        (Policy("drop", "drop"), [1], [[1], [2]], (6, 1, 5, 0)),
    ],
)
def test_policies(
    universe: Universe, policy: Policy, codes: list[int], predictions: list[list[int]], counts: tuple[int, ...]
) -> None:
    found = outcome(TRUTH, CALLS, universe, policy)
    assert found[:2] == (codes, predictions)
    label_counts = found[2]
    assert (label_counts.cells, label_counts.scored, label_counts.dropped, label_counts.without_prediction) == counts
    assert (label_counts.truth_unknown, label_counts.truth_missing) == (1, 1)
    assert (label_counts.predicted_unknown, label_counts.predicted_missing) == (1, 1)


def test_labels_outside_the_universe_at_later_ranks_harm_nobody(universe: Universe) -> None:
    assert outcome(["CL:1"], [["CL:2"], ["anything"]], universe, Policy())[1] == [[2], [4]]


def test_nothing_left_is_refused(universe: Universe) -> None:
    with pytest.raises(InputError, match="runs/a: None of the 2 cells is left to score under --unknown drop"):
        outcome(["odd", None], [["CL:1", "CL:1"]], universe, Policy("drop"))


def test_root_needs_a_root() -> None:
    plain = universe_of(column(["a", "b"]))[0]
    with pytest.raises(InputError, match="needs an ontology"):
        outcome(["a"], [[None]], plain, Policy("root"))


@given(
    st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1),
    st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz")),
)
def test_universe_without_an_ontology(labels: list[str | None], crosswalk: dict[str, str]) -> None:
    policy = Policy("miss", crosswalk=crosswalk)
    found, _ = universe_of(column(labels), (), crosswalk)
    assert found.labels == tuple(sorted({crosswalk.get(x, x) for x in labels if x is not None}))
    codes = code_labels(column(labels), found, policy).codes
    text = [*found.labels, None]
    assert [text[code] for code in codes] == [None if x is None else crosswalk.get(x, x) for x in labels]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b,c\n1,2,3\n", "must have two columns"),
        ("a,b\nx,\n", "has empty cells"),
        ("x,CL:0000084\ny,CL:0000236\n", "has no header: its first line, which begins with 'x', is a label"),
        ("x,CL_0000084\ny,CL_0000236\n", "add a header such as label,replacement"),
        ("a,b\nx,CL:1\nx,CL:2\ny,CL:1\n", "gives 1 label two meanings ('x')"),
    ],
)
def test_bad_crosswalks(content: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "map.csv"
    file.write_text(content)
    with pytest.raises(InputError) as caught:
        read_crosswalk(file)
    assert said in str(caught.value)
    with pytest.raises(InputError, match="There is no crosswalk"):
        read_crosswalk(tmp_path / "none.csv")


def test_crosswalk(tmp_path: Path) -> None:
    file = tmp_path / "map.tsv"
    file.write_text("label\tlevel_2\nx\tCL:1\nx\tCL:1\n001\tCL:2\n")
    assert read_crosswalk(file).meanings == {"x": "CL:1", "001": "CL:2"}


@pytest.mark.parametrize("bad", [{"unknown": "ignore"}, {"root_predictions": "root"}, {"match": "label"}])
def test_unknown_policies_are_refused(bad: dict[str, str]) -> None:
    with pytest.raises(InputError, match="must be one of"):
        Policy(**bad)  # type: ignore[arg-type]


def test_a_policy_for_roots_holds_at_all_ranks(universe: Universe) -> None:
    calls = [["CL:0000000", "CL:1"], ["CL:0000000", "CL:0000000"]]
    assert outcome(["CL:0000000", "CL:1"], calls, universe, Policy("miss", "miss"))[1] == [[4, 1], [4, 4]]
    assert outcome(["CL:0000000", "CL:1"], calls, universe, Policy("miss", "keep"))[1] == [[0, 1], [0, 0]]


def test_later_ranks_are_counted(universe: Universe) -> None:
    counts = outcome(["CL:1", "CL:2"], [["CL:2", "CL:1"], ["one", "CL:3"]], universe, Policy())[2]
    assert counts.later_unknown == 1


def test_hints_name_the_option_that_helps(universe: Universe) -> None:
    with pytest.raises(InputError, match="these are ids, not names: leave out --match name"):
        outcome(["CL:1"], [["one"]], universe, Policy(match="name"))
    alike = Ontology.from_edges(["CL:0000000", "CL:1", "CL:2"], [], names={"CL:1": "same", "CL:2": "same"})
    with pytest.raises(InputError, match="has 1 label outside") as caught:
        outcome(["odd"], [["CL:1"]], Universe(alike.terms, alike), Policy())
    assert "share the name" not in str(caught.value)
