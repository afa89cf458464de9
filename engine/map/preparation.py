"""From the profiles as read to those that are scored: derived columns, filters, consensus, labels, controls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import InputError, UnknownNameError, counted
from ..retrieval.pair_rules import reference_numbers
from ..tables.copies import copy_notes
from ..tables.filters import apply_derive, near_values, parse_filter
from ..tables.frames import near_duplicate_labels, require_columns
from ..tables.label_lists import LIST, label_lists
from ..tables.labels import missing_texts
from ..tables.profiles import Profiles, consensus
from ..tables.wells import PLATE, WELL, column_spelled, plain_wells
from .active import keep_active
from .columns import columns_of_entry, split_columns, split_fill
from .controls import CONTROL, check_controls, count_controls, refuse_made
from .options import MapOptions

__all__ = [
    "REFERENCE_INDEX",
    "count_duplicate_wells",
    "filter_mask",
    "prepare",
    "query_notes",
    "refuse_other_case",
]

#: The column that ``--reference-index`` makes.
REFERENCE_INDEX = "Metadata_Reference_Index"


def prepare(
    profiles: Profiles, options: MapOptions, rules: Mapping[str, Mapping[str, list[str]]]
) -> tuple[Profiles, list[str]]:
    """Derive columns, filter rows, take the consensus, split labels, number the controls.

    Parameters
    ----------
    profiles : Profiles
        As read.
    options : MapOptions
        What to do.
    rules : mapping of str to mapping
        The four column rules by name, see `columns.parse_columns`.

    Returns
    -------
    profiles : Profiles
        Those to score.
    notes : list of str
        What was left out, a sentence each.

    Raises
    ------
    InputError
        A column that is named is not there, or nothing is left.
    """
    notes = []
    for text in options.fill:
        profiles, note = _filled(profiles, text)
        notes.append(note)
    refuse_made(profiles.metadata, options)
    for text in options.derive:
        profiles = profiles.with_metadata(apply_derive(profiles.metadata, text))
        made = profiles.metadata.to_series(-1)
        if made.dtype == pl.Boolean and made.n_unique() == 1:
            hint = near_values(profiles.metadata, text.partition("=")[2]) or "."
            notes.append(f"--derive {text!r} is {str(made[0]).lower()} in every row{hint}")
    for text in options.filter:
        keep = filter_mask(profiles.metadata, text, "--filter")
        if not keep.any():
            raise InputError(f"No row is left after --filter {text!r}{near_values(profiles.metadata, text) or '.'}")
        notes.append(f"--filter {text!r} took away {int((~keep).sum())} of {len(keep)} rows.")
        profiles = profiles.take(keep)
    notes += check_controls(profiles.metadata, options)
    if column_spelled(WELL, split_columns(options.consensus)) is None:  # a consensus of wells makes one of copies
        notes += copy_notes(profiles)
    if options.active_only:
        profiles, note = keep_active(profiles, options.active_only, CONTROL)
        notes.append(note)
    if options.consensus:
        by = split_columns(options.consensus)
        require_columns(profiles.metadata, by, "--consensus")
        before = len(profiles)
        used = {c for rule in rules.values() for entry in (*rule["all"], *rule["any"]) for c in columns_of_entry(entry)}
        split = columns_varying_within(profiles.metadata, by)
        for column in sorted(used & set(split)):
            raise InputError(
                f"--consensus {', '.join(by)}: column {column!r}, which the rules use, has several values within "
                f"{counted(split[column], 'consensus group')}; make it one value a group, or add it to --consensus."
            )
        controls = count_controls(profiles.metadata, options)
        profiles = consensus(profiles, by)
        if controls and not count_controls(profiles.metadata, options):
            raise InputError(
                f"--consensus {options.consensus} leaves out all {controls} controls, which lack a value in one of "
                "these columns, so nothing is left to compare with; give them one (--fill COLUMN=VALUE)."
            )
        profiles = profiles.with_metadata(profiles.metadata.drop(list(split)))
        notes.append(f"Consensus by {', '.join(by)}: {before} rows became {len(profiles)} medians.")
        if split:
            notes.append(f"Columns that differ within a consensus were left out: {', '.join(split)}.")
    if options.multilabel:
        profiles, said = _split_labels(profiles, options)
        notes += said
    if options.reference_index and REFERENCE_INDEX not in {c for rule in rules.values() for c in rule["all"]}:
        notes.append(f"--reference-index has no effect: no rule names its column {REFERENCE_INDEX}.")
    if options.reference_index:
        number = reference_numbers(profiles.metadata, options.reference_index, -1)
        if (number == -1).all():
            hint = near_values(profiles.metadata, options.reference_index) or "."
            notes.append(f"--reference-index {options.reference_index!r} is met by no row, so no row is numbered{hint}")
        profiles = profiles.with_metadata(profiles.metadata.with_columns(pl.Series(REFERENCE_INDEX, number)))
    return profiles, notes


def refuse_other_case(profiles: Profiles, named: Iterable[str]) -> None:
    """Raise `UnknownNameError` where options name a column that is no metadata, but is there in other letters."""
    others = {name.lower(): name for name in (*profiles.feature_names, *profiles.left_out)}
    for column in named:
        if column not in profiles.metadata.columns and column.lower() in others:
            raise UnknownNameError(f"There is no column {column!r}; did you mean {others[column.lower()]!r}?")


def query_notes(frame: pl.DataFrame, asked: npt.NDArray[np.bool_] | None, text: str) -> list[str]:
    """Say where a filter of the queries takes no row away; refuse one that takes all."""
    if asked is None or 0 < asked.sum() < len(asked):
        return []
    hint = near_values(frame, text)
    if not asked.any():
        raise InputError(f"No row meets --queries {text!r}, so none is scored{hint or '.'}")
    return [f"--queries {text!r} is met by every row{hint or '.'}"]


def columns_varying_within(frame: pl.DataFrame, by: list[str]) -> dict[str, int]:
    """Return the columns with several values within a group of rows equal in `by`, and in how many groups."""
    others = [c for c in frame.columns if c not in by]
    flat = [pl.col(c).cast(pl.List(pl.String)).list.join("|") if frame[c].dtype == pl.List else c for c in others]
    counts = frame.select(*by, *flat).drop_nulls(by).group_by(by).agg(pl.all().n_unique()).drop(by)
    return {series.name: n for series in counts if (n := int((series > 1).sum()))}


def count_duplicate_wells(frame: pl.DataFrame) -> int:
    """Count rows that share plate and well with an earlier row, wells as plate maps write them (``a1`` is ``A01``)."""
    plate, well = (column_spelled(usual, frame.columns) for usual in (PLATE, WELL))
    if plate is None or well is None:
        return 0
    keys = frame.select(pl.col(plate).alias("plate"), plain_wells(frame[well].cast(pl.String)).alias("well"))
    return keys.height - keys.unique().height


def _filled(profiles: Profiles, text: str) -> tuple[Profiles, str]:
    """Put a value where a column has none, ``COLUMN=VALUE``, and tell in how many rows."""
    column, value = split_fill(text)
    require_columns(profiles.metadata, [column], "--fill")
    values = profiles.metadata[column]
    if values.dtype.is_float():
        values = values.fill_nan(None)
    if values.dtype == pl.Null:
        values = values.cast(pl.String)
    if values.dtype == pl.Boolean:
        filler = pl.Series([{"true": True, "false": False}.get(value.lower())])
    elif values.dtype.is_numeric():
        filler = pl.Series([value]).cast(pl.Float64, strict=False)
        if filler[0] is not None and values.dtype.is_integer() and float(filler[0]).is_integer():
            filler = filler.cast(values.dtype, strict=False)
    elif values.dtype == pl.String:
        filler = pl.Series([value])
    else:
        raise InputError(f"--fill {text!r}: column {column!r} holds {values.dtype}, not text, numbers or booleans.")
    if filler[0] is None or (filler.dtype.is_float() and not np.isfinite(filler[0])):
        raise InputError(f"--fill {text!r}: column {column!r} holds {values.dtype}, and {value!r} is none.")
    n_missing = values.null_count()
    if n_missing:
        common = pl.Float64() if filler.dtype.is_float() else values.dtype
        values = values.cast(common).fill_null(filler.cast(common)[0])
        profiles = profiles.with_metadata(profiles.metadata.with_columns(values.alias(column)))
    had = "" if n_missing else ", and had no effect"
    return profiles, f"--fill {text!r} filled {n_missing} of {len(values)} rows{had}."


def filter_mask(frame: pl.DataFrame, text: str, option: str) -> npt.NDArray[np.bool_]:
    """Return which rows pass a filter; `option` names it where a column is not there."""
    condition = parse_filter(text)
    require_columns(frame, condition.columns, option)
    return condition.mask(frame).to_numpy()


def _split_labels(profiles: Profiles, options: MapOptions) -> tuple[Profiles, list[str]]:
    """Make a list column of a text column such as ``a|b|c``; drop rows without a label, and tell how it was done."""
    column = options.multilabel
    require_columns(profiles.metadata, [column], "--multilabel")
    values, notes = profiles.metadata[column], []
    missing = missing_texts(options.missing_text)
    if values.dtype == pl.String:
        values, separator = label_lists(values, options.label_separator, missing)
        several = int((values.list.len() > 1).fill_null(False).sum())
        how = "printed lists" if separator == LIST else f"split at {separator!r}"
        if not several:
            how = how if separator else "no separator found; --label-separator names one"
            notes.append(f"No row has more than one label in {column} ({how}).")
        elif separator != "|" and not options.label_separator:
            have = counted(several, "row has", "rows have")
            notes.append(f"{column} was read as {how}: {have} several labels (--label-separator).")
    elif isinstance(values.dtype, pl.List) and values.dtype.inner == pl.String:
        values = values.list.eval(pl.element().filter(~pl.element().str.strip_chars().is_in(list(missing))))
    elif not isinstance(values.dtype, pl.List):
        raise InputError(f"--multilabel column {column!r} holds {values.dtype}; text such as 'a|b' is needed.")
    keep = (values.list.len().fill_null(0) > 0).to_numpy()
    if not keep.any():
        raise InputError(f"No row has a label in {column!r}.")
    if options.controls:  # never a query: without a label, they share none
        bare = profiles.metadata[CONTROL].to_numpy() & ~keep
        keep = keep | bare
        values = values.fill_null(pl.lit([], values.dtype))
        if bare.any():
            without = counted(int(bare.sum()), "control")
            notes.append(f"{without} without a label in {column} {'stays' if bare.sum() == 1 else 'stay'} candidates.")
    if dropped := int((~keep).sum()):
        rows = counted(dropped, f"row without a label in {column} was", f"rows without a label in {column} were")
        notes.append(f"{rows} dropped.")
    if values.dtype == pl.List(pl.String):
        labels = values.explode().drop_nulls().unique(maintain_order=True).alias(f"{column} (labels)")
        notes += near_duplicate_labels({labels.name: labels})
    split = profiles.with_metadata(profiles.metadata.with_columns(values.alias(column)))
    return split.take(keep), notes
