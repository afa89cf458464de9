"""Splits follow the published rules to the well, and a manifest gives back exactly what was written."""

import csv
import json
import math
import os
from collections import Counter, defaultdict

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.engine.cpjump.plates.metadata import packaged
from fastbench.engine.cpjump.split.components import balance, components
from fastbench.engine.cpjump.split.manifest import filter_wells, output_paths, read_manifest, write_split
from fastbench.engine.cpjump.split.strategies import STRATEGIES, SUBSETS, SplitOptions, make_split
from fastbench.engine.cpjump.split.wells import split_table
from fastbench.engine.errors import InputError

REPRESENTATION, GENE_COMPOUND = "cpjump1_official_representation", "cpjump1_official_gene_compound"
CELLCLIP, LEAK_FREE = "cellclip_cpjump_style", "leak_free"

# Rows of the published table: plate, well, sample, pert type, control type, cell, hours, experiment type, target,
# negcon or other, time code, radix, n, across.
PUBLISHED = """
BR00118050 A01 ccsbBroad304_00900 trt NA A549 96 ORF KCNN1 pert high 102 3 TRUE
BR00118050 A02 ccsbBroad304_07795 trt NA A549 96 ORF SLCO2B1 pert high 49 3 TRUE
BR00118050 A08 ccsbBroad304_01122 trt NA A549 96 ORF OPRM1 pert high 176 3 TRUE
BR00118050 A09 ccsbBroad304_01122 trt NA A549 96 ORF OPRM1 pert high 176 3 TRUE
BR00118050 A13 ccsbBroad304_02831 control negcon A549 96 ORF SGK3 negcon high 149 1 FALSE
BR00118050 A14 ccsbBroad304_02201 control negcon A549 96 ORF CLOCK negcon high 142 1 FALSE
BR00118050 C03 ccsbBroad304_14696 control poscon_cp A549 96 ORF MET pert high 21 3 TRUE
BR00118050 C05 ccsbBroad304_16175 control poscon_orf A549 96 ORF BRAF pert high 32 3 TRUE
BR00118050 C06 ccsbBroad304_00607 control poscon_diverse A549 96 ORF GABRB2 pert high 174 3 TRUE
BR00118048 G20 BRDN0001146001 control negcon U2OS 96 CRISPR NO_SITE negcon low 83 1 FALSE
BR00118048 G21 BRDN0001482384 trt NA U2OS 96 CRISPR ATP5F1D pert low 87 3 TRUE
BR00118048 H20 BRDN0001148372 control negcon U2OS 96 CRISPR ONE_INTERGENIC_SITE negcon low 132 1 FALSE
BR00118048 I09 BRDN0001481327 control poscon_diverse U2OS 96 CRISPR NAMPT pert low 147 3 TRUE
BR00118048 J05 empty empty NA U2OS 96 CRISPR empty empty low 144 2 FALSE
BR00118048 J16 BRDN0000733514 control poscon_cp U2OS 96 CRISPR BRD4 pert low 27 3 TRUE
BR00117011 N01 BRD-K70821460-300-02-4 trt NA U2OS 48 Compound HRH4 pert high 119 3 TRUE
BR00117011 N04 BRD-K49350383-001-13-7 control poscon_diverse U2OS 48 Compound IMPDH1 pert high 39 3 TRUE
BR00117011 N07 DMSO control negcon U2OS 48 Compound NA negcon high 7 1 FALSE
BR00117011 O03 BRD-K93632104-001-17-2 trt NA U2OS 48 Compound AKR1C1 pert high 80 3 TRUE
BR00117011 P24 BRD-K70358946-001-17-3 trt NA U2OS 48 Compound HTR3A pert high 162 3 TRUE
"""
COLUMNS = [
    "Metadata_Plate",
    "Metadata_Well",
    "Metadata_broad_sample",
    "Metadata_pert_type",
    "Metadata_control_type",
    "Metadata_cell_line",
    "Metadata_timepoint",
    "Metadata_experiment_type",
    "Metadata_target",
    "Metadata_negcon_or_other",
    "Metadata_timepoint_code",
    "Metadata_target_radix",
    "n",
    "Metadata_target_is_across",
]


def split(strategy, wells=None, **options):
    return make_split(SplitOptions(strategy, **options), wells)


