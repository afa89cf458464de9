"""The numbers of a result folder: worked by hand, of groups and ranks, on every device."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from fastbench.engine.errors import InputError
from fastbench.engine.fmeasure.scores.options import ReportOptions

from .dag import (
    CALLS_3,
    HIERARCHICAL,
    IDS,
    TRUTH_3,
    A,
    B,
    C,
    D,
    E,
    F,
    R,
    resource,
    write_run,
    write_truth,
)
from .scoring import close, score, step, table


def test_hand_worked_numbers(runs: Path, tmp_path: Path) -> None:
    score(runs, tmp_path / "out")
    flat = table(tmp_path / "out" / "f_measure_per_group.csv").to_dicts()[0]
    assert flat["group_name"] == "model"
    close(
        flat,
        {
            "tp_k1": 10,
            "fp_k1": 10,
            "fn_k1": 10,
            "f1_micro_k1": Fraction(1, 2),
            "precision_macro_k1": Fraction(5, 14),
            "recall_macro_k1": Fraction(25, 98),
            "f1_macro_k1": Fraction(68, 231),
            "precision_weighted_k1": Fraction(3, 4),
            "recall_weighted_k1": Fraction(1, 2),
            "f1_weighted_k1": Fraction(787, 1320),
        },
    )
    hierarchical = table(tmp_path / "out" / "hierarchical_f_measure_per_sample.csv").to_dicts()[0]
    close(hierarchical, HIERARCHICAL)
    nodes = {row["node"]: row for row in table(tmp_path / "out" / "per_node.csv").to_dicts()}
    assert {n: (r["tp"], r["fp"], r["fn"], r["support"]) for n, r in nodes.items()} == {
        A: (10, 1, 0, 10),
        B: (14, 2, 2, 16),
        C: (0, 1, 2, 2),
        D: (7, 2, 1, 8),
        E: (4, 0, 3, 7),
        F: (5, 0, 2, 7),
    }
    close(nodes[D], {"precision": Fraction(7, 9), "recall": Fraction(7, 8), "f1": Fraction(14, 17)})


def test_hand_worked_top_k(tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "truth.h5ad", TRUTH_3)
    write_run(tmp_path / "runs" / "one", truth, CALLS_3, order=[2, 0, 3, 1])
    score(tmp_path / "runs", tmp_path / "out", f_measure_top_k=3)
    row = table(tmp_path / "out" / "f_measure_per_sample.csv").to_dicts()[0]
    expected = {
        1: (1, 3, "1/4", "2/15", "1/10", "1/5", "1/8", "1/6"),
        2: (2, 2, "1/2", "1/3", "3/10", "2/5", "3/8", "5/12"),
        3: (3, 1, "3/4", "2/3", "5/8", "3/4", "5/8", "2/3"),
    }
    names = ("tp", "fp", "f1_micro", "f1_macro", "precision_macro", "recall_macro", "precision_weighted", "f1_weighted")
    for k, values in expected.items():
        close(row, {f"{name}_k{k}": Fraction(value) for name, value in zip(names, values, strict=True)})
        assert row[f"recall_weighted_k{k}"] == row[f"f1_micro_k{k}"]
    h = table(tmp_path / "out" / "hierarchical_f_measure_per_group.csv").to_dicts()[0]
    close(
        h,
        {
            "h_tp": 7,
            "h_fp": 1,
            "h_fn": 4,
            "h_f1_micro": Fraction(14, 19),
            "h_f1_macro": Fraction(47, 90),
            "h_precision_macro": Fraction(7, 12),
            "h_recall_macro": Fraction(19, 36),
            "h_precision_weighted": Fraction(17, 22),
            "h_f1_weighted": Fraction(37, 55),
        },
    )


def test_groups_by_a_column_of_obs_add_up(runs: Path, tmp_path: Path) -> None:
    by_donor = ReportOptions(bootstrap=0, figures=False, group_by=("model_name", "donor"))
    score(runs, tmp_path / "out", by_donor)
    groups = table(tmp_path / "out" / "f_measure_per_group.csv")
    assert groups["group_name"].to_list() == ["model | x", "model | y"]
    assert groups["tp_k1"].sum() == 10
    assert (groups["tp_k1"] + groups["fn_k1"]).to_list() == [9, 11]
    with pytest.raises(InputError, match="has no column 'donr'; did you mean 'donor'"):
        score(runs, tmp_path / "out2", ReportOptions(bootstrap=0, figures=False, group_by=("donr",)))


@pytest.mark.slow
def test_every_device_gives_the_same_tables(tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "truth.h5ad", TRUTH_3)
    write_run(tmp_path / "runs" / "one", truth, CALLS_3, scores=[0.9, 0.5, 0.7, 0.2])
    found = []
    for device in ("cpu", "cpu-xla", "reference"):
        report = ReportOptions(bootstrap=20, figures=False, device=device)
        score(tmp_path / "runs", tmp_path / device, report, f_measure_top_k=3, device=device)
        files = sorted((tmp_path / device).glob("*.csv"))
        found.append({path.name: path.read_bytes() for path in files})
    assert found[0] == found[1] == found[2]
    assert len(found[0]) >= 10


def test_distance_and_single_numbers(tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "truth.h5ad", [E, E, C, R])
    write_run(tmp_path / "runs" / "one", truth, [(E,), (D,), (F,), (R,)])
    score(tmp_path / "runs", tmp_path / "out")
    row = table(tmp_path / "out" / "summary_per_group.csv").to_dicts()[0]
    # 0 edges, 1 up; C up to A and the root, down to B and F: 4; 0.
    assert row["mean_ontology_distance"] == pytest.approx(5 / 4)
    assert row["accuracy"] == 0.5
    assert row["balanced_accuracy"] == pytest.approx((0.5 + 0 + 1) / 3)
    # Each cell by itself: 1; P = 1, R = 3/4; nothing shared; the root as the root counts as 1.
    assert row["h_f1_per_cell"] == pytest.approx((1 + 2 * 0.75 / 1.75 + 0 + 1) / 4)
    confusions = table(tmp_path / "out" / "top_confusions.csv").to_dicts()
    assert [(c["truth"], c["predicted"], c["distance"], c["relation"]) for c in confusions] == [
        (C, F, 4, "other"),
        (E, D, 1, "ancestor"),
    ]
    assert confusions[0]["lowest_common_ancestor"] == R


def test_very_many_ranks(tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "truth.h5ad", [D, F], donor=["x", "y"])
    calls = [[C] * 259 + [D] + [C], [C] * 255 + [F] + [C] * 5]
    write_run(tmp_path / "runs" / "one", truth, calls)
    report = ReportOptions(bootstrap=0, figures=False, group_by=("donor",))
    score(tmp_path / "runs", tmp_path / "out", report, f_measure_top_k=261)
    row = {r["group_name"]: r for r in table(tmp_path / "out" / "f_measure_per_group.csv").to_dicts()}
    assert [row["x"][f"tp_k{k}"] for k in (1, 4, 259, 260)] == [0, 0, 0, 1]
    assert [row["y"][f"tp_k{k}"] for k in (1, 255, 256, 261)] == [0, 0, 1, 1]


def test_an_ancestor_is_one_whatever_the_shortest_way(tmp_path: Path) -> None:
    # E hangs below D and, by a shortcut, below A, which is above D: the way from E to D over A is as short as D's own.
    children = {R: [A], A: [D, E], D: [F], F: [E]}
    truth = write_truth(tmp_path / "truth.h5ad", [E, D, E])
    write_run(tmp_path / "runs" / "one", truth, [(D,), (E,), (R,)], ontology=resource(children))
    score(tmp_path / "runs", tmp_path / "out")
    found = table(tmp_path / "out" / "top_confusions.csv").sort("truth", "predicted").to_dicts()
    assert [(c["truth"], c["predicted"], c["relation"], c["lowest_common_ancestor"]) for c in found] == [
        (D, E, "descendant", D),
        (E, R, "ancestor", R),
        (E, D, "ancestor", D),
    ]


def test_intervals_do_not_depend_on_the_order_of_samples(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for i in range(4):
        truth = write_truth(tmp_path / f"truth{i}.h5ad", rng.choice(IDS[1:], 30).tolist())
        write_run(tmp_path / "runs" / f"r{i}", truth, [(str(c),) for c in rng.choice(IDS[1:], 30)])
    report = ReportOptions(bootstrap=50, figures=False, bootstrap_by="sample")
    found = []
    for order in ([0, 1, 2, 3], [2, 0, 3, 1]):
        runs = tmp_path / "runs.txt"
        runs.write_text("\n".join(str(tmp_path / "runs" / f"r{i}") for i in order))
        score(runs, tmp_path / "out", report)
        found.append((tmp_path / "out" / "intervals.csv").read_bytes())
    step("hierarchical", tmp_path / "out", report)
    found.append((tmp_path / "out" / "intervals.csv").read_bytes())
    assert found[0] == found[1] == found[2]


def test_an_undefined_score_is_never_the_best(runs: Path, tmp_path: Path) -> None:
    write_run(runs / "root", tmp_path / "truth.h5ad", [(R,)] * 20, model="all root")
    report = ReportOptions(bootstrap=0, figures=False, zero_division=float("nan"))
    outcome = score(runs, tmp_path / "out", report)
    assert outcome.report is not None
    assert outcome.report.summary["group_name"].to_list() == ["model", "all root"]
    assert "NaN" not in (tmp_path / "out" / "summary_per_group.csv").read_text()


def test_the_five_term_numbers(tmp_path: Path) -> None:
    ids = IDS[:5]
    children = {ids[0]: [ids[1]], ids[1]: [ids[2], ids[3]], ids[3]: [ids[4]]}
    cases = {
        "equal": ([2, 2, 3], [(2, 1), (2, 1), (2, 1)]),
        "swapped": ([2, 3], [(3, 1), (2, 1)]),
        "ranks": ([2, 3, 4], [(2, 1), (2, 3), (2, 4)]),
    }
    for name, (true, calls) in cases.items():
        truth = write_truth(tmp_path / f"{name}.h5ad", [ids[t] for t in true])
        named = [tuple(ids[c] for c in each) for each in calls]
        write_run(tmp_path / "runs" / name, truth, named, model=name, ontology=resource(children, ids))
    score(tmp_path / "runs", tmp_path / "out", f_measure_top_k=2)
    h = {row["group_name"]: row for row in table(tmp_path / "out" / "hierarchical_f_measure_per_group.csv").to_dicts()}
    flat = {row["group_name"]: row for row in table(tmp_path / "out" / "f_measure_per_group.csv").to_dicts()}
    close(
        h["equal"],
        {
            "h_tp": 5,
            "h_fp": 1,
            "h_fn": 1,
            "h_f1_micro": Fraction(5, 6),
            "h_precision_micro": Fraction(5, 6),
            "h_f1_macro": Fraction(3, 5),
            "h_precision_macro": Fraction(5, 9),
            "h_recall_macro": Fraction(2, 3),
        },
    )
    close(h["swapped"], {"h_f1_macro": Fraction(1, 3)})
    close(h["ranks"], {"h_tp": 4, "h_fp": 2, "h_fn": 3})
    assert (flat["ranks"]["tp_k1"], flat["ranks"]["tp_k2"]) == (1, 3)
