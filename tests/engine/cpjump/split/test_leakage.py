"""The leak table of the published splits, and manifests made to leak by one rule each."""

import polars as pl
import pytest

from fastbench.engine.cpjump.split.leakage import PAPER_RULES, RULES, check_leakage
from fastbench.engine.cpjump.split.strategies import SplitOptions, make_split
from fastbench.engine.cpjump.split.wells import split_table

PAPER = {"replicates", "guides", "duplicate_compounds", "wells"}
REPRESENTATION, GENE_COMPOUND = "cpjump1_official_representation", "cpjump1_official_gene_compound"


def checked(strategy, **options):
    return check_leakage(make_split(SplitOptions(strategy, **options)).manifest)


def column(leakage, name):
    return dict(leakage.table.select("rule", name).iter_rows())


def manifest_of(rows, names=("subset", "Metadata_Plate", "Metadata_Well")):
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def wells_with(**values):
    found = split_table().filter(**values).unique("Metadata_broad_sample", maintain_order=True)
    return found.select("Metadata_Plate", "Metadata_Well").rows()


def test_rules_are_all_reported_in_order():
    leakage = checked(REPRESENTATION)
    assert leakage.table["rule"].to_list() == list(RULES)
    assert set(PAPER_RULES) == PAPER == set(leakage.table.filter("paper_rule")["rule"])


def test_groups_are_those_of_the_plate_maps():
    groups = column(checked(REPRESENTATION), "groups")
    assert groups == {
        "replicates": 771,
        "guides": 145,
        "duplicate_compounds": 5,
        "wells": 12_800,
        "primary_targets": 160,
        "perturbed_targets": 306,
        "listed_targets": 758,
    }


def test_representation_parts_replicates_by_time():
    leakage = checked(REPRESENTATION)
    crossing, within = column(leakage, "crossing"), column(leakage, "crossing_in_condition")
    assert (crossing["replicates"], within["replicates"]) == (306, 0)
    assert (crossing["duplicate_compounds"], within["duplicate_compounds"]) == (5, 0)
    assert crossing["guides"] == crossing["wells"] == 0
    assert crossing["primary_targets"] == 160
    assert leakage.broken == ("replicates", "duplicate_compounds")
    assert column(leakage, "wells")["replicates"] == 5120


@pytest.mark.parametrize(("order", "compounds"), [("radix", 51), ("first-appearance", 53)])
def test_gene_compound_leaks_by_listed_targets_alone(order, compounds):
    leakage = checked(GENE_COMPOUND, order=order)
    crossing = column(leakage, "crossing")
    assert leakage.broken == ()
    assert crossing["primary_targets"] == 0
    assert crossing["perturbed_targets"] == compounds
    assert crossing["listed_targets"] > 0


def test_cellclip_style_parts_guides_and_molecules():
    leakage = checked("cellclip_cpjump_style")
    crossing = column(leakage, "crossing")
    assert leakage.broken == ("guides", "duplicate_compounds")
    assert crossing["replicates"] == crossing["wells"] == 0
    assert crossing["guides"] == 45
    assert crossing["duplicate_compounds"] == 1


