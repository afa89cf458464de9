"""How scripts and notebooks call copairs, with one import changed: each runs with both, and gives the same tables.

A pattern is a function that imports from copairs; the test runs its source as it stands, and once more with fastbench
in the place of copairs. What the table of the README says to get copairs' numbers is set: ties="optimistic" and
p_values="copairs".
"""

from __future__ import annotations

import inspect
import textwrap
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import fastbench as fb
from fastbench.engine.retrieval import profile_p_values
from fastbench.engine.retrieval.copairs_api import multilabel_average_precision

pytest.importorskip("copairs.map")

NULL = 500
FEATURES = [f"Cells_{k}" for k in range(6)]


def plate(seed: int = 0) -> pd.DataFrame:
    """Two plates of 24 wells: five drugs in two doses, and four controls a plate."""
    rng = np.random.default_rng(seed)
    drug = [*np.repeat(list("abcde"), 4), *["DMSO"] * 4] * 2
    made = pd.DataFrame({"Metadata_Plate": np.repeat(["p1", "p2"], 24), "Metadata_drug": drug})
    made["Metadata_dose"] = np.where(made["Metadata_drug"] == "DMSO", 0.0, np.tile([0.1, 1.0], 24))
    made["Metadata_time"] = np.tile([4, 4, 24, 24], 12)
    made["Metadata_batch"] = np.tile(["b1", "b2"], 24)
    made["Metadata_target"] = made["Metadata_drug"].map(
        {"a": "X|Y", "b": "Y", "c": "Z", "d": "X", "e": "Z|W", "DMSO": "none"}
    )
    effect = {name: rng.normal(size=6) for name in "abcde"} | {"DMSO": np.zeros(6)}
    x = np.stack([effect[name] for name in drug]) + rng.normal(size=(48, 6))
    return pd.concat([made, pd.DataFrame(x, columns=FEATURES)], axis=1)


def by_config(df):
    from copairs import map

    config = {
        "average_precision": {
            "params": {
                "pos_sameby": ["Metadata_drug"],
                "pos_diffby": [],
                "neg_sameby": ["Metadata_Plate"],
                "neg_diffby": ["Metadata_drug"],
                "batch_size": 20000,
                "distance": "cosine",
            }
        },
        "mean_average_precision": {
            "params": {"sameby": ["Metadata_drug"], "null_size": NULL, "threshold": 0.05, "seed": 0}
        },
    }
    metadata, features = df.filter(regex="^Metadata"), df.filter(regex="^(?!Metadata)").values
    ap = map.average_precision(metadata, features, **config["average_precision"]["params"])
    scores = map.mean_average_precision(ap, **config["mean_average_precision"]["params"])
    scores["-log10(p-value)"] = -scores["corrected_p_value"].apply(np.log10)
    active = scores["below_corrected_p"].mean()
    return ap, scores, scores.assign(active=active).sort_values("mean_average_precision", ascending=False)


def reference_index(df):
    from copairs import map
    from copairs.matching import assign_reference_index

    df["Metadata_treatment"] = df["Metadata_drug"] + "_" + df["Metadata_dose"].astype(str)
    column = "reference_index"
    df = assign_reference_index(df, "Metadata_treatment == 'DMSO_0.0'", reference_col=column, default_value=-1)
    named = [name for name in df if name.startswith("Metadata_")] + [column]
    rules = (["Metadata_treatment", column], [], [], ["Metadata_treatment", column])
    ap = map.average_precision(df[named], df.drop(columns=named).values, *rules)
    ap = ap.query("Metadata_treatment != 'DMSO_0.0'")
    return ap, map.mean_average_precision(ap, rules[0], null_size=NULL, threshold=0.05, seed=0)


def one_time_after_the_other(df):
    from copairs import map
    from copairs.matching import assign_reference_index

    df.loc[5, "Cells_2"] = np.nan
    found = {}
    for time in df["Metadata_time"].unique():
        column = "Metadata_reference_index"
        some = assign_reference_index(df.loc[df["Metadata_time"] == time], "Metadata_dose == 0.0", reference_col=column)
        features = some.filter(regex="^(?!Metadata)").dropna(axis=0)
        metadata = some.filter(regex="Metadata").loc[features.index].reset_index(drop=True)
        rule = ["Metadata_dose", column]
        ap = map.average_precision(metadata, features.reset_index(drop=True).values, rule, [], [], rule)
        ap = ap.query("Metadata_dose != 0.0")
        found[time] = map.mean_average_precision(ap, rule, null_size=NULL, threshold=0.05, seed=int(time))
    return list(found.values())


