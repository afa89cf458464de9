"""Bare arrays, columns of vectors and tables of metadata: the same numbers as one table of profiles."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import fastbench as fb
from fastbench.engine.errors import InputError
from fastbench.engine.map.job import run_map
from fastbench.engine.map.options import MapOptions
from tests.cli.running import call

N, D = 24, 5
RULE = {"pos_sameby": "drug", "neg_diffby": "drug"}


@pytest.fixture(scope="module")
def vectors():
    return np.random.default_rng(0).normal(size=(N, D)).astype(np.float32)


@pytest.fixture(scope="module")
def table():
    """Two plates of twelve wells, four drugs."""
    return pl.DataFrame(
        {
            "Plate": ["001", "002"] * 12,
            "Well": [f"{'ABC'[i // 8]}{i % 8 // 2 + 1:02d}" for i in range(N)],
            "drug": list("abcd") * 6,
            "dose": [0.5, 1, 2] * 8,
        }
    )


@pytest.fixture(scope="module")
def expected(vectors, table):
    named = pl.DataFrame(vectors, schema=[f"f{i}" for i in range(D)])
    found = fb.map(pl.concat([table, named], how="horizontal"), **RULE, group_by="drug,dose", progress_bar=False)
    return found.tables["map"]


def scored(*paths, **more):
    return run_map(MapOptions(profiles=tuple(map(str, paths)), **{**RULE, "group_by": "drug,dose"}, **more))


def refused(said, *paths, **more):
    with pytest.raises(InputError, match=said):
        scored(*paths, **more)


WRITERS = {
    "csv": lambda frame, path: frame.write_csv(path),
    "tsv": lambda frame, path: frame.write_csv(path, separator="\t"),
    "parquet": lambda frame, path: frame.write_parquet(path),
    "arrow": lambda frame, path: frame.write_ipc(path),
}


def saved(frame, path):
    WRITERS[path.suffix[1:]](frame, path)
    return str(path)


# --- by position ---


@pytest.mark.parametrize("ending", list(WRITERS))
def test_rows_of_a_table_are_those_of_an_array(tmp_path, vectors, table, expected, ending):
    np.save(tmp_path / "e.npy", np.asfortranarray(vectors))
    found = scored(tmp_path / "e.npy", metadata=saved(table, tmp_path / f"t.{ending}"))
    assert found.groups.equals(expected)
    more = {"metadata": str(tmp_path / f"t.{ending}"), "group_by": "drug,dose", "progress_bar": False}
    assert fb.map(tmp_path / "e.npy", **RULE, **more).tables["map"].equals(expected)
    assert any(f"The 24 rows of '{tmp_path / f't.{ending}'}' are those of" in note for note in found.notes)
    assert [source.path for source in found.sources] == [str(tmp_path / "e.npy"), str(tmp_path / f"t.{ending}")]
    assert found.average_precision["Plate"].to_list() == table["Plate"].to_list()  # 001 is no number


@pytest.mark.parametrize("dtype", ["f8", ">f4", "f2", "i2"])
def test_arrays_of_every_number_are_read(tmp_path, vectors, table, dtype):
    rounded = np.round(vectors * 8).astype(dtype)
    np.save(tmp_path / "e.npy", rounded[:, np.newaxis])
    meta = saved(table, tmp_path / "t.csv")
    found = scored(tmp_path / "e.npy", metadata=meta)
    same = fb.map(table, rounded.astype(np.float32), **RULE, group_by="drug,dose", progress_bar=False)
    assert found.groups.equals(same.tables["map"])


@pytest.mark.parametrize("arrays", [{}, {"vectors": None}, {"embeddings": None, "other": np.ones((3, 3))}])
def test_the_array_of_an_npz_is_found(tmp_path, vectors, table, expected, arrays):
    arrays = {name: vectors if value is None else value for name, value in arrays.items()}
    np.savez(tmp_path / "e.npz", **arrays) if arrays else np.savez_compressed(tmp_path / "e.npz", vectors)
    assert scored(tmp_path / "e.npz", metadata=saved(table, tmp_path / "t.csv")).groups.equals(expected)


def test_an_array_is_chosen_among_several(tmp_path, vectors, table, expected):
    np.savez(tmp_path / "e.npz", one=vectors, two=vectors[:, :2])
    meta = saved(table, tmp_path / "t.csv")
    refused(r"2 arrays of vectors: choose one with --embedding one\|two", tmp_path / "e.npz", metadata=meta)
    refused("did you mean 'one'", tmp_path / "e.npz", metadata=meta, embedding="One")
    assert scored(tmp_path / "e.npz", metadata=meta, embedding="one").groups.equals(expected)


def test_arrays_and_tables_that_do_not_go_together_are_refused(tmp_path, vectors, table):
    np.save(tmp_path / "e.npy", vectors)
    np.save(tmp_path / "f.npy", vectors)
    meta = saved(table, tmp_path / "t.csv")
    refused("does not say what its rows are: give a table with --metadata", tmp_path / "e.npy")
    refused("e.npy' has 24 rows but .* has 23", tmp_path / "e.npy", metadata=saved(table.head(23), tmp_path / "s.csv"))
    refused("by position with one array alone", tmp_path / "e.npy", tmp_path / "f.npy", metadata=meta)
    refused("did you mean 't.csv'", tmp_path / "e.npy", metadata=str(tmp_path / "T.csv"))
    refused("are the two files exchanged", tmp_path / "e.npy", metadata=str(tmp_path / "f.npy"))
    refused("leave --embedding 'x' out", tmp_path / "e.npy", metadata=meta, embedding="x")
    refused("leave --features out", tmp_path / "e.npy", metadata=meta, features="Embedding")
    refused("is not AnnData", tmp_path / "e.npy", metadata=meta, obsm="X_pca")
    with pytest.raises(InputError, match="--key names columns of --metadata"):
        MapOptions(profiles=("e.npy",), key="Well", **RULE)
    for name, odd in (("flat", vectors[:, 0]), ("deep", np.ones((N, 2, 3))), ("complex", vectors * 1j)):
        np.save(tmp_path / f"{name}.npy", odd)
        refused("vector", tmp_path / f"{name}.npy", metadata=meta)
    np.save(tmp_path / "p.npy", np.array([{}] * N), allow_pickle=True)
    refused("pickled objects", tmp_path / "p.npy", metadata=meta)
    whole = (tmp_path / "e.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(whole[:-20])
    refused("is damaged: its header announces", tmp_path / "cut.npy", metadata=meta)
    np.save(tmp_path / "nan.npy", np.where(vectors > 2, np.nan, vectors))
    refused("--missing drop-features", tmp_path / "nan.npy", metadata=meta)


def test_the_command_line_says_so_in_one_sentence(tmp_path, vectors, table):
    np.save(tmp_path / "e.npy", vectors)
    rule = ("--pos-sameby", "drug", "--neg-diffby", "drug", "--output", tmp_path / "out")
    done = call("map", tmp_path / "e.npy", *rule, "--quiet")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"fastbench: '{tmp_path / 'e.npy'}' does not say what its rows are: give a table with --metadata (csv, tsv, "
        "parquet or arrow), with a row for each of them in their order."
    ]
    meta = saved(table.with_columns(pl.lit(None).alias("target"), pl.lit(None).alias("batch")), tmp_path / "t.csv")
    fills = ("--fill", "target=none", "--fill", "batch=1")
    done = call("map", tmp_path / "e.npy", "--metadata", meta, *fills, *rule, "--quiet")
    assert done.returncode == 0, done.stderr
    assert "note: --fill 'target=none' filled 24 of 24 rows." in done.stdout
    assert "note: --fill 'batch=1' filled 24 of 24 rows." in done.stdout


# --- columns beside the vectors, and keys ---


def test_arrays_beside_the_vectors_are_metadata(tmp_path, vectors, table, expected):
    columns = {s.name: np.array(s.to_list()) for s in table}
    columns["Well"] = np.char.encode(columns["Well"], "utf-8")
    np.savez(tmp_path / "e.npz", embeddings=vectors, model=np.array("x"), odd=np.array([{}] * N), **columns)
    found = scored(tmp_path / "e.npz")
    assert found.groups.equals(expected)
    assert found.average_precision["Well"].to_list() == table["Well"].to_list()
    said = "\n".join(found.notes)
    assert "arrays of pickled objects, which are never read, were left out: 'odd'" in said
    assert "arrays without one value for each of its 24 rows were left out: 'model'" in said


def test_rows_are_joined_by_keys_in_any_usual_spelling(tmp_path, vectors, table, expected):
    wells = np.array([f"{well[0].lower()}{int(well[1:])}" for well in table["Well"]])
    np.savez(tmp_path / "e.npz", embeddings=vectors, plate_id=np.array(table["Plate"].to_list()), well=wells)
    other = table.rename({"Plate": "Metadata_Plate", "Well": "Metadata_Well"}).sample(fraction=1, shuffle=True, seed=1)
    meta = saved(other, tmp_path / "t.csv")
    refused(r"columns of their own \('plate_id', 'well'\): name those", tmp_path / "e.npz", metadata=meta)
    found = scored(tmp_path / "e.npz", metadata=meta, key="plate,well")
    assert found.groups.equals(expected)
    assert any("joined by plate, well: 24 of 24 rows have one." in note for note in found.notes)
    assert found.average_precision["Metadata_Well"].to_list() == table["Well"].to_list()


def test_rows_without_a_partner_are_told(tmp_path, vectors, table):
    path = tmp_path / "e.parquet"
    x = pl.DataFrame(vectors, schema=[f"f{i}" for i in range(D)])
    pl.concat([table.select("Plate", "Well"), x], how="horizontal").write_parquet(path)
    some = pl.concat([table.tail(20), table.head(1).with_columns(pl.lit("H12").alias("Well"))])
    found = scored(path, metadata=saved(some, tmp_path / "t.csv"), key="Plate,Well")
    assert any(
        "20 of 24 rows have one, and 4 that have none were left out. 1 row of the table belongs to no profile." in note
        for note in found.notes
    )
    same = fb.map(table.tail(20), vectors[4:], **RULE, group_by="drug,dose", progress_bar=False)
    assert found.groups.equals(same.tables["map"])


def test_keys_that_do_not_fit_are_refused(tmp_path, vectors, table):
    np.savez(tmp_path / "e.npz", embeddings=vectors, Well=np.array(table["Well"].to_list()), dose=np.arange(N))
    meta = saved(table, tmp_path / "t.csv")
    refused("whose Well come more than once, such as 'A01'", tmp_path / "e.npz", metadata=meta, key="Well")
    refused("The profiles have no column 'Plate'", tmp_path / "e.npz", metadata=meta, key="Plate,Well")
    one = table.unique("Well", maintain_order=True)
    wells = saved(one, tmp_path / "w.csv")
    refused(
        r"Column 'dose' of '.*' has other values .* in 23 of 24 rows", tmp_path / "e.npz", metadata=wells, key="Well"
    )
    other = saved(one.with_columns(pl.lit("H12").alias("Well")).head(1), tmp_path / "o.csv")
    refused("No row of the profiles has its Well in", tmp_path / "e.npz", metadata=other, key="Well")


def test_numbers_and_text_are_one_key(tmp_path, vectors, table, expected):
    numbered = table.with_columns(pl.int_range(N, dtype=pl.Int64).alias("image"))
    for i, values in enumerate((np.arange(N), np.arange(N, dtype=np.float32), np.arange(N).astype(str))):
        np.savez(tmp_path / f"{i}.npz", embeddings=vectors, image=values)
        meta = saved(numbered, tmp_path / f"{i}.parquet")
        assert scored(tmp_path / f"{i}.npz", metadata=meta, key="image").groups.equals(expected)


# --- columns of vectors ---


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
@pytest.mark.parametrize("fixed", [True, False])
def test_a_column_of_vectors_is_found(tmp_path, vectors, table, expected, ending, fixed):
    dtype = pl.Array(pl.Float32, D) if fixed else pl.List(pl.Float32)
    path = tmp_path / f"e.{ending}"
    frame = table.with_columns(pl.Series("vector", vectors.tolist(), dtype=dtype))
    saved(frame, path)
    found = scored(path)
    assert found.groups.equals(expected)
    assert any("the vectors are the column 'vector', of 5 numbers; the others are metadata" in n for n in found.notes)
    in_memory = fb.map(frame, **RULE, group_by="drug,dose", progress_bar=False)
    assert in_memory.tables["map"].equals(expected)


def test_a_column_of_vectors_is_chosen_among_several(tmp_path, vectors, table, expected):
    frame = table.with_columns(
        pl.Series("one", vectors.tolist()), pl.Series("two", vectors[:, :2].tolist()), pl.Series("n", range(N))
    )
    path = saved(frame, tmp_path / "e.parquet")
    refused(r"2 columns of vectors: choose one with --embedding one\|two", path)
    refused("no column 'three', which --embedding names", path, embedding="three")
    refused("--embedding 'n' holds no lists of numbers", path, embedding="n")
    assert scored(path, embedding="one").groups.equals(expected)
    assert (
        fb.map(frame, embedding="one", **RULE, group_by="drug,dose", progress_bar=False).tables["map"].equals(expected)
    )
    refused("is for Parquet, Arrow and .npz", saved(table, tmp_path / "t.csv"), embedding="one")


def test_vectors_of_several_lengths_and_missing_ones_are_refused_in_short_sentences(tmp_path, vectors, table):
    lists = vectors.tolist()
    refused(
        "have 4, 5 numbers", saved(table.with_columns(v=pl.Series([lists[0][:4], *lists[1:]])), tmp_path / "a.parquet")
    )
    gone = saved(table.with_columns(v=pl.Series([None, *lists[1:]])), tmp_path / "b.parquet")
    refused("1 of 24 rows have no vector in 'v'", gone)


def test_a_list_that_a_rule_names_is_no_vector(tmp_path, vectors, table):
    frame = table.with_columns(pl.Series("targets", [[1, 2], [2], [1]] * 8))
    named = pl.concat([frame, pl.DataFrame(vectors, schema=list("vwxyz"))], how="horizontal")
    asked = {"pos_sameby": "targets", "neg_diffby": "targets", "multilabel": "targets"}
    found = run_map(MapOptions(profiles=(saved(named, tmp_path / "e.parquet"),), **asked))
    assert found.feature_names == tuple("vwxyz")


def test_what_is_for_files_alone_is_refused_in_memory(vectors, table):
    with pytest.raises(InputError, match="metadata= is for files"):
        fb.map(table, vectors, metadata="t.csv", **RULE)
    with pytest.raises(InputError, match="embedding='x' is for a table with a column of vectors"):
        fb.map(table, vectors, embedding="x", **RULE)
