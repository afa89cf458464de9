"""Commands from Python: what is in memory gives what files give, and a result shows itself."""

from __future__ import annotations

import doctest
import inspect
import pydoc
import re
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

import fastbench as fb
from fastbench.engine.command.config import read_config
from fastbench.engine.errors import InputError
from fastbench.engine.readers.packaged import resolve
from fastbench.engine.tables.profiles import Profiles
from fastbench.tests.cli.running import call, refused
from fastbench.tests.engine.figures.pictures import no_drawing

RULES: dict[str, Any] = {
    "derive": "Metadata_negcon = Metadata_broad_sample == 'DMSO'",
    "queries": "Metadata_broad_sample != 'DMSO'",
    "pos_sameby": ["Metadata_broad_sample"],
    "neg_diffby": ["Metadata_negcon"],
    "progress_bar": False,
}


@pytest.fixture(scope="module")
def plate() -> Profiles:
    return fb.read_profiles(resolve("sample:lincs"))


@pytest.fixture(scope="module")
def of_files() -> Any:
    return fb.map("sample:lincs", **RULES)


def test_a_file(of_files: Any) -> None:
    assert round(of_files.mean_map, 5) == 0.61783
    assert of_files.n_significant == 33
    assert list(of_files.tables) == ["average_precision", "map"]
    assert of_files.tables["map"].height == 58


def as_anndata(plate: Profiles, key: str = "") -> anndata.AnnData:
    obs = plate.metadata.to_pandas()
    var = pd.DataFrame(index=list(plate.feature_names))
    made = anndata.AnnData(X=plate.features, obs=obs.set_axis(obs.index.map(str)), var=var)
    return anndata.AnnData(obs=made.obs, obsm={key: plate.features}) if key else made


def in_one_table(plate: Profiles) -> pd.DataFrame:
    features = pd.DataFrame(plate.features, columns=list(plate.feature_names))
    return pd.concat([plate.metadata.to_pandas(), features], axis=1)


@pytest.mark.parametrize(
    ("given", "options"),
    [
        (lambda p: (p,), {}),
        (lambda p: (as_anndata(p),), {}),
        (lambda p: (as_anndata(p, "X_emb"),), {"obsm": "X_emb"}),
        (lambda p: (as_anndata(p), p.features), {}),
        (lambda p: (p.metadata.to_pandas(), p.features), {}),
        (lambda p: (p.metadata, p.features.astype(np.float64)), {}),
        (lambda p: (in_one_table(p),), {}),
        (lambda p: (pl.from_pandas(in_one_table(p)),), {}),
        (lambda p: (pa.Table.from_pandas(in_one_table(p)),), {}),
    ],
    ids=[
        "Profiles",
        "AnnData",
        "obsm",
        "AnnData and array",
        "pandas",
        "Polars",
        "one table",
        "Polars one",
        "Arrow one",
    ],
)
def test_what_is_in_memory(plate: Profiles, of_files: Any, given: Any, options: dict[str, Any]) -> None:
    found = fb.map(*given(plate), **RULES, **options)
    mine, theirs = (each.tables["map"].sort("Metadata_broad_sample") for each in (found, of_files))
    assert_frame_equal(mine, theirs)