def p_values_of_wells(df):
    from copairs import map
    from copairs.map.average_precision import p_values

    df["Metadata_negcon"] = np.where(df["Metadata_drug"] == "DMSO", 1, 0)
    rules = (["Metadata_drug"], [], ["Metadata_Plate"], ["Metadata_drug", "Metadata_negcon"])
    ap = map.average_precision(df.filter(regex="^Metadata"), df[FEATURES].values, *rules)
    ap = ap.query("Metadata_drug != 'DMSO'").copy()
    ap["p_value"] = p_values(ap, null_size=NULL, seed=0)
    ap["below_p"] = ap["p_value"] < 0.05
    return ap


def split_targets(df):
    from copairs import map

    keys = ["Metadata_drug", "Metadata_dose", "Metadata_target"]
    consensus = df.groupby(keys, as_index=False)[FEATURES].median().copy()
    consensus["Metadata_target"] = consensus["Metadata_target"].str.split("|")
    rule = ["Metadata_target"]
    ap = map.multilabel.average_precision(
        consensus.filter(regex="^Metadata"), consensus[FEATURES].values, rule, [], [], rule, multilabel_col=rule[0]
    )
    return ap, map.mean_average_precision(ap, rule, null_size=NULL, threshold=0.05, seed=0).copy()


def unique_targets(df):
    from copairs.map import mean_average_precision, multilabel

    exploded = df.assign(Metadata_target=df["Metadata_target"].str.split("|")).explode("Metadata_target")
    targets = exploded.groupby("Metadata_drug")["Metadata_target"].unique().reset_index()
    consensus = df.groupby("Metadata_drug")[FEATURES].median().reset_index()
    consensus = consensus.merge(targets, on="Metadata_drug")
    rules = (["Metadata_target"], [], [], ["Metadata_target"])
    meta, x = consensus[["Metadata_drug", "Metadata_target"]], consensus[FEATURES].values
    ap = multilabel.average_precision(meta, x, *rules, batch_size=20000, multilabel_col="Metadata_target")
    return ap, mean_average_precision(ap, rules[0], NULL, threshold=0.05, seed=12527)


def labels_of_genes(df):
    from copairs.map import mean_average_precision
    from copairs.map.multilabel import average_precision as average_precision_multilabel

    labels = {"a": ["er", "golgi"], "b": ["golgi"], "c": ["er"], "d": [], "e": ["mito"], "DMSO": ["mito"]}
    df["Metadata_places"] = df["Metadata_drug"].map(lambda gene: labels.get(gene, []))
    df = df[df["Metadata_places"].map(len) > 0].reset_index(drop=True)
    ap = average_precision_multilabel(
        df.drop(columns=FEATURES),
        df[FEATURES].to_numpy().astype(np.float32),
        pos_sameby=["Metadata_places"],
        pos_diffby=["Metadata_drug"],
        neg_sameby=[],
        neg_diffby=["Metadata_drug", "Metadata_places"],
        multilabel_col="Metadata_places",
        progress_bar=False,
    )
    scores = mean_average_precision(
        ap, sameby=["Metadata_places"], null_size=NULL, threshold=0.05, seed=0, max_workers=2, progress_bar=False
    )
    return ap, scores.rename(columns={"mean_average_precision": "mAP"}).drop(columns=["indices"], errors="ignore")


def replicates_of_other_batches(df):
    from copairs.map import average_precision, mean_average_precision

    df["Metadata_type"] = np.where(df["Metadata_drug"] == "DMSO", "negcon", "trt")
    ap = average_precision(
        df.drop(columns=FEATURES),
        df[FEATURES].to_numpy(),
        pos_sameby=["Metadata_drug"],
        pos_diffby=["Metadata_batch"],
        neg_sameby=["Metadata_Plate"],
        neg_diffby=["Metadata_drug", "Metadata_type"],
    )
    ap = ap[ap["Metadata_type"] == "trt"]
    cache = Path.home() / "cache"
    return ap, mean_average_precision(ap, ["Metadata_drug"], null_size=NULL, threshold=0.1, seed=0, cache_dir=cache)


def controls_by_number(df):
    from copairs.map import average_precision, mean_average_precision

    df["Metadata_negcon"] = np.where(df["Metadata_drug"] == "DMSO", 1, 0)
    meta, x = df[[c for c in df.columns if c.startswith("Metadata")]], df[FEATURES]
    ap = average_precision(
        meta, x.values, ["Metadata_drug"], [], ["Metadata_Plate"], ["Metadata_negcon"], batch_size=500
    )
    ap = ap.query("Metadata_negcon != 1").reset_index(drop=True)
    scores = mean_average_precision(ap, ["Metadata_drug"], null_size=NULL, threshold=0.1, seed=12527)
    scores = scores.rename(columns={"average_precision": "mean_average_precision"})
    best = ap.iloc[scores["indices"].iloc[0]]
    return ap, scores, best, ap.merge(scores[["Metadata_drug", "below_corrected_p"]], on="Metadata_drug", how="inner")


