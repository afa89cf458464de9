"""The job of ``fastbench map``: profile files and pair rules in, mAP with p-values out."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from ...kernels.names import DEVICES, PRECISIONS, TIES
from ..errors import InputError, SampledNullWarning, examples
from ..readers import packaged
from ..readers.profiles import read_profiles
from ..results.folder import ResultFolder
from ..retrieval.average_precision import DISTANCE_NAMES, RetrievalReport, score
from ..retrieval.pair_rules import reference_numbers
from ..tables.filters import apply_derive, parse_filter
from ..tables.frames import check_one, require_columns, split_labels
from ..tables.profiles import Profiles, Source, consensus

__all__ = ["MapOptions", "MapResult", "parse_columns", "run_map", "write_map"]

REFERENCE_INDEX = "Metadata_Reference_Index"


@dataclass(frozen=True)
class MapOptions:
    """What ``fastbench map`` was asked to do; field names are the option names.

    Column rules are texts such as ``"Metadata_a,any(Metadata_b,Metadata_c)"``, see `parse_columns`.
    """

    profiles: tuple[str, ...]
    pos_sameby: str
    neg_diffby: str = ""
    pos_diffby: str = ""
    neg_sameby: str = ""
    filter: tuple[str, ...] = ()
    derive: tuple[str, ...] = ()
    queries: str = ""
    reference_index: str = ""
    consensus: str = ""
    multilabel: str = ""
    group_by: str = ""
    distance: str = "cosine"
    ties: str = "expected"
    p_values: str = "exact"
    tail: str = ""
    null: str = "shared"
    aggregate: str = "mean"
    hierarchical_by: str = ""
    null_size: int = 100_000
    seed: int = 0
    threshold: float = 0.05
    features: str = ""
    obsm: str = ""
    missing: str = "error"
    device: str = "auto"
    precision: str = "auto"

    def __post_init__(self) -> None:
        """Refuse bad values before anything is read."""
        from ..retrieval.mean_average_precision import check_arguments

        check_one("distance", self.distance, DISTANCE_NAMES)
        check_one("ties", self.ties, TIES)
        check_one("device", self.device, DEVICES)
        check_one("precision", self.precision, PRECISIONS)
        check_one("missing", self.missing, ("error", "drop-features"))
        check_arguments(
            self.null_size, self.threshold, self.seed, self.p_values, self.tail or None, self.null, self.aggregate
        )


@dataclass(frozen=True)
class MapResult:
    """Tables and account of one run.

    Attributes
    ----------
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
    timings : dict of str to float
        Seconds by stage.
    """

    average_precision: pl.DataFrame
    groups: pl.DataFrame
    group_by: tuple[str, ...]
    definition: str
    report: RetrievalReport
    feature_names: tuple[str, ...]
    notes: tuple[str, ...]
    sources: tuple[Source, ...]
    timings: dict[str, float] = field(default_factory=dict)


def parse_columns(text: str) -> dict[str, list[str]]:
    """Read a column rule: ``"A,B"`` (all of them), ``"A,any(B,C)"`` (A, and B or C), filters among them.

    Parameters
    ----------
    text : str
        Entries separated by commas; commas inside brackets or quotes do not separate.

    Returns
    -------
    dict
        ``{"all": [...], "any": [...]}``.
    """
    entries = _split(text)
    rule: dict[str, list[str]] = {"all": [], "any": []}
    for entry in entries:
        if entry.startswith("any(") and entry.endswith(")"):
            rule["any"] += _split(entry[4:-1])
        else:
            rule["all"].append(entry)
    return rule


def _split(text: str) -> list[str]:
    parts, depth, quote, current = [], 0, "", ""
    for sign in text:
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"`":
            quote = sign
        elif sign in "([":
            depth += 1
        elif sign in ")]":
            depth -= 1
        if sign == "," and depth == 0 and not quote:
            parts.append(current)
            current = ""
        else:
            current += sign
    parts.append(current)
    if quote or depth:
        raise InputError(f"the column list {text!r} has an open quote or bracket.")
    return [part.strip() for part in parts if part.strip()]


def run_map(
    options: MapOptions,
    advance: Callable[[int, int], None] | None = None,
) -> MapResult:
    """Read, prepare, score and test.

    Parameters
    ----------
    options : MapOptions
        What to do.
    advance : callable, optional
        Told (queries done, queries in all) while scoring.

    Returns
    -------
    MapResult
        Nothing is written; see `write_map`.
    """
    from ..retrieval.mean_average_precision import mean_average_precision, mean_average_precision_hierarchical

    timings: dict[str, float] = {}
    clock = time.perf_counter()

    def done(name: str) -> None:
        nonlocal clock
        timings[name] = time.perf_counter() - clock
        clock = time.perf_counter()

    rules = {
        name: parse_columns(getattr(options, name)) for name in ("pos_sameby", "pos_diffby", "neg_sameby", "neg_diffby")
    }
    profiles = read_profiles(
        [packaged.resolve(path) for path in options.profiles],
        features=options.features or None,
        obsm=options.obsm or None,
        missing=options.missing,
    )
    profiles, notes = _prepare(profiles, options, rules)
    notes += _few_digits(profiles)
    done("read")
    asked = _mask(profiles.metadata, options.queries, "--queries") if options.queries else None
    group_by = _group_by(options, rules)
    require_columns(profiles.metadata, group_by, "--group-by" if options.group_by else "--pos-sameby")
    retrieval = score(
        profiles.metadata,
        profiles.features,
        pos_sameby=rules["pos_sameby"],
        pos_diffby=rules["pos_diffby"],
        neg_sameby=rules["neg_sameby"],
        neg_diffby=rules["neg_diffby"],
        multilabel_col=options.multilabel or None,
        distance=options.distance,
        ties=options.ties,
        device=options.device,
        precision=options.precision,
        queries=asked,
        progress=advance,
    )
    done("average_precision")
    scored = retrieval.frame.filter(pl.col("average_precision").is_not_null())
    arguments: Mapping[str, Any] = {
        "p_values": options.p_values,
        "tail": options.tail or None,
        "null": options.null,
        "aggregate": options.aggregate,
        "progress_bar": False,
    }
    twice = _doubled_wells(profiles.metadata)
    if twice:
        notes.append(f"{twice} rows share plate and well with another row, and count as profiles of their own")
    unnamed = scored.filter(pl.any_horizontal(pl.col(c).is_null() for c in group_by)).height
    if unnamed:
        notes.append(f"{unnamed} queries have no value in {', '.join(group_by)} and stand in no group")
    common = (scored, list(group_by), options.null_size, options.threshold, options.seed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SampledNullWarning)
        if options.hierarchical_by:
            groups = mean_average_precision_hierarchical(
                *common, hierarchical_by=_split(options.hierarchical_by), **arguments
            )
        else:
            groups = mean_average_precision(*common, **arguments)
    sampled = [str(warning.message) for warning in caught if issubclass(warning.category, SampledNullWarning)]
    notes += sampled
    done("p_values")
    size = groups["indices"].list.len().alias("n_queries")
    return MapResult(
        scored,
        groups.with_columns(size).drop("indices"),
        group_by,
        _definition(options, bool(sampled)),
        retrieval.report,
        profiles.feature_names,
        tuple(dict.fromkeys([*profiles.notes, *notes, *retrieval.report.warnings])),
        profiles.sources,
        timings,
    )


def _prepare(
    profiles: Profiles, options: MapOptions, rules: Mapping[str, Mapping[str, list[str]]]
) -> tuple[Profiles, list[str]]:
    """Derive columns, filter rows, take the consensus, split labels, number the controls."""
    notes = []
    for text in options.derive:
        profiles = profiles.with_metadata(apply_derive(profiles.metadata, text))
    for text in options.filter:
        keep = _mask(profiles.metadata, text, "--filter")
        if not keep.any():
            raise InputError(f"no row is left after --filter {text!r}.")
        notes.append(f"--filter {text!r} took away {int((~keep).sum())} of {len(keep)} rows")
        profiles = profiles.take(keep)
    if options.consensus:
        by = _split(options.consensus)
        require_columns(profiles.metadata, by, "--consensus")
        before = len(profiles)
        used = {c for rule in rules.values() for entry in (*rule["all"], *rule["any"]) for c in _names(entry)}
        split = _varying(profiles.metadata, by)
        for column in sorted(used & set(split)):
            raise InputError(
                f"--consensus {', '.join(by)}: column {column!r}, which the rules use, has several values within "
                f"{split[column]} consensus groups; make it one value a group, or add it to --consensus."
            )
        profiles = consensus(profiles, by)
        profiles = profiles.with_metadata(profiles.metadata.drop(list(split)))
        notes.append(f"consensus by {', '.join(by)}: {before} rows became {len(profiles)} medians")
        if split:
            notes.append(f"columns that differ within a consensus were left out: {', '.join(split)}")
    if options.multilabel:
        profiles, dropped = _split_labels(profiles, options.multilabel)
        if dropped:
            notes.append(f"{dropped} rows without a label in {options.multilabel} were dropped")
    if options.reference_index and REFERENCE_INDEX not in {c for rule in rules.values() for c in rule["all"]}:
        notes.append(f"--reference-index has no effect: no rule names its column {REFERENCE_INDEX}")
    if options.reference_index:
        number = reference_numbers(profiles.metadata, options.reference_index, -1)
        profiles = profiles.with_metadata(profiles.metadata.with_columns(pl.Series(REFERENCE_INDEX, number)))
    return profiles, notes


def _few_digits(profiles: Profiles) -> list[str]:
    """Say which features vary so little that float32, which files are read as, keeps few digits of the difference."""
    mean, spread = (np.abs(f(profiles.features, axis=0, dtype=np.float64)) for f in (np.mean, np.std))
    flat = (spread > 0) & (spread < 1e-4 * mean)
    if not flat.any():
        return []
    names = [name for name, is_flat in zip(profiles.feature_names, flat, strict=True) if is_flat]
    return [
        f"{len(names)} features vary by less than 1e-4 of their size ({examples(names)}): files are read as float32, "
        "which keeps 7 digits; centre them first, or pass float64 arrays in Python"
    ]


def _names(entry: str) -> tuple[str, ...]:
    """Columns that an entry of a rule names: itself, or those of its filter."""
    return parse_filter(entry).columns if set(entry) & set("=<>!") else (entry,)


def _varying(frame: pl.DataFrame, by: list[str]) -> dict[str, int]:
    """Columns with several values within a group, and in how many groups."""
    others = [c for c in frame.columns if c not in by]
    flat = [pl.col(c).cast(pl.List(pl.String)).list.join("|") if frame[c].dtype == pl.List else c for c in others]
    counts = frame.select(*by, *flat).drop_nulls(by).group_by(by).agg(pl.all().n_unique()).drop(by)
    return {series.name: n for series in counts if (n := int((series > 1).sum()))}


def _doubled_wells(frame: pl.DataFrame) -> int:
    """Count rows that share ``Metadata_Plate`` and ``Metadata_Well`` with an earlier row."""
    keys = ["Metadata_Plate", "Metadata_Well"]
    return frame.height - frame.unique(keys).height if set(keys) <= set(frame.columns) else 0


def _mask(frame: pl.DataFrame, text: str, option: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    condition = parse_filter(text)
    require_columns(frame, condition.columns, option)
    return condition.mask(frame).to_numpy()


def _split_labels(profiles: Profiles, column: str) -> tuple[Profiles, int]:
    """Make a list column of a text column such as ``a|b|c``; drop rows without a label."""
    require_columns(profiles.metadata, [column], "--multilabel")
    values = profiles.metadata[column]
    if values.dtype == pl.String:
        values = split_labels(values)
    elif not isinstance(values.dtype, pl.List):
        raise InputError(f"--multilabel column {column!r} holds {values.dtype}; text such as 'a|b' is needed.")
    keep = (values.list.len().fill_null(0) > 0).to_numpy()
    if not keep.any():
        raise InputError(f"no row has a label in {column!r}.")
    split = profiles.with_metadata(profiles.metadata.with_columns(values.alias(column)))
    return split.take(keep), int((~keep).sum())


def _group_by(options: MapOptions, rules: Mapping[str, Mapping[str, list[str]]]) -> tuple[str, ...]:
    """Group by what makes a positive, unless told otherwise."""
    if options.group_by:
        return tuple(_split(options.group_by))
    if options.multilabel:
        return (options.multilabel,)
    named = [c for c in rules["pos_sameby"]["all"] if not set(c) & set("=<>!") and c != REFERENCE_INDEX]
    if not named:
        raise InputError("--group-by is needed: --pos-sameby names no plain column to group by.")
    return tuple(named)


def _definition(options: MapOptions, sampled: bool) -> str:
    """Say which p-value the numbers follow."""
    if options.p_values == "copairs":
        return f"p as copairs 0.5.5: sampled null of {options.null_size:,}, seed {options.seed}, strict tail"
    draws = f"{options.null_size:,} draws, seed {options.seed}"
    how = f"sampled ({draws})" if options.p_values == "sampled" else "exact"
    if sampled:
        how = f"exact where the null can be computed, else sampled ({draws})"
    return (
        f"{how} p, P(null {options.tail or '>='} observed {options.aggregate} AP), {options.null} null, "
        f"Benjamini-Hochberg{' in two stages' if options.hierarchical_by else ''}; ties {options.ties}"
    )


def write_map(result: MapResult, options: MapOptions, folder: ResultFolder) -> None:
    """Write tables, figure and the account into a result folder.

    Parameters
    ----------
    result : MapResult
        From `run_map`.
    options : MapOptions
        The options of the run.
    folder : ResultFolder
        Open result folder.
    """
    from .figures import draw_map

    folder.csv("average_precision.csv", result.average_precision)
    folder.csv("map.csv", result.groups)
    label = result.group_by[0]
    draw_map(
        result.groups,
        label,
        folder.path("figures/map.png"),
        folder.path("figures/map.svg"),
        threshold=options.threshold,
        subtitle=result.definition,
    )
    folder.manifest["definition"] = result.definition
    report = result.report
    folder.manifest["device"] = report.device
    folder.manifest["features"] = {"count": len(result.feature_names), "names": list(result.feature_names)}
    folder.manifest["retrieval"] = report.as_dict()
    folder.manifest["dropped"] = {
        "queries_without_positives": report.n_without_positives,
        "queries_without_negatives_kept": report.n_without_negatives,
        "queries_tied": report.n_tied_queries,
    }
    folder.manifest["timings"] = result.timings
    folder.manifest["notes"] = list(result.notes)
    folder.manifest["inputs"] = [source.as_dict() for source in result.sources]