def target_subsets(made):
    """The subset of each target; every well of a target has the same."""
    found = made.manifest.select("Metadata_target", "subset").unique()
    assert found["Metadata_target"].is_unique().all()
    return dict(found.iter_rows())


def wells_of_targets(targets):
    return (
        split_table().filter(pl.col("Metadata_target").is_in(list(targets))).select("Metadata_Plate", "Metadata_Well")
    )


# --- the table ---


def test_the_table_has_the_published_rows():
    text = (
        split_table()
        .select(COLUMNS)
        .with_columns(
            pl.when("Metadata_target_is_across").then(pl.lit("TRUE")).otherwise(pl.lit("FALSE")).alias(COLUMNS[-1])
        )
    )
    rows = {row[:2]: row for row in text.with_columns(pl.all().cast(pl.String).fill_null("NA")).iter_rows()}
    for line in PUBLISHED.strip().splitlines():
        expected = tuple(line.split())
        assert rows[expected[:2]] == expected


def test_the_table_is_complete_and_consistent():
    table = split_table()
    assert table.height == 40 * 384
    assert not table.select("Metadata_Plate", "Metadata_Well").is_duplicated().any()
    assert table["Metadata_experiment_type"].unique(maintain_order=True).to_list() == ["ORF", "CRISPR", "Compound"]
    treated = table.filter(pl.col("Metadata_negcon_or_other") == "pert")
    assert treated.height == 12_800
    samples = treated.group_by("Metadata_experiment_type").agg(pl.col("Metadata_broad_sample").n_unique())
    assert dict(samples.iter_rows()) == {"ORF": 160, "CRISPR": 305, "Compound": 306}
    # n and the across flag are those of this very table; the ranks are a permutation.
    types = defaultdict(set)
    for target, kind in table.select("Metadata_target", "Metadata_experiment_type").iter_rows():
        types[target].add(kind)
    keys = table.select("Metadata_target", "Metadata_target_radix", "n", "Metadata_target_is_across").unique()
    assert sorted(keys["Metadata_target_radix"]) == list(range(1, 180))
    for target, _, n, across in keys.iter_rows():
        assert (n, across) == (len(types[target]), len(types[target]) == 3)
    compounds = table.filter(Metadata_experiment_type="Compound")
    assert compounds["Metadata_InChIKey"].str.len_chars().unique().to_list() == [27]
    assert compounds["Metadata_gene"].null_count() == compounds.height
    assert set(compounds.filter(Metadata_broad_sample="DMSO")["Metadata_pert_iname"]) == {"DMSO"}


# --- the published strategies ---


@pytest.mark.parametrize(
    ("strategy", "exclude_poscon", "wells", "targets"),
    [
        (REPRESENTATION, False, (7680, 2560, 2560), None),
        (REPRESENTATION, True, (6240, 2080, 2080), None),
        (GENE_COMPOUND, False, (7680, 2560, 2560), (96, 32, 32)),
        (GENE_COMPOUND, True, (6240, 2080, 2080), (78, 26, 26)),
        (CELLCLIP, False, (9616, 0, 3184), None),
        (CELLCLIP, True, (7792, 0, 2608), None),
    ],
)
def test_counts_of_the_full_data(strategy, exclude_poscon, wells, targets):
    made = split(strategy, exclude_poscon=exclude_poscon)
    counts = made.counts()
    assert counts["subset"].to_list() == list(SUBSETS)
    assert tuple(counts["wells"]) == wells
    assert targets is None or tuple(counts["targets"]) == targets
    assert made.skipped == {"negative controls": 2464, "empty": 96} | (
        {"positive controls": 2400} if exclude_poscon else {}
    )
    assert made.manifest.columns == [
        "split_strategy",
        "subset",
        "Metadata_Plate",
        "Metadata_Well",
        "Metadata_broad_sample",
        "Metadata_cell_line",
        "Metadata_experiment_type",
        "Metadata_timepoint",
        "Metadata_timepoint_code",
        "Metadata_target",
    ]


def test_representation_is_by_type_and_time():
    found = split(REPRESENTATION).manifest.select("Metadata_experiment_type", "Metadata_timepoint", "subset").unique()
    assert {(kind, hours): subset for kind, hours, subset in found.iter_rows()} == {
        ("ORF", 48): "train",
        ("ORF", 96): "train",
        ("CRISPR", 96): "train",
        ("CRISPR", 144): "train",
        ("Compound", 24): "validate",
        ("Compound", 48): "test",
    }


