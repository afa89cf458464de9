"""What ``fastbench map`` would do, and what it would cost, found from the metadata before anything is scored."""

from __future__ import annotations

import numpy as np
import polars as pl

from ..command.command import Work
from ..devices import backend_of
from ..results.progress import peak_megabytes
from ..retrieval.pair_rules import PairRules, compile_pairs
from .controls import expanded
from .job import read_and_prepare
from .options import MapOptions
from .preparation import filter_mask

__all__ = ["plan_map"]

# Measured on two cores: products, and lists of positives, a second; the least that any run takes.
_FLOPS_A_SECOND = 4e10
_POSITIVES_A_SECOND = 2e7
_LEAST_SECONDS = 0.2
_BYTES_A_POSITIVE = 85  # of those that a range of queries holds, 2 million at most


def plan_map(options: MapOptions) -> Work:
    """Read the files, apply rules and filters, and count.

    Parameters
    ----------
    options : MapOptions
        What would be done.

    Returns
    -------
    Work
        One row a file; queries, pairs, seconds on two cores and megabytes in all.
    """
    options = expanded(options)
    profiles, rules, notes = read_and_prepare(options)
    wanted = np.ones(len(profiles), dtype=bool)
    if options.queries:
        wanted = filter_mask(profiles.metadata, options.queries, "--queries")
    pair_rules = PairRules(**rules, multilabel_col=options.multilabel or None)
    plan = compile_pairs(profiles.metadata, pair_rules, wanted if options.queries else None)
    backend = backend_of("cpu")
    wanted = wanted[plan.rows]
    positives = backend.count_partners(plan.positives)
    negatives = backend.count_partners(plan.negatives)
    asked, n_features = int(wanted.sum()), profiles.features.shape[1]
    pairs = float(positives[wanted].sum())
    flops = 2.0 * asked * len(plan.rows) * n_features
    files = pl.DataFrame(
        [{"file": source.path, "rows": source.n_rows, "bytes": source.n_bytes} for source in profiles.sources]
    )
    costs = {
        "rows": len(plan.rows),
        "features": n_features,
        "queries": asked,
        "positive_pairs": int(positives.sum()) // 2,
        "negative_pairs": int(negatives.sum()) // 2,
        "seconds": round(_LEAST_SECONDS + flops / _FLOPS_A_SECOND + pairs / _POSITIVES_A_SECOND, 1),
        "peak_megabytes": round(peak_megabytes() + min(pairs, 2e6) * _BYTES_A_POSITIVE / 1e6 + 150),
    }
    return Work(files, costs, tuple(dict.fromkeys([*profiles.notes, *notes, *plan.warnings])))