def a_module_by_another_name(df):
    import copairs.map as copairs_map

    df.index = [f"well {k}" for k in range(len(df))]
    df.attrs = {"source": "plates"}
    rules = (["Metadata_drug", "Metadata_dose"], [], ["Metadata_Plate"], ["Metadata_drug", "Metadata_time"])
    ap = copairs_map.average_precision(df.drop(columns=FEATURES), df[FEATURES].values, *rules)
    return ap, copairs_map.mean_average_precision(ap, rules[0], null_size=NULL, threshold=0.05, seed=3)


def plates_put_together(df):
    from copairs import map
    from copairs.matching import assign_reference_index

    found = []
    for name in df["Metadata_Plate"].unique().tolist():
        copy = df.copy(deep=True)
        copy["Metadata_targeted"] = copy["Metadata_Plate"] == name
        copy = assign_reference_index(
            df=copy,
            condition="Metadata_targeted and Metadata_drug == 'DMSO'",
            reference_col="Metadata_reference_index",
            default_value=-1,
        )
        ap = map.average_precision(
            meta=copy[[c for c in copy if c.startswith("Metadata_")]],
            feats=copy[FEATURES].values,
            pos_sameby=["Metadata_drug", "Metadata_reference_index"],
            pos_diffby=[],
            neg_sameby=[],
            neg_diffby=["Metadata_drug", "Metadata_reference_index"],
            batch_size=1000,
            distance="cosine",
        )
        found.append(ap.loc[ap["Metadata_drug"] != "DMSO"])
    every = pd.concat(found)
    return every, map.mean_average_precision(every, sameby=["Metadata_drug"], null_size=NULL, threshold=0.05, seed=0)


def loop_over_drugs(df):
    from copairs.map import average_precision
    from copairs.matching import UnpairedException

    found, without = [], []
    for drug in ["a", "nothing", "b"]:
        some = df[df["Metadata_drug"].isin([drug, "DMSO"])]
        some = some[(some["Metadata_drug"] == "DMSO") | (some["Metadata_Plate"] == "p1")]
        rules = (["Metadata_drug", "Metadata_dose"], ["Metadata_time"], [], ["Metadata_drug"])
        try:
            found.append(average_precision(some.drop(columns=FEATURES), some[FEATURES].values, *rules))
        except UnpairedException:
            without.append(drug)
    return [*found, pd.DataFrame({"without": without})]


def doses_in_two_stages(df):
    from copairs.map import average_precision, mean_average_precision_hierarchical

    df = df[df["Metadata_drug"] != "DMSO"]
    by = ["Metadata_drug", "Metadata_dose"]
    ap = average_precision(df.drop(columns=FEATURES), df[FEATURES].values, by, [], [], ["Metadata_drug"])
    scores = mean_average_precision_hierarchical(
        ap,
        by,
        null_size=NULL,
        threshold=0.05,
        seed=0,
        hierarchical_by=["Metadata_drug"],
        progress_bar=False,
        max_workers=1,
    )
    return ap, scores


def similarities(df):
    from copairs import map

    df["Metadata_drug"] = df["Metadata_drug"].astype("category")
    found = []
    for distance in ("cosine", "abs_cosine", "correlation", "euclidean", "manhattan", "chebyshev", "canberra"):
        rules = (["Metadata_drug"], ["Metadata_Plate"], [], ["Metadata_drug"])
        found.append(map.average_precision(df.drop(columns=FEATURES), df[FEATURES].values, *rules, distance=distance))
    return [*found, map.mean_average_precision(found[0], ["Metadata_drug"], NULL, 0.05, 0)]


def from_polars(df):
    from copairs import map as copairs_map

    frame = pl.from_pandas(df).filter(pl.col("Metadata_drug") != "DMSO").to_pandas()
    meta, x = frame.filter(regex="^Metadata"), frame[FEATURES].values
    ap = copairs_map.average_precision(meta, x, ["Metadata_drug"], [], ["Metadata_batch"], ["Metadata_drug"])
    kept = pl.DataFrame(ap).filter(~pl.col("average_precision").is_null()).select("Metadata_drug", "average_precision")
    return ap, kept.to_pandas()


