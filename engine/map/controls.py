"""``--controls``: the short way of activity against controls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl

from ..errors import InputError
from ..tables.filters import near_values, parse_filter
from .options import MapOptions

__all__ = ["CONTROL", "check_controls", "count_controls", "expanded", "expansion", "refuse_made"]

#: The column that ``--controls`` makes.
CONTROL = "Metadata_is_control"


def expansion(options: MapOptions) -> dict[str, Any]:
    """Return the options that ``--controls`` stands for, with what was given of them; empty without it.

    Parameters
    ----------
    options : MapOptions
        What was asked for.

    Returns
    -------
    dict
        ``derive`` (the column of controls is last), ``queries`` and ``neg_diffby``.

    Raises
    ------
    InputError
        When the controls are no condition.
    """
    if not options.controls:
        return {}
    parse_filter(options.controls)
    return {
        "derive": [*options.derive, f"{CONTROL} = {options.controls}"],
        "queries": f"({options.queries}) and not {CONTROL}" if options.queries else f"not {CONTROL}",
        "neg_diffby": ",".join(filter(None, (options.neg_diffby, CONTROL))),
    }


def expanded(options: MapOptions) -> MapOptions:
    """Return options with ``--controls`` written as what it stands for, see `expansion`."""
    long = expansion(options)
    return replace(options, **long | {"derive": tuple(long["derive"])}) if long else options


def refuse_made(metadata: pl.DataFrame, options: MapOptions) -> None:
    """Raise `InputError` where the file has the column that ``--controls`` makes."""
    if options.controls and CONTROL in metadata.columns:
        raise InputError(
            f"--controls makes the column {CONTROL}, but the profiles have one; rename it, or use --derive, --queries "
            "and --neg-diffby instead."
        )


def count_controls(metadata: pl.DataFrame, options: MapOptions) -> int:
    """Count the rows that are controls; 0 without ``--controls``."""
    return int(metadata[CONTROL].sum()) if options.controls else 0


def check_controls(metadata: pl.DataFrame, options: MapOptions) -> list[str]:
    """Tell which rows are controls, and what the option stands for.

    Parameters
    ----------
    metadata : polars.DataFrame
        With the column of controls.
    options : MapOptions
        As `expanded`.

    Returns
    -------
    list of str
        A note; empty without ``--controls``.

    Raises
    ------
    InputError
        When no row is a control, or every row.
    """
    if not options.controls:
        return []
    flags = metadata[CONTROL]
    needed = "a condition such as \"Metadata_broad_sample == 'DMSO'\", which some rows meet, is needed."
    if flags.dtype != pl.Boolean:
        raise InputError(f"--controls {options.controls!r} is a column of {flags.dtype}; {needed}")
    count = count_controls(metadata, options)
    if count in (0, len(flags)):
        which = "Each" if count else "None"
        hint = near_values(metadata, options.controls) or f"; {needed}"
        raise InputError(f"{which} of the {len(flags)} rows meets --controls {options.controls!r}{hint}")
    are = "is a control" if count == 1 else "are controls"
    return [
        f'--controls: {count} of {len(flags)} rows {are}. It stands for --derive "{options.derive[-1]}" '
        f'--queries "{options.queries}" --neg-diffby "{options.neg_diffby}".'
    ]
