"""All files brought to one kind of values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import InputError
from ..options import PerturbOptions
from ..screens.screen import COUNTS, LOG1P, scaled
from .files import Found
from .scale import Kind, facts_of, kind_of

__all__ = ["brought_to", "common_kind", "kinds_of"]

#: Totals further apart than this, in proportion, are two.
_APART = 0.01


def kinds_of(truth: Found, others: Sequence[Found], options: PerturbOptions) -> dict[str, Kind]:
    """Return what the values of each file are, by name.

    Raises
    ------
    InputError
        When that is not proven, or values are not finite.
    """
    first = kind_of(truth, facts_of(truth), options.input, given_total=options.total)
    found = {truth.name: first}
    for other in others:
        found[other.name] = kind_of(
            other, facts_of(other), options.input, beside=first.values, given_total=options.total
        )
    return found


def common_kind(kinds: Mapping[str, Kind], shown: Mapping[str, str], options: PerturbOptions) -> tuple[str, list[str]]:
    """Return what all files become, and what is to be said.

    Counts stay, since metrics scale them as the preset has it. Beside log1p values they become log1p too, to the total
    that the user names: which total log1p values have is known for sure only where it can be proven, and a comparison
    across two totals would be wrong in every gene.

    Parameters
    ----------
    kinds : mapping of str to Kind
        By name.
    shown : mapping of str to str
        How the user wrote each.
    options : PerturbOptions
        `total`.

    Raises
    ------
    InputError
        When log1p values have several totals, or another than `total`, or no total is named beside counts.
    """
    logged = [name for name, kind in kinds.items() if kind.values == LOG1P]
    counted = [name for name, kind in kinds.items() if kind.values == COUNTS]
    if not logged:
        return COUNTS, []
    totals = {name: kinds[name].total for name in logged if kinds[name].total is not None}
    if totals:
        one, first = next(iter(totals.items()))
        for name, total in totals.items():
            if _differ(total, first):
                raise InputError(
                    f"Cells of '{shown[one]}' were scaled to {first:,.0f} before log1p, those of '{shown[name]}' to "
                    f"{total:,.0f}: scale both to one total."
                )
        if options.total is not None and _differ(first, options.total):
            raise InputError(
                f"--total is {options.total:,g}, but cells of '{shown[one]}' were scaled to {first:,.0f} before log1p."
            )
    if not counted:
        return LOG1P, []
    if options.total is None:
        said = f"; they were scaled to {next(iter(totals.values())):,.0f}" if totals else ""
        raise InputError(
            f"'{shown[logged[0]]}' has log1p values and '{shown[counted[0]]}' has counts{said}: give both as "
            "counts, or name the total that cells have before log1p with --total, to which the counts are scaled then."
        )
    who = ", ".join(f"'{shown[name]}'" for name in counted)
    return LOG1P, [
        f"Counts of {who} were scaled to {options.total:,g} a cell, and log1p taken, as other files have it."
    ]


def _differ(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and abs(one - other) > _APART * max(one, other)


def brought_to(values: str, kind: Kind, matrix: Any, total: float | None) -> Any:
    """Return a matrix as it is, or log1p of its counts scaled to `total`, as float32."""
    if kind.values == values:
        return matrix
    assert total is not None
    return scaled(matrix, total, log=True).astype(np.float32)