def test_rules_are_lists_or_mappings(plate: Profiles, of_files: Any) -> None:
    rules = RULES | {"pos_sameby": {"all": ["Metadata_broad_sample"]}, "neg_diffby": "Metadata_negcon"}
    assert_frame_equal(fb.map(plate, **rules).tables["map"], of_files.tables["map"])
    rules |= {"pos_sameby": {"any": ["Metadata_broad_sample", "Metadata_moa"]}, "filter": "Metadata_moa not in [None]"}
    either = fb.map(plate, **rules | {"neg_diffby": "Metadata_moa", "group_by": "Metadata_broad_sample"})
    assert either.options.pos_sameby == "any(Metadata_broad_sample,Metadata_moa)"


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ((3,), {}, "Metadata must be a pandas, Polars or PyArrow table"),
        ((pd.DataFrame({"Metadata_broad_sample": ["a"]}),), {}, "has no feature column"),
        ((pd.DataFrame({"Metadata_broad_sample": ["a"], "x": [np.nan]}),), {}, "NaN or infinite"),
        ((pd.DataFrame({"Metadata_broad_sample": ["a"]}), np.ones((2, 3))), {}, "1 rows but features have 2"),
        ((anndata.AnnData(obs=pd.DataFrame({"a": ["x"]}, index=["0"])),), {}, "has no X"),
        ((anndata.AnnData(np.ones((1, 2))),), {"obsm": "X_pca"}, "has no obsm 'X_pca'"),
        ((pd.DataFrame({"Metadata_broad_sample": ["a"], "x": [1.0]}),), {"obsm": "X_pca"}, "is for AnnData"),
        (("sample:lincs",), {"pos_samby": "x"}, "'pos_samby', which is not an option; did you mean 'pos_sameby'"),
        (("sample:lincs",), {"neg_diffby": ["a,b"]}, "There is no metadata column 'a,b'"),
        (("sample:lincs",), {"neg_diffby": ["a,`b"]}, "'a,`b' cannot stand in a rule"),
    ],
)
def test_what_cannot_be_used(given: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        fb.map(*given, **RULES | options)


@pytest.mark.slow
def test_a_result_is_saved_and_compared(of_files: Any, plate: Profiles, tmp_path: Path) -> None:
    place = of_files.save(tmp_path / "files")
    assert {path.name for path in place.iterdir()} == {"average_precision.csv", "map.csv", "figures", "manifest.json"}
    assert read_config(place, "map")["pos_sameby"] == "Metadata_broad_sample"
    fb.map(plate, **RULES, output=tmp_path / "held")
    for name in ("map.csv", "average_precision.csv"):
        assert (place / name).read_bytes() == (tmp_path / "held" / name).read_bytes()
    with pytest.raises(InputError, match="is not empty"):
        of_files.save(place)
    compared = fb.compare(place, tmp_path / "held", bootstrap=99)
    assert compared.verdicts["verdict"].to_list() == ["baseline", "no clear difference"]
    assert compared.tables["verdict"].height == 2
    held = fb.compare({"kept": place, "held": of_files}, bootstrap=99)
    assert held.verdicts["run"].to_list() == ["kept", "held"]
    assert fb.compare(of_files, of_files, bootstrap=0).runs == ("result_1", "result_2")
    with pytest.raises(fb.InputError, match="mapping of names to these, but there is one of the type int"):
        fb.compare(place, 3)
    assert call("rerun", place, "--output", tmp_path / "again").returncode == 0
    assert "was made of what was in memory" in refused("rerun", tmp_path / "held", "--output", tmp_path / "no")


@pytest.mark.slow
def test_a_result_shows_itself(of_files: Any, tmp_path: Path) -> None:
    assert len(repr(of_files)) < 200
    assert repr(of_files).startswith("<fastbench map: groups 58, mean map 0.6178, below corrected p 33")
    shown = of_files._repr_html_()
    assert shown.count("<table") == 2
    assert "data:image/png;base64," in shown
    picture = of_files.figures["map"]
    assert picture._repr_png_().startswith(b"\x89PNG")
    for name in ("map.png", "map.svg"):
        picture.save(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 10_000
    with pytest.raises(InputError, match=r"\.png or \.svg"):
        picture.save(tmp_path / "map.pdf")
    assert {"tables", "figures", "save", "mean_map"} <= set(dir(of_files))
    with pytest.raises(AttributeError):
        _ = of_files.nothing


def test_queries_as_anndata(of_files: Any) -> None:
    made = of_files.to_anndata()
    assert made.n_obs == 360
    assert (
        made.obs["average_precision"].to_list() == of_files.tables["average_precision"]["average_precision"].to_list()
    )
    assert made.uns["map"].shape[0] == 58
    with pytest.raises(InputError, match="no rows of profiles"):
        fb.fmeasure(["a"], ["a"], bootstrap=0, progress_bar=False).to_anndata()


TRUTH, CALLS = ["B", "T", "T", "NK", "B"], ["B", "T", "NK", "NK", "T"]
IDS = [f"c{i}" for i in range(5)]


@pytest.mark.parametrize(
    ("truth", "calls"),
    [
        (TRUTH, CALLS),
        (np.array(TRUTH), {"m": np.array(CALLS)}),
        (pd.Series(TRUTH, IDS), {"m": pd.Series(CALLS, IDS).iloc[::-1]}),
        (pd.Series(TRUTH, IDS, dtype="category"), pd.DataFrame({"best": CALLS, "next": TRUTH}, IDS)),
        (pl.DataFrame({"id": IDS, "t": TRUTH}), {"m": pl.DataFrame({"id": IDS[::-1], "t": CALLS[::-1]})}),
        (pl.Series(TRUTH), {"m": pl.Series(CALLS)}),
    ],
    ids=["lists", "arrays", "Series in another order", "ranks", "Polars", "Polars Series"],
)
def test_labels_in_memory(truth: Any, calls: Any) -> None:
    found = fb.fmeasure(truth, calls, bootstrap=0, figures=False, progress_bar=False)
    assert found.tables["summary_per_group"]["accuracy"].item() == 0.6
    assert found.n_cells == 5


@pytest.mark.slow
def test_labels_of_files_and_the_example(tmp_path: Path) -> None:
    for name, labels in {"truth": TRUTH, "calls": CALLS}.items():
        pl.DataFrame({"id": IDS, "label": labels}).write_csv(tmp_path / f"{name}.csv")
    places = [f"{tmp_path}/{name}.csv:label" for name in ("truth", "calls")]
    for calls in (places[1], [f"m={places[1]}"], {"m": places[1]}):
        found = fb.fmeasure(places[0], calls, bootstrap=0, figures=False, progress_bar=False)
        assert found.tables["summary_per_group"]["accuracy"].item() == 0.6
    example = fb.fmeasure(bootstrap=0, figures=False, progress_bar=False)
    assert example.n_cells == 9000
    with pytest.raises(InputError, match="a int was given"):
        fb.fmeasure(3, CALLS)


JOBS = ("map", "cpjump", "fmeasure", "compare")


def test_the_jobs_are_found_by_their_names() -> None:
    assert set(JOBS) <= set(dir(fb))
    for name in JOBS:
        assert "options" in inspect.signature(getattr(fb, name)).parameters


def function_of(name: str) -> Any:
    """Return a public function; that of `map` is called by a module."""
    places = {"map": "api.map.map_profiles", "multilabel": "retrieval.copairs_api.multilabel_average_precision"}
    module, _, own = places.get(name, "").rpartition(".")
    return getattr(import_module(f"fastbench.engine.{module}"), own) if module else getattr(fb, name)


FUNCTIONS = [name for name in fb.__all__ if inspect.isfunction(function_of(name))]


def test_help_shows_an_example() -> None:
    assert set(JOBS) < set(FUNCTIONS)
    without = {name for name in FUNCTIONS if ">>> " not in (function_of(name).__doc__ or "")}
    assert without <= {"load_confusion_matrix"}  # in the example of save_confusion_matrix
    for name in JOBS:
        shown = pydoc.plain(pydoc.render_doc(getattr(fb, name)))
        assert f"fb.{name}(" in shown
        assert "**options" in shown
    assert inspect.signature(fb.map) == inspect.signature(function_of("map"))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in JOBS else name for name in FUNCTIONS]
)
def test_examples_of_docstrings_run(name: str) -> None:
    found = doctest.DocTestFinder(recurse=False, exclude_empty=False).find(function_of(name), name, globs={})
    with no_drawing(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(found[0]).failed == 0


@pytest.mark.parametrize("place", ["retrieval.pairs.find_pairs", "retrieval.profile_p_values.p_values"])
def test_examples_of_the_names_of_copairs_run(place: str) -> None:
    module, _, name = place.rpartition(".")
    function = getattr(import_module(f"fastbench.engine.{module}"), name)
    [found] = doctest.DocTestFinder(recurse=False).find(function, name, globs={})
    assert found.examples
    assert doctest.DocTestRunner().run(found).failed == 0
