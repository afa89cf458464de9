"""What a user gives for metadata and features: two tables, AnnData, `Profiles`, or one table with both."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from ..errors import InputError, examples
from ..tables.frames import column_names, metadata_frame
from ..tables.matrix import library_of
from ..tables.profiles import Profiles

__all__ = ["Given", "split_table", "unpacked"]


class Given(NamedTuple):
    """Metadata and features, apart.

    Attributes
    ----------
    meta : table of pandas, Polars or PyArrow
        n rows.
    feats : array or table of numbers, shape (n, d), or None
        None where they are within `meta`, see `split_table`.
    names : sequence of d str, or None
        Names of the features, where they are known from elsewhere than `feats`.
    index : pandas.Index or None
        Names of the rows, which the result keeps; None: the result is numbered anew.
    """

    meta: Any
    feats: Any
    names: list[Any] | None = None
    index: Any = None

    @property
    def feature_names(self) -> list[Any] | None:
        """Names of the features; None where they have none."""
        return self.names if self.names is not None else column_names(self.feats)


def unpacked(meta: Any, feats: Any, obsm: str | None = None) -> Given:
    """Take metadata and features out of AnnData and `Profiles`; tables stay as they are.

    Parameters
    ----------
    meta : table, AnnData or Profiles
        n rows.
    feats : array or table of numbers, shape (n, d), optional
        In the place of the features of `meta`.
    obsm : str, optional
        Of AnnData, the entry of ``obsm`` to take instead of ``X``.

    Raises
    ------
    InputError
        AnnData without such features, or in the place of features; `obsm` of what is no AnnData.
    """
    if _is_anndata(feats) or isinstance(feats, Profiles):
        kind = type(feats).__name__
        raise InputError(
            f"feats is {kind}, which holds metadata too; give it alone, in the place of meta, or its matrix "
            f"({'feats.X' if kind == 'AnnData' else 'feats.features'})."
        )
    if not _is_anndata(meta):
        if obsm is not None:
            raise InputError(f"obsm={obsm!r} is for AnnData, but a {type(meta).__name__} was given.")
        if isinstance(meta, Profiles):
            names = list(meta.feature_names) if feats is None else None
            return Given(meta.metadata, meta.features if feats is None else feats, names)
        return Given(meta, feats)
    names = None
    if feats is None and obsm is not None:
        if obsm not in meta.obsm:
            raise InputError(f"The AnnData has no obsm {obsm!r}; it has {examples(meta.obsm.keys()) or 'none'}.")
        feats = meta.obsm[obsm]
    elif feats is None:
        if meta.X is None:
            raise InputError(f"The AnnData has no X; name one of obsm: {examples(meta.obsm.keys())}.")
        feats, names = meta.X, list(map(str, meta.var_names))
    return Given(meta.obs, feats, names, meta.obs_names)


def split_table(meta: Any, used: Collection[str]) -> Given:
    """Part a table with its features inside, by names and types as `fb.map` does; `used` columns are metadata."""
    from ..readers.in_memory import parted  # readers are for those who need them

    frame, kind = metadata_frame(meta)
    found = parted(frame, used)
    table = meta.collect() if hasattr(meta, "collect") else meta
    inside = [name for name in found.feature_names if name in frame.columns]
    if len(inside) < len(found.feature_names):  # a column of vectors
        return Given(_columns(table, found.metadata.columns, kind), found.features)
    # As the table has them, for float64 stays float64.
    return Given(_columns(table, found.metadata.columns, kind), _columns(table, inside, kind))


def _columns(table: Any, names: list[str], kind: str) -> Any:
    return table.select(names) if kind in ("pyarrow", "polars") else table[names]


def _is_anndata(value: Any) -> bool:
    return library_of(value) == "anndata" and hasattr(value, "obs")
