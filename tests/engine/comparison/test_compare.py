"""Results of ``fastbench map`` side by side: verdicts, what is gained and lost, and what cannot be compared."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import fastbench as fb
from fastbench.engine.command.execute import execute
from fastbench.engine.map.command import MAP
from fastbench.engine.map.options import MapOptions

N_GROUPS, N_ROWS, N_FEATURES = 24, 4, 12


def write_result(folder: Path, name: str, noise: float, seed: int, **options: object) -> str:
    """Score profiles with the same signal and other noise; return the result folder."""
    signal = np.random.default_rng(0).normal(size=(N_GROUPS, N_FEATURES)).repeat(N_ROWS, axis=0)
    x = signal + noise * np.random.default_rng(seed).normal(size=signal.shape)
    groups = [f"g{i:02}" for i in range(N_GROUPS) for _ in range(N_ROWS)]
    frame = pl.DataFrame(x, schema=[f"f{i}" for i in range(N_FEATURES)])
    doses = [i % 2 for i in range(N_GROUPS * N_ROWS)]
    frame = frame.select(pl.Series("Metadata_drug", groups), pl.Series("Metadata_dose", doses), pl.all())
    frame.write_csv(folder / f"{name}.csv")
    given = {"pos_sameby": "Metadata_drug", "neg_diffby": "Metadata_drug", "device": "cpu", **options}
    asked = MapOptions(profiles=(str(folder / f"{name}.csv"),), **given)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fastbench.engine.map.job.MapResult.draw", lambda self, path: None)
        execute(MAP, asked, folder / name)
    return str(folder / name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compare")


@pytest.fixture(scope="module")
def clean(folder: Path) -> str:
    return write_result(folder, "clean", 0.8, 1)


@pytest.fixture(scope="module")
def noisy(folder: Path) -> str:
    return write_result(folder, "noisy", 2.5, 2)


def test_the_better_run_is_told(clean: str, noisy: str) -> None:
    found = fb.compare(clean, noisy, bootstrap=999)
    assert found.verdicts.select("run", "verdict").rows() == [("clean", "baseline"), ("noisy", "worse")]
    turned = fb.compare(clean, noisy, baseline="noisy", bootstrap=999)
    assert turned.verdicts.select("run", "verdict").rows() == [("clean", "better"), ("noisy", "baseline")]
    one, other = (each.differences.row(0, named=True) for each in (found, turned))
    assert one["difference"] == -other["difference"] < 0
    assert (one["lower"], one["upper"]) == pytest.approx((-other["upper"], -other["lower"]))
    assert one["p_value"] == other["p_value"] <= 0.01
    # by hand: the mean of the groups of both
    maps = [
        pl.read_csv(Path(each) / "map.csv").sort("Metadata_drug")["mean_average_precision"] for each in (clean, noisy)
    ]
    assert one["difference"] == pytest.approx(float((maps[1] - maps[0]).mean()))
    lost = found.changes.filter(change="lost")["Metadata_drug"].to_list()
    passed = [pl.read_csv(Path(each) / "map.csv").sort("Metadata_drug")["below_corrected_p"] for each in (clean, noisy)]
    drugs = pl.read_csv(Path(clean) / "map.csv").sort("Metadata_drug")["Metadata_drug"]
    assert lost == drugs.filter(passed[0] & ~passed[1]).to_list()


def test_a_run_beside_itself_has_no_difference(clean: str, folder: Path) -> None:
    found = fb.compare(f"a={clean}", f"b={clean}", bootstrap=500)
    assert found.differences["difference"].to_list() == [0.0, 0.0, 0.0]
    assert found.differences["p_value"].to_list() == [1.0, 1.0, 1.0]
    assert found.verdicts["verdict"].to_list() == ["baseline", "no clear difference"]
    assert len(found.changes) == 0


def test_the_folder_and_its_columns(clean: str, noisy: str, folder: Path) -> None:
    found = fb.compare(clean, noisy, output=folder / "compared", bootstrap=200)
    names = sorted(path.name for path in (folder / "compared").rglob("*") if path.is_file())
    tables = ["comparison.csv", "gained_lost.csv", "verdict.csv"]
    assert names == sorted([*tables, "comparison.png", "comparison.svg", "manifest.json"])
    for name in tables:
        assert pl.read_csv(folder / "compared" / name).columns == found.tables[name.partition(".")[0]].columns


def test_a_file_of_a_result_is_no_result(clean: str, noisy: str) -> None:
    with pytest.raises(fb.InputError, match=r"map\.csv' is a file: give the result folder that it is in"):
        fb.compare(f"{clean}/map.csv", noisy)


def test_other_options_and_groups_are_noted(clean: str, folder: Path) -> None:
    other = write_result(folder, "other", 0.8, 3, distance="correlation", filter=("Metadata_drug != 'g00'",))
    found = fb.compare(clean, other, bootstrap=200)
    said = "\n".join(found.notes)
    assert "The option distance differs ('cosine' in clean; 'correlation' in other)" in said
    assert "The option filter differs" in said
    assert f"{N_GROUPS - 1} common groups; 0 are only in other and 1 only in clean" in said
    assert "profiles" not in said


def test_dependent_groups_are_swapped_together(folder: Path) -> None:
    doses = [
        write_result(folder, name, 1.5, seed, pos_sameby="Metadata_drug,Metadata_dose")
        for seed, name in enumerate("xy")
    ]
    alone, together = (
        fb.compare(*doses, bootstrap=200, cluster_by=names).differences["units"][0] for names in ([], ["Metadata_drug"])
    )
    assert (alone, together) == (2 * N_GROUPS, N_GROUPS)
    with pytest.raises(fb.InputError, match="'Metadata_dos', which is no column of the groups; did you mean"):
        fb.compare(*doses, cluster_by=["Metadata_dos"])


def test_groups_that_share_profiles_have_no_p_value(folder: Path) -> None:
    given = {"pos_sameby": "Metadata_drug", "neg_diffby": "Metadata_drug", "multilabel": "Metadata_drug"}
    listed = [write_result(folder, name, 1.0, seed, **given) for seed, name in enumerate("pq")]
    found = fb.compare(*listed)
    assert found.differences["p_value"].null_count() == len(found.differences)
    assert sorted(found.verdicts["verdict"]) == ["baseline", "not tested"]
    assert any("share profiles" in note for note in found.notes)


def test_what_cannot_be_compared_is_refused(clean: str, folder: Path) -> None:
    by_dose = write_result(folder, "by_dose", 1.0, 5, pos_sameby="Metadata_dose", neg_diffby="Metadata_dose")
    for given, said in (
        ([clean], "two or more result folders"),
        ([clean, str(folder / "nothing")], "does not exist"),
        ([clean, str(folder)], "is not a result of fastbench"),
        ([clean, clean], "Two results are called 'clean'"),
        ([clean, by_dose], "they cannot be paired"),
    ):
        with pytest.raises(fb.InputError, match=said):
            fb.compare(*given)


def test_a_table_that_was_changed_is_refused(clean: str, noisy: str, folder: Path) -> None:
    edited = folder / "edited"
    shutil.copytree(clean, edited)
    whole = (edited / "map.csv").read_text()
    for content, said in (
        (whole.replace("0.", "1.", 1), "was changed after it was written"),
        (whole[:700], "was changed after it was written|cannot be used"),
        (whole.replace("mean_average_precision", "mAP", 1), "cannot be used"),
    ):
        (edited / "map.csv").write_text(content)
        with pytest.raises(fb.InputError, match=said):
            fb.compare(str(edited), noisy)
    with pytest.raises(fb.InputError, match="lies in the result"):
        fb.compare(clean, noisy, output=Path(clean) / "inside")


@pytest.mark.slow
def test_equal_signal_is_rarely_called_a_difference(tmp_path: Path) -> None:
    """Of 100 pairs of feature sets of equal signal, about five have p < 0.05: at most twelve (P(more) < 0.002)."""
    from fastbench.engine.comparison.compare import compare_runs
    from fastbench.engine.comparison.options import CompareOptions
    from fastbench.engine.comparison.runs import Run

    rng = np.random.default_rng(1)
    drugs = [f"g{i:02}" for i in range(N_GROUPS)]
    rejected = 0
    for _ in range(100):
        hard = rng.random(N_GROUPS)
        runs = []
        for name in "ab":
            ap = np.clip(hard + 0.2 * rng.normal(size=N_GROUPS), 0, 1)
            frame = pl.DataFrame(
                {
                    "Metadata_drug": drugs,
                    "mean_average_precision": ap,
                    "mean_normalized_average_precision": ap,
                    "below_corrected_p": ap > 0.5,
                    "key": drugs,
                }
            )
            runs.append(Run(name, {}, ("Metadata_drug",), frame))
        assert MAP.measure is not None
        found = compare_runs(runs, MAP.measure, CompareOptions(results=("a", "b"), bootstrap=999))
        rejected += found.differences["p_value"][0] < 0.05
    assert rejected <= 12