def test_first_appearance_is_the_released_example():
    with (packaged() / "gene_compound_split_example_1.csv").open(newline="") as handle:
        released = {row["Metadata_target"]: row["Metadata_split"] for row in csv.DictReader(handle)}
    assert Counter(released.values()) == {"train": 96, "validate": 32, "test": 32}
    by_order = target_subsets(split(GENE_COMPOUND, order="first-appearance"))
    assert by_order == released
    by_rank = target_subsets(split(GENE_COMPOUND))
    assert sum(by_rank[target] == released[target] for target in released) == 68


def test_radix_order_runs_from_tnf_to_pak4():
    with (packaged() / "target_split_keys.tsv").open(newline="") as handle:
        rows = [row for row in csv.DictReader(handle, delimiter="\t") if row["Metadata_target_is_across"] == "TRUE"]
    ranked = [row["Metadata_target"] for row in sorted(rows, key=lambda row: int(row["Metadata_target_radix"]))]
    assert (ranked[0], ranked[-1]) == ("TNF", "PAK4")
    expected = dict.fromkeys(ranked[:96], "train") | dict.fromkeys(ranked[96:128], "validate")
    assert target_subsets(split(GENE_COMPOUND)) == expected | dict.fromkeys(ranked[128:], "test")


@pytest.mark.parametrize("n", [1, 2, 3, 4, 6, 11, 35])
@pytest.mark.parametrize("order", ["radix", "first-appearance"])
def test_few_targets_are_floored_and_ceiled(n, order):
    """Of 1 target none trains and one validates; of 2, one each; 35 is where 0.2 n in floating point is not 7."""
    targets = split_table().filter("Metadata_target_is_across")["Metadata_target"].unique(maintain_order=True)[:n]
    made = split(GENE_COMPOUND, wells_of_targets(targets), order=order)
    train, validate = math.floor(6 * n / 10), math.ceil(2 * n / 10)
    sizes = Counter(target_subsets(made).values())
    assert [sizes[name] for name in SUBSETS] == [train, validate, n - train - validate]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_wells_give_empty_subsets(strategy):
    control = split_table().filter(Metadata_broad_sample="DMSO").select("Metadata_Plate", "Metadata_Well")
    for wells, skipped in ((control[:0], {}), (control[:2], {"negative controls": 2})):
        made = split(strategy, wells)
        assert made.counts()["wells"].to_list() == [0, 0, 0]
        assert made.skipped == skipped
        assert "No well is in train or validate or test." in made.notes


def test_cellclip_style_takes_three_quarters_of_each_condition():
    made = split(CELLCLIP)
    slices = defaultdict(lambda: defaultdict(set))
    for cell, hours, kind, sample, subset in made.manifest.select(
        "Metadata_cell_line", "Metadata_timepoint", "Metadata_experiment_type", "Metadata_broad_sample", "subset"
    ).iter_rows():
        slices[cell, hours, kind][subset].add(sample)
    assert len(slices) == 12
    sizes = {"Compound": (229, 77), "CRISPR": (228, 77), "ORF": (120, 40)}
    for (_, _, kind), subsets in slices.items():
        assert (len(subsets["train"]), len(subsets["test"])) == sizes[kind]
        assert max(subsets["train"]) < min(subsets["test"])


@pytest.mark.parametrize(("n", "train"), [(1, 0), (2, 1), (3, 2), (4, 3), (5, 3)])
def test_few_samples_of_a_condition_are_floored(n, train):
    plate = split_table().filter(Metadata_Plate="BR00116991", Metadata_negcon_or_other="pert")
    samples = plate["Metadata_broad_sample"].unique(maintain_order=True)[:n]
    made = split(CELLCLIP, plate.filter(pl.col("Metadata_broad_sample").is_in(list(samples))))
    found = made.manifest.filter(subset="train")["Metadata_broad_sample"].unique()
    assert sorted(found) == sorted(samples)[:train]


