"""Pair rules: from column names to integer codes.

A pair of rows is positive when it agrees in every ``pos_sameby`` column and differs in every ``pos_diffby`` column;
negative likewise with ``neg_sameby`` and ``neg_diffby``. The meaning is that of copairs (Kalinin et al. 2025). A
column entry may be a filter such as ``"Metadata_x == 'a'"``: it limits the rows, and the column takes its place.
``{"all": [...], "any": [...]}`` asks for agreement (or difference) in every ``all`` column and in at least one
``any`` column. No pair is ever listed: rows carry integer keys, and kernels walk the keys.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import polars as pl

from ...kernels.codes import KeyIndex, PairCodes, column_index, combined_code, key_index, merge_indexes
from ...kernels.cores import run_jobs
from ..errors import InputError, UnpairedException, counted, examples
from ..tables.filters import Filter, parse_filter
from ..tables.frames import near_duplicate_labels, require_columns
from ..tables.groups import column_codes
from .column_rules import ColumnRule, Columns, rule_of, why_no_pair
from .exchange import Exchange

__all__ = [
    "ColumnRule",
    "Columns",
    "PairPlan",
    "PairRules",
    "compile_pairs",
    "named_columns",
    "reference_numbers",
    "unpaired",
]

_RULES = ("pos_sameby", "pos_diffby", "neg_sameby", "neg_diffby")


@dataclass(frozen=True, kw_only=True)
class PairRules:
    """Which pairs of rows are positive, and which negative.

    Attributes
    ----------
    pos_sameby, pos_diffby, neg_sameby, neg_diffby : str, list of str or dict
        Columns in which the rows of a positive (negative) pair agree or differ: names, filters, or
        ``{"all": [...], "any": [...]}``.
    multilabel_col : str, optional
        The list column; it must stand in `pos_sameby`. In `neg_diffby` it means: no label shared; in
        `neg_sameby`: at least one.
    """

    pos_sameby: Columns
    pos_diffby: Columns = ()
    neg_sameby: Columns = ()
    neg_diffby: Columns = ()
    multilabel_col: str | None = None


@dataclass(frozen=True)
class PairPlan:
    """The compiled rules of one run.

    Attributes
    ----------
    rows : ndarray of int64, shape (n,)
        Rows of the metadata that the filters keep; everything else is numbered by place in it.
    positives, negatives : PairCodes
        The two rules over the n kept rows, the list column left out of the positive one.
    labels : KeyIndex or None
        Labels of the list column.
    label_names : polars.Series or None
        The label of each key of `labels`.
    warnings : tuple of str
        Values of the used columns that look like one value spelled in two ways.
    exchange : Exchange
        Which rows can change places.
    """

    rows: npt.NDArray[np.int64]
    positives: PairCodes
    negatives: PairCodes
    labels: KeyIndex | None
    label_names: pl.Series | None
    warnings: tuple[str, ...]
    exchange: Exchange


def _filter_of(entry: str, known: Collection[str]) -> Filter | None:
    """Parse an entry that is a filter; None for one that is a column."""
    return parse_filter(entry) if entry not in known and any(sign in entry for sign in "=<>!") else None


def named_columns(rules: Mapping[str, Columns], known: Collection[str]) -> dict[str, str]:
    """Return the columns that rules and their filters name, each with the rule that does so first."""
    named: dict[str, str] = {}
    for what, columns in rules.items():
        for entry in rule_of(columns, what).columns:
            condition = _filter_of(entry, known)
            for column in (entry,) if condition is None else condition.columns:
                named.setdefault(column, what)
    return named


def _split_filters(
    frame: pl.DataFrame, rules: Mapping[str, ColumnRule]
) -> tuple[dict[str, ColumnRule], npt.NDArray[np.int64]]:
    """Replace filters by their columns and return the rows that pass all of them."""
    keep = pl.Series(np.ones(len(frame), dtype=bool))
    filtered: dict[str, str] = {}

    def column_of(entry: str, what: str) -> list[str]:
        nonlocal keep
        condition = _filter_of(entry, frame.columns)
        if condition is None:
            return [entry]
        require_columns(frame, condition.columns, what)
        named = list(dict.fromkeys(condition.columns))
        for column in named:
            if filtered.setdefault(column, entry) != entry:
                raise InputError(f"{what}: column {column!r} has two filters, {filtered[column]!r} and {entry!r}.")
        keep = keep & condition.mask(frame)
        return named

    plain = {
        what: ColumnRule(
            tuple(c for entry in rule.all for c in column_of(entry, what)),
            tuple(c for entry in rule.any for c in column_of(entry, what)),
        )
        for what, rule in rules.items()
    }
    rows = np.flatnonzero(keep.to_numpy())
    if filtered and not len(rows):
        raise InputError(f"No row is left after the filters {examples(dict.fromkeys(filtered.values()))}.")
    return plain, rows.astype(np.int64)


def _label_index(frame: pl.DataFrame, column: str) -> tuple[KeyIndex, pl.Series]:
    """Code the labels of a list column; a label repeated in one row counts once."""
    series = frame[column]
    if not isinstance(series.dtype, pl.List | pl.Array):
        raise InputError(
            f"Multilabel column {column!r} holds {series.dtype}, not lists; split the text into lists first "
            "(for 'a|b|c': on the command line --multilabel splits at '|')."
        )
    long = pl.DataFrame({"row": np.arange(len(frame)), "label": series}).explode("label")
    if long.schema["label"].is_float():
        long = long.with_columns(pl.col("label").fill_nan(None))
    long = long.drop_nulls().unique()
    names = long["label"].unique().sort()
    keys = long["label"].rank("dense").to_numpy().astype(np.int64) - 1
    return key_index(keys, long["row"].to_numpy().astype(np.int64), len(frame), len(names)), names


def _near_numbers(frame: pl.DataFrame, columns: Sequence[str]) -> list[str]:
    """Return a note for each column of numbers that differ by no more than rounding, as 0.3 and 0.1 + 0.2 do."""
    notes = []
    for column in columns:
        if not frame[column].dtype.is_float():
            continue
        values = frame[column].drop_nulls().unique().sort().to_numpy()
        near = np.flatnonzero(np.diff(values) <= 1e-9 * np.abs(values[1:]))
        if len(near):
            shown = examples([float(values[near[0]]), float(values[near[0] + 1])])
            notes.append(
                f"Metadata column {column!r} has {counted(len(near), 'pair')} of numbers that differ by rounding "
                f"alone and count as different: {shown}; round them first."
            )
    return notes


def _n_missing_items(lists: pl.Series) -> int:
    """Count the nulls and NaN inside lists."""
    items = lists.explode(empty_as_null=False) if lists.dtype == pl.List else lists.explode()
    return items.null_count() + (int(items.is_nan().sum()) if items.dtype.is_float() else 0)


def _plain(name: str) -> str:
    """Write a column as filters name it."""
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else f"`{name}`"


def _refuse_bad_keys(
    frame: pl.DataFrame, columns: Sequence[str], queries: npt.NDArray[np.bool_] | None
) -> dict[str, int]:
    """Refuse columns that cannot be paired by, and return in how many rows that are no queries each is missing."""
    allowed = {}
    for column in columns:
        series = frame[column]
        if series.dtype.is_nested() or series.dtype == pl.Object:
            raise InputError(f"Metadata column {column!r} holds {series.dtype}; pair by text, numbers or booleans.")
        missing = _missing(series)
        if missing is None:
            continue
        asked = missing if queries is None else missing & queries
        if asked.any():
            whole = f"{len(series)} rows" if queries is None else f"{int(queries.sum())} rows that are queries"
            known = f"{_plain(column)} == {_plain(column)}"
            raise InputError(
                f"Metadata column {column!r} is missing in {int(asked.sum())} of {whole} (rows "
                f"{examples(np.flatnonzero(asked).tolist())}); fill it (--fill '{column}=VALUE'), drop these rows "
                f'(--filter "{known}"), or keep them as candidates that are never a query (--queries "{known}").'
            )
        allowed[column] = int(missing.sum())
    return allowed


def _missing(series: pl.Series) -> npt.NDArray[np.bool_] | None:
    """Return which values are null or NaN; None where none is."""
    known = series.fill_nan(None) if series.dtype.is_float() else series
    return known.is_null().to_numpy() if known.null_count() else None


def _codes(series: pl.Series) -> tuple[npt.NDArray[np.int64], pl.Series | None]:
    """Number the values of a column as `column_codes` does; each missing one gets a number of its own."""
    missing = _missing(series)
    if missing is None:
        return column_codes(series)
    codes = np.empty(len(series), np.int64)
    codes[~missing], distinct = column_codes(series.filter(pl.Series(~missing)))
    codes[missing] = codes[~missing].max(initial=-1) + 1 + np.arange(int(missing.sum()))
    return codes, distinct


def _missing_value_strings(texts: Mapping[str, pl.Series]) -> list[str]:
    """Return which columns hold text that spells a missing value; `texts` has the distinct values of each."""
    found = []
    for name, values in texts.items():
        odd = sorted(v for v in values.to_list() if v.strip().lower() in ("nan", "none", "null", ""))
        if odd:
            found.append(f"column {name!r}: the text {examples(odd)} is taken as a value like any other")
    return found


def compile_pairs(
    metadata: pl.DataFrame, pair_rules: PairRules, queries: npt.NDArray[np.bool_] | None = None
) -> PairPlan:
    """Turn the column rules into integer codes.

    Parameters
    ----------
    metadata : polars.DataFrame
        One row a profile.
    pair_rules : PairRules
        The rules.
    queries : ndarray of bool, shape (n,), optional
        Rows that are scored; all of them when left out. A value that is missing in another row equals nothing: the row
        agrees with none in that column, and differs from all.

    Returns
    -------
    PairPlan
        Codes over the rows that pass the filters.

    Raises
    ------
    InputError
        Unknown columns, missing values of queries in a used column, a column both same and different, an empty rule.
    """
    multilabel_col = pair_rules.multilabel_col
    rules, rows = _split_filters(metadata, {what: rule_of(getattr(pair_rules, what), what) for what in _RULES})
    for what, rule in rules.items():
        require_columns(metadata, rule.columns, what)
    for kind in ("pos", "neg"):
        same, diff = rules[f"{kind}_sameby"].columns, rules[f"{kind}_diffby"].columns
        if set(same) & set(diff):
            raise InputError(
                f"{kind}_sameby and {kind}_diffby both name {examples(sorted(set(same) & set(diff)))}; "
                "no pair can be the same and different."
            )
        if not same and not diff:
            raise InputError(f"{kind}_sameby and {kind}_diffby are both empty; name at least one column.")
    used = list(dict.fromkeys(c for rule in rules.values() for c in rule.columns))
    frame = metadata if len(rows) == len(metadata) else metadata.select(used)[rows]
    single = [c for c in used if c != multilabel_col]
    missing = _refuse_bad_keys(frame, single, None if queries is None else queries[rows])
    labels, names = None, None
    if multilabel_col is not None:
        require_columns(metadata, [multilabel_col], "multilabel_col")
        if multilabel_col not in rules["pos_sameby"].all:
            raise InputError(f"Multilabel column {multilabel_col!r} must stand in pos_sameby.")
        if n_missing := frame[multilabel_col].null_count():
            raise InputError(
                f"Multilabel column {multilabel_col!r} is missing in {counted(n_missing, 'row')}; "
                "give these rows an empty list or drop them."
            )
        labels, names = _label_index(frame, multilabel_col)
    coded = dict(zip(single, run_jobs([(1, partial(_codes, frame[column])) for column in single]), strict=True))
    codes = {column: numbers for column, (numbers, _) in coded.items()}
    texts = {column: distinct for column, (_, distinct) in coded.items() if distinct is not None}
    n = len(frame)
    positives = _compile_side(n, codes, rules["pos_sameby"], rules["pos_diffby"], multilabel_col, None)
    negatives = _compile_side(n, codes, rules["neg_sameby"], rules["neg_diffby"], multilabel_col, labels)
    warnings = [*near_duplicate_labels(texts), *_missing_value_strings(texts), *_near_numbers(frame, single)]
    warnings += [
        f"{column!r} is missing in {counted(count, 'row that is', 'rows that are')} never a query: there it equals no "
        "value, and differs from all."
        for column, count in missing.items()
    ]
    if multilabel_col is not None and (gone := _n_missing_items(frame[multilabel_col])):
        warnings.append(f"{counted(gone, 'missing item')} in the lists of {multilabel_col!r} left out.")
    exchange = _exchange_of(n, codes, rules, multilabel_col)
    return PairPlan(rows, positives, negatives, labels, names, tuple(warnings), exchange)


def unpaired(metadata: pl.DataFrame, pair_rules: PairRules, kind: str) -> UnpairedException:
    """Return the error of rules that leave no pair; `kind` is ``"positive"`` or ``"negative"``."""
    names = [f"{kind[:3]}_sameby", f"{kind[:3]}_diffby"]
    rules, rows = _split_filters(metadata, {name: rule_of(getattr(pair_rules, name), name) for name in _RULES})
    why = why_no_pair(metadata[rows], *(rules[name] for name in names))
    return UnpairedException(f"No {kind} pair exists under {' and '.join(names)}: {why}; relax these rules.")


def _exchange_of(
    n: int, codes: Mapping[str, npt.NDArray[np.int64]], rules: Mapping[str, ColumnRule], multilabel_col: str | None
) -> Exchange:
    """Return the blocks within which labels can be exchanged, and who carries which."""
    blocks = tuple(c for c in rules["neg_sameby"].all if c != multilabel_col)
    single = tuple(c for c in rules["pos_sameby"].all if c != multilabel_col and c not in blocks)
    block = combined_code([codes[c] for c in blocks] or [np.zeros(n, np.int64)])
    label = combined_code([block, *(codes[c] for c in single)])
    labels = single if multilabel_col is None else (*single, multilabel_col)
    shared = set(blocks) & set(rules["pos_sameby"].all)
    return Exchange(
        block,
        label,
        whole_block=multilabel_col is not None and multilabel_col in rules["neg_diffby"].all,
        among_labels=len(labels) == 1
        and labels == rules["neg_diffby"].all
        and not rules["pos_diffby"].columns
        and not any(rule.any for rule in rules.values())
        and multilabel_col not in rules["neg_sameby"].all
        and shared in (set(), set(blocks)),
        within_block=bool(blocks) and shared == set(blocks),
        label_columns=labels,
        block_columns=blocks,
    )


def _compile_side(
    n: int,
    codes: Mapping[str, npt.NDArray[np.int64]],
    same: ColumnRule,
    diff: ColumnRule,
    multilabel_col: str | None,
    labels: KeyIndex | None,
) -> PairCodes:
    """Make one rule of coded columns; with `labels`, the list column takes part in it (negatives)."""

    def coded(columns: Sequence[str]) -> list[npt.NDArray[np.int64]]:
        return [codes[c] for c in columns if c != multilabel_col]

    if multilabel_col in same.any or multilabel_col in diff.any:
        raise InputError(f"Multilabel column {multilabel_col!r} cannot stand under 'any'.")
    include = column_index(coded(same.any), n)
    exclude = coded(diff.all)
    if diff.any:  # differing in at least one column is not agreeing in all of them
        exclude.append(combined_code(coded(diff.any)))
    excluded = column_index(exclude, n)
    if labels is not None and multilabel_col in same.all:
        if same.any:
            raise InputError("A multilabel column in neg_sameby cannot be combined with 'any' columns.")
        include = labels
    if labels is not None and multilabel_col in diff.all:
        excluded = merge_indexes(excluded, labels) if exclude else labels
    block = combined_code(coded(same.all) or [np.zeros(n, np.int64)])
    return PairCodes(column_index([block], n), include, excluded)


def reference_numbers(frame: pl.DataFrame, condition: str, default: int) -> npt.NDArray[np.int64]:
    """Number of each row that meets a condition, and `default` for all others.

    As a column in ``pos_sameby``, it lets the rows that meet the condition (controls) pair with nothing but take part
    as the other side of negative pairs, as ``copairs.matching.assign_reference_index`` does.
    """
    parsed = parse_filter(condition)
    require_columns(frame, parsed.columns, "condition")
    number: npt.NDArray[np.int64] = np.where(parsed.mask(frame).to_numpy(), np.arange(len(frame)), default)
    return number
