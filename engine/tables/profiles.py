"""Profiles: a metadata frame and a matrix of features whose rows belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from ..errors import InputError, counted, examples
from .frames import require_columns

__all__ = ["IN_MEMORY", "Profiles", "Source", "consensus", "stack"]

#: What stands in a manifest for an input that is no file.
IN_MEMORY = "(in memory)"

_BLOCK = 2**22  # values of which a median is taken at once: bounds the working memory


@dataclass(frozen=True)
class Source:
    """One file that profiles came from.

    Attributes
    ----------
    path : str
        As the user gave it.
    sha256 : str
        Of the bytes on disk; of a folder (zarr), of the sorted names and digests of its files.
    n_bytes : int
        Size on disk.
    n_rows : int
        Rows read from it.
    """

    path: str
    sha256: str
    n_bytes: int
    n_rows: int

    def as_dict(self) -> dict[str, str | int]:
        """Return the entry of a manifest."""
        return {"path": self.path, "sha256": self.sha256, "bytes": self.n_bytes, "rows": self.n_rows}


@dataclass(frozen=True)
class Profiles:
    """n profiles of d features. Row i of `metadata` is row i of `features`.

    Attributes
    ----------
    metadata : polars.DataFrame
        n rows; only metadata columns.
    features : numpy.ndarray of shape (n, d), float32
        C-contiguous; may be a read-only memory map.
    feature_names : tuple of d str
    sources : tuple of Source
        The files, in the order of their rows.
    notes : tuple of str
        Sentences about everything that was dropped or converted on the way here.
    left_out : tuple of str
        Columns that are neither metadata nor features.
    """

    metadata: pl.DataFrame
    features: np.ndarray
    feature_names: tuple[str, ...]
    sources: tuple[Source, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.features.ndim != 2 or self.features.dtype != np.float32:
            raise InputError(
                "Features must be a two-dimensional float32 matrix, "
                f"but are {self.features.dtype} of shape {self.features.shape}."
            )
        if not self.features.flags.c_contiguous:
            object.__setattr__(self, "features", np.ascontiguousarray(self.features))
        n_rows, n_columns = self.features.shape
        # A metadata frame without columns has no height of its own: it fits any number of rows.
        if self.metadata.width and self.metadata.height != n_rows:
            raise InputError(f"Metadata has {self.metadata.height} rows but features have {n_rows}.")
        if len(self.feature_names) != n_columns:
            raise InputError(f"{len(self.feature_names)} feature names were given for {n_columns} features.")
        if len(set(self.feature_names)) != n_columns:
            seen: set[str] = set()
            repeated = [name for name in self.feature_names if name in seen or seen.add(name)]  # type: ignore[func-returns-value]
            raise InputError(f"Feature names must be unique, but {examples(repeated)} occur more than once.")

    def __len__(self) -> int:
        return int(self.features.shape[0])

    def take(self, rows: np.ndarray) -> Profiles:
        """Select rows.

        Parameters
        ----------
        rows : numpy.ndarray
            A boolean mask of shape (n,), or integer positions of any length, in the order wanted.

        Returns
        -------
        Profiles
            With copied features; sources and notes are kept.
        """
        rows = np.asarray(rows)
        if rows.dtype == bool:
            if rows.shape != (len(self),):
                raise InputError(f"A row mask of shape {rows.shape} was given for {len(self)} profiles.")
            rows = np.flatnonzero(rows)
        elif rows.size == 0:
            rows = rows.astype(np.int64)
        positions = np.arange(len(self))[rows]  # resolves negative positions; refuses those out of range
        metadata = self.metadata[positions] if self.metadata.width else self.metadata
        return replace(self, metadata=metadata, features=self.features[positions])

    def with_metadata(self, metadata: pl.DataFrame) -> Profiles:
        """Return the same profiles with another metadata frame of n rows."""
        if metadata.height != len(self):
            raise InputError(f"Metadata of {metadata.height} rows was given for {len(self)} profiles.")
        return replace(self, metadata=metadata)


def stack(parts: Sequence[Profiles]) -> Profiles:
    """Put profiles below each other, on the features that all parts have.

    Parameters
    ----------
    parts : sequence of Profiles
        At least one.

    Returns
    -------
    Profiles
        Rows in the order of the parts. Features: those of the first part that every part has, in its order;
        the others are named in `notes`. A metadata column that a part lacks is null in its rows. Numeric
        columns of different types take their common type; an integer column that is text in another part
        becomes text (noted).

    Raises
    ------
    InputError
        When there is no part, no common feature, or a metadata column has types that do not go together.
    """
    if not parts:
        raise InputError("There are no profiles to stack.")
    if len(parts) == 1:
        return parts[0]
    common = set(parts[0].feature_names).intersection(*(part.feature_names for part in parts[1:]))
    names = tuple(name for name in parts[0].feature_names if name in common)
    if not names:
        first = parts[0]
        other = min(parts[1:], key=lambda part: len(set(first.feature_names).intersection(part.feature_names)))
        by_case = {name.casefold() for name in first.feature_names} & {name.casefold() for name in other.feature_names}
        help = "write names in one case" if by_case else "give inputs of one feature set"
        raise InputError(
            f"The {len(parts)} inputs have no feature in common: one has {examples(first.feature_names, 3)}, "
            f"another {examples(other.feature_names, 3)}; {help}."
        )
    features = np.empty((sum(len(part) for part in parts), len(names)), np.float32)
    start = 0
    for part in parts:
        stop = start + len(part)
        if part.feature_names == names:
            features[start:stop] = part.features
        else:
            place = {name: i for i, name in enumerate(part.feature_names)}
            features[start:stop] = part.features[:, [place[name] for name in names]]
        start = stop

    notes = [note for part in parts for note in part.notes]
    lost = sorted(set().union(*(part.feature_names for part in parts)) - common)
    if lost:
        some = "column is" if len(lost) == 1 else "columns are"
        was = "was" if len(lost) == 1 else "were"
        notes.append(
            f"{len(lost)} feature {some} not in every input and {was} dropped ({len(names)} are left): "
            f"{examples(lost)}."
        )
    metadata, metadata_notes = stack_metadata([part.metadata for part in parts], [len(part) for part in parts])
    sources = tuple(source for part in parts for source in part.sources)
    left_out = tuple(dict.fromkeys(name for part in parts for name in part.left_out))
    return Profiles(metadata, features, names, sources, tuple(dict.fromkeys([*notes, *metadata_notes])), left_out)


def stack_metadata(frames: Sequence[pl.DataFrame], heights: Sequence[int]) -> tuple[pl.DataFrame, list[str]]:
    """Put metadata frames below each other, a missing column null; return the frame and notes."""
    filled: dict[str, set[pl.DataType]] = {}
    declared: dict[str, set[pl.DataType]] = {}
    for frame in frames:
        for name, dtype in frame.schema.items():
            declared.setdefault(name, set()).add(dtype)
            filled.setdefault(name, set())
            if frame[name].null_count() < frame.height:  # a column without values has no say
                filled[name].add(dtype)
    notes: list[str] = []
    casts = {name: _common_type(name, known or declared[name], notes) for name, known in filled.items()}
    for name in casts:
        n_missing = sum(h for frame, h in zip(frames, heights, strict=True) if name not in frame.columns)
        if n_missing:
            notes.append(f"Metadata column {name!r} is not in every input; it is empty in {counted(n_missing, 'row')}.")
    pieces = []
    for frame, height in zip(frames, heights, strict=True):
        empty = pl.Series([None]).new_from_index(0, height)
        columns = {name: frame[name] if name in frame.columns else empty for name in casts}
        pieces.append(pl.DataFrame({name: values.cast(casts[name]) for name, values in columns.items()}))
    return pl.concat(pieces, how="vertical", rechunk=True), notes


def _common_type(name: str, types: set[pl.DataType], notes: list[str]) -> pl.DataType:
    """Choose the type of one column for all parts; types that do not go together raise."""
    kinds = {pl.String() if dtype in (pl.Categorical, pl.Enum) else dtype for dtype in types}
    if len(kinds) > 1:
        kinds.discard(pl.Null())
    if len(kinds) == 1:
        return kinds.pop()
    if all(dtype.is_numeric() for dtype in kinds):
        return pl.Float64() if any(not dtype.is_integer() for dtype in kinds) else pl.Int64()
    if all(dtype == pl.String or dtype.is_integer() for dtype in kinds):
        notes.append(f"Metadata column {name!r} is text in one input and a number in another; it became text in all.")
        return pl.String()
    shown = " and ".join(sorted(str(dtype) for dtype in kinds))
    raise InputError(
        f"Metadata column {name!r} has types that do not go together: {shown}; give it one type in all inputs."
    )


def consensus(profiles: Profiles, by: Sequence[str] | str) -> Profiles:
    """Take the median of each feature over each group of profiles.

    Parameters
    ----------
    profiles : Profiles
        n profiles of d features; NaN features are skipped.
    by : str or sequence of str
        Metadata columns; a group is the rows with equal values in all. Rows with a null in one belong to no
        group: they are left out and counted in `notes`.

    Returns
    -------
    Profiles
        One row per group in order of first appearance, with the metadata of its first row. The median of an
        even number of values is the mean of the middle two, as in pandas and NumPy.

    Raises
    ------
    InputError
        For an unknown column, no column, or when no row has all keys.

    Examples
    --------
    >>> import fastbench as fb
    >>> drugs = fb.consensus(fb.read_profiles("sample:lincs"), "Metadata_broad_sample")
    >>> drugs.features.shape
    (59, 454)
    """
    columns = [by] if isinstance(by, str) else list(by)
    if not columns:
        raise InputError("A consensus needs at least one metadata column to group by.")
    require_columns(profiles.metadata, columns, "the grouping of the consensus")
    keys = profiles.metadata.select(columns).with_row_index("__row").drop_nulls()
    n_dropped = len(profiles) - keys.height
    if not keys.height:
        raise InputError(
            f"Every row has an empty value in {examples(columns)}, so there is no group to take a consensus of."
        )
    rows = keys.group_by(columns, maintain_order=True).agg(pl.col("__row")).get_column("__row")
    groups = [group.to_numpy() for group in rows]
    sizes = np.array([len(group) for group in groups])
    features = np.empty((len(groups), profiles.features.shape[1]), np.float32)
    for size in np.unique(sizes):  # groups of one size are one array: no Python loop over groups
        members = np.flatnonzero(sizes == size)
        step = max(1, _BLOCK // (int(size) * max(1, features.shape[1])))
        for start in range(0, len(members), step):
            chosen = members[start : start + step]
            values = profiles.features[np.stack([groups[group] for group in chosen])]
            features[chosen] = _median(values)
    notes = list(profiles.notes)
    if n_dropped:
        notes.append(
            f"{counted(n_dropped, 'row')} with an empty value in {examples(columns)} left out of the consensus."
        )
    metadata = profiles.metadata[np.array([group[0] for group in groups])]
    return replace(profiles, metadata=metadata, features=features, notes=tuple(notes))


def _median(values: np.ndarray) -> np.ndarray:
    """Median over axis 1 of (groups, size, d), NaN skipped; NaN where all are."""
    ordered = np.sort(values, axis=1)  # NaN last
    n_valid = np.sum(~np.isnan(ordered), axis=1)[:, np.newaxis, :]
    low = np.take_along_axis(ordered, np.maximum(n_valid - 1, 0) // 2, axis=1)[:, 0]
    high = np.take_along_axis(ordered, np.minimum(n_valid // 2, ordered.shape[1] - 1), axis=1)[:, 0]
    with np.errstate(invalid="ignore", over="ignore"):  # inf - inf
        middle: np.ndarray = ((low.astype(np.float64) + high) / 2).astype(np.float32)
    return middle