def lists_of_pairs(df):
    from copairs.matching import find_pairs

    rules = [(["Metadata_drug"], ["Metadata_Plate"]), ([], ["Metadata_drug", "Metadata_dose"]), (["Metadata_dose"], [])]
    rules += [(["Metadata_drug", "Metadata_dose"], ["Metadata_Plate", "Metadata_batch"])]
    df.loc[3, "Metadata_drug"] = None
    found = [find_pairs(df, sameby, diffby) for sameby, diffby in rules]
    found += [find_pairs(df.iloc[::-2], *rules[0], rev=rev) for rev in (False, True)]
    return [pd.DataFrame(np.sort(each, axis=1)).sort_values([0, 1], ignore_index=True) for each in found]


def pairs_by_value(df):
    from copairs import Matcher

    df = df.iloc[::3]
    matcher = Matcher(df, ["Metadata_Plate", "Metadata_drug", "Metadata_dose", "Metadata_batch"], seed=0)
    every = {"all": ["Metadata_drug"], "any": ["Metadata_batch", "Metadata_Plate"]}
    rules = [
        (["Metadata_drug"], ["Metadata_Plate"]),
        ("Metadata_drug", []),
        (["Metadata_drug", "Metadata_batch"], ["Metadata_Plate"]),
        ([], ["Metadata_drug", "Metadata_Plate"]),
        (every, []),
        (["Metadata_drug"], {"any": ["Metadata_batch", "Metadata_Plate"]}),
        ({"any": ["Metadata_dose", "Metadata_batch"]}, ["Metadata_drug"]),
        ([], {"all": ["Metadata_drug"], "any": ["Metadata_batch", "Metadata_Plate"]}),
    ]
    found = []
    for sameby, diffby in rules:
        for labels in (True, False):
            pairs = matcher.get_all_pairs(sameby, diffby, original_index=labels)
            rows = [
                (*(str(value) for value in (key if isinstance(key, tuple) else [key])), *sorted(map(int, pair)))
                for key, some in pairs.items()
                for pair in some
            ]
            found.append(pd.DataFrame(sorted(rows)))
    return found


PATTERNS: tuple[Callable[[pd.DataFrame], Any], ...] = (
    by_config,
    reference_index,
    one_time_after_the_other,
    p_values_of_wells,
    split_targets,
    unique_targets,
    labels_of_genes,
    replicates_of_other_batches,
    controls_by_number,
    a_module_by_another_name,
    plates_put_together,
    loop_over_drugs,
    doses_in_two_stages,
    similarities,
    from_polars,
    lists_of_pairs,
    pairs_by_value,
)


def run_with(pattern: Callable[[pd.DataFrame], Any], library: str) -> list[pd.DataFrame]:
    """Run the source of a pattern with a library in the place of copairs, in the middle of its imports."""
    source = textwrap.dedent(inspect.getsource(pattern)).replace("from copairs", f"from {library}")
    source = source.replace("import copairs.", f"import {library}.")
    names = dict(globals())
    exec(source, names)
    found = names[pattern.__name__](plate())
    return [found] if isinstance(found, pd.DataFrame) else list(found)


@pytest.fixture(autouse=True)
def _as_in_a_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give copairs an empty cache, and fastbench the options that its README names for copairs' numbers."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for function, name, value in (
        (fb.average_precision, "ties", "optimistic"),
        (multilabel_average_precision, "ties", "optimistic"),
        (fb.mean_average_precision, "p_values", "copairs"),
        (fb.mean_average_precision_hierarchical, "p_values", "copairs"),
        (profile_p_values.p_values, "method", "copairs"),
    ):
        assert name in function.__kwdefaults__
        monkeypatch.setitem(function.__kwdefaults__, name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda each: each.__name__)
def test_one_import_changes(pattern: Callable[[pd.DataFrame], Any]):
    theirs, mine = run_with(pattern, "copairs"), run_with(pattern, "fastbench")
    assert len(mine) == len(theirs) > 0
    for one, other in zip(mine, theirs, strict=True):
        assert len(other)
        pd.testing.assert_frame_equal(one[other.columns], other, rtol=1e-6, check_exact=False)
        assert [name for name in one.columns if name in set(other.columns)] == list(other.columns)


def test_p_values_of_wells_without_options(monkeypatch: pytest.MonkeyPatch):
    """The numbers of fastbench's own p-values are those of copairs, within the error of its draws."""
    monkeypatch.setitem(profile_p_values.p_values.__kwdefaults__, "method", "exact")
    mine, theirs = (run_with(p_values_of_wells, library)[0]["p_value"] for library in ("fastbench", "copairs"))
    error = np.sqrt(mine * (1 - mine) / NULL)
    assert (np.abs(mine - theirs) < 4 * error + 2 / NULL).all()
