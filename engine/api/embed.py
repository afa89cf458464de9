"""`fastbench.embed`: the job of ``fastbench embed`` from Python, for files and for what is in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ..embed.command import EMBED
from ..embed.inputs.judged import columns_of, judged
from ..embed.job import EmbedResult, run_embed
from ..embed.options import EmbedOptions
from ..errors import InputError, examples
from ..options import from_mapping
from ..readers.embeddings.neighbors import neighbors_of
from ..spelling import spelled_in_python
from ..tables.profiles import IN_MEMORY, Source
from .outcome import Outcome, run_in_python

__all__ = ["embed"]

_COLUMNS = ("labels", "batch", "donor", "order", "species")


@spelled_in_python(EmbedOptions)
def embed(
    embeddings: Any = None,
    *,
    labels: Any = "",
    batch: Any = "",
    donor: Any = "",
    order: Any = "",
    species: Any = "",
    count_column: Any = "",
    obsm: str | Sequence[str] = (),
    unintegrated: Any = "",
    neighbors: Any = "",
    output: str | Path | None = None,
    overwrite: bool = False,
    progress_bar: bool = True,
    **options: Any,
) -> Outcome[EmbedResult]:
    """Judge embeddings of cells or wells: clusters, silhouettes, mixing of batches, order.

    Parameters
    ----------
    embeddings : path, sequence of paths, AnnData, array, or mapping of str to array
        Files as in ``fastbench embed`` (``"cells.h5ad@obsm:X_pca"``), the packaged sample when left out; an AnnData, of
        which `obsm` names the embeddings; arrays of shape (n, d) by name.
    labels, batch, donor, order, species, count_column : str, or array or column of n values
        Columns of the file or of ``adata.obs``; beside arrays, the values themselves.
    obsm : str or sequence of str, optional
        Entries of ``adata.obsm``; ``X`` when left out.
    unintegrated : str, or array or sparse matrix of shape (n, e), optional
        Cells before integration: a file; ``"X"``, an entry of ``adata.obsm`` or ``adata.layers``; their vectors or raw
        counts.
    neighbors : str, sparse matrix, or tuple of (indices, distances), optional
        Nearest neighbours that were found before: a file; an entry of ``adata.obsp``, such as ``"distances"``; a graph
        of distances of shape (n, n), or arrays of shape (n, k).
    output : path, optional
        Result folder to write as well; none is written when left out.
    overwrite : bool, default False
        Whether an older result is replaced.
    progress_bar : bool, default True
        Show progress when standard error is a terminal.
    **options
        Those of ``fastbench embed`` by name: ``tasks``, ``anchors``, ``subsample``, ``least_cells``, ``bootstrap``,
        ``seed``, ``cache`` (False: keep nothing for later calls, of large embeddings), ...

    Returns
    -------
    Outcome
        ``.tables["results"]`` (one row a metric and embedding), ``.tables["summary"]``, ``.tables["per_label"]``,
        ``.figures["overview"]``, ``.notes``, ``.save(folder)``.

    Raises
    ------
    InputError
        When an input or an option cannot be used.

    Examples
    --------
    >>> import fastbench as fb
    >>> found = fb.embed(
    ...     "sample:pbmc68k@obsm:X_pca",
    ...     labels="bulk_labels",
    ...     tasks=["embedding"],
    ...     anchors="none",
    ...     progress_bar=False,
    ... )
    >>> values = dict(found.tables["results"].select("metric_type", "value").iter_rows())
    >>> round(values["silhouette_score"], 4)
    0.5503
    """
    given = {
        "labels": labels,
        "batch": batch,
        "donor": donor,
        "order": order,
        "species": species,
        "count_column": count_column,
    }
    if embeddings is None or isinstance(embeddings, (str, Path)) or _are_paths(embeddings):
        paths = [] if embeddings is None else [embeddings] if isinstance(embeddings, (str, Path)) else embeddings
        asked = _asked(
            {"embeddings": [str(each) for each in paths], "unintegrated": unintegrated, "neighbors": neighbors}
            | given
            | options
        )
        return run_in_python(EMBED, asked, output=output, overwrite=overwrite, progress_bar=progress_bar)
    vectors, table, columns, before = _held(embeddings, given, obsm, unintegrated)
    graph, named = _graph(embeddings, neighbors)
    asked = _asked({"embeddings": [IN_MEMORY], "neighbors": named} | columns | options)
    if asked.metadata:
        raise InputError("metadata= is for files; give the columns themselves.")
    missing = [column for column in columns_of(asked).values() if column not in table.columns]
    if missing:
        raise InputError(f"There is no column {examples(missing)}; there are {examples(table.columns, 12)}.")
    held = judged(
        vectors,
        table,
        asked,
        unintegrated=before,
        sources=(Source(IN_MEMORY, "", 0, table.height),),
        neighbors=None if graph is None else neighbors_of(graph, table.height, "neighbors"),
    )
    run = partial(run_embed, inputs=held)
    return run_in_python(EMBED, asked, run=run, output=output, overwrite=overwrite, progress_bar=progress_bar)


def _are_paths(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(each, (str, Path)) for each in value)


def _asked(given: Mapping[str, Any]) -> EmbedOptions:
    return EmbedOptions(**from_mapping(EmbedOptions, dict(given), "embed()"))


def _held(
    embeddings: Any, given: Mapping[str, Any], obsm: str | Sequence[str], unintegrated: Any
) -> tuple[dict[str, npt.NDArray[np.float32]], pl.DataFrame, dict[str, str], Any]:
    """Return vectors by name, the table of what is known of the cells, its columns, and vectors before integration."""
    named: dict[str, str] = {}
    values: dict[str, Any] = {}
    if hasattr(embeddings, "obsm"):
        keys = [obsm] if isinstance(obsm, str) else list(obsm)
        unknown = [key for key in keys if key not in embeddings.obsm]
        if unknown:
            raise InputError(f"obsm has no {examples(unknown)}; it has {examples(list(embeddings.obsm)) or 'none'}.")
        if not keys and embeddings.X is None:
            raise InputError(f"The AnnData has no X; name embeddings: obsm={list(embeddings.obsm)}.")
        arrays = {key: embeddings.obsm[key] for key in keys} or {"X": embeddings.X}
        if isinstance(unintegrated, str) and unintegrated:
            there = {"X": embeddings.X} | dict(embeddings.layers) | dict(embeddings.obsm)
            unintegrated = there.get(unintegrated, unintegrated)
        obs = embeddings.obs
        for name, value in given.items():
            if isinstance(value, str) and value:
                if value not in obs:
                    raise InputError(f"obs has no column {value!r}; it has {examples(list(obs.columns), 12)}.")
                named[name], values[value] = value, obs[value]
    else:
        arrays = dict(embeddings) if isinstance(embeddings, Mapping) else {"embedding": embeddings}
    for name, value in given.items():
        if name not in named and not (isinstance(value, str) and not value):
            if isinstance(value, str):
                raise InputError(f"{name}={value!r} names a column, but arrays have none; give the values.")
            named[name], values[name] = name, value
    if isinstance(unintegrated, str) and unintegrated:
        raise InputError(
            f"unintegrated={unintegrated!r} is not there; give X, an entry of obsm or layers, or the vectors."
        )
    vectors = {str(name): _vectors(str(name), value) for name, value in arrays.items()}
    before = None if isinstance(unintegrated, str) else _before(unintegrated)
    sizes = {name: len(x) for name, x in vectors.items()} | {name: len(value) for name, value in values.items()}
    if before is not None:
        sizes["unintegrated"] = before.shape[0]
    if len(set(sizes.values())) > 1:
        raise InputError(f"What is given differs in its number of cells: {sizes}.")
    return vectors, pl.DataFrame({name: _column(value) for name, value in values.items()}), named, before


def _graph(embeddings: Any, neighbors: Any) -> tuple[Any, str]:
    """Return given neighbours, and what the manifest calls them."""
    if not isinstance(neighbors, str):
        return neighbors, IN_MEMORY
    if not neighbors:
        return None, ""
    entries = list(getattr(embeddings, "obsp", {}))
    if neighbors not in entries:
        raise InputError(f"obsp has no {neighbors!r}; it has {examples(entries) or 'none'}.")
    return embeddings.obsp[neighbors], f"obsp:{neighbors}"


def _vectors(name: str, value: Any) -> npt.NDArray[np.float32]:
    """Return vectors as float32; sparse ones are filled in."""
    dense = value.toarray() if hasattr(value, "toarray") else np.asarray(value)
    if dense.ndim != 2 or dense.dtype.kind not in "fiu":
        raise InputError(f"{name!r} must be an (n, d) array of numbers, but is {dense.dtype} of shape {dense.shape}.")
    found = np.ascontiguousarray(dense, dtype=np.float32)
    if not np.isfinite(found).all():
        row = int(np.flatnonzero(~np.isfinite(found).all(axis=1))[0])
        raise InputError(f"{name!r} has NaN or infinity, first in row {row}; leave out those cells or dimensions.")
    return found


def _before(value: Any) -> Any:
    """Return vectors or counts as float32; sparse ones stay so."""
    if not hasattr(value, "toarray"):
        return _vectors("unintegrated", value)
    import scipy.sparse

    return scipy.sparse.csr_array(value, dtype=np.float32)


def _column(value: Any) -> pl.Series:
    """Return a column of values; NaN and None are missing."""
    if hasattr(value, "astype") and hasattr(value, "cat"):
        value = value.astype(object)
    listed = value.to_list() if hasattr(value, "to_list") else list(np.asarray(value))
    plain = [None if each is None or each != each else each for each in listed]
    return pl.Series([each.item() if isinstance(each, np.generic) else each for each in plain], strict=False)
