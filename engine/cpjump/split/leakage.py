"""What a split lets cross from one subset to another, rule by rule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import polars as pl

from .components import target_labels
from .strategies import SUBSETS
from .wells import TREATED, WELL, split_table, tidy_wells

__all__ = ["PAPER_RULES", "RULES", "Leakage", "check_leakage"]

#: What must stay together, by rule; the first four are those of the CPJUMP1 paper.
RULES: Final = {
    "replicates": "all wells of a perturbation",
    "guides": "all guides of a gene that has several",
    "duplicate_compounds": "all sample ids of one molecule (InChIKey)",
    "wells": "all rows of a well",
    "primary_targets": "everything of one gene or primary target",
    "perturbed_targets": "a compound and the genes and primary targets that it lists",
    "listed_targets": "everything that has a target in common",
}
PAPER_RULES: Final = tuple(RULES)[:4]

_SHOWN: Final = 3
_SAMPLE: Final = "Metadata_broad_sample"
_CONDITION: Final = ("Metadata_cell_line", "Metadata_experiment_type", "Metadata_timepoint")


@dataclass(frozen=True)
class Leakage:
    """What crosses subsets.

    Parameters
    ----------
    table : polars.DataFrame
        One row a rule: ``rule``, ``together`` (what it keeps together), ``paper_rule``, ``groups`` (checked),
        ``crossing`` (groups in more than one subset), ``crossing_in_condition`` (those that cross even within one
        cell line, experiment type and time), ``wells`` (of the crossing groups) and ``examples``.
    unchecked : int
        Wells of which it is not known what they hold, so that some rules were not checked for them.
    notes : tuple of str
        Sentences about wells that could not be checked, or need not be.
    """

    table: pl.DataFrame
    unchecked: int
    notes: tuple[str, ...]

    @property
    def broken(self) -> tuple[str, ...]:
        """The rules of the paper that are broken."""
        return tuple(self.table.filter(pl.col("paper_rule") & (pl.col("crossing") > 0))["rule"])


def check_leakage(manifest: pl.DataFrame) -> Leakage:
    """Check a split against the rules.

    What lies in a well is looked up in `wells.split_table`; of a well that is not there, its ``Metadata_broad_sample``
    counts. Negative controls and empty wells are left out: every subset may have them.

    Parameters
    ----------
    manifest : polars.DataFrame
        One row a well: ``subset``, ``Metadata_Plate``, ``Metadata_Well``, and whatever else.
    """
    found = _looked_up(manifest)
    rows = found.rows
    groups = {
        "replicates": rows.select("row", group=_SAMPLE),
        "guides": _of_several(
            rows.filter(Metadata_experiment_type="CRISPR").select("row", _SAMPLE, group="Metadata_gene")
        ),
        "duplicate_compounds": _of_several(rows.select("row", _SAMPLE, group="Metadata_InChIKey")),
        "wells": rows.select("row", group="place"),
        "primary_targets": rows.select("row", group="Metadata_target"),
        "perturbed_targets": _perturbed(rows),
        "listed_targets": _labelled(rows, "all").select("row", group="label"),
    }
    counted = [{"rule": rule, "together": text, **_crossing(groups[rule], rows)} for rule, text in RULES.items()]
    table = pl.DataFrame(counted).with_columns(pl.col("rule").is_in(PAPER_RULES).alias("paper_rule"))
    first = ("rule", "together", "paper_rule")
    return Leakage(table.select(*first, pl.exclude(first)), found.unchecked, found.notes)


@lru_cache(maxsize=1)
def _annotations() -> pl.DataFrame:
    """One row a perturbation, what it is and what it targets."""
    return (
        split_table()
        .select(
            _SAMPLE,
            "Metadata_experiment_type",
            "Metadata_gene",
            "Metadata_target",
            "Metadata_InChIKey",
            "Metadata_target_list",
            "Metadata_negcon_or_other",
        )
        .unique(_SAMPLE, keep="first", maintain_order=True)
    )


class _LookedUp(NamedTuple):
    """The rows to check, how many wells some rules cannot be checked for, and notes."""

    rows: pl.DataFrame
    unchecked: int
    notes: tuple[str, ...]


def _looked_up(manifest: pl.DataFrame) -> _LookedUp:
    """Return of each row what is in the well and under which condition; controls are left out."""
    given = tidy_wells(manifest.select("subset", *(n for n in (*WELL, _SAMPLE) if n in manifest.columns)))
    if _SAMPLE not in given.columns:
        given = given.with_columns(pl.lit(None, pl.String).alias(_SAMPLE))
    given = given.with_row_index("row").with_columns(
        pl.col("subset").cast(pl.Enum(SUBSETS)), pl.concat_str(WELL, separator="/").alias("place")
    )
    table = split_table().select(*WELL, pl.col(_SAMPLE).alias("known"), *(_CONDITION[i] for i in (0, 2)))
    rows = given.join(table, on=WELL, how="left", maintain_order="left")
    known, named = pl.col("known"), pl.col(_SAMPLE)
    other = rows.filter(known.is_not_null() & named.is_not_null() & (known != named)).height
    off_plates = rows.filter(known.is_null()).height
    rows = rows.with_columns(pl.coalesce(known, named).alias(_SAMPLE)).join(
        _annotations(), on=_SAMPLE, how="left", maintain_order="left"
    )
    # A plate has one condition, so that of a plate that is not in the table is the plate itself.
    condition = pl.concat_str(*_CONDITION, separator=" ").fill_null(pl.col("Metadata_Plate"))
    rows = rows.with_columns(condition.alias("condition"))
    unnamed = rows.filter(named.is_null()).height
    unknown = rows.filter(named.is_not_null() & pl.col("Metadata_experiment_type").is_null()).height
    control = ~TREATED.fill_null(True)
    controls = rows.filter(control).height
    notes = [
        (controls, "rows are negative controls or empty wells, which every subset may have; they are not checked"),
        (
            off_plates,
            "wells are on none of the 40 plates; they are checked by the Metadata_broad_sample of the manifest",
        ),
        (unnamed, "of these have no Metadata_broad_sample and are checked for nothing but the rule of wells"),
        (unknown, "of these have a Metadata_broad_sample that no plate map has, so that its targets are not checked"),
        (other, "wells have another Metadata_broad_sample in the manifest than on the plate map, which counts"),
    ]
    said = tuple(f"{count} {text}." for count, text in notes if count)
    return _LookedUp(rows.filter(~control), unnamed + unknown, said)


def _of_several(members: pl.DataFrame) -> pl.DataFrame:
    """Keep the groups of more than one perturbation: the others cannot cross but by a replicate."""
    return members.drop_nulls().filter(pl.col(_SAMPLE).n_unique().over("group") > 1).select("row", "group")


def _labelled(rows: pl.DataFrame, rule: str) -> pl.DataFrame:
    labels = target_labels(rows.drop_nulls(_SAMPLE), rule)
    return rows.select("row", _SAMPLE).join(labels, on=_SAMPLE)


def _perturbed(rows: pl.DataFrame) -> pl.DataFrame:
    """Group each compound with the wells whose gene or primary target it lists (its own among them)."""
    compounds = rows.filter(Metadata_experiment_type="Compound")
    listed = target_labels(rows.drop_nulls(_SAMPLE), "perturbed").join(compounds.select(_SAMPLE).unique(), on=_SAMPLE)
    wells = rows.select("row", label="Metadata_target")
    return listed.select("label", group=_SAMPLE).join(wells, on="label").select("row", "group").unique()


def _crossing(members: pl.DataFrame, rows: pl.DataFrame) -> dict[str, object]:
    """Count the groups that are in more than one subset; `members` has a row of `rows` in each of its groups."""
    placed = members.drop_nulls("group").join(rows.select("row", "place", "subset", "condition"), on="row")
    subsets = pl.col("subset").n_unique().alias("subsets")
    crossing = placed.filter(subsets.over("group") > 1)
    within = crossing.group_by("group", "condition").agg(subsets).filter(pl.col("subsets") > 1)
    names = pl.col("subset").unique().sort().cast(pl.String).str.join("/")
    shown = crossing.group_by("group").agg(names).sort("group").head(_SHOWN)
    return {
        "groups": placed["group"].n_unique(),
        "crossing": crossing["group"].n_unique(),
        "crossing_in_condition": within["group"].n_unique(),
        "wells": crossing["place"].n_unique(),
        "examples": ", ".join(f"{group} ({where})" for group, where in shown.iter_rows()),
    }
