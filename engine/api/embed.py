"""`fastbench.embed`: the job of ``fastbench embed`` from Python, for files and for what is in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..embed.command import EMBED
from ..embed.inputs.judged import columns_of, judged, require_labels
from ..embed.job import EmbedResult, run_embed
from ..embed.options import EmbedOptions
from ..errors import InputError, examples
from ..options import from_mapping
from ..readers.embeddings.neighbors import neighbors_of
from ..spelling import spelled_in_python
from ..tables.profiles import IN_MEMORY, Source
from .held_cells import held_cells
from .outcome import Outcome, run_in_python

__all__ = ["embed"]


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
        which `obsm` names the embeddings; arrays or tables of shape (n, d) by name.
    labels, batch, donor, order, species, count_column : str, or array or column of n values
        Columns of the file, of ``adata.obs`` or of the table, which are no features then; or the values themselves.
        What pandas gives with the same index in another order is brought into the order of the embedding.
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
    held = held_cells(embeddings, given, obsm, unintegrated)
    graph, named = _graph(embeddings, neighbors)
    asked = _asked({"embeddings": [IN_MEMORY], "neighbors": named} | held.columns | options)
    if asked.metadata:
        raise InputError("metadata= is for files; give the columns themselves.")
    table = held.table
    require_labels(columns_of(asked), held.there)
    missing = [column for column in columns_of(asked).values() if column not in table.columns]
    if missing:
        raise InputError(f"There is no column {examples(missing)}; there are {examples(table.columns, 12)}.")
    inputs = judged(
        held.vectors,
        table,
        asked,
        unintegrated=held.before,
        sources=(Source(IN_MEMORY, "", 0, table.height),),
        notes=held.notes,
        neighbors=None if graph is None else neighbors_of(graph, table.height, "neighbors"),
        names=held.names,
    )
    run = partial(run_embed, inputs=inputs)
    return run_in_python(EMBED, asked, run=run, output=output, overwrite=overwrite, progress_bar=progress_bar)


def _are_paths(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(each, (str, Path)) for each in value)


def _asked(given: Mapping[str, Any]) -> EmbedOptions:
    return EmbedOptions(**from_mapping(EmbedOptions, dict(given), "embed()"))


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
