"""The job of ``fastbench map``: profile files and pair rules in, mAP with p-values out."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from ..command.job import Job
from ..errors import DependentQueriesWarning, InputError, SampledNullWarning
from ..options import options_of
from ..readers import packaged
from ..readers.anndata import columns_left_out
from ..readers.embeddings.described import read_described
from ..results.tables import Table
from ..retrieval.average_precision import score
from ..retrieval.pair_rules import PairRules
from ..retrieval.relabelling.data import RelabelledRows
from ..retrieval.report import RetrievalReport
from ..tables.dominance import dominant_feature_notes
from ..tables.frames import require_columns
from ..tables.profiles import Profiles, Source
from .columns import columns_named, rules_of, split_columns
from .controls import expanded, expansion
from .doses import dose_column, draw_doses
from .options import MapOptions
from .preparation import (
    REFERENCE_INDEX,
    constant_feature_notes,
    count_duplicate_wells,
    filter_mask,
    float32_precision_notes,
    prepare,
    query_notes,
    refuse_other_case,
)
from .tables import GROUP_COLUMNS, GROUPED_BY, METADATA, QUERY_COLUMNS

__all__ = ["MapResult", "run_map"]

#: So many groups, or this share of all, on the smallest p-value they can have are said.
_SOME_GROUPS, _SOME_SHARE = 2, 0.05
#: Seconds that are not worth saying.
_MOMENT = 2.0
#: Options that name columns of the metadata.
_NAMING = frozenset(
    {"pos_sameby", "pos_diffby", "neg_sameby", "neg_diffby", "filter", "derive", "queries", "reference_index"}
    | {"consensus", "multilabel", "group_by", "hierarchical_by", "fill", "key"}
)


@dataclass(frozen=True)
class MapResult:
    """Tables and account of one run.

    Attributes
    ----------
    options : MapOptions
        What was asked for.
    average_precision : polars.DataFrame
        One row a query, columns of copairs.
    groups : polars.DataFrame
        One row a group, columns of copairs.
    group_by : tuple of str
        The grouping columns.
    definition : str
        Which p-value these numbers follow, in words.
    report : RetrievalReport
        Counts of the retrieval.
    feature_names : tuple of str
        The columns that were taken as features.
    notes : tuple of str
        Everything dropped or noticed.
    sources : tuple of Source
        The files read.
    left_out : tuple of str
        Columns that are neither metadata nor features.
    timings : dict of str to float
        Seconds by stage.
    """

    options: MapOptions
    average_precision: pl.DataFrame
    groups: pl.DataFrame
    group_by: tuple[str, ...]
    definition: str
    report: RetrievalReport
    feature_names: tuple[str, ...]
    notes: tuple[str, ...]
    sources: tuple[Source, ...]
    left_out: tuple[str, ...] = ()
    timings: dict[str, float] = field(default_factory=dict)

    def tables(self) -> dict[str, Table]:
        """Return queries and groups, with their columns declared."""
        return {
            "average_precision.csv": Table(self.average_precision, QUERY_COLUMNS, METADATA),
            "map.csv": Table(self.groups, GROUP_COLUMNS, GROUPED_BY),
        }

    def draw(self, path: Callable[[str], Path]) -> None:
        """Draw the groups: mAP against p-value, and against dose where they have one."""
        from .figures import draw_map

        shared: dict[str, Any] = {"threshold": self.options.threshold, "subtitle": self.definition}
        draw_map(self.groups, self.group_by, path("figures/map.png"), path("figures/map.svg"), **shared)
        dose = dose_column(self.groups, self.group_by, self.options.dose)
        if dose:
            draw_doses(self.groups, self.group_by, dose, path, **shared)

    def account(self) -> dict[str, Any]:
        """Return the entries of the manifest."""
        report = self.report
        return {
            "definition": self.definition,
            "device": report.device,
            **({"controls_stand_for": expansion(self.options)} if self.options.controls else {}),
            "features": {
                "count": len(self.feature_names),
                "names": list(self.feature_names),
                "left_out": list(self.left_out),
            },
            "retrieval": report.as_dict(),
            "dropped": {
                "queries_without_positives": report.n_without_positives,
                "queries_without_negatives_kept": report.n_without_negatives,
                "queries_tied": report.n_tied_queries,
            },
            "timings": self.timings,
            "notes": list(self.notes),
            "inputs": [source.as_dict() for source in self.sources],
        }

    def summary(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        return {
            "groups": len(self.groups),
            "mean_map": self.mean_map,
            "below_corrected_p": self.n_significant,
            "threshold": self.options.threshold,
            "definition": self.definition,
            "retrieval": self.report.as_dict(),
            "notes": list(self.notes),
            "timings": self.timings,
        }

    def to_anndata(self) -> Any:
        """Return the queries as AnnData: their metadata and scores in ``obs``, the groups in ``uns["map"]``."""
        from anndata import AnnData

        obs = self.average_precision.to_pandas()
        return AnnData(obs=obs.set_axis(obs.index.map(str)), uns={"map": self.groups.to_pandas()})

    @property
    def mean_map(self) -> float:
        """Mean of the groups' mAP."""
        return float(self.groups["mean_average_precision"].to_numpy().mean())

    @property
    def n_significant(self) -> int:
        """Groups whose corrected p-value is below the threshold."""
        return int(self.groups["below_corrected_p"].sum())


