"""One run: profiles and rules in, average precision of each query and the result of each group out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import UnpairedException
from ..tables.profiles import Profiles
from .options import Options
from .replicating import Percent
from .tasks import Rules

__all__ = ["GROUP_COLUMNS", "Scored", "score_run"]

GROUP_COLUMNS = (
    "mean_average_precision",
    "nlog10pvalue",
    "q_value",
    "nlog10qvalue",
    "above_p_threshold",
    "above_q_threshold",
)


@dataclass(frozen=True)
class Scored:
    """The result of one run.

    Parameters
    ----------
    queries : polars.DataFrame
        One row a query: metadata, ``average_precision``, ``n_pos_pairs``, ``n_total_pairs``, ``p_value``. The
        last is missing in queries that were not scored.
    groups : polars.DataFrame
        The group column, then `GROUP_COLUMNS`; rows by group.
    counts : dict of str to int
        The account of the run.
    outcome : str
        ``scored``, or why nothing was.
    device : str
        Where the similarities were computed.
    percent : Percent or None
        Percent replicating, or percent matching, of the same profiles.
    """

    queries: pl.DataFrame
    groups: pl.DataFrame
    counts: dict[str, int]
    outcome: str = "scored"
    device: str = ""
    percent: Percent | None = None

    def as_tree(self) -> dict[str, Any]:
        """Return plain values and frames, as a step keeps them."""
        counts = {name: int(count) for name, count in self.counts.items()}
        return vars(self) | {"counts": counts, "percent": None if self.percent is None else vars(self.percent)}

    @classmethod
    def from_tree(cls, tree: Mapping[str, Any]) -> Scored:
        """Return what `as_tree` was made of."""
        percent = tree["percent"]
        return cls(**{**tree, "percent": None if percent is None else Percent(**percent)})

    @property
    def fraction_retrieved(self) -> float | None:
        """Groups above the q threshold, as a fraction; None without groups."""
        return None if self.groups.is_empty() else float(self.groups["above_q_threshold"].mean())  # type: ignore[arg-type]

    @property
    def retrieved(self) -> set[str]:
        """Names of the groups above the q threshold."""
        if self.groups.is_empty():
            return set()
        return set(self.groups.filter("above_q_threshold")[:, 0])


def score_run(rules: Rules, profiles: Profiles, queries: npt.NDArray[np.bool_] | None, options: Options) -> Scored:
    """Score profiles under the rules of a task.

    Parameters
    ----------
    rules : Rules
        The rules.
    profiles : Profiles
        n profiles with the columns that the rules name.
    queries : ndarray of bool (n,), optional
        Rows to score; the others are candidates only. None scores all.
    options : Options
        Preset, p-values, ties, threshold and device.

    Returns
    -------
    Scored
        An empty result, with the reason as its outcome, when there is no pair.
    """
    from ..nulls.ap_null import count_methods
    from ..retrieval.average_precision import score
    from ..retrieval.exchange import EXCHANGE
    from ..retrieval.options import Scoring
    from ..retrieval.pair_rules import PairRules

    counts = _label_counts(profiles, rules, queries)
    try:
        found = score(
            profiles.metadata,
            profiles.features,
            PairRules(
                pos_sameby=rules.pos_sameby,
                pos_diffby=rules.pos_diffby,
                neg_sameby=rules.neg_sameby,
                neg_diffby=rules.neg_diffby,
                multilabel_col=rules.by if rules.multilabel else None,
            ),
            Scoring(distance=rules.distance, ties=options.tie_rule, device=options.device),
            queries=queries,
        )
    except UnpairedException as error:
        reason = str(error).rstrip(".")
        return Scored(pl.DataFrame(), pl.DataFrame(), counts, f"skipped: {reason[:1].lower()}{reason[1:]}")
    frame = found.frame.drop_nulls("n_total_pairs")
    without_positives = int((frame["n_pos_pairs"] == 0).sum())
    without_negatives = int((frame["n_pos_pairs"] == frame["n_total_pairs"]).sum())
    counts |= {
        "queries": frame.height,
        # a list column gives no row to a profile without positives; a single label gives it one without AP
        "queries_without_positives": found.report.n_without_positives if rules.multilabel else without_positives,
        "queries_without_negatives": without_negatives,
        "tied_queries": found.report.n_tied_queries,
        "rechecked_similarities": found.report.n_rechecked,
        "positive_pairs": int(frame["n_pos_pairs"].sum()) // 2,
        "negative_pairs": found.report.n_negative_pairs,
    }
    shapes = frame.select("n_pos_pairs", "n_total_pairs").to_numpy()
    counts["queries_with_sampled_null"] = count_methods(shapes[:, 0], shapes[:, 1]).get("sampled", 0)
    frame = _with_p_values(frame, options)
    groups = _group(frame.drop_nulls("p_value"), rules.by, options)
    frame = frame.drop(EXCHANGE)
    counts |= {
        "groups": groups.height,
        "groups_not_scored": frame[rules.by].n_unique() - groups.height,
        "groups_retrieved": int(groups["above_q_threshold"].sum()) if groups.height else 0,
    }
    outcome = "scored" if groups.height else "skipped: no query has both a positive and a negative"
    return Scored(frame, groups, counts, outcome, found.report.device)


def _with_p_values(frame: pl.DataFrame, options: Options) -> pl.DataFrame:
    """Add the p-value of each query; missing where it cannot be scored and the preset does not keep it."""
    from ..nulls.ap_null import ap_p_values, expected_sampled

    ap = frame["average_precision"].to_numpy()
    n_pos, n_total = frame["n_pos_pairs"].to_numpy(), frame["n_total_pairs"].to_numpy()
    comparable = (n_pos > 0) & (n_total > n_pos)
    p = np.full(len(ap), np.nan)
    strict = options.p_values == "paper"
    if comparable.any():
        exact = ap_p_values(ap[comparable], n_pos[comparable], n_total[comparable], tail=">" if strict else ">=")
        p[comparable] = expected_sampled(exact.value, options.null_size) if strict else exact.value
    if strict and options.rules.unpaired_are_retrieved:
        # a comparison with NaN is false and nothing exceeds an AP of 1: no draw of the null counts
        p[~comparable] = 1 / (1 + options.null_size)
    return frame.with_columns(pl.Series("p_value", p).fill_nan(None), pl.col("average_precision").fill_nan(None))


def _group(frame: pl.DataFrame, by: str, options: Options) -> pl.DataFrame:
    """Return for each group its mean AP and significance, rows by group."""
    from ..retrieval.mean_average_precision import mean_average_precision
    from .group_statistic import mean_log10_p

    if frame.is_empty():
        return pl.DataFrame()
    if options.p_values == "paper":
        # A kept query without AP has a p-value but no say in the mean AP of its group.
        filled = frame.with_columns(pl.col("average_precision").fill_null(0.0))
        groups = mean_log10_p(filled, by, threshold=options.q_threshold)
        if frame["average_precision"].null_count():
            means = frame.group_by(by).agg(pl.col("average_precision").mean().alias("mean_average_precision"))
            groups = groups.drop("mean_average_precision").join(means, on=by, how="left")
        return groups.select(by, *GROUP_COLUMNS).sort(by)
    found: pl.DataFrame = mean_average_precision(
        frame,
        [by],
        options.null_size,
        options.q_threshold,
        options.seed,
        progress_bar=False,
        p_values="exact",
        tail=">=",
        null="shared",
    )
    level = -np.log10(options.q_threshold)
    return (
        found.with_columns(
            (-pl.col("p_value").log10()).alias("nlog10pvalue"),
            pl.col("corrected_p_value").alias("q_value"),
            (-pl.col("corrected_p_value").log10()).alias("nlog10qvalue"),
        )
        .with_columns(
            (pl.col("nlog10pvalue") > level).alias("above_p_threshold"),
            (pl.col("nlog10qvalue") > level).alias("above_q_threshold"),
        )
        .select(by, *GROUP_COLUMNS)
        .sort(by)
    )


def _label_counts(profiles: Profiles, rules: Rules, queries: npt.NDArray[np.bool_] | None) -> dict[str, int]:
    """Count the labels of the queries and those that only one carries, which can have no positive pair."""
    labels = profiles.metadata[rules.by]
    if queries is not None:
        labels = labels.filter(pl.Series(queries))
    carriers = (labels.explode() if rules.multilabel else labels).drop_nulls().value_counts()["count"]
    return {
        "profiles": len(profiles),
        "labels": len(carriers),
        "labels_with_one_carrier": int((carriers == 1).sum()),
    }