def test_a_data_set_names_plates_by_folder_and_wells_in_any_case():
    wells = pl.DataFrame(
        {
            "Metadata_Plate": ["BR00118050__2020-11-08T19_32_06-Measurement1", "BR00118050"],
            "Metadata_Well": ["a01", "A2"],
        }
    )
    made = split(REPRESENTATION, wells)
    assert made.manifest.select("Metadata_Plate", "Metadata_Well").rows() == [
        ("BR00118050", "A01"),
        ("BR00118050", "A02"),
    ]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_unknown_wells_are_named_even_among_controls(strategy):
    wells = pl.DataFrame({"Metadata_Plate": ["BR1"] * 7, "Metadata_Well": [f"A{i:02d}" for i in range(1, 8)]})
    with pytest.raises(InputError, match=r"7 wells .*'BR1/A01', .*'BR1/A05' and 2 more"):
        split(strategy, wells)


# --- the strategy without leaks ---


@pytest.mark.parametrize("rule", ["all", "perturbed", "primary"])
@pytest.mark.parametrize("exclude_poscon", [False, True])
def test_groups_are_those_of_a_search_by_hand(rule, exclude_poscon):
    """Breadth-first over the packaged tables, read anew."""
    wells = split_table().filter(Metadata_negcon_or_other="pert")
    if exclude_poscon:
        wells = wells.filter(pl.col("Metadata_control_type").is_null())
    present = set(wells["Metadata_broad_sample"])

    def rows(name):
        with (packaged() / f"JUMP-Target-1_{name}.tsv").open(newline="") as handle:
            return [row for row in csv.DictReader(handle, delimiter="\t") if row["broad_sample"] in present]

    genes = {r["broad_sample"]: {r["gene"]} for kind in ("crispr", "orf") for r in rows(f"{kind}_metadata")}
    perturbed = set().union(*genes.values())
    labels = dict(genes)
    for row in rows("compound_targets"):
        listed = set(row["target_list"].split("|"))
        labels[row["broad_sample"]] = {"all": listed, "perturbed": listed & perturbed, "primary": set()}[rule] | {
            row["target"]
        }
    for row in rows("compound_metadata"):
        labels[row["broad_sample"]] = labels[row["broad_sample"]] | {"molecule " + row["InChIKey"]}
    assert set(labels) == present
    carriers = defaultdict(set)
    for sample, names in labels.items():
        for name in names:
            carriers[name].add(sample)
    expected, left = set(), set(labels)
    while left:
        group, edge = set(), {min(left)}
        while edge:
            group |= edge
            edge = {other for sample in edge for name in labels[sample] for other in carriers[name]} - group
        expected.add(frozenset(group))
        left -= group
    found = components(wells, rule).group_by("component").agg("Metadata_broad_sample")
    assert {frozenset(samples) for samples in found["Metadata_broad_sample"]} == expected
    assert sorted(found["component"]) == list(range(len(expected)))


@pytest.mark.parametrize(
    ("targets", "exclude_poscon", "wells"),
    [
        # Two thirds of the wells belong together by the targets that compounds list.
        ("all", False, (8560, 2160, 2080)),
        ("all", True, (6880, 1760, 1760)),
        ("perturbed", False, (7680, 2560, 2560)),
        ("perturbed", True, (6240, 2080, 2080)),
        ("primary", False, (7680, 2560, 2560)),
        ("primary", True, (6240, 2080, 2080)),
    ],
)
def test_leak_free_sizes(targets, exclude_poscon, wells):
    made = split(LEAK_FREE, targets=targets, exclude_poscon=exclude_poscon)
    assert tuple(made.counts()["wells"]) == wells
    assert any("cannot be reached" in note for note in made.notes) == (targets == "all")


def test_leak_free_is_repeatable_and_follows_its_seed():
    first, again, other = (split(LEAK_FREE, seed=seed).manifest for seed in (3, 3, 4))
    assert first.equals(again)
    assert not first.equals(other)
    assert first.drop("subset").equals(other.drop("subset"))


def test_leak_free_follows_its_fractions():
    counts = split(LEAK_FREE, fractions=(0.1, 0.8, 0.1)).counts()
    np.testing.assert_allclose(counts["fraction"], [0.1, 0.8, 0.1], atol=0.01)
    counts = split(LEAK_FREE, fractions=(0.7, 0.0, 0.3)).counts()
    assert counts["wells"][1] == 0
    np.testing.assert_allclose(counts["fraction"], [0.7, 0.0, 0.3], atol=0.01)


