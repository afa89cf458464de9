"""Strategies that split the wells of CPJUMP1 into train, validate and test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import polars as pl

from ..names import SUBSETS
from .components import balance, components
from .options import SplitOptions
from .wells import TREATED, poscon, restricted, split_table

__all__ = ["STRATEGIES", "SUBSETS", "Assigned", "Split", "SplitOptions", "make_split"]

_CONDITION: Final = ("Metadata_cell_line", "Metadata_timepoint", "Metadata_experiment_type")
#: The columns of a manifest after ``split_strategy`` and ``subset``.
_KEPT: Final = (
    "Metadata_Plate",
    "Metadata_Well",
    "Metadata_broad_sample",
    "Metadata_cell_line",
    "Metadata_experiment_type",
    "Metadata_timepoint",
    "Metadata_timepoint_code",
    "Metadata_target",
)


@dataclass(frozen=True)
class Split:
    """A split of wells.

    Parameters
    ----------
    options : SplitOptions
        What was asked.
    manifest : polars.DataFrame
        One row a well of a subset, in the order of `wells.split_table`: ``split_strategy``, ``subset``,
        ``Metadata_Plate``, ``Metadata_Well``, ``Metadata_broad_sample``, ``Metadata_cell_line``,
        ``Metadata_experiment_type``, ``Metadata_timepoint``, ``Metadata_timepoint_code``, ``Metadata_target``.
    skipped : dict
        Wells that are in no subset, by reason.
    notes : tuple of str
        Sentences about the split.
    """

    options: SplitOptions
    manifest: pl.DataFrame
    skipped: dict[str, int]
    notes: tuple[str, ...]

    def counts(self) -> pl.DataFrame:
        """Count each subset.

        Returns
        -------
        polars.DataFrame
            Three rows: ``subset``, ``wells``, ``fraction`` (of the wells of all subsets), ``perturbations``,
            ``targets``, and the wells of each experiment type.
        """
        kind = pl.col("Metadata_experiment_type")
        found = self.manifest.group_by("subset").agg(
            pl.len().alias("wells"),
            pl.col("Metadata_broad_sample").n_unique().alias("perturbations"),
            pl.col("Metadata_target").n_unique().alias("targets"),
            *((kind == name).sum().alias(f"{name.lower()}_wells") for name in ("Compound", "CRISPR", "ORF")),
        )
        rows = pl.DataFrame({"subset": SUBSETS}).join(found, on="subset", how="left", maintain_order="left")
        share = (pl.col("wells") / max(self.manifest.height, 1)).alias("fraction")
        frame = rows.with_columns(pl.exclude("subset").fill_null(0)).with_columns(share)
        return frame.select("subset", "wells", "fraction", pl.exclude("subset", "wells", "fraction"))


def make_split(options: SplitOptions, wells: pl.DataFrame | None = None) -> Split:
    """Split wells into subsets.

    Negative controls and empty wells are in no subset: whoever reads a manifest adds the controls of its plates.

    Parameters
    ----------
    options : SplitOptions
        What is asked.
    wells : polars.DataFrame, optional
        ``Metadata_Plate`` and ``Metadata_Well`` of a data set; its targets and samples alone are split. Default:
        every well of the 40 plates.

    Raises
    ------
    InputError
        When a well of the data set is unknown.
    """
    table = split_table() if wells is None else restricted(wells)
    treated = table.filter(TREATED)
    skipped = {
        "negative controls": int((table["Metadata_negcon_or_other"] == "negcon").sum()),
        "empty": int((table["Metadata_negcon_or_other"] == "empty").sum()),
    }
    if options.exclude_poscon:
        before, treated = treated.height, treated.filter(~poscon())
        skipped["positive controls"] = before - treated.height
    subset, notes = STRATEGIES[options.strategy](treated, options)
    split = treated.with_columns(subset.alias("subset")).filter(pl.col("subset").is_not_null())
    skipped["no rule for their target"] = treated.height - split.height
    manifest = split.select(pl.lit(options.strategy).alias("split_strategy"), "subset", *_KEPT)
    vacant = [name for name in SUBSETS if name not in set(manifest["subset"])]
    if vacant:
        notes += (f"No well is in {' or '.join(vacant)}.",)
    return Split(options, manifest, {reason: n for reason, n in skipped.items() if n}, notes)


class Assigned(NamedTuple):
    """The subset of each well (missing: none), and notes."""

    subset: pl.Series
    notes: tuple[str, ...] = ()


def _representation(wells: pl.DataFrame, options: SplitOptions) -> Assigned:
    """Genes train; compounds validate at the low time point and test at the high one."""
    kind, code = pl.col("Metadata_experiment_type"), pl.col("Metadata_timepoint_code")
    compound = kind == "Compound"
    subset = (
        pl.when(kind.is_in(["CRISPR", "ORF"]))
        .then(pl.lit("train"))
        .when(compound & (code == "low"))
        .then(pl.lit("validate"))
        .when(compound & (code == "high"))
        .then(pl.lit("test"))
    )
    return Assigned(wells.select(subset.alias("subset")).to_series())


def _gene_compound(wells: pl.DataFrame, options: SplitOptions) -> Assigned:
    """Targets that all three experiment types have: the first 60 % train, the next 20 % validate, the rest test."""
    targets = (
        wells.filter(pl.col("Metadata_target_is_across") & pl.col("Metadata_target").is_not_null())
        .select("Metadata_target", "Metadata_target_radix")
        .unique("Metadata_target", keep="first", maintain_order=True)
    )
    if options.order == "radix":
        targets = targets.sort("Metadata_target_radix", "Metadata_target", nulls_last=True)
    n = targets.height
    # Whole numbers, since 0.2 x 35 is a little more than 7.
    first, second = 3 * n // 5, -(-n // 5)
    place = pl.int_range(pl.len())
    cut = _cut(place, (first, "train"), (first + second, "validate"))
    return Assigned(_joined(wells, targets.select("Metadata_target", cut), ("Metadata_target",)))


def _cellclip(wells: pl.DataFrame, options: SplitOptions) -> Assigned:
    """In each condition the samples, sorted as text: the first 75 % train, the rest test."""
    keys = (*_CONDITION, "Metadata_broad_sample")
    samples = wells.select(keys).unique().sort(keys)
    place = pl.int_range(pl.len()).over(_CONDITION)
    cut = _cut(place, (3 * pl.len().over(_CONDITION) // 4, "train"))
    return Assigned(_joined(wells, samples.select(*keys, cut), keys))


def _cut(place: pl.Expr, *ends: tuple[int | pl.Expr, str]) -> pl.Expr:
    """Name the stretch that a place lies in; beyond the last end is test."""
    subset: pl.Expr = pl.lit("test")
    for end, name in reversed(ends):
        subset = pl.when(place < end).then(pl.lit(name)).otherwise(subset)
    return subset.alias("subset")


def _joined(wells: pl.DataFrame, assigned: pl.DataFrame, keys: tuple[str, ...]) -> pl.Series:
    return wells.select(keys).join(assigned, on=keys, how="left", maintain_order="left")["subset"]


def _leak_free(wells: pl.DataFrame, options: SplitOptions) -> Assigned:
    """Whatever shares a molecule, a gene or a target stays together; groups are dealt out by their wells."""
    assert options.fractions is not None  # set with the strategy
    assert options.targets is not None
    assert options.seed is not None
    groups = components(wells, options.targets)
    group = wells.select("Metadata_broad_sample").join(groups, on="Metadata_broad_sample", maintain_order="left")
    sizes = group["component"].value_counts().sort("component")
    subsets = balance(sizes["count"].to_numpy(), options.fractions, options.seed)
    numbered = sizes.select("component", pl.Series("subset", [SUBSETS[i] for i in subsets], pl.String))
    return Assigned(_joined(group, numbered, ("component",)), _group_notes(groups, sizes, options.fractions))


def _group_notes(groups: pl.DataFrame, sizes: pl.DataFrame, fractions: tuple[float, ...]) -> tuple[str, ...]:
    if sizes.is_empty():
        return ()
    largest = sizes.sort("count", "component", descending=[True, False]).row(0, named=True)
    members = groups.filter(component=largest["component"]).height
    share = largest["count"] / sizes["count"].sum()
    notes = [
        f"{groups.height} perturbations form {sizes.height} groups that cannot be parted; "
        f"the largest has {members} of them and {share:.1%} of the wells."
    ]
    if share > max(fractions):
        notes.append(
            f"The fractions asked for cannot be reached: the largest group alone exceeds {max(fractions):g}; "
            "--targets perturbed or primary makes smaller groups."
        )
    return tuple(notes)


#: By name, what finds the subset of each treated well (missing: none), and notes; see `options.TAKES`.
STRATEGIES: Final[Mapping[str, Callable[[pl.DataFrame, SplitOptions], Assigned]]] = {
    "leak_free": _leak_free,
    "cpjump1_official_representation": _representation,
    "cpjump1_official_gene_compound": _gene_compound,
    "cellclip_cpjump_style": _cellclip,
}
