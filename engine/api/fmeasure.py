"""`fastbench.fmeasure`: the job of ``fastbench fmeasure`` from Python, for files and for labels in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..errors import InputError
from ..fmeasure.command import FMEASURE
from ..fmeasure.options import FmeasureOptions
from ..fmeasure.result import FmeasureResult
from ..options import from_mapping
from ..spelling import spelled_in_python
from ..tables.frames import metadata_frame
from ..tables.matrix import library_of
from .outcome import Outcome, run_in_python

__all__ = ["fmeasure"]

#: Column of the ids in what is handed on.
_ID = "cell_id"


@spelled_in_python(FmeasureOptions)
def fmeasure(
    truth: Any = None,
    predictions: Any = None,
    *,
    output: str | Path | None = None,
    overwrite: bool = False,
    progress_bar: bool = True,
    **options: Any,
) -> Outcome[FmeasureResult]:
    """Flat and ontology-aware F-measure of cell-type annotation.

    Parameters
    ----------
    truth : str, Series or sequence, optional
        True labels: ``"FILE:COLUMN"``; a pandas Series whose index are the ids of cells, such as ``adata.obs["t"]``; or
        one label a cell. Without truth and predictions (and ``annotate_dirs``): an example with simulated calls.
    predictions : mapping of str to str, Series, table or sequence; or one of them
        Calls by the name of the model. A table of pandas has the ids as its index and one column a rank, the best
        first; one of Polars or PyArrow has the ids in its first column.
    output : path, optional
        Result folder to write as well; nothing is written when left out.
    overwrite : bool, default False
        Whether an older result is replaced.
    progress_bar : bool, default True
        Show progress when standard error is a terminal.
    **options
        Those of ``fastbench fmeasure`` by name: ``annotate_dirs``, ``ontology``, ``match``, ``map``, ``bootstrap``, ...

    Returns
    -------
    Outcome
        ``.tables`` and ``.figures`` as ``fastbench fmeasure`` writes them, ``.summary()``, ``.save(folder)``.

    Raises
    ------
    InputError
        When an input or an option cannot be used.

    Examples
    --------
    >>> import fastbench as fb
    >>> truth, calls = ["B", "T", "T", "NK"], {"model": ["B", "T", "NK", "NK"]}
    >>> found = fb.fmeasure(truth, calls, bootstrap=0, progress_bar=False)
    >>> found.tables["summary_per_group"]["accuracy"].item()
    0.75
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fastbench-in-memory-")))
        given = dict(options)
        if truth is not None:
            given["truth"] = _place(truth, folder / "truth.parquet")
        if predictions is not None:
            given["pred"] = list(_named(predictions, folder))
        asked = FmeasureOptions(**from_mapping(FmeasureOptions, given, "fmeasure()"))
        if asked.is_example and output is None:
            output = folder / "example"  # its files need a place while they are scored
        return run_in_python(FMEASURE, asked, output=output, overwrite=overwrite, progress_bar=progress_bar)


def _named(predictions: Any, folder: Path) -> Iterator[str]:
    """Write predictions as options have them, ``NAME=FILE:COLUMN,...``."""
    if isinstance(predictions, Mapping):
        for number, (name, calls) in enumerate(predictions.items()):
            yield f"{name}={_place(calls, folder / f'calls_{number}.parquet')}"
    elif isinstance(predictions, (list, tuple)) and predictions and all(":" in str(each) for each in predictions):
        yield from map(str, predictions)
    else:
        place = _place(predictions, folder / "calls.parquet")
        yield place if isinstance(predictions, (str, Path)) else f"predictions={place}"


def _place(labels: Any, path: Path) -> str:
    """Return ``FILE:COLUMN`` of labels, written to a file where they are in memory."""
    if isinstance(labels, (str, Path)):
        return str(labels)
    frame = _labels_frame(labels)
    frame.write_parquet(path)
    return f"{path}:{','.join(frame.columns[1:])}"


def _labels_frame(labels: Any) -> pl.DataFrame:
    """Return ids and labels, a column a rank."""
    if library_of(labels) == "pandas" and hasattr(labels, "index"):
        table = labels.to_frame("label") if labels.ndim == 1 else labels
        frame = metadata_frame(table.set_axis([f"rank_{k + 1}" for k in range(table.shape[1])], axis=1))[0]
        ids = pl.Series(_ID, [str(each) for each in table.index])
        return frame.select(ids, pl.all())
    if library_of(labels) in ("polars", "pyarrow") and hasattr(labels, "columns"):
        frame = metadata_frame(labels)[0]
        ids = frame.to_series(0).cast(pl.String).alias(_ID)
        ranks = list(frame.iter_columns())[1:]
        return pl.DataFrame([ids, *(series.alias(f"rank_{k + 1}") for k, series in enumerate(ranks))])
    if not isinstance(labels, (Sequence, np.ndarray, pl.Series)):
        raise InputError(
            f"Labels must be FILE:COLUMN, a Series, a table or a sequence, but a {type(labels).__name__} was given."
        )
    values = labels.to_list() if isinstance(labels, pl.Series) else list(np.asarray(labels, dtype=object).ravel())
    ids = pl.Series(_ID, [str(position) for position in range(len(values))])
    return pl.DataFrame([ids, pl.Series("rank_1", values, strict=False)])