@pytest.mark.slow
@given(
    sizes=st.lists(st.integers(1, 50), max_size=40),
    parts=st.lists(st.integers(0, 10), min_size=3, max_size=3).filter(any),
    seed=st.integers(0, 5),
)
def test_no_subset_exceeds_its_share_by_more_than_its_smallest_group(sizes, parts, seed):
    fractions = np.array(parts) / sum(parts)
    subset = balance(sizes, fractions, seed)
    assert subset.shape == (len(sizes),)
    for number, fraction in enumerate(fractions):
        held = np.array(sizes, int)[subset == number]
        if fraction == 0:
            assert not len(held)
        elif len(held):
            assert held.sum() - held.min() < fraction * sum(sizes) + 1e-9


# --- options ---


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"strategy": "leakfree"}, "did you mean 'leak_free'"),
        ({"order": "radix"}, "order is for the strategy cpjump1_official_gene_compound, not for leak_free"),
        ({"strategy": GENE_COMPOUND, "order": "name"}, "'radix', 'first-appearance'"),
        ({"strategy": CELLCLIP, "seed": 1}, "seed is for the strategy leak_free"),
        ({"strategy": REPRESENTATION, "fractions": (0.6, 0.2, 0.2)}, "fractions is for the strategy leak_free"),
        ({"strategy": REPRESENTATION, "targets": "all"}, "targets is for the strategy leak_free"),
        ({"fractions": (0.6, 0.2)}, "0.6, 0.2: give three"),
        ({"fractions": (0.6, 0.3, 0.2)}, "add up to 1"),
        ({"fractions": (1.2, -0.2, 0.0)}, "add up to 1"),
        ({"fractions": (math.nan, 0.5, 0.5)}, "add up to 1"),
        ({"targets": "some"}, "'all', 'perturbed', 'primary'"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(InputError, match=words):
        SplitOptions(**options)


# --- manifests ---


def test_a_manifest_filters_to_its_wells_and_the_controls_of_its_plates(tmp_path):
    made = split(GENE_COMPOUND)
    write_split(made, output_paths(tmp_path / "new" / "split.csv", overwrite=False), {})
    read = read_manifest(tmp_path / "new" / "split.csv")
    assert read.wells.equals(made.manifest.with_columns(pl.col("Metadata_timepoint").cast(pl.String)))
    assert read.sizes == {"train": 7680, "validate": 2560, "test": 2560}
    table = split_table()
    for subset in SUBSETS:
        chosen = filter_wells(read, subset)
        assert len(chosen.plates) == 40
        expected = set(made.manifest.filter(subset=subset).select("Metadata_Plate", "Metadata_Well").iter_rows())
        controls = table.filter(Metadata_negcon_or_other="negcon").select("Metadata_Plate", "Metadata_Well").iter_rows()
        kept = table.filter(chosen.keep(table))
        assert set(kept.select("Metadata_Plate", "Metadata_Well").iter_rows()) == expected | set(controls)


def test_a_manifest_that_is_not_the_one_its_record_describes_is_refused(tmp_path):
    paths = output_paths(tmp_path / "split.csv", overwrite=False)
    write_split(split(REPRESENTATION), paths, {})
    whole, record = paths[0].read_text(), paths[1].read_text()
    assert sorted(os.listdir(tmp_path)) == ["split.csv", "split.json"]
    for damaged in (whole.replace("train", "test"), whole[: whole.rindex("\n", 0, -1) + 1], whole + "\n"):
        paths[0].write_text(damaged)
        with pytest.raises(InputError, match=r"split\.csv' is not the table that '.*split\.json' describes"):
            read_manifest(paths[0])
    paths[0].write_text(whole)
    assert read_manifest(paths[0]).wells.height
    for other in ("{}", "no json", record.replace("cpjump split", "map"), record.replace("split.csv", "other.csv")):
        paths[1].write_text(other)  # somebody else's file
        assert read_manifest(paths[0]).wells.height
    paths[1].unlink()
    paths[0].write_text(whole.replace("train", "test"))
    assert read_manifest(paths[0]).sizes.keys() == {"validate", "test"}


def test_a_split_that_was_killed_while_it_was_written_is_finished_by_who_reads_it(tmp_path):
    paths = output_paths(tmp_path / "split.csv", overwrite=False)
    write_split(split(REPRESENTATION), paths, {})
    new = [path.read_bytes() for path in paths]
    write_split(split(GENE_COMPOUND), output_paths(tmp_path / "split.csv", overwrite=True), {})
    partial = [f".{path.name}.partial-1-elsewhere-2" for path in paths]
    (tmp_path / partial[1]).write_bytes(new[1])
    paths[0].write_bytes(new[0])  # the first of two renames was done
    marker = {"files": dict(zip(partial, [path.name for path in paths], strict=True))}
    (tmp_path / ".split.csv.replacing").write_text(json.dumps(marker))
    assert read_manifest(paths[0]).wells.height == split(REPRESENTATION).manifest.height
    assert [path.read_bytes() for path in paths] == new
    assert len(os.listdir(tmp_path)) == 2


def test_plates_that_do_not_occur_are_dropped_with_their_controls(tmp_path):
    write_split(split(REPRESENTATION), output_paths(tmp_path / "split.csv", overwrite=False), {})
    chosen = filter_wells(read_manifest(tmp_path / "split.csv"), " VAL ")
    assert chosen.subset == "validate"
    assert set(chosen.wells) == set(
        split_table().filter(Metadata_experiment_type="Compound", Metadata_timepoint=24)["Metadata_Plate"]
    )
    kept = split_table().filter(chosen.keep(split_table()))
    assert kept["Metadata_Plate"].unique().sort().to_list() == list(chosen.plates)
    assert kept.height == 8 * 384


def test_rows_are_kept_in_place_and_odd_rows_dropped(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("subset,Metadata_Plate,Metadata_Well\nTest,P1__x,b3\ntest,P1,B03\ntrain,P2,A01\n")
    metadata = pl.DataFrame(
        {
            "Metadata_Plate": ["P1", "P1", "P1", "P2", "P1", None],
            "Metadata_Well": ["B03", "A01", "A02", "A05", None, "B03"],
            "Metadata_control_type": [None, "negcon", "poscon_cp", "negcon", None, "negcon"],
        }
    )
    chosen = filter_wells(read_manifest(path), "test")
    assert chosen.wells == {"P1": frozenset({"B03"})}
    assert chosen.keep(metadata).tolist() == [True, True, False, False, False, False]
    assert chosen.keep(metadata[:0]).tolist() == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("subset,Metadata_Plate\ntrain,P1\n", "no column 'Metadata_Well'"),
        ("Subset,Metadata_Plate,Metadata_Well\ntrain,P1,A01\n", "no column 'subset'.* did you mean 'Subset'"),
        ("subset,Metadata_Plate,Metadata_Well\n", "has no rows"),
        (
            "subset,Metadata_Plate,Metadata_Well\ntrain,P1,A01\ntest,P1,a1\ntest,P1,A02\n",
            "puts 1 wells in several subsets .P1 A01: train, test.",
        ),
        ("subset,Metadata_Plate,Metadata_Well\nholdout,P1,A01\n,P1,A02\n", "2 rows of unknown subset .'holdout', ''"),
        ("subset,Metadata_Plate,Metadata_Well\ntrain,P1,A01\ntest,P1,\n", "1 blank Metadata_Well, in lines 3"),
        ("subset,Metadata_Plate,Metadata_Well\ntrain, ,A01\n", "1 blank Metadata_Plate, in lines 2"),
        ("", "is empty: it has no header"),
    ],
)
def test_bad_manifests(tmp_path, text, words):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_manifest(path)
    assert str(path) in str(caught.value)


def test_subsets_that_are_unknown_or_empty(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("subset,Metadata_Plate,Metadata_Well\n val ,P1,A01\nTRAIN,P1,A02\n")
    manifest = read_manifest(path)
    assert filter_wells(manifest, "validate").wells == {"P1": frozenset({"A01"})}
    with pytest.raises(InputError, match=r"no well in test: it has train \(1 wells\), validate \(1 wells\)"):
        filter_wells(manifest, "test")
    with pytest.raises(InputError, match="Unknown subset 'dev'"):
        filter_wells(manifest, "dev")
    with pytest.raises(InputError, match="There is no split manifest"):
        read_manifest(tmp_path / "none.csv")


def test_outputs_are_checked_before_any_work(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "b.csv").mkdir()
    for name, words in (("a.txt", "ends in .csv"), ("a.csv", "a.json' exists.*--overwrite"), ("b.csv", "is a folder")):
        with pytest.raises(InputError, match=words):
            output_paths(tmp_path / name, overwrite=False)
    assert output_paths(tmp_path / "a.csv", overwrite=True) == (tmp_path / "a.csv", tmp_path / "a.json")
