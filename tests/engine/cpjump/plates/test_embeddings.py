"""Embeddings in every format: joined to wells by plate and well, and told about where they do not fit."""

import errno
import gzip
import shutil

import h5py
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.engine.cpjump import BATCH, SUFFIX, Options, plan, simulate_plates, write_simulated
from fastbench.engine.cpjump.plates.embeddings import embedding_reader, plates_without_embeddings
from fastbench.engine.cpjump.plates.simulate_embeddings import write_simulated_embeddings
from fastbench.engine.cpjump.plates.wells import plate_reader, read_wells
from fastbench.engine.cpjump.score import score_run
from fastbench.engine.cpjump.tasks import REPLICABILITY
from fastbench.engine.errors import InputError

from ....examples import FEW
from . import embedding_writers as writers

pytestmark = [
    pytest.mark.filterwarnings("ignore:Writing zarr v2:UserWarning"),
    pytest.mark.filterwarnings("ignore:zarr v3 autosharding:UserWarning"),
    pytest.mark.filterwarnings("ignore:Consolidated metadata:UserWarning"),
]

CHOICE = {"cells": ("U2OS",), "timelines": ("short",)}
D = 24


@pytest.fixture(scope="module")
def configurations():
    """Plates of the three configurations of U2OS at the short times, by modality."""
    found = plan(Options(**CHOICE)).experiments.configurations()
    return {name.split("_")[0]: plates for name, plates in found.items()}


@pytest.fixture(scope="module")
def plates(configurations):
    return [plate for plates in configurations.values() for plate in plates]


@pytest.fixture(scope="module")
def drawn(plates):
    """Keys of all wells and their vectors, in eighths, which text and float32 hold exactly."""
    parts = [profiles for _, profiles in simulate_plates(3, D, plates)]
    keys = pl.concat([part.metadata.select("Metadata_Plate", "Metadata_Well") for part in parts])
    return keys, np.round(np.concatenate([part.features for part in parts]) * 8) / 8


@pytest.fixture(scope="module")
def profiles(tmp_path_factory, plates, drawn):
    """The same vectors as profile files."""
    folder = tmp_path_factory.mktemp("profiles")
    vectors = drawn[1].reshape(len(plates), 384, D)
    for path, values in zip(write_simulated(folder, n_features=2, plates=plates), vectors, strict=True):
        frame = pl.read_csv(path, infer_schema=False).drop("Simulated_0001", "Simulated_0002")
        columns = pl.DataFrame(values, schema=[f"Embedding_{i:04d}" for i in range(1, D + 1)])
        text = pl.concat([frame, columns], how="horizontal").write_csv()
        path.write_bytes(gzip.compress(text.encode(), compresslevel=1, mtime=0))
    return folder


@pytest.fixture(scope="module")
def from_files(configurations, profiles):
    """What is read of the profile files of each configuration."""
    read = plate_reader(Options(profiles=profiles))
    return {modality: read(chosen) for modality, chosen in configurations.items()}


def shuffled(drawn, seed=0):
    keys, vectors = drawn
    order = np.random.default_rng(seed).permutation(len(vectors))
    return keys[order], vectors[order]


