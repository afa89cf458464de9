"""Screens from files: formats, genes, conditions, contexts, controls and training cells."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from fastbench.engine.errors import InputError
from fastbench.engine.perturb.inputs.reading import held_screens, read_screens
from fastbench.engine.perturb.options import PerturbOptions

from .input_files import COUNTS, GENES, LABELS, MODEL, cells, dense, read, refused, saved, sparse


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("screens") / "real.h5ad", sparse(COUNTS), batch=["a"] * len(LABELS))


def test_files_of_every_format_hold_the_same_cells(truth: Path, tmp_path: Path):
    layered = cells(np.zeros_like(MODEL))
    layered.layers["counts"] = sparse(MODEL[:, ::-1])[:, ::-1]
    saved(tmp_path / "layer.h5ad", layered)
    saved(tmp_path / "zarr.zarr", sparse(MODEL))
    table = pl.DataFrame({"target_gene": LABELS.tolist(), **dict(zip(GENES, MODEL.T, strict=True))})
    table.write_csv(tmp_path / "csv.csv")
    table.write_parquet(tmp_path / "parquet.parquet")
    packed = pa.compress(saved(tmp_path / "pred.h5ad", MODEL).read_bytes(), "zstd", asbytes=True)
    (tmp_path / "pred.h5ad.zst").write_bytes(packed)
    with tarfile.open(tmp_path / "vcc.vcc", "w") as archive:
        archive.add(tmp_path / "pred.h5ad.zst", "pred.h5ad.zst")
    names = ["layer.h5ad@layer:counts", "zarr.zarr", "csv.csv", "parquet.parquet", "vcc.vcc"]
    found = read(truth, *(tmp_path / name for name in names))
    assert [each.name for each in found.predictions] == ["layer", "zarr", "csv", "parquet", "vcc"]
    assert found.truth.panel.conditions == tuple(sorted(set(LABELS) - {"non-targeting"}))
    assert found.truth.matrix.format == "csr"
    assert found.truth.matrix.dtype == np.float32
    assert found.truth.values == "counts"
    assert len(found.sources) == 6
    for each in found.predictions:
        np.testing.assert_array_equal(dense(each.matrix), MODEL)
        assert each.conditions.tolist() == found.truth.conditions.tolist()
    assert found.predictions[0].matrix.has_sorted_indices
    assert any("The control is 'non-targeting', by its name" in note for note in found.notes)
    (tmp_path / "cut.vcc").write_bytes((tmp_path / "vcc.vcc").read_bytes()[: 512 + len(packed) // 2])
    refused("is damaged, cut off or not a submission", truth, tmp_path / "cut.vcc")


def test_genes_are_aligned_by_name(truth: Path, tmp_path: Path):
    order = np.random.default_rng(0).permutation(300)
    more = np.c_[MODEL[:, order], MODEL[:, 0]]
    moved = saved(tmp_path / "moved.h5ad", sparse(more), LABELS, [*np.array(GENES)[order], "other"])
    fewer = saved(tmp_path / "fewer.h5ad", MODEL[:, 3:], LABELS, GENES[3:])
    found = read(truth, moved)
    np.testing.assert_array_equal(dense(found.predictions[0].matrix), MODEL)
    assert found.predictions[0].matrix.has_canonical_format
    assert any("has 1 gene that the truth has not, left out: 'other'" in note for note in found.notes)
    refused(r"lacks 3 of the 300 genes of the truth: 'G000', .*--genes shared", truth, fewer)
    shared = read(truth, moved, fewer, genes="shared")
    assert shared.truth.panel.genes == tuple(GENES[3:])
    assert len(shared.truth.panel.targets[0]) == 0
    np.testing.assert_array_equal(dense(shared.predictions[0].matrix), MODEL[:, 3:])
    other = saved(tmp_path / "other.h5ad", MODEL, LABELS, [f"ENSG{i}" for i in range(300)])
    refused("has none of the genes of the truth: it has 'ENSG0', .*--gene-col", truth, other)
    lower = saved(tmp_path / "lower.h5ad", MODEL, LABELS, [gene.lower() for gene in GENES])
    refused("differ from those of the truth by case alone", truth, lower)
    twice = saved(tmp_path / "twice.h5ad", MODEL, LABELS, [*GENES[:-1], "G000"])
    refused("more than one gene named 'G000'", truth, twice)


def test_names_of_combinations_are_one_condition_in_any_order(tmp_path: Path):
    names = dict(zip(sorted(set(LABELS)), ["G000+ctrl", "ctrl+G005", "G010+G015", "G020_G025"], strict=False))
    labels = np.array([names.get(label, label) for label in LABELS], object)
    labels[np.flatnonzero(labels == "G010+G015")[:3]] = "G015+G010"
    labels[LABELS == "non-targeting"] = "ctrl"
    labels[np.flatnonzero(labels == "ctrl")[:2]] = "ctrl+ctrl"
    truth = saved(tmp_path / "truth.h5ad", COUNTS, labels)
    other = {"G000+ctrl": "G000", "ctrl+G005": "G005+ctrl", "G020_G025": "G025+G020"}
    pred = saved(tmp_path / "pred.h5ad", MODEL, [other.get(label, label) for label in labels])
    found = read(truth, pred, control=("ctrl",))
    panel = found.truth.panel
    assert panel.conditions[:4] == ("G000+ctrl", "G010+G015", "G020", "G020_G025")
    assert [panel.targets[code].tolist() for code in (0, 1, 2, 3)] == [[0], [10, 15], [20], [20, 25]]
    assert panel.conditions[-1] == "ctrl+G005"
    assert found.predictions[0].conditions.tolist() == found.truth.conditions.tolist()
    assert (found.truth.conditions == panel.control_code).sum() == 50
    assert any("'G010+G015' and 'G015+G010'" in note for note in found.notes)
    literal = found.literal()
    assert [targets.tolist() for targets in literal.truth.panel.targets[:4]] == [[], [], [20], []]
    assert literal.predictions[0].panel is literal.truth.panel


def test_what_is_missing_is_told(truth: Path, tmp_path: Path):
    labels = LABELS.copy()
    labels[labels == "G000"] = "NEW"
    labels[0] = None
    perturbed = labels != "non-targeting"
    pred = saved(tmp_path / "pred.h5ad", sparse(MODEL[perturbed]), labels[perturbed])
    found = read(truth, f"mine={pred}")
    said = "\n".join(found.notes)
    assert "has 1 condition that the truth has not ('NEW'): 15 rows left out" in said
    assert "lacks 1 of 12 conditions: 'G000'" in said
    assert "has no control cells; those of the truth are used" in said
    assert "1 row left out: no condition in" in said
    mine = found.predictions[0]
    assert np.bincount(mine.conditions, minlength=13).tolist() == [0, *[15] * 11, 50]
    refused("--control-source prediction: .* has no control cells", truth, pred, control_source="prediction")
    refused("has no column 'gene' .--condition.", truth, pred, condition="gene")
    refused(r"no cells of the control 'ctrl'", truth, control=("ctrl",))
    refused("has no condition of the truth", truth, saved(tmp_path / "none.h5ad", MODEL, ["NEW"] * len(LABELS)))
    drugs = saved(tmp_path / "drugs.h5ad", COUNTS, np.char.add("drug ", LABELS.astype(str)).astype(object))
    refused("No condition is the name of a gene", drugs, control=("drug non-targeting",))
    without = read(drugs, control=("drug non-targeting",), target_genes=False)
    assert len(without.truth.panel.all_targets) == 0
    (tmp_path / "map.csv").write_text("condition,gene\ndrug G000,G007\ndrug G000,G009\ndrug G005,NOPE\n")
    mapped = read(drugs, control=("drug non-targeting",), target_map=str(tmp_path / "map.csv"))
    assert mapped.truth.panel.all_targets.tolist() == [7, 9]
    assert any("genes are not judged: 'NOPE'" in note for note in mapped.notes)


def test_contexts_have_controls_of_their_own(tmp_path: Path):
    line = np.where(np.arange(len(LABELS)) % 2, "k562", "rpe1").astype(object)
    labels = LABELS.copy()
    labels[(LABELS == "non-targeting") & (line == "rpe1")] = "safe"
    truth = saved(tmp_path / "truth.h5ad", COUNTS, labels, line=line)
    refused(r"no control cells in the contexts 'rpe1'", truth, context_col="line", control=("non-targeting",))
    (tmp_path / "controls.tsv").write_text("context\tcondition\nrpe1\tsafe\n")
    options = {"context_col": "line", "control": ("non-targeting",), "control_map": str(tmp_path / "controls.tsv")}
    one = saved(tmp_path / "one.h5ad", MODEL, labels, line=["k562"] * len(line))
    found = read(truth, one, **options)
    assert found.truth.panel.contexts == ("k562", "rpe1")
    assert found.truth.panel.conditions == tuple(sorted(set(LABELS) - {"non-targeting"}))
    assert [len(found.truth.rows(12, context)) for context in (0, 1)] == [25, 25]
    assert any("'safe'" in note and "that the truth has not" in note for note in found.notes)
    assert any("lacks 12 of 12 conditions in 'rpe1'" in note for note in found.notes)
    refused("has no column 'line' .--context-col.", truth, saved(tmp_path / "bare.h5ad", MODEL, labels), **options)


def test_rows_that_are_means_are_no_cells(truth: Path, tmp_path: Path):
    scaled = np.log1p(MODEL / MODEL.sum(axis=1, keepdims=True) * 1e4)
    pd.DataFrame(MODEL, columns=GENES).groupby(LABELS).mean().rename_axis("target_gene").to_csv(tmp_path / "counts.csv")
    refused("nothing proves what its values are", truth, tmp_path / "counts.csv")
    refused("log1p of mean counts is not the mean of log1p", truth, tmp_path / "counts.csv", input="counts")
    means = pd.DataFrame(scaled, columns=GENES).groupby(LABELS).mean()
    means.rename_axis("target_gene").reset_index().to_csv(tmp_path / "means.csv")
    found = read(truth, tmp_path / "means.csv", total=1e4)
    (mine,) = found.predictions
    assert (mine.of_cells, len(mine), found.truth.of_cells) == (False, 13, True)
    np.testing.assert_allclose(mine.matrix[0], means.loc["G000"], rtol=1e-6)
    said = "\n".join(found.notes)
    assert "has one row a condition: rows are taken as means" in said
    assert "Nothing can be tested" in said


def test_training_cells_are_no_judged_ones(truth: Path, tmp_path: Path):
    split = np.where(np.isin(LABELS, ["G000", "G005"]), "Train", "test").astype(object)
    split[LABELS == "G010"] = "val"
    both = saved(tmp_path / "both.h5ad", sparse(COUNTS), split=split)
    found = read(both, split_col="split")
    assert found.training is not None
    assert found.training.panel.conditions == ("G000", "G005")
    assert found.seen == set()
    assert len(found.truth.panel.conditions) == 9
    assert (found.training.conditions == 2).sum() == (found.truth.conditions == 9).sum() == 50
    assert found.dropped == {"neither train nor test in 'split' ('val')": 15}
    assert any("50 control cells of truth also serve training" in note for note in found.notes)
    refused(
        r"180 perturbed cells of .* and of the truth have the same values in all genes.*--split-col",
        truth,
        train=str(truth),
    )
    learned = saved(tmp_path / "train.h5ad", np.where((LABELS == "non-targeting")[:, None], COUNTS, MODEL))
    apart = read(truth, train=str(learned))
    assert apart.seen == set(apart.truth.panel.conditions)
    said = "\n".join(apart.notes)
    assert "50 control cells of" in said
    assert "180 perturbed cells of" in said
    assert "have the same ids ('cell" in said
    refused("must say train or test", both, split_col="target_gene")


def test_a_copy_of_the_truth_is_no_prediction(truth: Path):
    found = read(truth, f"copy={truth}")
    assert any("Of 180 predicted cells of" in note and "180 have the values" in note for note in found.notes)


def test_what_is_in_memory_is_read_alike(truth: Path):
    options = PerturbOptions(condition="target_gene")
    table = pd.DataFrame(MODEL, columns=GENES).assign(target_gene=LABELS)
    obs = pd.DataFrame({"target_gene": LABELS})
    given = {"anndata": cells(sparse(MODEL)), "table": table, "parts": (MODEL, obs, GENES), "path": truth}
    found = held_screens(cells(COUNTS), given, options, training=(MODEL * 2, obs, GENES))
    for each in found.predictions[:3]:
        np.testing.assert_array_equal(dense(each.matrix), MODEL)
    assert [each.name for each in found.predictions] == list(given)
    assert len({source.sha256 for source in found.sources}) == 6
    assert found.training is not None
    with pytest.raises(InputError, match="condition is needed"):
        held_screens(cells(COUNTS), {}, PerturbOptions())


def test_without_files_there_is_a_simulated_screen():
    found = read_screens(PerturbOptions())
    assert [len(each) for each in (found.truth, *found.predictions)] == [920, 920, 920]
    assert "simulated" in found.notes[0]


def test_options_that_do_not_go_together_are_refused(truth: Path):
    for match, options in (
        ("--condition is needed", {"screens": ("a.h5ad",)}),
        ("--total must be above 0", {"total": 0.0}),
        ("give one of them", {"train": "a.h5ad", "split_col": "b"}),
        ("says that there are none", {"target_map": "a.csv", "target_genes": False}),
        ("give --context-col", {"control_map": "a.csv"}),
    ):
        with pytest.raises(InputError, match=match):
            PerturbOptions(**options)
    refused("Two predictions are called 'a'", truth, f"a={truth}", f"a={truth}")
    refused("A prediction is called 'truth'", truth, f"truth={truth}")
