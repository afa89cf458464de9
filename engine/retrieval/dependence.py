"""Queries of a group that are not independent: rows of one perturbation in a group of several, such as a target."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import polars as pl

from ..tables.groups import Groups

__all__ = ["dependent_groups", "perturbation_columns"]

_NAMES = re.compile(
    r"(metadata_)?(broad_?sample|compound(_?(id|name))?|pert(urbation)?(_?(id|iname|name))?|jcp_?2022|inchi_?key|smiles"
    r"|treatment|molecule|drug(_?(id|name))?)",
    re.IGNORECASE,
)


def perturbation_columns(known: Iterable[object], group_by: Iterable[str]) -> list[str]:
    """Return the columns that by their names say which perturbation a row is of, those of the groups left out."""
    groups = set(group_by)
    return [name for name in known if isinstance(name, str) and name not in groups and _NAMES.fullmatch(name)]


def dependent_groups(values: pl.Series, members: Groups) -> int:
    """Count the groups of several perturbations that hold several rows of one.

    Parameters
    ----------
    values : polars.Series
        The perturbation of each row.
    members : Groups
        Rows of each group.

    Returns
    -------
    int
        Groups in which some rows are equal and others differ.
    """
    known = values.is_not_null().to_numpy()[members.rows]
    code = values.rank("dense").fill_null(0).to_numpy().astype(np.int64)[members.rows]
    group = np.repeat(np.arange(len(members)), members.sizes)
    pairs = np.unique(np.stack([group[known], code[known]]), axis=1)
    distinct = np.bincount(pairs[0], minlength=len(members))
    rows = np.bincount(group[known], minlength=len(members))
    return int(((distinct > 1) & (distinct < rows)).sum())
