"""P-values of the groups of a table of queries, by the null model that was asked for."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import InputError, SampledNullWarning
from ..nulls.distribution import PValues
from ..nulls.floor import lifted, p_floors
from ..tables.groups import Groups
from .exchange import EXCHANGE
from .options import NullModel

if TYPE_CHECKING:
    from .relabelling.data import RelabelledRows

__all__ = ["find_p_values"]

Floats = npt.NDArray[np.float64]

_COUNTS = ("n_pos_pairs", "n_total_pairs")


def find_p_values(
    statistic: Floats,
    members: Groups,
    frame: pl.DataFrame,
    model: NullModel,
    keys: pl.DataFrame,
    data: RelabelledRows | None,
    progress: Callable[[int, int], None] | None,
) -> tuple[PValues, Floats]:
    """Return the p-values of groups and the smallest that their data could give.

    Parameters
    ----------
    statistic : ndarray of float, shape (g,)
        Mean or median AP of each group.
    members : Groups
        Rows of each group.
    frame : polars.DataFrame
        One row a query, with the numbers of its pairs.
    model : NullModel
        How p-values are found.
    keys : polars.DataFrame, g rows
        What names each group.
    data : RelabelledRows or None
        What is relabelled.
    progress : callable, optional
        Called with (groups done, groups in all).

    Returns
    -------
    p : PValues
        At or above the floor, but for ``p_values="copairs"``.
    floor : ndarray of float64, shape (g,)
        See `nulls.floor`.
    """
    from ..nulls.ap_null import distinct_shapes, refuse_impossible, sampling_hint

    refuse_impossible(*(frame[name].to_numpy() for name in _COUNTS))
    n_pos, n_total = (frame[name].cast(pl.Int64).to_numpy() for name in _COUNTS)
    known = [frame[name].cast(pl.Int64).to_numpy() for name in EXCHANGE if name in frame.columns]
    if len(known) == 2 and not ((known[1] >= 1) & (known[1] <= known[0])).all():
        raise InputError(
            f"Column {EXCHANGE[1]!r} counts rows among those of {EXCHANGE[0]!r}, so it lies between 1 and that; pass "
            "both columns as average_precision returned them, or drop them."
        )
    floor = p_floors(members, n_pos, n_total, *(known if len(known) == 2 else ()))
    if model.p_values == "copairs":
        from ..nulls import copairs as copairs_null

        sampled = copairs_null.group_p_values(statistic, members, n_pos, n_total, model.null_size, model.seed)
        return PValues(sampled, sampled, sampled), floor
    if model.null == "permutation":
        if data is None:
            raise InputError(
                "null='permutation' relabels the profiles themselves; pass them with the rules they were scored by, "
                "relabelling=fb.Relabelling(meta, feats, pos_sameby, pos_diffby, neg_sameby, neg_diffby)."
            )
        from .relabelling.permutation import permutation_p_values

        return lifted(permutation_p_values(data, keys, members.sizes, statistic, model, progress), floor), floor
    from ..nulls.map_null import count_sampled, group_p_values

    n_sampled = count_sampled(members, n_pos, n_total, model.null, model.aggregate) if model.p_values == "exact" else 0
    if n_sampled:
        hint = sampling_hint(distinct_shapes(n_pos, n_total)[0], model.null_size)
        warnings.warn(
            f"The null of {n_sampled} of {len(members)} groups is too large to compute and is sampled "
            f"({model.null_size:,} draws, seed {model.seed}): their p-values are not exact{hint}.",
            SampledNullWarning,
            stacklevel=5,
        )
    p = group_p_values(
        statistic,
        members,
        n_pos,
        n_total,
        p_values=model.p_values,
        tail=model.resolved_tail,
        null=model.null,
        aggregate=model.aggregate,
        null_size=model.null_size,
        seed=model.seed,
        progress=progress,
    )
    return lifted(p, floor), floor