@pytest.mark.parametrize("exclude_poscon", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_leak_free_leaks_by_no_rule(exclude_poscon, seed):
    leakage = checked("leak_free", exclude_poscon=exclude_poscon, seed=seed)
    assert set(column(leakage, "crossing").values()) == {0}
    assert leakage.unchecked == 0


@pytest.mark.parametrize("targets", ["perturbed", "primary"])
@pytest.mark.parametrize("seed", range(5))
def test_narrower_targets_keep_the_rules_of_the_paper(targets, seed):
    leakage = checked("leak_free", targets=targets, seed=seed)
    crossing = column(leakage, "crossing")
    assert leakage.broken == ()
    assert crossing["primary_targets"] == 0
    assert (crossing["perturbed_targets"] == 0) == (targets == "perturbed")
    assert crossing["listed_targets"] > 0


def test_each_rule_is_broken_by_what_it_says():
    guides = wells_with(Metadata_gene="ADA", Metadata_experiment_type="CRISPR")
    assert len(guides) == 2
    duplicates = wells_with(Metadata_pert_iname="dexamethasone")
    assert len(duplicates) == 2
    sample = (
        split_table()
        .filter(Metadata_broad_sample="ccsbBroad304_00900")
        .select("Metadata_Plate", "Metadata_Well")
        .rows()
    )
    for (one, other), rule in (
        (guides, "guides"),
        (duplicates, "duplicate_compounds"),
        (sample[:2], "replicates"),
        (sample[:1] * 2, "wells"),
    ):
        leakage = check_leakage(manifest_of([("train", *one), ("test", *other)]))
        assert rule in leakage.broken
        assert set(leakage.broken) <= ({rule} if rule != "wells" else {"wells", "replicates"})
        assert "(train/test)" in leakage.table.filter(rule=rule)["examples"][0]
        together = check_leakage(manifest_of([("train", *one), ("train", *other)]))
        assert set(column(together, "crossing").values()) == {0}


def test_names_of_plates_and_wells_need_not_be_tidy():
    (plate, well), (other_plate, other_well) = wells_with(Metadata_gene="ADA", Metadata_experiment_type="CRISPR")
    rows = [("train", f"{plate}__2020", well.lower()), ("test", other_plate, f" {other_well}")]
    assert check_leakage(manifest_of(rows)).broken == ("guides",)


def test_controls_may_cross_and_are_counted():
    controls = split_table().filter(pl.col("Metadata_negcon_or_other") != "pert")
    rows = [
        (("train", "test")[i % 2], *pair)
        for i, pair in enumerate(controls.select("Metadata_Plate", "Metadata_Well").rows())
    ]
    leakage = check_leakage(manifest_of(rows))
    assert set(column(leakage, "groups").values()) == {0}
    assert leakage.notes[0].startswith("2560 rows are negative controls or empty wells")


def test_wells_of_other_plates_are_checked_by_their_sample():
    names = ("subset", "Metadata_Plate", "Metadata_Well", "Metadata_broad_sample")
    duplicates = (
        split_table().filter(Metadata_pert_iname="dexamethasone")["Metadata_broad_sample"].unique(maintain_order=True)
    )
    rows = [("train", "P1", "A01", duplicates[0]), ("test", "P2", "A01", duplicates[1]), ("train", "P1", "A02", "DMSO")]
    leakage = check_leakage(manifest_of(rows, names))
    assert leakage.broken == ("duplicate_compounds",)
    assert leakage.unchecked == 0
    assert leakage.notes == (
        "1 rows are negative controls or empty wells, which every subset may have; they are not checked.",
        "3 wells are on none of the 40 plates; they are checked by the Metadata_broad_sample of the manifest.",
    )
    rows = [("train", "P1", "A01", "new-1"), ("test", "P1", "A02", "new-1"), ("test", "P1", "A03", None)]
    leakage = check_leakage(manifest_of(rows, names))
    assert leakage.broken == ("replicates",)
    assert column(leakage, "crossing_in_condition")["replicates"] == 1
    assert leakage.unchecked == 3
    assert [note.split()[0] for note in leakage.notes] == ["3", "1", "2"]


def test_a_manifest_that_contradicts_the_plate_map_is_told_so():
    names = ("subset", "Metadata_Plate", "Metadata_Well", "Metadata_broad_sample")
    leakage = check_leakage(manifest_of([("train", "BR00118050", "A01", "ccsbBroad304_07795")], names))
    assert leakage.notes == (
        "1 wells have another Metadata_broad_sample in the manifest than on the plate map, which counts.",
    )


def test_no_wells():
    leakage = check_leakage(manifest_of([]))
    assert set(column(leakage, "groups").values()) == {0}
    assert leakage.broken == ()