def read_and_prepare(
    options: MapOptions, profiles: Profiles | None = None
) -> tuple[Profiles, dict[str, dict[str, list[str]]], list[str]]:
    """Read the files and make of them the profiles to score.

    Parameters
    ----------
    options : MapOptions
        What to do, as `controls.expanded`.
    profiles : Profiles, optional
        In the place of the files.

    Returns
    -------
    profiles : Profiles
        Those to score.
    rules : dict
        The four column rules by name.
    notes : list of str
        What was left out or noticed.
    """
    rules = rules_of(options)
    if not (options.neg_sameby or options.neg_diffby):
        raise InputError(
            "neg_sameby and neg_diffby are both empty; name columns in which negatives differ or agree (--neg-diffby, "
            "--neg-sameby), or say which rows are the controls (--controls)."
        )
    named = columns_named(options, rules)
    profiles = profiles or read_described(
        [packaged.resolve(path) for path in options.profiles],
        table=options.metadata,
        key=split_columns(options.key),
        embedding=options.embedding,
        features=options.features or None,
        obsm=options.obsm or None,
        missing="keep" if options.missing == "error" and options.degenerate != "refuse" else options.missing,
        zarr_fill=options.zarr_fill,
        missing_text=options.missing_text,
        metadata_columns=named,
    )
    _refuse_columns_left_out(options, profiles.notes)
    refuse_other_case(profiles, named)
    profiles, notes = prepare(profiles, options, rules)
    notes += [*float32_precision_notes(profiles), *constant_feature_notes(profiles)]
    notes += dominant_feature_notes(profiles, options.distance)
    return profiles, rules, notes


def _refuse_columns_left_out(options: MapOptions, notes: Sequence[str]) -> None:
    """Refuse an option that names a column which was not read, with the reason."""
    given = {each.flag: getattr(options, each.name) for each in options_of(MapOptions) if each.name in _NAMING}
    for name, note in columns_left_out(notes).items():
        for flag, value in given.items():
            text = " ".join(value) if isinstance(value, tuple) else value
            if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text):
                raise InputError(f"{flag} needs the column {name!r}, but {note[0].lower()}{note[1:]}")


def run_map(options: MapOptions, job: Job | None = None, profiles: Profiles | None = None) -> MapResult:
    """Read, prepare, score and test.

    Parameters
    ----------
    options : MapOptions
        What to do.
    job : Job, optional
        Shows progress, and keeps what ranges of queries counted.
    profiles : Profiles, optional
        Profiles in memory, in the place of the files.

    Returns
    -------
    MapResult
        Nothing is written, but what `job` keeps.
    """
    job = job or Job()
    asked_for, options = options, expanded(options)
    with job.stage("reading profiles", "read"):
        profiles, rules, notes = read_and_prepare(options, profiles)
    asked = filter_mask(profiles.metadata, options.queries, "--queries") if options.queries else None
    notes += query_notes(asked, options.queries)
    group_by = _group_by(options, rules)
    require_columns(profiles.metadata, group_by, "--group-by" if options.group_by else "--pos-sameby")
    dose_column(profiles.metadata, group_by, options.dose)  # refused before the work
    digests = [source.sha256 for source in profiles.sources]

    def keep(name: str, compute: Callable[[], Any]) -> Any:
        return job.steps.do(name, compute, digests)

    pair_rules = PairRules(**rules, multilabel_col=options.multilabel or None)
    with job.stage(f"average precision of {len(profiles):,} profiles", "average_precision") as advance:
        retrieval = score(
            profiles.metadata,
            profiles.features,
            pair_rules,
            options,
            queries=asked,
            progress=advance,
            keep=keep if job.steps.keeps else None,
        )
    scored = retrieval.frame.filter(pl.col("average_precision").is_not_null())
    n_duplicates = count_duplicate_wells(profiles.metadata)
    if n_duplicates:
        notes.append(f"{n_duplicates} rows share plate and well with another row, and count as profiles of their own.")
    unnamed = scored.filter(pl.any_horizontal(pl.col(c).is_null() for c in group_by)).height
    if unnamed:
        notes.append(f"{unnamed} queries have no value in {', '.join(group_by)} and were left out of the groups.")
    data = RelabelledRows(profiles.metadata, profiles.features, pair_rules, options, asked)
    with job.stage(_p_value_title(scored, group_by, options), "p_values") as advance:
        groups, sampled, dependent = _mean_average_precision(scored, group_by, options, data, advance)
    notes += [*sampled, *dependent, *_floor_notes(groups, options.threshold)]
    size = groups["indices"].list.len().alias("n_queries")
    return MapResult(
        asked_for,
        scored,
        groups.with_columns(size).drop("indices"),
        group_by,
        _definition(options, bool(sampled)),
        retrieval.report,
        profiles.feature_names,
        tuple(dict.fromkeys([*profiles.notes, *notes, *retrieval.report.warnings])),
        profiles.sources,
        profiles.left_out,
        dict(job.timings),
    )


