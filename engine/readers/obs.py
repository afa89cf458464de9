"""The cell ids and single columns of `obs` of an AnnData file; nothing else of the file is read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import InputError
from .anndata import check_cut_chunks, open_anndata
from .errors import damaged_file_as_input_error, missing_chunks

__all__ = ["Obs", "open_obs"]


@contextlib.contextmanager
def open_obs(path: Path, shown: str) -> Iterator[Obs]:
    """Open `obs` of an ``.h5ad`` file or ``.zarr`` folder; what h5py, zarr or anndata raise becomes a sentence.

    Parameters
    ----------
    path : Path
    shown : str
        The path as the user gave it, for messages.

    Raises
    ------
    InputError
        On entry and in the block: damaged, not AnnData, pickled, or in a layout that is not read.
    """
    with damaged_file_as_input_error(shown, "AnnData"), open_anndata(path, shown, "obs") as store:
        yield Obs(store, path, shown)


class Obs:
    """`obs` of an open AnnData file.

    Attributes
    ----------
    names : list of str
        The columns, in order.
    """

    def __init__(self, store: Any, path: Path, shown: str) -> None:
        self._path, self._shown = path, shown
        if "obs" not in store:
            raise InputError(f"'{shown}' is not AnnData: it has no obs.")
        self._node = store["obs"]
        if not hasattr(self._node, "keys"):
            # Its categories lie in uns, and which are whose is only known by their names.
            raise InputError(
                f"'{shown}' is in the layout of anndata 0.6 or older; write it again with "
                "anndata.read_h5ad(...).write_h5ad(...)."
            )
        if "_index" not in self._node.attrs:
            raise InputError(f"'{shown}' is not AnnData: obs does not say which column is its index.")
        self._index = str(self._node.attrs["_index"])
        listed = self._node.attrs.get("column-order", self._node.keys())
        self.names = [str(name) for name in listed if name in self._node and name not in {self._index, "__categories"}]

    @property
    def n_rows(self) -> int:
        """Cells, as the header of the index tells; its values are not read."""
        node = self._node[self._index]
        return int((node["codes"] if hasattr(node, "keys") else node).shape[0])

    def ids(self) -> Any:
        """Read the index as an Arrow array of n ids."""
        node = self._node[self._index]
        if self._path.is_dir() and hasattr(node, "nchunks"):
            missing = missing_chunks(self._shown, node, f"obs/{self._index}")
            if missing:
                raise InputError(f"{missing} and would read as empty ids; copy the folder again.")
        return self._read(self._index)

    def column(self, name: str) -> Any:
        """Read one column as an Arrow array of n values; missing categories are null."""
        return self._read(name)

    def _read(self, name: str) -> Any:
        if self._path.is_dir():
            check_cut_chunks(self._path, [f"obs/{name}"], self._shown)
        return self._array(self._node[name], name)

    def _array(self, node: Any, name: str) -> Any:
        if not hasattr(node, "keys"):
            if "categories" in node.attrs:  # anndata 0.7 keeps them apart, in obs/__categories, and refers to them
                return self._categorical(node, self._node[node.attrs["categories"]], name)
            return _to_arrow(node[...], f"'{self._shown}': obs/{name}")
        kind = str(node.attrs.get("encoding-type", "unknown"))
        if kind == "categorical":
            return self._categorical(node["codes"], node["categories"], name)
        if kind.startswith("nullable-"):
            import anndata.io
            import pyarrow as pa

            return pa.array(anndata.io.read_elem(node), from_pandas=True)
        raise InputError(
            f"'{self._shown}': obs column {name!r} is stored as {kind!r}, which is neither text nor numbers."
        )

    def _categorical(self, node: Any, categories: Any, name: str) -> Any:
        import pyarrow as pa

        codes, values = node[...], self._array(categories, name)
        whole = codes.ndim == 1 and codes.dtype.kind in "iu"
        if not whole or (codes.size and not -1 <= int(codes.min()) <= int(codes.max()) < len(values)):
            raise InputError(f"'{self._shown}' is damaged: obs/{name} has codes of no category; get it again.")
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
