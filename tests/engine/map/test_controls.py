"""The short ways of ``fastbench map``: controls, active groups of an earlier result, values put in, label columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import fastbench as fb
from fastbench.engine.command.execute import execute
from fastbench.engine.command.job import Job
from fastbench.engine.errors import InputError
from fastbench.engine.map.command import MAP
from fastbench.engine.map.controls import CONTROL
from fastbench.engine.map.job import run_map
from fastbench.engine.map.options import MapOptions
from fastbench.engine.map.plan import plan_map
from fastbench.engine.map.preparation import count_duplicate_wells
from fastbench.engine.results.folder import read_manifest
from tests.engine.figures.pictures import no_drawing

DRUGS = ("a", "b", "c", "d")
CONTROLS = "drug == 'DMSO'"


def plate(seed: int = 0) -> pl.DataFrame:
    """Forty wells: eight controls without dose and target, and four drugs in eight wells; two drugs do nothing."""
    rng = np.random.default_rng(seed)
    drug = np.repeat(["DMSO", *DRUGS], 8)
    centres = {"DMSO": np.zeros(6), "a": rng.normal(size=6) * 4, "b": rng.normal(size=6) * 4, "c": 0, "d": 0}
    x = rng.normal(size=(40, 6)) + [centres[each] + np.zeros(6) for each in drug]
    return pl.DataFrame(x, schema=[f"f{i}" for i in range(6)]).with_columns(
        pl.Series("drug", drug),
        pl.Series("dose", [None] * 8 + [1, 2, 4, 8] * 8),
        pl.Series("target", [None] * 8 + ["t"] * 8 + ["u"] * 8 + ["t"] * 8 + ["u"] * 8),
        pl.Series("plate", [1, 2] * 20),
        pl.Series("well", [f"{'ABCDE'[i // 8]}{i % 8 + 1}" for i in range(40)]),
    )


@pytest.fixture
def path(tmp_path):
    plate().write_csv(tmp_path / "plate.csv")
    return tmp_path / "plate.csv"


def options(path, **more):
    return MapOptions(profiles=(str(path),), **more)


# --- controls ---


@pytest.mark.slow
def test_the_short_way_gives_the_numbers_of_the_long_way_on_the_packaged_plate():
    short = run_map(
        MapOptions(
            profiles=("sample:lincs",),
            controls="Metadata_broad_sample == 'DMSO'",
            pos_sameby="Metadata_broad_sample",
        )
    )
    assert (round(short.mean_map, 5), short.n_significant, len(short.groups)) == (0.61783, 33, 58)
    assert any("--controls: 24 of 384 rows are controls. It stands for --derive " in note for note in short.notes)


def test_controls_go_with_queries_and_rules_that_are_given(path):
    more = {"pos_sameby": "drug", "pos_diffby": "plate"}
    short = run_map(options(path, **more, controls=CONTROLS, queries="drug != 'd'", neg_diffby="well"))
    long = run_map(
        options(
            path,
            **more,
            derive=(f"{CONTROL} = {CONTROLS}",),
            queries="drug != 'd' and drug != 'DMSO'",
            neg_diffby=f"well,{CONTROL}",
        )
    )
    assert short.groups.equals(long.groups)
    assert short.average_precision.equals(long.average_precision)
    assert short.groups["drug"].to_list() == ["a", "b", "c"]
    assert short.account()["controls_stand_for"] == {
        "derive": [f"{CONTROL} = {CONTROLS}"],
        "queries": f"(drug != 'd') and not {CONTROL}",
        "neg_diffby": f"well,{CONTROL}",
    }
    assert "controls_stand_for" not in long.account()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"controls": "drug == 'dmso'"}, "None of the 40 rows meets --controls"),
        ({"controls": "drug != 'dmso'"}, "Each of the 40 rows meets --controls"),
        ({"controls": "drug"}, "--controls 'drug' is a column of String"),
        ({"controls": "'DMSO'"}, "names no column"),
        ({"controls": "Drug == 'DMSO'"}, "Drug"),
    ],
)
def test_controls_that_are_no_condition_are_refused(path, more, said):
    with pytest.raises(InputError, match=said):
        run_map(options(path, pos_sameby="drug", **more))


def test_a_file_with_the_column_of_controls_is_refused(tmp_path):
    plate().with_columns(pl.lit("x").alias(CONTROL)).write_csv(tmp_path / "plate.csv")
    with pytest.raises(InputError, match="--queries and --neg-diffby instead"):
        run_map(options(tmp_path / "plate.csv", pos_sameby="drug", controls=CONTROLS))


# --- missing values ---


@pytest.mark.parametrize("null", ["shared", "permutation"])
def test_controls_need_no_dose_and_queries_do(path, null):
    rule = {"pos_sameby": "drug,dose", "group_by": "drug,dose", "null": null}
    bare = run_map(options(path, **rule, controls=CONTROLS))
    assert any("'dose' is missing in 8 rows that are never a query" in note for note in bare.notes)
    filled = run_map(options(path, **rule, controls=CONTROLS, fill=("dose=0",)))
    assert any("--fill 'dose=0' filled 8 of 40 rows" in note for note in filled.notes)
    assert bare.groups.equals(filled.groups)
    with pytest.raises(InputError, match=r"--fill 'dose=VALUE'"):
        run_map(options(path, pos_sameby="drug,dose", neg_diffby="drug", null=null))


def test_labels_change_places_with_those_that_are_missing(tmp_path):
    named = pl.Series("target", [f"none {i}" for i in range(8)] + ["t"] * 8 + ["u"] * 8 + ["t"] * 8 + ["u"] * 8)
    plate().write_csv(tmp_path / "bare.csv")
    plate().with_columns(named).write_csv(tmp_path / "named.csv")
    asked = {"pos_sameby": "target", "neg_diffby": "target", "queries": "drug != 'DMSO'", "null": "permutation"}
    bare, long = (run_map(options(tmp_path / f"{each}.csv", **asked)) for each in ("bare", "named"))
    assert bare.groups.equals(long.groups)


def test_controls_need_no_label(tmp_path):
    texts = [None] * 8 + ["t|u", "t", "u", "v"] * 8
    for name, controls in (("bare", [None] * 8), ("named", [f"none {i}" for i in range(8)])):
        labels = pl.Series("target", [*controls, *texts[8:]])
        plate().with_columns(labels).write_csv(tmp_path / f"{name}.csv")
    asked = {"pos_sameby": "target", "multilabel": "target", "controls": CONTROLS}
    bare, named = (run_map(options(tmp_path / f"{name}.csv", **asked)) for name in ("bare", "named"))
    assert bare.groups.equals(named.groups)
    assert any("8 controls without a label in target stay candidates" in note for note in bare.notes)
    assert bare.groups["target"].to_list() == ["t", "u", "v"]


@pytest.mark.parametrize(
    ("fill", "value"),
    [("dose=0", 0), ("dose=0.5", 0.5), ("target=none", "none"), ("target= a = b ", "a = b"), ("`dose`=16", 16)],
)
def test_a_value_is_put_where_there_is_none(path, fill, value):
    found = run_map(options(path, pos_sameby="drug", neg_diffby="drug", fill=(fill,))).average_precision
    column = "dose" if "dose" in fill else "target"
    assert found[column].head(8).to_list() == [value] * 8
    assert found[column].tail(32).to_list() == plate()[column].tail(32).to_list()


@pytest.mark.parametrize(
    ("fill", "said"),
    [
        ("dose", "is not COLUMN=VALUE"),
        ("dose=", "is not COLUMN=VALUE"),
        ("dose=high", "holds Int64, and 'high' is none"),
        ("dose=1e999", "is none"),
        ("dosis=1", "did you mean 'dose'"),
    ],
)
def test_fills_that_do_not_fit_are_refused(path, fill, said):
    with pytest.raises(InputError, match=said):
        run_map(options(path, pos_sameby="drug", neg_diffby="drug", group_by="drug,dose", fill=(fill,)))


def test_a_fill_without_effect_is_told(path):
    found = run_map(options(path, pos_sameby="drug", neg_diffby="drug", fill=("plate=7",)))
    assert any("filled 0 of 40 rows, and had no effect" in note for note in found.notes)


# --- columns that options name ---


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "arrow"])
def test_columns_that_options_name_are_metadata(tmp_path, ending):
    path = tmp_path / f"plate.{ending}"
    write = {"csv": "write_csv", "tsv": "write_csv", "parquet": "write_parquet", "arrow": "write_ipc"}[ending]
    getattr(plate(), write)(path, **({"separator": "\t"} if ending == "tsv" else {}))
    rules = {"pos_sameby": ["drug"], "neg_diffby": ["drug"]}
    found = run_map(options(path, pos_sameby="drug", neg_diffby="drug", filter=("dose != 3",), group_by="drug,target"))
    assert found.feature_names == tuple(f"f{i}" for i in range(6))
    assert any("metadata because options name them: 'drug', 'dose', 'target'" in note for note in found.notes)
    x = plate().select("^f.*$").to_numpy().astype(np.float32)
    expected = fb.average_precision(plate().select("drug"), x, rules["pos_sameby"], [], [], rules["neg_diffby"])
    assert found.average_precision["average_precision"].to_list() == expected["average_precision"].to_list()
    assert {"plate", "well"} <= set(found.average_precision.columns)


def test_columns_of_a_table_in_memory_that_options_name_are_metadata(path):
    asked = {"pos_sameby": "drug", "controls": CONTROLS, "group_by": "drug,dose", "progress_bar": False}
    of_table = fb.map(plate(), **asked)
    assert of_table.tables["map"].equals(fb.map(str(path), **asked).tables["map"])


def test_columns_of_words_are_metadata_and_those_of_some_numbers_are_refused(path, tmp_path):
    rule = {"pos_sameby": "dose", "neg_diffby": "dose", "queries": "dose == dose"}
    found = run_map(options(path, **rule))
    assert {"drug", "target"} <= set(found.average_precision.columns)
    assert any("columns that are no numbers are metadata: 'drug', 'target'." in note for note in found.notes)
    plate().with_columns(pl.col("f1").cast(pl.String).replace_strict({}, default="1.5x")).write_csv(tmp_path / "x.csv")
    assert "f1" not in run_map(options(tmp_path / "x.csv", **rule)).feature_names
    bad = plate().with_columns(pl.when(pl.int_range(pl.len()) == 3).then(pl.lit("1.5x")).otherwise("f1").alias("f1"))
    bad.write_csv(tmp_path / "x.csv")
    path = tmp_path / "x.csv"
    with pytest.raises(InputError, match=r"name it in a rule, rename it to Metadata_\.\.\., or choose the features"):
        run_map(options(path, **rule))
    plate().select("drug", "target", "dose").write_csv(path)
    with pytest.raises(InputError, match="has no feature column"):
        run_map(options(path, **rule))


def test_a_column_in_other_letters_is_suggested(path):
    with pytest.raises(InputError, match=r"no column 'Dose'; did you mean 'dose'\?"):
        run_map(options(path, pos_sameby="drug,Dose", neg_diffby="drug"))
    with pytest.raises(InputError, match="did you mean 'drug'"):
        run_map(options(path, pos_sameby="Drug", neg_diffby="Drug"))


def test_rules_without_negatives_name_the_controls(path):
    with pytest.raises(InputError, match=r"both empty; .* \(--controls\)"):
        run_map(options(path, pos_sameby="drug"))


# --- wells ---


@pytest.mark.parametrize(
    ("columns", "wells", "count"),
    [
        (("Metadata_Plate", "Metadata_Well"), ["A01", "A1", "a1", "A02"], 2),
        (("plate_id", "Well_ID"), ["A01", "A001", "B1", "A10"], 1),
        (("Plate", "wellName"), ["A01", "A1 ", "AA1", "AF48"], 1),
        (("batch", "well"), ["A01", "A1", "a1", "A02"], 0),
        (("plate", "well"), ["3", "3", "x", "X"], 1),
    ],
)
def test_wells_are_one_in_any_usual_spelling(columns, wells, count):
    assert count_duplicate_wells(pl.DataFrame({columns[0]: ["p"] * 4, columns[1]: wells})) == count


# --- from activity to consistency ---


@pytest.fixture
def activity(path, tmp_path):
    asked = options(path, pos_sameby="drug", controls=CONTROLS)
    with no_drawing():
        execute(MAP, asked, tmp_path / "activity")
    return tmp_path / "activity"


def test_active_groups_are_kept(path, activity):
    manifest = read_manifest(activity)
    assert manifest["controls_stand_for"]["queries"] == f"not {CONTROL}"
    active = pl.read_csv(activity / "map.csv").filter("below_corrected_p")["drug"].to_list()
    assert 0 < len(active) < 4
    rule = {"pos_sameby": "plate", "neg_diffby": "plate"}
    found = run_map(options(path, **rule, active_only=str(activity)))
    long = run_map(options(path, **rule, filter=(f"drug in {active}",)))
    assert found.groups.equals(long.groups)
    assert any(
        f"{len(active)} of 4 groups are below the corrected p; {8 * len(active)} of 40 rows are theirs and were kept; "
        f"{8 * (4 - len(active))} rows of its other groups and 8 of no group of it were left out." in note
        for note in found.notes
    )
    assert str(activity / "map.csv") in [source.path for source in found.sources]


def test_controls_stay_with_the_active_groups(path, activity):
    found = run_map(options(path, pos_sameby="drug", controls=CONTROLS, active_only=str(activity)))
    before = pl.read_csv(activity / "map.csv").filter("below_corrected_p")
    assert found.groups["mean_average_precision"].to_list() == before["mean_average_precision"].to_list()
    assert any("and were kept, as were 8 controls" in note for note in found.notes)


def test_groups_of_numbers_are_found(path, tmp_path, activity):
    asked = options(path, pos_sameby="drug,dose", controls=CONTROLS, threshold=0.9)
    with no_drawing():
        execute(MAP, asked, tmp_path / "doses")
    active = pl.read_csv(tmp_path / "doses" / "map.csv").filter("below_corrected_p").select("drug", "dose")
    found = run_map(options(path, pos_sameby="plate", neg_diffby="plate", active_only=str(tmp_path / "doses")))
    assert found.average_precision.select("drug", "dose").unique().sort("drug", "dose").equals(active)


@pytest.mark.slow
def test_results_that_do_not_fit_are_refused(path, tmp_path, activity):
    rule = {"pos_sameby": "plate", "neg_diffby": "plate"}

    def refused(said, run=activity, **more):
        with pytest.raises(InputError, match=said):
            run_map(options(path, **rule, active_only=str(run), **more))

    refused("does not exist", tmp_path / "nowhere")
    refused("is not a result of fastbench", tmp_path)
    refused("no row is of one of its", filter=("drug in ['DMSO']",))
    (activity / "map.csv").write_text((activity / "map.csv").read_text().replace("true", "false"))
    refused("was changed after it was written")
    with no_drawing():
        execute(MAP, options(path, pos_sameby="drug", controls=CONTROLS, threshold=1e-12), tmp_path / "none")
    refused("none of its 4 groups is below the corrected p", tmp_path / "none")


def test_a_plan_counts_queries_and_active_rows(path, activity):
    asked = options(path, pos_sameby="drug,dose", controls=CONTROLS)
    assert plan_map(asked).costs["queries"] == 32
    n_active = pl.read_csv(activity / "map.csv")["below_corrected_p"].sum()
    assert plan_map(replace(asked, active_only=str(activity))).costs["queries"] == 8 * n_active


def test_a_job_takes_options_as_they_were_given(path):
    asked = options(path, pos_sameby="drug", controls=CONTROLS)
    assert run_map(asked, Job()).options == asked
