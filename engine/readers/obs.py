"""The cell ids and single columns of `obs` of an AnnData file; nothing else of the file is read."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import InputError
from .anndata import check_cut_chunks, open_anndata
from .column_roles import tidy_metadata
from .errors import damaged_file_as_input_error
from .integrity.holes import refuse_holes

__all__ = ["Obs", "open_obs"]


@contextlib.contextmanager
def open_obs(path: Path, shown: str, zarr_fill: bool = False) -> Iterator[Obs]:
    """Open `obs` of an ``.h5ad`` file or ``.zarr`` folder; what h5py, zarr or anndata raise becomes a sentence.

    Parameters
    ----------
    path : Path
    shown : str
        The path as the user gave it, for messages.
    zarr_fill : bool, default False
        Whether chunks that a zarr folder does not store are read as their fill value.

    Raises
    ------
    InputError
        On entry and in the block: damaged, not AnnData, pickled, never written, or in a layout that is not read.
    """
    with damaged_file_as_input_error(shown, "AnnData"), open_anndata(path, shown, "obs") as store:
        yield Obs(store, path, shown, zarr_fill=zarr_fill)


def attribute_text(value: Any) -> str:
    """Return an attribute as text; Julia and R write it as bytes of fixed length."""
    return value.decode() if isinstance(value, bytes) else str(value)


def enumeration(node: Any) -> dict[int, str]:
    """Return the names of codes that the type of an HDF5 dataset keeps, as hdf5r writes factors; empty without."""
    dtype = getattr(node, "dtype", None)
    if dtype is None or dtype.metadata is None or "enum" not in dtype.metadata:
        return {}
    return {int(code): str(name) for name, code in dtype.metadata["enum"].items()}


class Obs:
    """`obs` of an open AnnData file.

    Parameters
    ----------
    store : h5py.File or zarr.Group
        An open AnnData file.
    path, shown : Path and str
        The file, and how the user wrote it.
    part : {"obs", "var"}
        Which table of it.
    zarr_fill : bool, default False
        Whether chunks that a zarr folder does not store are read as their fill value.

    Attributes
    ----------
    names : list of str
        The columns, in order.
    notes : list of str
        What was read as the fill value of a zarr folder.
    """

    def __init__(self, store: Any, path: Path, shown: str, part: str = "obs", *, zarr_fill: bool = False) -> None:
        self._store, self._path, self._shown, self._part, self._fill = store, path, shown, part, zarr_fill
        self.notes: list[str] = []
        if part not in store:
            raise InputError(f"'{shown}' is not AnnData: it has no {part}.")
        self._node = store[part]
        self._uns = store["uns"] if "uns" in store and hasattr(store["uns"], "keys") else {}
        self._whole: Any = None
        if not hasattr(self._node, "keys"):
            self._open_compound()
            return
        if "_index" not in self._node.attrs:
            raise InputError(f"'{shown}' is not AnnData: {part} does not say which column is its index.")
        self._index = attribute_text(self._node.attrs["_index"])
        listed = [attribute_text(name) for name in self._node.attrs.get("column-order", self._node.keys())]
        there = [name for name in listed if name in self._node]
        there += [] if there else [str(name) for name in self._node]  # an order that lost its names
        self.names = [name for name in there if name not in {self._index, "__categories"}]

    def _open_compound(self) -> None:
        """Open obs as anndata 0.6 and older wrote it: one dataset of records, its categories in uns."""
        names = list(self._node.dtype.names or ())
        if not names:
            raise InputError(f"'{self._shown}' is not AnnData: {self._part} is neither a group nor a table of records.")
        self._index = "index" if "index" in names else names[0]
        self.names = [name for name in names if name != self._index]
        refuse_holes(self._store, self._part, self._shown)
        self._whole = self._node[...]

    @property
    def n_rows(self) -> int:
        """Cells, as the header of the index tells; its values are not read."""
        if self._whole is not None:
            return len(self._whole)
        node = self._node[self._index]
        return int((node["codes"] if hasattr(node, "keys") else node).shape[0])

    def ids(self) -> Any:
        """Read the index as an Arrow array of n ids."""
        if self._whole is not None:
            return self._read(self._index)
        refuse_holes(self._store, f"{self._part}/{self._index}", self._shown)  # no writer leaves out ids
        return self._read(self._index)

    def id_texts(self) -> pl.Series:
        """Return the ids as text, n values."""
        return cast(pl.Series, pl.from_arrow(self.ids())).cast(pl.String)

    def metadata(self, unread: Collection[str] = ()) -> pl.DataFrame:
        """Return all columns but those `unread`, and the ids as ``obs_names``.

        Categories become text or numbers, NaN null.
        """
        columns = []
        for name in (name for name in self.names if name not in unread):
            column = self.column(name)
            is_coded = hasattr(column, "dictionary")
            plain = column.dictionary_decode() if is_coded else column
            columns.append(cast(pl.Series, pl.from_arrow(plain)).alias(name))
        frame = tidy_metadata(pl.DataFrame(columns))
        return frame if "obs_names" in frame.columns else frame.with_columns(self.id_texts().alias("obs_names"))

    def column(self, name: str) -> Any:
        """Read one column as an Arrow array of n values; missing categories are null."""
        return self._read(name)

    def _read(self, name: str) -> Any:
        if self._whole is not None:
            values = self._whole[name]
            kept = self._names_of_codes(name, values)
            return _to_arrow(values, f"'{self._shown}': {self._part}/{name}") if kept is None else kept
        self.notes += refuse_holes(self._store, f"{self._part}/{name}", self._shown, fill=self._fill)
        if self._path.is_dir():
            check_cut_chunks(self._path, [f"{self._part}/{name}"], self._shown)
        return self._array(self._node[name], name)

    def _array(self, node: Any, name: str) -> Any:
        if not hasattr(node, "keys"):
            if "categories" in node.attrs:  # anndata 0.7 keeps them apart, in obs/__categories, and refers to them
                return self._categorical(node, self._node[node.attrs["categories"]], name)
            values = node[...]
            kept = self._names_of_codes(name, values, node)
            return _to_arrow(values, f"'{self._shown}': {self._part}/{name}") if kept is None else kept
        kind = attribute_text(node.attrs.get("encoding-type", "unknown"))
        if {"levels", "values"} <= set(node.keys()):  # a factor of R: its codes begin with 1
            return self._coded(np.maximum(node["values"][...].astype(np.int64), 0) - 1, node["levels"], name)
        if kind == "categorical":
            return self._categorical(node["codes"], node["categories"], name)
        if kind.startswith("nullable-"):
            import anndata.io
            import pyarrow as pa

            return pa.array(anndata.io.read_elem(node), from_pandas=True)
        raise InputError(
            f"'{self._shown}': {self._part} column {name!r} is stored as {kind!r}, which is neither text nor numbers."
        )

    def _names_of_codes(self, name: str, values: npt.NDArray[Any], node: Any = None) -> Any:
        """Return a column of codes by the names that lie elsewhere in the file; None where there are none.

        Names are those of an HDF5 enumeration, of ``obs/__categories`` that nothing refers to any more, or of
        ``uns/<column>_categories``, where anndata 0.6 and older kept them.
        """
        if values.dtype.kind not in "iu" or values.ndim != 1:
            return None
        named = enumeration(node)
        if named:
            texts = np.array([named.get(int(code), "") for code in values], object)
            return _to_arrow(texts, f"'{self._shown}': {self._part}/{name}")
        apart = self._node["__categories"] if hasattr(self._node, "keys") and "__categories" in self._node else {}
        for place, key in ((apart, name), (self._uns, f"{name}_categories")):
            if key in place and place[key] is not node:
                return self._coded(values, place[key], name)
        return None

    def _categorical(self, node: Any, categories: Any, name: str) -> Any:
        return self._coded(node[...], categories, name)

    def _coded(self, codes: npt.NDArray[Any], categories: Any, name: str) -> Any:
        import pyarrow as pa

        self.notes += refuse_holes(self._store, categories.name.strip("/"), self._shown, fill=self._fill)
        if hasattr(categories, "keys"):
            values = self._array(categories, name)
        else:
            values = _to_arrow(np.atleast_1d(categories[()]), f"'{self._shown}': the categories of {self._part}/{name}")
        whole = codes.ndim == 1 and codes.dtype.kind in "iu"
        if not whole or (codes.size and not -1 <= int(codes.min()) <= int(codes.max()) < len(values)):
            raise InputError(f"'{self._shown}' is damaged: {self._part}/{name} has codes of no category; get it again.")
        indices = pl.Series(codes.astype(np.int32))
        return pa.DictionaryArray.from_arrays(indices.set(indices < 0, None).to_arrow(), values)


def _to_arrow(values: npt.NDArray[Any], where: str) -> Any:
    """Turn what h5py or zarr read into an Arrow array; text comes as objects, bytes or NumPy's own strings.

    By way of Polars: to take an array of NumPy, PyArrow imports pandas, which costs more than all the reading.
    """
    if values.ndim != 1:
        raise InputError(f"{where} has the shape {values.shape}, but one value a cell is needed.")
    if values.dtype.kind in "biuf":
        values = values.astype(np.float32) if values.dtype == np.float16 else values
        found = pl.Series(values.astype(values.dtype.newbyteorder("="), copy=False))
    elif values.dtype.kind in "OSUT":
        # As bytes where h5py gives bytes: decoding them one by one would take longer than all the rest.
        texts = values.astype(object, copy=False).tolist()
        binary = any(isinstance(text, bytes) for text in texts[:1])
        found = pl.Series(texts, dtype=pl.Binary if binary else pl.String).cast(pl.String)
    else:
        raise InputError(f"{where} is of type {values.dtype}, which is neither text nor numbers.")
    return found.to_arrow(compat_level=pl.CompatLevel.oldest())
