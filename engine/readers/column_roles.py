"""Which column is what: metadata, feature, or a row index that a writer left behind."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from ..errors import InputError, counted, examples
from ..tables.bookkeeping import is_bookkeeping, is_compartment
from ..tables.labels import missing_texts
from ..tables.wells import names_plate_or_well

__all__ = [
    "ColumnPlan",
    "FeatureChoice",
    "choose_named",
    "compile_features",
    "features_of",
    "pandas_index_columns",
    "plan_columns",
    "refuse_repeated",
    "tidy_metadata",
    "words_to_metadata",
]

METADATA_PREFIXES = ("Metadata_", "Meta_")
#: Metadata of CellProfiler that another table's name was put before: ``Image_Metadata_Plate``.
_METADATA_WITHIN = re.compile(r"(?<![A-Za-z0-9])(?i:metadata)_")
#: Three numbers or more, in brackets or not.
_PRINTED = re.compile(r"\s*[\[(]?\s*[-+.\deE]+(?:[\s,;|]+[-+.\deE]+){2,}[\s,]*[\])]?\s*")
#: Values that mostly tell a column of numbers.
_FIRST = 16
#: Columns beside those of compartments that are left out: no more than this share of all.
_FEW = 0.2

# A row index as pandas writes it to CSV (``Unnamed: 0``), to Parquet (``__index_level_0__``), and without a
# name; and as readr names it in R (``...1``).
_INDEX_NAME = re.compile(r"(Unnamed: \d+(\.\d+)?|__index_level_\d+__|\.\.\.\d+|)$")


@dataclass(frozen=True)
class FeatureChoice:
    """Which columns are features, see `compile_features`.

    Attributes
    ----------
    kind : {"default", "published", "cellprofiler", "all", "pattern"}
        The rule.
    pattern : re.Pattern or None
        Of ``pattern``.
    metadata : frozenset of str
        Columns that options name, such as those of pair rules: metadata, whatever their names.
    words : bool
        Whether columns of words are metadata, instead of refused.
    """

    kind: str = "default"
    pattern: re.Pattern[str] | None = None
    metadata: frozenset[str] = frozenset()
    words: bool = False

    @property
    def judges(self) -> bool:
        """Whether names and values decide what is bookkeeping; the user decides otherwise."""
        return self.kind not in ("all", "pattern")


@dataclass
class ColumnPlan:
    """The columns of one file by role, in file order."""

    metadata: list[str] = field(default_factory=list)
    features: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def compile_features(features: str | None, metadata: Iterable[str] | None = None) -> FeatureChoice:
    """Return which columns are features.

    Parameters
    ----------
    features : str, optional
        ``all``: every column that is neither metadata nor a row index by its name. ``cellprofiler``: those of the
        compartments `Cells_`, `Cytoplasm_` and `Nuclei_` (pycytominer's rule), or measured by CellProfiler, without
        bookkeeping. ``published``: all without bookkeeping, but for that of compartments, which the scripts of CPJUMP1
        keep. Any other text: a regular expression that is found in their names. Default: all without bookkeeping; where
        most columns are of compartments, the few others are left out too.
    metadata : iterable of str, optional
        Columns that are metadata, whatever their names. Where it is given, if empty, columns of words are too.

    Raises
    ------
    InputError
        For a text that is no regular expression.
    """
    if not features or features in ("all", "cellprofiler", "published"):
        return FeatureChoice(features or "default", None, frozenset(metadata or ()), metadata is not None)
    try:
        return FeatureChoice("pattern", re.compile(features), frozenset(metadata or ()))
    except re.error as error:
        raise InputError(f"The features pattern {features!r} is not a regular expression: {error}.") from error


def refuse_repeated(
    names: Sequence[str], path: str, what: str = "column", advice: str = "rename or drop the copies"
) -> None:
    """Raise `InputError` when two columns have the same name."""
    repeated = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if repeated:
        raise InputError(f"'{path}' has more than one {what} named {examples(repeated)}; {advice}.")


def plan_columns(
    names: Sequence[str], path: str, choice: FeatureChoice | None = None, index: Collection[str] = ()
) -> ColumnPlan:
    """Give every column of a table its role.

    Parameters
    ----------
    names : sequence of str
        Column names in file order.
    path : str
        The file, for messages.
    choice : FeatureChoice, optional
        Which columns are features. Default: that of `compile_features`.
    index : collection of str
        Further columns the file itself declares to be its row index.

    Returns
    -------
    ColumnPlan

    Raises
    ------
    InputError
        For duplicate names, or when no column is left as a feature.
    """
    refuse_repeated(names, path)
    chosen = choice or FeatureChoice()
    plan = ColumnPlan()
    dropped, within, others, named = [], [], [], []
    for name in names:
        if name.startswith(METADATA_PREFIXES):
            plan.metadata.append(name)
        elif name in chosen.metadata:
            plan.metadata.append(name)
            named.append(name)
        elif chosen.judges and (_METADATA_WITHIN.search(name) or names_plate_or_well(name)):
            plan.metadata.append(name)
            within.append(name)
        elif _INDEX_NAME.match(name) or name in index:
            dropped.append(name)
        else:
            others.append(name)
    if dropped:
        plan.notes.append(f"'{path}': row index column {examples(dropped)} is not a feature and was dropped.")
    if within:
        plan.notes.append(f"'{path}': metadata by their names: {examples(within)}.")
    if named:
        plan.notes.append(f"'{path}': metadata because options name them: {examples(named, 8)}.")
    _choose_features(plan, others, path, chosen)
    return plan


def words_to_metadata(plan: ColumnPlan, frame: pl.DataFrame, path: str, choice: FeatureChoice) -> ColumnPlan:
    """Make metadata of columns of words: of text, of which no value is a number, and of dates.

    Parameters
    ----------
    plan : ColumnPlan
        As the names tell.
    frame : polars.DataFrame
        The columns of the plan.
    path : str
        The file, for messages.
    choice : FeatureChoice
        Whether it does so; where the user chose the features, they stay.

    Returns
    -------
    ColumnPlan

    Raises
    ------
    InputError
        When no column is left as a feature.
    """
    if not choice.words or choice.kind != "default":
        return plan
    words = [name for name in plan.features if _is_words(frame[name])]
    if not words:
        return plan
    features = [name for name in plan.features if name not in set(words)]
    metadata = [*plan.metadata, *words]
    if not features:
        printed = [name for name in words if _holds_printed_vectors(frame[name])]
        if printed:
            raise InputError(
                f"'{path}': column {printed[0]!r} holds vectors as text; write a column for each of their numbers, or "
                "save the table as Parquet, where a cell may hold a list."
            )
        raise InputError(f"'{path}' has no feature column; its columns are {examples([*metadata, *plan.left_out])}.")
    note = f"'{path}': columns that are no numbers are metadata: {examples(words)}."
    return ColumnPlan(metadata, features, [*plan.notes, note], plan.left_out)


def _holds_printed_vectors(values: pl.Series) -> bool:
    """Whether a column of text holds several numbers a cell, as printed lists and arrays do."""
    first = values.cast(pl.String).drop_nulls().head(1)
    return len(first) == 1 and _PRINTED.fullmatch(first[0]) is not None


def _is_words(values: pl.Series) -> bool:
    if values.dtype.is_temporal():
        return True
    if values.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return False
    text = values.cast(pl.String).drop_nulls()
    if text.head(_FIRST).str.strip_chars().cast(pl.Float64, strict=False).is_not_nan().any():  # as in most columns
        return False
    text = text.str.strip_chars().unique()
    text = text.filter(~text.is_in([*missing_texts(), ""]))
    if text.str.to_lowercase().is_in(["true", "false"]).all():  # read as 1 and 0, or nothing at all
        return False
    return bool(text.cast(pl.Float64, strict=False).is_null().all())


def choose_named(names: Sequence[str], path: str, choice: FeatureChoice) -> ColumnPlan:
    """Choose among columns that can only be features, such as those of a matrix; all are, where none would be left."""
    plan = ColumnPlan()
    if choice.judges and choice.kind != "cellprofiler" and not any(_is_feature(name, choice.kind) for name in names):
        choice = FeatureChoice("all")
    _choose_features(plan, names, path, choice)
    return plan


def _choose_features(plan: ColumnPlan, names: Sequence[str], path: str, choice: FeatureChoice) -> None:
    """Fill in the features of a plan, and what is left out, from the columns that are no metadata and no index."""
    pattern = choice.pattern
    if pattern is not None:
        plan.features, plan.left_out = _parted(names, lambda name: pattern.search(name) is not None)
    elif choice.kind == "all":
        plan.features = list(names)
    else:
        plan.features, plan.left_out = _parted(names, lambda name: _is_feature(name, choice.kind))
        of_compartments, rest = _parted(plan.features, is_compartment)
        if choice.kind == "default" and of_compartments and len(rest) <= _FEW * len(plan.features):
            plan.features, plan.left_out = _parted(names, frozenset(of_compartments).__contains__)
    if not plan.features:
        raise InputError(_no_feature(plan, names, path, choice))
    if not plan.left_out:
        return
    shown, left_out = examples(plan.left_out, 8), counted(len(plan.left_out), "column was", "columns were")
    if pattern is not None:
        what = f"{left_out} left out, which the features pattern {pattern.pattern!r} does not match: {shown}."
    else:
        what = f"{left_out} left out, as bookkeeping or of no compartment: {shown}; --features all takes every column."
    plan.notes.append(f"'{path}': {what}")


def _parted(names: Sequence[str], chosen: Callable[[str], bool]) -> tuple[list[str], list[str]]:
    """Return the names that are chosen, and the others."""
    return [name for name in names if chosen(name)], [name for name in names if not chosen(name)]


def _is_feature(name: str, kind: str) -> bool:
    if kind == "cellprofiler" and not is_compartment(name):
        return False
    return not is_bookkeeping(name) or (kind == "published" and is_compartment(name))


def _no_feature(plan: ColumnPlan, names: Sequence[str], path: str, choice: FeatureChoice) -> str:
    """Return the sentence of a file without a feature column."""
    if choice.pattern is not None:
        shown = examples(plan.left_out or plan.metadata)
        return (
            f"'{path}' has no feature column that the features pattern {choice.pattern.pattern!r} matches; its columns "
            f"are {shown}."
        )
    if plan.left_out:
        what = "of a compartment" if choice.kind == "cellprofiler" else "that is not bookkeeping"
        return (
            f"'{path}' has no feature column {what}, but has {examples(plan.left_out)}; choose the features with "
            "--features all or --features REGEX."
        )
    return f"'{path}' has no feature column; its columns are {examples([*plan.metadata, *names])}."


def pandas_index_columns(metadata: dict[bytes, bytes] | None) -> list[str]:
    """Read which columns of a Parquet or Arrow file pandas wrote as the index of its rows."""
    try:
        found = json.loads((metadata or {}).get(b"pandas", b"{}")).get("index_columns", [])
    except (ValueError, AttributeError):
        return []
    return [name for name in found if isinstance(name, str)]


def features_of(frame: pl.DataFrame, names: Sequence[str], path: str) -> np.ndarray:
    """Turn typed columns into the matrix of features; a null becomes NaN.

    Parameters
    ----------
    frame : polars.DataFrame
        n rows.
    names : sequence of d str
        The feature columns.
    path : str
        The file, for messages.

    Returns
    -------
    numpy.ndarray of shape (n, d), float32, C-contiguous

    Raises
    ------
    InputError
        Naming the columns that are not numbers: text, dates, lists, structs, binary.
    """
    schema = frame.schema
    odd = [n for n in names if not (schema[n].is_numeric() or schema[n] in (pl.Boolean, pl.Null))]
    if odd:
        first = frame[odd[0]].drop_nulls().head(3).to_list()
        raise InputError(
            f"'{path}': column {odd[0]!r} is of type {schema[odd[0]]} and not a number (it begins {examples(first, 3)})"
            + (f", as are {len(odd) - 1} more columns: {examples(odd[1:])}" if len(odd) > 1 else "")
            + "; name it in a rule, rename it to Metadata_..., or choose the features with a pattern (--features)."
        )
    return np.ascontiguousarray(frame.select(pl.col(list(names)).cast(pl.Float32)).to_numpy(order="c"))


def tidy_metadata(frame: pl.DataFrame) -> pl.DataFrame:
    """Make metadata of a typed file comparable: categories become text, NaN becomes null."""
    return frame.with_columns(
        pl.col(pl.Categorical, pl.Enum).cast(pl.String), pl.col(pl.Float32, pl.Float64).fill_nan(None)
    )