def _mean_average_precision(
    scored: pl.DataFrame,
    group_by: tuple[str, ...],
    options: MapOptions,
    data: RelabelledRows,
    advance: Callable[[int, int], None],
) -> tuple[pl.DataFrame, list[str], list[str]]:
    """Return the table of groups, what was sampled because it could not be computed, and what is not independent."""
    from ..retrieval.mean_average_precision import mean_average_precision, mean_average_precision_hierarchical

    arguments: dict[str, Any] = {
        "p_values": options.p_values,
        "tail": options.tail or None,
        "null": options.null,
        "aggregate": options.aggregate,
        "progress_bar": False,
        "relabelling": data,
        "progress": advance,
    }
    common = (scored, list(group_by), options.null_size, options.threshold, options.seed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if options.hierarchical_by:
            outer = split_columns(options.hierarchical_by)
            groups = mean_average_precision_hierarchical(*common, hierarchical_by=outer, **arguments)
        else:
            groups = mean_average_precision(*common, **arguments)

    def said(kind: type[Warning]) -> list[str]:
        return [str(warning.message) for warning in caught if issubclass(warning.category, kind)]

    return groups, said(SampledNullWarning), said(DependentQueriesWarning)


def _p_value_title(scored: pl.DataFrame, group_by: tuple[str, ...], options: MapOptions) -> str:
    """Say how many groups are tested, and how long that takes where it can be told and is not a moment."""
    from ..nulls.work import estimated_seconds

    tested = scored.filter(pl.col("n_pos_pairs") > 0)
    n = tested.select(group_by).n_unique() if len(tested) else 0
    title = f"p-values of {n:,} groups" if n != 1 else "p-values of 1 group"
    if options.p_values != "exact" or options.null == "permutation" or not n:
        return title
    n_pos, n_total = (tested[name].to_numpy() for name in ("n_pos_pairs", "n_total_pairs"))
    seconds = estimated_seconds(n_pos, n_total, n, options.null_size)
    return title if seconds < _MOMENT else f"{title}, about {seconds:,.0f} s"


def _floor_notes(groups: pl.DataFrame, threshold: float) -> list[str]:
    """Say how many p-values cannot be smaller, and how many groups can never pass."""
    floor, n = groups["p_floor"], len(groups)
    on_floor = int((groups["p_value"] <= floor * (1 + 1e-9)).sum())
    never = int((floor >= threshold).sum())
    notes = []
    if on_floor >= max(_SOME_GROUPS, _SOME_SHARE * n):
        notes.append(
            f"{on_floor} of {n} groups have the smallest p-value that relabelling rows could give (p_floor): more "
            "replicates or controls would be needed to tell them apart."
        )
    if never:
        notes.append(f"{never} of {n} groups have too few rows for a p-value below {threshold:g} (p_floor).")
    return notes


def _group_by(options: MapOptions, rules: Mapping[str, Mapping[str, list[str]]]) -> tuple[str, ...]:
    """Group by what makes a positive, unless told otherwise."""
    if options.group_by:
        return tuple(split_columns(options.group_by))
    if options.multilabel:
        return (options.multilabel,)
    named = [c for c in rules["pos_sameby"]["all"] if not set(c) & set("=<>!") and c != REFERENCE_INDEX]
    if not named:
        raise InputError("--group-by is needed: --pos-sameby names no plain column to group by.")
    return tuple(named)


def _definition(options: MapOptions, sampled: bool) -> str:
    """Return in words which p-value the numbers follow."""
    if options.p_values == "copairs":
        return f"p as copairs 0.5.5: sampled null of {options.null_size:,}, seed {options.seed}, strict tail"
    draws = f"{options.null_size:,} draws, seed {options.seed}"
    if options.null == "permutation":
        stages = " in two stages" if options.hierarchical_by else ""
        return (
            f"p by relabelling the data (all relabellings, or up to {draws}), P({options.aggregate} AP relabelled "
            f"{options.tail or '>='} observed), Benjamini-Hochberg{stages}; "
            f"ties {options.ties}"
        )
    how = f"sampled ({draws})" if options.p_values == "sampled" else "exact"
    if sampled:
        how = f"exact where the null can be computed, else sampled ({draws})"
    return (
        f"{how} p, P(null {options.tail or '>='} observed {options.aggregate} AP), {options.null} null, "
        f"Benjamini-Hochberg{' in two stages' if options.hierarchical_by else ''}; ties {options.ties}"
    )