FORMATS = {
    "folder": lambda path, keys, x: (writers.folder(path / "e", keys, x), {}),
    "batch": lambda path, keys, x: (writers.folder(path / "e", keys, x, BATCH), {}),
    "merged": lambda path, keys, x: (writers.merged(path / "e.h5", writers.named(keys), x), {}),
    "merged3": lambda path, keys, x: (writers.merged(path / "e.h5", writers.named(keys), x[:, None]), {}),
    "swapped": lambda path, keys, x: (
        writers.merged(path / "e.h5", writers.named(keys, "{plate}-r02c07-{well}"), x),
        {},
    ),
    "npy": lambda path, keys, x: (writers.array(path / "e.npy", x), {"keys": writers.key_table(path / "k.csv", keys)}),
    "columns": lambda path, keys, x: (
        writers.array(path / "e.npy", np.asfortranarray(x)),
        {"keys": writers.key_table(path / "k.parquet", keys)},
    ),
    "npz": lambda path, keys, x: (writers.array(path / "e.npz", x), {"keys": writers.key_table(path / "k.tsv", keys)}),
    "unnamed": lambda path, keys, x: (
        writers.array(path / "e.npz", x, name="arr_0"),
        {"keys": writers.key_table(path / "k.csv", keys)},
    ),
    "packed": lambda path, keys, x: (
        writers.array(path / "e.npz", x, packed=True),
        {"keys": writers.key_table(path / "k.csv", keys)},
    ),
    "list": lambda path, keys, x: (writers.listed(path / "e.parquet", keys, x), {}),
    "array": lambda path, keys, x: (writers.listed(path / "e.parquet", keys, x, pl.Array(pl.Float64, D)), {}),
    "wide": lambda path, keys, x: (writers.wide(path / "e.parquet", keys, x), {}),
    "h5ad": lambda path, keys, x: (writers.adata(path / "e.h5ad", keys, x), {"obsm": "X_model"}),
    "zarr": lambda path, keys, x: (writers.adata(path / "e.zarr", keys, x), {"obsm": "X_model"}),
    "h5ad X": lambda path, keys, x: (writers.adata(path / "e.h5ad", keys, x, None), {}),
    "sparse": lambda path, keys, x: (writers.adata(path / "e.h5ad", keys, x, "s", sparse=True), {"obsm": "s"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_what_profile_files_give(tmp_path, configurations, plates, drawn, from_files, name):
    path, options = FORMATS[name](tmp_path, *shuffled(drawn))
    assert plates_without_embeddings(plates, path, **options) == ()
    read = embedding_reader(path, **options)
    for modality, chosen in configurations.items():
        found, expected = read(chosen), from_files[modality]
        np.testing.assert_array_equal(found.features, expected.features)
        assert found.metadata.equals(expected.metadata)
        assert found.feature_names == expected.feature_names
        assert found.features.dtype == np.float32
        assert found.features.flags.c_contiguous
        assert found.notes == ()
        assert {source.n_rows for source in found.sources} == ({384} if path.is_dir() and path.name == "e" else {3840})
        assert all(len(source.sha256) == 64 for source in found.sources)


@pytest.mark.parametrize("dtype", ["float16", "float64", "int16", ">f4"])
def test_other_types_of_numbers(tmp_path, configurations, drawn, dtype):
    keys, vectors = drawn
    whole = np.round(vectors)
    path = writers.array(tmp_path / "e.npy", whole.astype(dtype))
    read = embedding_reader(path, keys=writers.key_table(tmp_path / "k.csv", keys))
    chosen = configurations["orf"]
    rows = keys["Metadata_Plate"].is_in([plate.name for plate in chosen]).to_numpy()
    np.testing.assert_array_equal(read(chosen).features, whole[rows])


@pytest.mark.slow
def test_average_precision_is_that_of_profile_files_bit_for_bit(tmp_path, configurations, drawn, profiles):
    path = writers.folder(tmp_path, *shuffled(drawn, 5))
    options = Options(profiles=profiles)
    for chosen in configurations.values():
        other = read_wells(chosen, plate_reader(options))
        expected = score_run(REPLICABILITY, other.profiles, other.treated, options)
        assert expected.queries.height > 600
        for reader in (embedding_reader(path), embedding_reader(path, profiles=profiles)):
            one = read_wells(chosen, reader)
            assert (one.read, one.empty, one.filled, one.absent) == (other.read, other.empty, other.filled, 0)
            found = score_run(REPLICABILITY, one.profiles, one.treated, options)
            assert found.queries.equals(expected.queries)
            assert found.groups.equals(expected.groups)


@pytest.mark.slow
def test_simulated_embeddings_are_the_simulated_profiles(tmp_path, configurations):
    chosen = configurations["crispr"]
    paths = write_simulated_embeddings(tmp_path, seed=2, n_features=9, plates=chosen)
    assert [path.name for path in paths] == [f"{plate.name}.h5" for plate in chosen]
    found = embedding_reader(tmp_path)(chosen)
    drawn = [profiles for _, profiles in simulate_plates(2, 9, chosen)]
    np.testing.assert_array_equal(found.features, np.concatenate([part.features for part in drawn]))
    assert found.metadata.equals(pl.concat([part.metadata for part in drawn]))
    assert found.notes == ()
    with h5py.File(paths[0]) as file:
        assert file["embeddings"].shape == (384, 1, 9)
        assert file["embeddings"].maxshape == (None, 1, 9)
        assert (file["broad_sample"].asstr()[:] == "NaN").sum() == 4


# --- several vectors of a well ---


@pytest.fixture
def sites(drawn, configurations):
    """Four rows for each well of two plates, spread over the file, whose mean and median are known."""
    names = [plate.name for plate in configurations["orf"]]
    rows = drawn[0]["Metadata_Plate"].is_in(names).to_numpy()
    keys, vectors = drawn[0].filter(pl.Series(rows)), drawn[1][rows]
    away = np.array([-1, 0.5, 0, 4.5], np.float32)  # mean 1, median 0.25
    every = pl.concat([keys] * 4), np.concatenate([vectors + shift for shift in away])
    return vectors, shuffled(every, 1)


@pytest.mark.parametrize(("aggregate", "shift"), [(None, 1), ("mean", 1), ("median", 0.25)])
def test_sites_of_a_well_become_one_vector(tmp_path, configurations, sites, aggregate, shift):
    vectors, every = sites
    path = writers.merged(tmp_path / "e.h5", writers.named(every[0]), every[1])
    found = embedding_reader(path, well_aggregate=aggregate)(configurations["orf"])
    np.testing.assert_array_equal(found.features, vectors + np.float32(shift))
    (note,) = found.notes
    assert f"the {aggregate or 'mean'} of 4 vectors a well was taken (3,072 vectors of 768 wells)" in note


def test_sites_can_be_refused(tmp_path, configurations, sites):
    path = writers.listed(tmp_path / "e.parquet", *sites[1])
    with pytest.raises(InputError, match=r"768 wells have more than one vector in .*384"):
        embedding_reader(path, well_aggregate="error")(configurations["orf"])


def test_sites_in_the_file_of_a_plate_must_be_asked_for(tmp_path, configurations, sites):
    vectors, every = sites
    path = writers.folder(tmp_path, *every)
    with pytest.raises(InputError, match="take the copies out"):
        embedding_reader(path)(configurations["orf"])
    found = embedding_reader(path, well_aggregate="mean")(configurations["orf"])
    np.testing.assert_array_equal(found.features, vectors + np.float32(1))


def test_few_doubled_wells_are_copies_and_not_sites(tmp_path, configurations, drawn):
    keys, vectors = drawn
    every = pl.concat([keys, keys[:3]]), np.concatenate([vectors, vectors[:3]])
    path = writers.wide(tmp_path / "e.parquet", *every)
    plate = configurations["compound"][0]
    assert keys["Metadata_Plate"][0] == plate.name
    with pytest.raises(InputError) as caught:
        embedding_reader(path)([plate])
    assert f"3 wells have more than one vector in '{path}'; plate {plate.name}: 3 ('A01', 'A02', 'A03')" in str(
        caught.value
    )
    found = embedding_reader(path, well_aggregate="median")([plate])
    np.testing.assert_array_equal(found.features, vectors[:384])
    assert "1 to 2 vectors a well" in found.notes[0]


def test_uneven_sites_have_their_own_means(tmp_path, configurations):
    plate = configurations["orf"][0]
    rng = np.random.default_rng(7)
    wells = rng.choice(["A01", "B02", "P24"], 50)
    vectors = rng.standard_normal((50, 5)).astype(np.float32)
    keys = pl.DataFrame({"Metadata_Plate": [plate.name] * 50, "Metadata_Well": wells})
    path = writers.adata(tmp_path / "e.h5ad", keys, vectors)
    for aggregate, take in (("mean", np.mean), ("median", np.median)):
        found = embedding_reader(path, obsm="X_model", well_aggregate=aggregate)([plate])
        assert found.metadata["Metadata_Well"].to_list() == ["A01", "B02", "P24"]
        expected = [take(vectors[wells == well].astype(np.float64), axis=0) for well in ("A01", "B02", "P24")]
        np.testing.assert_array_equal(found.features, np.array(expected, np.float32))


# --- wells that do not fit ---


def one_plate(drawn, plates):
    keys, vectors = drawn
    rows = (keys["Metadata_Plate"] == plates[0].name).to_numpy()
    return plates[0], keys.filter(pl.Series(rows)), vectors[rows].copy()


def test_missing_and_extra_wells_are_counted_and_named(tmp_path, plates, drawn):
    plate, keys, vectors = one_plate(drawn, plates)
    wells = [*keys["Metadata_Well"][5:], "Z99", "", "A25"]
    path = writers.cellclip(tmp_path / f"{plate.name}.h5", wells, np.concatenate([vectors[5:], vectors[:3]]))
    wells = read_wells([plate], embedding_reader(path))
    assert (wells.read, wells.absent, wells.off_map) == (379, 5, 0)
    np.testing.assert_array_equal(wells.profiles.features, vectors[5:])
    extra, absent = (note for note in wells.warnings if f"plate {plate.name}" in note)
    assert "3 vectors are of wells that are not on the plate, and were dropped" in extra
    assert extra.endswith(f"plate {plate.name}: 3 ('Z99', 'blank', 'A25').")
    assert f"plate {plate.name}: 5 ('A01', 'A02', 'A03' and 2 more)" in absent


def test_wells_are_read_however_they_are_written(tmp_path, plates, drawn):
    plate, keys, vectors = one_plate(drawn, plates)
    wells = [f" {well[0].lower()}{int(well[1:])}" for well in keys["Metadata_Well"]]
    path = writers.cellclip(tmp_path / f"{plate.name}.h5", wells, vectors)
    read = embedding_reader(path)
    found = read([plate])
    np.testing.assert_array_equal(found.features, vectors)
    assert found.notes == (f"'{path}': 384 wells are written in another way ('a1') and read as the plate map's 'A01'.",)
    assert read([plate]).notes == ()  # said once


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_vectors_that_are_not_finite_are_dropped_and_named(tmp_path, plates, drawn, value):
    plate, keys, vectors = one_plate(drawn, plates)
    vectors = vectors.astype(np.float64)
    vectors[[0, 9], 3] = value
    path = writers.cellclip(tmp_path / f"{plate.name}.h5", keys["Metadata_Well"], vectors)
    found = embedding_reader(path)([plate])
    np.testing.assert_array_equal(found.features, np.delete(vectors, [0, 9], axis=0))
    assert found.notes == (
        f"2 vectors hold NaN or infinite values and were dropped; plate {plate.name}: 2 ('A01', 'A10')",
    )
    vectors[:200, 0] = value
    writers.cellclip(path, keys["Metadata_Well"], vectors)
    with pytest.raises(InputError, match=r"200 of 384 vectors of plate .* hold NaN or infinite values .*'A01'"):
        embedding_reader(path)([plate])


def test_missing_vectors_of_parquet_are_not_finite(tmp_path, plates, drawn):
    plate, keys, vectors = one_plate(drawn, plates)
    lists = pl.Series("vector", [None, *vectors[1:].tolist()], dtype=pl.List(pl.Float32))
    keys.with_columns(lists).write_parquet(tmp_path / "e.parquet")
    found = embedding_reader(tmp_path / "e.parquet")([plate])
    np.testing.assert_array_equal(found.features, vectors[1:])
    assert "1 vectors hold NaN" in found.notes[0]


def test_a_site_that_is_not_finite_leaves_the_others(tmp_path, plates, drawn):
    plate, keys, vectors = one_plate(drawn, plates)
    spoiled = vectors + 1
    spoiled[0, 0] = np.nan
    every = pl.concat([keys, keys]), np.concatenate([vectors, spoiled])
    found = embedding_reader(writers.wide(tmp_path / "e.parquet", *every))([plate])
    expected = vectors + np.float32(0.5)
    expected[0] = vectors[0]
    np.testing.assert_array_equal(found.features, expected)


def test_vectors_of_zeros_are_dropped_and_named(tmp_path, plates, drawn):
    plate, keys, vectors = one_plate(drawn, plates)
    vectors[[1, 383]] = 0
    path = writers.cellclip(tmp_path / f"{plate.name}.h5", keys["Metadata_Well"], vectors)
    found = embedding_reader(path)([plate])
    np.testing.assert_array_equal(found.features, np.delete(vectors, [1, 383], axis=0))
    said = "2 wells have a vector of zeros, which has no direction, and were dropped"
    assert f"{said}; plate {plate.name}: 2 ('A02', 'P24')" in found.notes
    vectors[:200] = 0
    path = writers.cellclip(tmp_path / "more" / f"{plate.name}.h5", keys["Metadata_Well"], vectors)
    with pytest.raises(InputError, match=r"201 of 384 vectors of plate .* are zeros, which have no direction"):
        embedding_reader(path)([plate])


def test_a_plate_without_any_known_well_is_refused(tmp_path, plates, drawn):
    plate, _, vectors = one_plate(drawn, plates)
    path = writers.cellclip(tmp_path / f"{plate.name}.h5", [f"s{i}" for i in range(384)], vectors)
    with pytest.raises(InputError, match=f"no vector of plate {plate.name} is of a well that is on it: they say 's0'"):
        embedding_reader(path)([plate])


# --- samples stored beside the vectors ---


@pytest.mark.parametrize("nameless", ["NaN", "control", ""])
def test_samples_are_compared_with_the_plate_map(tmp_path, configurations, nameless):
    plate = configurations["compound"][0]
    ((_, profiles),) = simulate_plates(0, 4, [plate])
    samples = profiles.metadata["Metadata_broad_sample"].fill_null(nameless).to_list()
    wells = profiles.metadata["Metadata_Well"]
    path = tmp_path / f"{plate.name}.h5"
    writers.cellclip(path, wells, profiles.features, samples)
    assert embedding_reader(path)([plate]).notes == ()
    writers.cellclip(path, wells, profiles.features, ["BRD-OTHER", *samples[1:]])
    found = embedding_reader(path)([plate])
    assert found.metadata.equals(profiles.metadata)  # the plate map counts
    assert found.notes == (
        f"1 rows name another broad_sample than lies in the well, which counts; plate {plate.name}: 1 ('A01')",
    )
    writers.cellclip(path, wells, profiles.features, samples[1:] + samples[:1])  # out of order
    with pytest.raises(InputError, match=rf"broad_sample of \d+ of 384 rows of plate {plate.name}.*at A01"):
        embedding_reader(path)([plate])


def test_embeddings_of_another_modality_are_refused(tmp_path, configurations):
    other, plate = configurations["crispr"][0], configurations["compound"][0]
    (path,) = write_simulated_embeddings(tmp_path, n_features=4, plates=[other])
    path.rename(tmp_path / f"{plate.name}.h5")
    with pytest.raises(InputError, match=f"rows of plate {plate.name} is not what lies in the well"):
        embedding_reader(tmp_path)([plate])


# --- metadata of profile files ---


def test_metadata_come_from_profile_files_and_their_features_are_not_read(tmp_path, configurations, drawn, profiles):
    chosen = configurations["compound"]
    shutil.copytree(profiles, tmp_path / "p")
    path = tmp_path / "p" / BATCH / chosen[0].name / f"{chosen[0].name}{SUFFIX}"
    frame = pl.read_csv(path, infer_schema=False).with_columns(
        pl.when(Metadata_Well="A01")
        .then(pl.lit("mine"))
        .otherwise("Metadata_broad_sample")
        .alias("Metadata_broad_sample"),
        pl.lit("no number").alias("Embedding_0001"),
    )
    path.write_bytes(gzip.compress(frame.head(380).write_csv().encode()))
    embeddings = writers.folder(tmp_path / "e", *drawn)
    found = embedding_reader(embeddings, profiles=tmp_path / "p")(chosen)
    assert len(found) == 384 * len(chosen) - 4
    assert found.metadata["Metadata_broad_sample"][0] == "mine"
    assert any("4 vectors are of wells that are not on the plate" in note for note in found.notes)
    assert len(found.sources) == 2 * len(chosen)
    np.testing.assert_array_equal(found.features[:380], drawn[1][:380])


def test_a_plate_needs_both_embeddings_and_profiles(tmp_path, configurations, plates, drawn, profiles):
    chosen = configurations["compound"]
    shutil.copytree(profiles, tmp_path / "p")
    embeddings = writers.folder(tmp_path / "e", *drawn)
    shutil.rmtree(tmp_path / "p" / BATCH / chosen[0].name)
    (embeddings / f"{chosen[1].name}.h5").unlink()
    assert plates_without_embeddings(plates, embeddings) == (chosen[1].name,)
    assert plates_without_embeddings(plates, embeddings, profiles=tmp_path / "p") == (chosen[0].name, chosen[1].name)
    read = embedding_reader(embeddings, profiles=tmp_path / "p")
    assert set(read(chosen).metadata["Metadata_Plate"]) == {plate.name for plate in chosen[2:]}
    assert read(chosen[:2]) is None


@pytest.mark.slow
def test_profile_files_in_other_formats_and_their_faults(tmp_path, configurations):
    chosen = configurations["crispr"][:2]
    write_simulated_embeddings(tmp_path / "e", n_features=3, plates=chosen)
    paths = write_simulated(tmp_path / "p", n_features=2, plates=chosen, suffix="_x.parquet")
    read = embedding_reader(tmp_path / "e", profiles=tmp_path / "p", suffix="_x.parquet")
    assert read(chosen).metadata.equals(embedding_reader(tmp_path / "e")(chosen).metadata)
    frame = pl.read_parquet(paths[0])

    def faulty(changed, words):
        changed.write_parquet(paths[0])
        with pytest.raises(InputError, match=words):
            embedding_reader(tmp_path / "e", profiles=tmp_path / "p", suffix="_x.parquet")(chosen)

    faulty(frame.drop("Metadata_gene"), "no column 'Metadata_gene'")
    faulty(frame.drop("Metadata_Well"), "no column 'Metadata_Well'")
    faulty(pl.read_parquet(paths[1]), "another Metadata_Plate")
    faulty(pl.concat([frame, frame[:1]]), "2 rows that share plate and well")


# --- files that cannot be used ---


def refused(words, path, plates, **options):
    with pytest.raises(InputError) as caught:
        embedding_reader(path, **options)(plates[:2])
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["folder", "merged", "npy", "npz", "packed", "list", "h5ad"])
@pytest.mark.parametrize("harm", ["cut", "empty", "other"])
def test_damaged_files_are_named(tmp_path, plates, drawn, name, harm):
    path, options = FORMATS[name](tmp_path, *drawn)
    file = path / f"{plates[0].name}.h5" if path.is_dir() else path
    content = file.read_bytes()
    changed = {"cut": content[: len(content) // 2], "empty": b"", "other": b"version https://git-lfs.github.com\n" * 9}
    file.write_bytes(changed[harm])
    refused([str(file)], path, plates[:1], **options)


def test_damaged_packed_arrays_are_found_by_their_checksum(tmp_path, plates, drawn):
    path, options = FORMATS["npz"](tmp_path, *drawn)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    refused([str(path), "damaged", "CRC"], path, plates[:1], **options)


@pytest.mark.slow
def test_chunks_of_zarr_that_are_not_there(tmp_path, plates, drawn):
    path, options = FORMATS["zarr"](tmp_path, *drawn)
    chunks = [file for file in (path / "obsm" / "X_model").rglob("*") if file.is_file() and file.suffix != ".json"]
    max(chunks, key=lambda file: file.stat().st_size).unlink()
    refused([str(path), "chunks of obsm/X_model are not there"], path, plates[:1], **options)


def test_pickled_arrays_are_never_read(tmp_path, plates, drawn):
    keys, vectors = drawn
    table = writers.key_table(tmp_path / "k.csv", keys)
    objects = vectors.astype(object)
    np.save(tmp_path / "e.npy", objects, allow_pickle=True)
    refused(
        [f"'{tmp_path / 'e.npy'}' holds pickled objects, which are never read"], tmp_path / "e.npy", plates, keys=table
    )
    np.savez(tmp_path / "e.npz", embeddings=objects)
    refused(["holds pickled objects"], tmp_path / "e.npz", plates, keys=table)
    (tmp_path / "p.npy").write_bytes(objects.dumps())
    refused(["pickled objects are never read"], tmp_path / "p.npy", plates, keys=table)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.full((384, 1, 3), b"x"), ["embeddings", "|S1", "real numbers"]),
        (np.ones((384, 1, 3), complex), ["complex128", "real numbers"]),
        (np.ones((384, 5, 3), np.float32), ["(384, 5, 3)", "5 vectors a row", "mean"]),
        (np.ones((384, 1, 1, 3), np.float32), ["(384, 1, 1, 3)"]),
        (np.ones((384, 1, 0), np.float32), ["(384, 1, 0)"]),
        (np.ones((383, 1, 3), np.float32), ["383 rows", "384 keys"]),
    ],
)
def test_wrong_types_and_shapes(tmp_path, plates, drawn, values, words):
    plate, keys, _ = one_plate(drawn, plates)
    path = writers.cellclip(tmp_path / f"{plate.name}.h5", keys["Metadata_Well"], values)
    refused([str(path), *words], path, [plate])


def test_datasets_that_are_not_there_or_not_text(tmp_path, plates):
    path = tmp_path / f"{plates[0].name}.h5"
    with h5py.File(path, "w") as file:
        file["embeddings"] = np.ones((2, 1, 3))
    refused([str(path), "no dataset 'well_position'", "'embeddings'"], path, plates)
    with h5py.File(path, "a") as file:
        file["well_position"] = [1, 2]
    refused([str(path), "well_position is int64", "text"], path, plates)
    writers.cellclip(path, ["A01", "A02"], np.ones((2, 3)), ["x"])
    refused([str(path), "differ in length", "cut off"], path, plates)


def test_names_of_neither_order_are_refused(tmp_path, plates):
    name = plates[0].name
    bad = ["A01", f"{name}-r01c01-x", f"{name}-A01-B02", "-A01", f"{name}-A25", f"{name}"]
    path = writers.merged(tmp_path / "e.h5", [*bad, f"{name}-A01", f"{name}-r1c2-A02-3.npz"], np.ones((8, 3)))
    refused([f"6 of the 8 names of '{path}'", "PLATE-ROWCOL-WELL", "'A01'"], path, plates)


def test_merged_names_of_sites_and_images(tmp_path, plates):
    name = plates[0].name
    names = [f"{name}-A01-r01c01-05.npz", f"{name}-r01c01-A01-06", f"{name}-A02-r01c02-05", f"{name}-A02"]
    path = writers.merged(tmp_path / "e.h5", names, np.array([[1.0, 2], [3, 4], [5, 6], [7, 8]]))
    found = embedding_reader(path)([plates[0]])
    assert found.features.tolist() == [[2, 3], [6, 7]]


@pytest.mark.slow
def test_plates_of_different_length_and_copies(tmp_path, plates):
    for plate, length in zip(plates[:2], (3, 4), strict=True):
        write_simulated_embeddings(tmp_path, n_features=length, plates=[plate])
    first, second = (str(tmp_path / f"{plate.name}.h5") for plate in plates[:2])
    refused([first, "have 3 numbers", second, "have 4"], tmp_path, plates[:2])
    read = embedding_reader(tmp_path)
    read(plates[:1])
    with pytest.raises(InputError, match="have 3 numbers"):  # also in two configurations
        read(plates[1:2])
    shutil.copy(first, second)
    refused([first, second, "identical content"], tmp_path, plates[:2])


def test_folders(tmp_path, plates, drawn):
    plate, keys, vectors = one_plate(drawn, plates)
    refused(["no file <plate>.h5", BATCH], tmp_path, plates)
    path = writers.cellclip(tmp_path / f"{plate.name}.h5", keys["Metadata_Well"], vectors)
    refused(["goes with one file"], tmp_path, plates, keys=tmp_path / "k.csv")
    refused(["goes with one file"], tmp_path, plates, obsm="X")
    writers.cellclip(tmp_path / BATCH / path.name, keys["Metadata_Well"], vectors)
    refused([f"Plate {plate.name} has embeddings both in '{path}'"], tmp_path, plates)
    shutil.rmtree(tmp_path / BATCH)
    writers.merged(path, ["OTHER-A01-r01c01"], np.ones((1, 3)))
    refused([f"should hold plate {plate.name}", "'OTHER'"], tmp_path, plates)


def test_options_that_do_not_go_together(tmp_path, plates, drawn):
    keys, vectors = drawn
    path = writers.array(tmp_path / "e.npy", vectors)
    table = writers.key_table(tmp_path / "k.csv", keys)
    refused(["well_aggregate", "'meen'", "did you mean 'mean'"], path, plates, well_aggregate="meen")
    refused(["give a table of keys"], path, plates)
    refused(["no table of keys", "did you mean 'k.csv'"], path, plates, keys=tmp_path / "kk.csv")
    refused(["is not a format", ".csv, .tsv"], path, plates, keys=writers.array(tmp_path / "k.npy", vectors))
    refused(["obsm 'X'", "not AnnData"], path, plates, keys=table, obsm="X")
    writers.key_table(table, keys.rename({"Metadata_Well": "Metadata_Wells"}))
    refused(["no column 'Metadata_Well'", "did you mean 'Metadata_Wells'"], path, plates, keys=table)
    writers.key_table(table, keys[1:])
    refused([str(path), "3840 rows", "3839 keys"], path, plates, keys=table)
    refused(["no embeddings at", "did you mean 'e.npy'"], tmp_path / "e.npz", plates)
    (tmp_path / "e.txt").touch()
    refused([".npz, .parquet, .h5ad or .zarr"], tmp_path / "e.txt", plates)
    np.savez(tmp_path / "e.npz", vectors=vectors)
    refused(["no array 'embeddings'", "'vectors'"], tmp_path / "e.npz", plates, keys=writers.key_table(table, keys))


@pytest.mark.slow
def test_tables_that_cannot_be_used(tmp_path, plates, drawn):
    keys, vectors = drawn
    path = tmp_path / "e.parquet"
    refused(["leave", "k.csv"], writers.wide(path, keys, vectors), plates, keys=tmp_path / "k.csv")
    refused(["no column 'Metadata_Plate'"], writers.wide(path, keys.drop("Metadata_Plate"), vectors), plates)
    keys.with_columns(a=pl.lit("x")).write_parquet(path)
    refused([str(path), "column 'a'", "not a number"], path, plates)
    two = writers.listed(path, keys.with_columns(other=pl.Series(list(vectors))), vectors)
    refused([str(path), "2 columns of vectors", "'other'", "'vector'"], two, plates)
    refused(
        [str(path), "have 2, 24 numbers"],
        writers.listed(path, keys, [vectors[0][:2].tolist(), *vectors[1:].tolist()]),
        plates,
    )
    texts = pl.Series("vector", [["x"]] * keys.height)
    keys.with_columns(texts).write_parquet(path)
    refused([str(path), "vectors of numbers"], path, plates)
    writers.listed(path, keys.with_columns(site=pl.lit(1)), vectors)
    assert "1 others are not read: 'site'" in embedding_reader(path)(plates[:1]).notes[0]
    adata = writers.adata(tmp_path / "e.h5ad", keys, vectors)
    refused([str(adata), "'X_modle'", "did you mean 'X_model'"], adata, plates, obsm="X_modle")
    refused([str(adata), "no X", "'X_model'"], adata, plates)
    adata = writers.adata(tmp_path / "f.h5ad", keys.rename({"Metadata_Well": "place"}), vectors)
    refused([str(adata), "no column 'Metadata_Well'"], adata, plates, obsm="X_model")


def test_no_plate_of_the_configuration(tmp_path, configurations):
    write_simulated_embeddings(tmp_path, n_features=3, plates=configurations["orf"])
    assert embedding_reader(tmp_path)(configurations["compound"]) is None
    names = tuple(plate.name for plate in configurations["compound"])
    assert plates_without_embeddings((*configurations["orf"], *configurations["compound"]), tmp_path) == names


# --- any rows in any order ---


@pytest.mark.slow
@FEW
@given(data=st.data())
def test_any_rows_in_any_order(tmp_path_factory, configurations, data):
    chosen = configurations["orf"]
    wells = [(plate.name, f"{row}{column:02d}") for plate in chosen for row in "AHP" for column in (1, 12, 24)]
    rows = data.draw(st.lists(st.sampled_from([*wells, ("ELSEWHERE", "A01")]), min_size=1, max_size=40))
    swapped = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    vectors = np.arange(1, 2 * len(rows) + 1, dtype=np.float32).reshape(-1, 2)
    names = [f"{p}-r01c01-{w}" if swap else f"{p}-{w}-r01c01" for (p, w), swap in zip(rows, swapped, strict=True)]
    path = writers.merged(tmp_path_factory.mktemp("any") / "e.h5", names, vectors)
    found = embedding_reader(path, well_aggregate="mean")(chosen)
    groups = {}
    for key, vector in zip(rows, vectors.astype(np.float64), strict=True):
        groups.setdefault(key, []).append(vector)
    expected = {key: np.mean(values, axis=0) for key, values in groups.items() if key[0] != "ELSEWHERE"}
    if not expected:
        assert found is None
        return
    keys = list(found.metadata.select("Metadata_Plate", "Metadata_Well").iter_rows())
    assert keys == [key for key in wells if key in expected]
    np.testing.assert_array_equal(found.features, np.array([expected[key] for key in keys], np.float32))


@pytest.mark.parametrize("name", ["merged", "npy", "h5ad", "zarr"])
def test_only_the_rows_of_the_plates_asked_for_are_read(tmp_path, monkeypatch, configurations, drawn, name):
    """Blocks of few rows, so that a file is read in many parts."""
    from fastbench.engine.readers import vector_table, vectors

    spans = []

    def read_rows(read, rows, dimension):
        def watched(start, stop):
            spans.append((start, stop))
            return read(start, stop)

        return vector_table.read_rows(watched, rows, dimension)

    monkeypatch.setattr(vectors, "read_rows", read_rows)
    monkeypatch.setattr(vector_table, "_BLOCK", 100 * D)
    path, options = FORMATS[name](tmp_path, *drawn)
    chosen = configurations["orf"]
    found = embedding_reader(path, **options)(chosen)
    asked = np.flatnonzero(drawn[0]["Metadata_Plate"].is_in([plate.name for plate in chosen]).to_numpy())
    np.testing.assert_array_equal(found.features, drawn[1][asked])
    np.testing.assert_array_equal(np.concatenate([np.arange(*span) for span in spans]), asked)
    assert len(spans) == 8


def test_a_full_disk_is_not_called_damage():
    from fastbench.engine.readers.errors import damaged_file_as_input_error

    unpacking = damaged_file_as_input_error("e.npz", "a NumPy array")
    with pytest.raises(InputError, match=r"no room in .* to unpack 'e.npz'"), unpacking:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("name", ["X", "index", "ImageNumber", "...1", "row"])
def test_row_numbers_beside_vectors_are_no_part_of_them(tmp_path, configurations, drawn, name):
    keys, vectors = drawn
    path = writers.wide(tmp_path / "e.parquet", keys, vectors)
    pl.read_parquet(path).insert_column(0, pl.Series(name, range(len(vectors)))).write_parquet(tmp_path / "n.parquet")
    chosen = configurations["orf"]
    expected, found = (embedding_reader(tmp_path / file)(chosen) for file in ("e.parquet", "n.parquet"))
    np.testing.assert_array_equal(found.features, expected.features)
    assert any(repr(name) in note for note in found.notes) or name == "...1"
