"""`fastbench.map`: the job of ``fastbench map`` from Python, for files and for what is in memory."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..map.columns import naming_options, rules_of, split_columns
from ..map.command import MAP
from ..map.controls import expanded
from ..map.job import run_map
from ..map.options import MapOptions
from ..map.result import MapResult
from ..options import from_mapping
from ..readers.in_memory import profiles_of
from ..retrieval.pair_rules import Columns
from ..spelling import spelled_in_python
from ..tables.profiles import IN_MEMORY
from .outcome import Outcome, run_in_python

__all__ = ["map_profiles"]


@spelled_in_python(MapOptions)
def map_profiles(
    profiles: Any,
    feats: Any = None,
    *,
    pos_sameby: Columns,
    neg_diffby: Columns = (),
    pos_diffby: Columns = (),
    neg_sameby: Columns = (),
    output: str | Path | None = None,
    overwrite: bool = False,
    progress_bar: bool = True,
    **options: Any,
) -> Outcome[MapResult]:
    """Mean average precision of groups of profiles, with p-values.

    Parameters
    ----------
    profiles : path, sequence of paths, AnnData, Profiles, or a table of pandas, Polars or PyArrow
        Files as in ``fastbench map``; or profiles in memory. Of a table without `feats`, columns named ``Metadata_*``,
        those that options name and columns that are no numbers are metadata, and the others features; a column of
        vectors is the features, and all others are metadata.
    feats : array or table of numbers, shape (n, d), optional
        Features of the rows of a table.
    pos_sameby, neg_diffby, pos_diffby, neg_sameby : list of str, str, or {"all": [...], "any": [...]}
        Which pairs are positive, and which negative, see `average_precision`.
    output : path, optional
        Result folder to write as well; nothing is written when left out.
    overwrite : bool, default False
        Whether an older result is replaced.
    progress_bar : bool, default True
        Show progress when standard error is a terminal.
    **options
        Those of ``fastbench map`` by name: ``controls``, ``active_only``, ``fill``, ``metadata``, ``key``, ``queries``,
        ``derive``, ``filter``, ``consensus``, ``multilabel``, ``group_by``, ``obsm``, ``features``, ``distance``,
        ``null``, ``threshold``, ``seed``, ...

    Returns
    -------
    Outcome
        ``.tables["map"]`` (one row a group), ``.tables["average_precision"]`` (one row a query), ``.figures["map"]``,
        ``.notes``, ``.save(folder)``.

    Raises
    ------
    InputError
        When an input or an option cannot be used.

    Examples
    --------
    >>> import fastbench as fb
    >>> found = fb.map(
    ...     "sample:lincs",
    ...     controls="Metadata_broad_sample == 'DMSO'",
    ...     pos_sameby="Metadata_broad_sample",
    ...     progress_bar=False,
    ... )
    >>> round(found.mean_map, 5), found.n_significant
    (0.61783, 33)
    """
    paths = _paths(profiles) if feats is None else None
    rules = {
        "pos_sameby": _text(pos_sameby),
        "neg_diffby": _text(neg_diffby),
        "pos_diffby": _text(pos_diffby),
        "neg_sameby": _text(neg_sameby),
    }
    given = rules | options | {"profiles": [IN_MEMORY] if paths is None else paths}
    asked = MapOptions(**from_mapping(MapOptions, given, "map()"))
    run = None
    if paths is None:
        if asked.metadata:
            raise InputError("metadata= is for files; give the table and the features, map(table, feats, ...).")
        held = profiles_of(
            profiles,
            feats,
            features=asked.features or None,
            obsm=asked.obsm or None,
            missing=asked.missing_policy,
            missing_text=asked.missing_text,
            embedding=asked.embedding,
            metadata_columns=naming_options(expanded(asked), rules_of(asked)),
        )
        run = partial(run_map, profiles=held)
    return run_in_python(MAP, asked, run=run, output=output, overwrite=overwrite, progress_bar=progress_bar)


def _paths(profiles: Any) -> list[str] | None:
    """Return files as text; None for what is in memory."""
    if isinstance(profiles, (str, Path)):
        return [str(profiles)]
    if isinstance(profiles, (list, tuple)) and profiles and all(isinstance(each, (str, Path)) for each in profiles):
        return [str(each) for each in profiles]
    return None


def _text(columns: Columns) -> str:
    """Write a rule as the command line has it."""
    if isinstance(columns, str):
        return columns
    if isinstance(columns, Mapping):
        within = _text(list(columns.get("any", ())))
        return ",".join(filter(None, [_text(list(columns.get("all", ()))), f"any({within})" if within else ""]))
    return ",".join(_entry(str(entry)) for entry in columns)


def _entry(text: str) -> str:
    """Write a column or a filter as an entry of a rule; a name that holds commas is in backticks."""
    for written in (text, f"`{text}`"):
        with contextlib.suppress(InputError):
            if split_columns(written) == [text.strip()]:
                return written
    raise InputError(f"The column name {text!r} cannot stand in a rule; rename the column.")
