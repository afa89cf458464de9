"""`fastbench.embed` of what is in memory: whose rows belong together, and which columns are no dimensions."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pytest

import fastbench as fb
from fastbench.engine.api.held_cells import held_cells

CELLS = [f"c{i}" for i in range(12)]
X = np.random.default_rng(0).normal(size=(12, 4)) + 3 * (np.arange(12) % 2)[:, None]
KIND = np.array(["a", "b"])[np.arange(12) % 2]
TURNED = np.arange(12)[::-1]
embed = partial(fb.embed, tasks=["embedding"], anchors="none", bootstrap=0, progress_bar=False)


def silhouettes(found: fb.Outcome) -> list[float]:
    return found.tables["results"].filter(pl.col("metric_type") == "silhouette_score")["value"].to_list()


def table(cells: list[str] | range = CELLS) -> pd.DataFrame:
    return pd.DataFrame(X, columns=[f"pc{i}" for i in range(4)], index=cells)


def test_rows_are_paired_by_the_index_where_all_have_its_values():
    (expected,) = silhouettes(embed(X, labels=KIND))
    kinds = pd.Series(KIND, CELLS)
    found = embed({"one": table(), "two": table().iloc[TURNED]}, labels=kinds.iloc[TURNED])
    assert silhouettes(found) == [expected, expected]
    assert sum("was brought into the order of embedding 'one'" in note for note in found.notes) == 2
    assert silhouettes(embed(table(), labels=pd.Categorical(KIND))) == [expected]
    numbered = embed(table(), labels=pd.Series(KIND))  # row numbers say nothing of cells
    assert silhouettes(numbered) == [expected]
    assert not any("index" in note for note in numbered.notes)
    assert silhouettes(embed(table(range(12)), labels=pd.Series(KIND).iloc[TURNED])) == [expected]
    for labels, sentence in (
        (kinds.rename(index=lambda name: name + "x"), "rows are of other cells"),
        (kinds.set_axis([*CELLS[:11], "c0"]), "rows are of other cells"),
    ):
        with pytest.raises(fb.InputError, match=sentence):
            embed(table(), labels=labels)
    with pytest.raises(fb.InputError, match="'batch' has no index"):
        embed(table(), labels=kinds.iloc[TURNED], batch=list(KIND))
    twice = table().set_axis([*CELLS[:11], "c0"])
    with pytest.raises(fb.InputError, match="come twice"):
        embed(twice, labels=pd.Series(KIND, twice.index).iloc[TURNED])


@pytest.mark.parametrize("made", [pd.DataFrame, pl.DataFrame, lambda given: pl.DataFrame(given).to_arrow()])
def test_a_column_of_the_table_is_no_dimension(made):
    given = made({f"pc{i}": X[:, i] for i in range(4)} | {"kind": KIND, "day": np.arange(12.0), "note": ["x"] * 12})
    held = held_cells(given, {"labels": "kind", "order": "day"}, (), "")
    np.testing.assert_array_equal(held.vectors["embedding"], X.astype(np.float32))
    assert held.table.columns == ["kind", "day"]
    assert "'note'" in held.notes[0]
    with pytest.raises(fb.InputError, match="labels='knd' is no column of the table; did you mean 'kind'"):
        held_cells(given, {"labels": "knd"}, (), "")


def test_missing_values_of_pandas_are_missing():
    kinds = pd.Series(KIND, dtype="string").where(np.arange(12) > 0)
    assert held_cells(X, {"labels": kinds}, (), "").table["labels"].null_count() == 1


def test_what_is_no_vector_is_said():
    counts = table().assign(n_counts=1000.0 * np.arange(12))
    notes = embed(counts, labels=KIND).notes
    assert any("'n_counts' is taken for vectors, but not named like" in note for note in notes)
    assert any("Feature 'n_counts' carries 100% of the mean squared length" in note for note in notes)
    copies = embed(np.vstack([X, X[:2]]), labels=[*KIND, *KIND[:2]]).notes
    assert any("2 cells have the very vector of another, such as rows 0 and 12" in note for note in copies)


def test_what_float32_does_not_hold_is_said():
    for offset in (1e6, 1e10):
        assert any("4 of 4 dimensions vary by less than 1e-4" in note for note in embed(X + offset, labels=KIND).notes)
    with pytest.raises(fb.InputError, match=r"e\+200 in row 0, and float32 holds at most"):
        embed((np.abs(X) + 1) * 1e200, labels=KIND)
