"""``--active-only``: from activity to consistency, the groups that an earlier result found active."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import polars as pl

from ..errors import InputError, counted
from ..readers.digests import source_of
from ..readers.text import type_text
from ..results.earlier import check_unchanged, manifest_of
from ..tables.frames import require_columns
from ..tables.keys import comparable
from ..tables.profiles import Profiles

__all__ = ["active_columns", "keep_active"]

_TABLE = "map.csv"
_FLAG = "below_corrected_p"


class _Groups(NamedTuple):
    """The table of groups of an earlier result, as text, and the columns that name one."""

    path: Path
    table: pl.DataFrame
    keys: list[str]


def _groups(run: str) -> _Groups:
    folder = Path(run).expanduser()
    named = f"--active-only '{run}'"
    manifest = manifest_of(folder, "map")
    options = manifest.get("options") or {}
    if options.get("multilabel"):
        raise InputError(f"{named}: its groups are labels of {options['multilabel']!r}, of which a row has several.")
    check_unchanged(folder, manifest, _TABLE)
    try:
        table = pl.read_csv(folder / _TABLE, infer_schema=False)
        return _Groups(folder / _TABLE, table, table.columns[: table.columns.index("mean_average_precision")])
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{named}: its {_TABLE} cannot be read; run 'fastbench map' again.") from error


def active_columns(run: str) -> list[str]:
    """Return the columns by which an earlier result is grouped, so that they are read as metadata."""
    return _groups(run).keys


def keep_active(profiles: Profiles, run: str, control: str) -> tuple[Profiles, str]:
    """Keep the rows of groups that were below the corrected p-value in an earlier result, and the controls.

    Parameters
    ----------
    profiles : Profiles
        With the columns by which that result is grouped.
    run : str
        Result folder of ``fastbench map``.
    control : str
        Column of booleans; rows that it marks stay. It need not be there.

    Returns
    -------
    profiles : Profiles
        The table of the earlier result is among their sources.
    note : str
        What was kept and left out.

    Raises
    ------
    InputError
        When the folder is no such result, it has no active group, or no row is of one.
    """
    named = f"--active-only '{run}'"
    path, raw, keys = _groups(run)
    active = (raw[_FLAG].str.to_lowercase() == "true").fill_null(False)
    if not active.any():
        raise InputError(f"{named}: none of its {raw.height} groups is below the corrected p.")
    require_columns(profiles.metadata, keys, named)
    [typed] = type_text([raw.select(keys)])
    mine, theirs = [], []
    for key in keys:
        values = profiles.metadata[key]
        pair = comparable(values, raw[key] if values.dtype == pl.String else typed[key])
        mine.append(pair[0].alias(key))
        theirs.append(pair[1].alias(key))
    groups = pl.DataFrame(theirs).with_columns(active.alias(_FLAG))
    found = pl.DataFrame(mine).join(groups, on=keys, how="left", maintain_order="left")[_FLAG]
    if found.len() != len(profiles):
        raise InputError(f"{named}: its {_TABLE} has two rows of one group; run 'fastbench map' again.")
    kept = found.fill_null(False)
    if not kept.any():
        raise InputError(f"{named}: no row is of one of its {int(active.sum())} active groups; are the files others?")
    n_active = groups.filter(_FLAG).join(pl.DataFrame(mine), on=keys, how="semi").height
    said = f"{named}: {int(active.sum())} of {raw.height} groups are below the corrected p"
    said += "" if n_active == int(active.sum()) else f" ({n_active} have rows here)"
    said += f"; {int(kept.sum())} of {len(profiles)} rows are theirs and were kept"
    if control in profiles.metadata.columns:
        flags = profiles.metadata[control]
        said += f", as were {counted(int((flags & ~kept).sum()), 'control')}"
        kept = kept | flags
    n_none = int((found.is_null() & ~kept).sum())
    n_other = int((~kept).sum()) - n_none
    said += f"; {counted(n_other, 'row')} of its other groups and {n_none} of no group of it were left out."
    profiles = replace(profiles.take(kept.to_numpy()), sources=(*profiles.sources, source_of(path, raw.height)))
    return profiles, said
