"""The job of ``fastbench map``: profile files and pair rules in, mAP with p-values out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from ..command.job import Job
from ..errors import DependentQueriesWarning, InputError, SampledNullWarning, counted
from ..painting.measured import measure_replicates
from ..readers import packaged
from ..readers.anndata import columns_left_out
from ..readers.embeddings.described import read_described
from ..retrieval.average_precision import score
from ..retrieval.options import check_stages
from ..retrieval.pair_rules import PairRules
from ..retrieval.relabelling.data import RelabelledRows
from ..tables.dominance import dominant_feature_notes
from ..tables.feature_spread import feature_notes
from ..tables.frames import require_columns
from ..tables.profiles import Profiles
from .columns import naming_options, rules_of, split_columns
from .controls import CONTROL, expanded
from .dose_values import dose_notes
from .options import MapOptions
from .preparation import (
    REFERENCE_INDEX,
    count_duplicate_wells,
    filter_mask,
    prepare,
    query_notes,
    refuse_other_case,
)
from .result import MapResult

__all__ = ["read_and_prepare", "run_map"]

#: So many groups, or this share of all, on the smallest p-value they can have are said.
_SOME_GROUPS, _SOME_SHARE = 2, 0.05
#: Seconds that are not worth saying.
_MOMENT = 2.0


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
            "neg_sameby and neg_diffby are both empty; name columns in which negatives agree or differ, or say which "
            "rows are the controls (--controls)."
        )
    named = naming_options(options, rules)
    profiles = profiles or read_described(
        [packaged.resolve(path) for path in options.profiles],
        table=options.metadata,
        key=split_columns(options.key),
        embedding=options.embedding,
        features=options.features or None,
        obsm=options.obsm or None,
        missing=options.missing_policy,
        zarr_fill=options.zarr_fill,
        missing_text=options.missing_text,
        metadata_columns=named,
    )
    _refuse_columns_left_out(named, profiles.notes)
    refuse_other_case(profiles, named)
    profiles, notes = prepare(profiles, options, rules)
    notes += [*feature_notes(profiles), *dominant_feature_notes(profiles, options.distance)]
    return profiles, rules, notes


def _refuse_columns_left_out(named: Mapping[str, str], notes: Sequence[str]) -> None:
    """Refuse a column that an option names but that was not read, with the reason."""
    for name, note in columns_left_out(notes).items():
        if name in named:
            raise InputError(f"{named[name]} needs the column {name!r}, but {note[0].lower()}{note[1:]}")


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
    notes += query_notes(profiles.metadata, asked, options.queries)
    group_by = _group_by(options, rules)
    check_stages(group_by, split_columns(options.hierarchical_by))
    require_columns(profiles.metadata, group_by, "--group-by" if options.group_by else "--pos-sameby")
    of_queries = profiles.metadata if asked is None else profiles.metadata.filter(pl.Series(asked))
    notes += dose_notes(of_queries, group_by, options.dose)  # refused before the work
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
        share = counted(n_duplicates, "row shares", "rows share")
        notes.append(f"{share} plate and well with another row; each counts as a profile of its own.")
    unnamed = scored.filter(pl.any_horizontal(pl.col(c).is_null() for c in group_by)).height
    if unnamed:
        have = counted(unnamed, "query has", "queries have")
        were = "was" if unnamed == 1 else "were"
        notes.append(f"{have} no value in {', '.join(group_by)} and {were} left out of the groups.")
    data = RelabelledRows(profiles.metadata, profiles.features, pair_rules, options, asked)
    with job.stage(_p_value_title(scored, group_by, options), "p_values") as advance:
        groups, sampled, dependent = _mean_average_precision(scored, group_by, options, data, advance)
    notes += [*sampled, *dependent, *_floor_notes(groups, options.threshold)]
    metrics = None
    if options.metrics:
        with job.stage(f"metrics of replicates of {len(profiles):,} profiles", "metrics") as advance:
            metrics = measure_replicates(
                profiles.features,
                profiles.metadata.select(group_by),
                options.metrics,
                controls=profiles.metadata[CONTROL].to_numpy() if options.controls else None,
                k=options.metrics_k,
                draws=options.metrics_draws,
                seed=options.seed,
                progress=advance,
            )
        notes += metrics.notes
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
        metrics,
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
    have = "has" if on_floor == 1 else "have"
    if on_floor >= max(_SOME_GROUPS, _SOME_SHARE * n):
        notes.append(
            f"{on_floor} of {counted(n, 'group')} {have} the smallest p-value that relabelling rows could give "
            "(p_floor): more replicates or controls would be needed to tell them apart."
        )
    if never:
        have = "has" if never == 1 else "have"
        notes.append(
            f"{never} of {counted(n, 'group')} {have} too few rows for a p-value below {threshold:g} (p_floor)."
        )
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
