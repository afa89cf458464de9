"""Relabelling where lists are ranked once for all draws, against counting what outranks each row."""

import numpy as np
import polars as pl
import pytest

import fastbench as fb
from fastbench.engine.retrieval.relabelling import labels, ranks

RULES = {"one block": (["t"], [], [], ["t"]), "plates": (["t", "plate"], [], ["plate"], ["t"])}


def relabelled(meta, x, rule, queries):
    columns = ["t", *rule[2]]
    ap = fb.average_precision(meta, x, *rule, queries=queries, progress_bar=False)
    data = fb.Relabelling(meta, x, *rule, queries=queries)
    return fb.mean_average_precision(
        ap, columns if rule[2] else ["t"], 3_000, 0.05, 0, null="permutation", relabelling=data, progress_bar=False
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("same", [0, 30])
def test_ranked_lists_give_the_counted_p_values(rule, same, monkeypatch):
    rng = np.random.default_rng(4)
    n = 150
    # a label stands on one plate, so that its sets lie in one block
    t = rng.integers(0, 12, n)
    meta = pl.DataFrame({"t": [f"t{i}" for i in t], "plate": [f"p{i % 2}" for i in t]})
    x = rng.normal(size=(n, 6)) + 0.5 * (t[:, None] == np.arange(6))
    x[:same] = x[same : 2 * same]  # equal rows tie in the lists of others
    queries = rng.random(n) < 0.9
    monkeypatch.setattr(labels, "COUNTED", 0)
    used = []
    plain = ranks.PlainRanks.sums

    def watched(self, *arguments):
        used.append((self.place >= 0).sum())
        return plain(self, *arguments)

    monkeypatch.setattr(ranks.PlainRanks, "sums", watched)
    ranked = relabelled(meta, x, RULES[rule], queries)
    assert len(used)
    assert (max(used) == queries.sum()) == (same == 0)
    monkeypatch.setattr(ranks, "_PAIRS", 300)
    monkeypatch.setattr(ranks, "_SETS", 7)
    np.testing.assert_array_equal(relabelled(meta, x, RULES[rule], queries)["p_value"], ranked["p_value"])
    monkeypatch.setattr(ranks.PlainRanks, "fit", lambda *_: False)
    before = len(used)
    counted = relabelled(meta, x, RULES[rule], queries)
    assert len(used) == before
    np.testing.assert_array_equal(ranked["p_value"], counted["p_value"])
