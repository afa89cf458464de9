"""The verdict on each run: how it stands to the baseline, and which difference that is about."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ..names import ALL, HEADLINE, LEVEL, RETRIEVED, TASKS

__all__ = ["beside_published", "standing", "verdict_of"]


def verdict_of(
    difference: float | None, q_value: float | None, fr_difference: float | None, fr_q_value: float | None
) -> str:
    """Say how a run stands to the baseline.

    Parameters
    ----------
    difference, q_value : float or None
        Of the mean AP above chance of all groups, those lost at a gate among them.
    fr_difference, fr_q_value : float or None
        Of the fraction of all groups that is retrieved.

    Returns
    -------
    str
        ``better`` or ``worse`` (in AP); else ``retrieves more`` or ``retrieves fewer``; else ``no clear difference``,
        or ``not tested``.
    """
    if q_value is not None and q_value < LEVEL and difference:
        return "better" if difference > 0 else "worse"
    if fr_q_value is not None and fr_q_value < LEVEL and fr_difference:
        return "retrieves more" if fr_difference > 0 else "retrieves fewer"
    return "not tested" if q_value is None else "no clear difference"


def standing(pairs: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Rank the runs of each task by the difference of their mean AP to that of the baseline.

    Parameters
    ----------
    pairs : polars.DataFrame
        See `comparison.compare_runs`.
    names : sequence of str
        Names of the runs, the baseline first.

    Returns
    -------
    polars.DataFrame
        See `comparison.Comparison`.
    """
    own = pairs.filter(metric=HEADLINE, run_b=names[0])
    clear = pl.col("q_value") < LEVEL
    single = (
        own.filter(pl.col("Description") != ALL)
        .group_by("task", "run_a")
        .agg(
            (clear & (pl.col("difference") > 0)).sum().cast(pl.Int64).alias("better_in"),
            (clear & (pl.col("difference") < 0)).sum().cast(pl.Int64).alias("worse_in"),
            pl.len().cast(pl.Int64).alias("configurations"),
        )
    )
    numbers = ["value_a", "value_b", "difference", "lower", "upper", "q_value", "groups_common"]
    ranked = own.filter(Description=ALL).select("task", "run_a", *numbers)
    fractions = pairs.filter(metric=RETRIEVED, run_b=names[0], Description=ALL).select(
        "task",
        "run_a",
        pl.col("difference").alias("fr_difference"),
        pl.col("q_value").alias("fr_q_value"),
        pl.col("retrieved_only_a").alias("gained"),
        pl.col("retrieved_only_b").alias("lost"),
        pl.col("lost_at_gate_a").alias("lost_at_gate"),
    )
    status = own.filter(Description=ALL).select("task", "run_a", "status")
    for more in (fractions, status, single):
        ranked = ranked.join(more, on=["task", "run_a"], how="left")
    said = [
        verdict_of(*row) for row in ranked.select("difference", "q_value", "fr_difference", "fr_q_value").iter_rows()
    ]
    ranked = ranked.rename({"run_a": "run"}).insert_column(2, pl.Series("verdict", said, pl.String))
    baseline = (
        ranked.select("task")
        .unique()
        .with_columns(run=pl.lit(names[0]), verdict=pl.lit("baseline"), difference=pl.lit(0.0))
    )
    task = pl.col("task").replace_strict(TASKS, range(len(TASKS)), return_dtype=pl.Int64)
    both = pl.concat([baseline, ranked], how="diagonal").select(ranked.columns)
    place = pl.col("run").replace_strict(names, range(len(names)), return_dtype=pl.Int64)
    return both.sort(task, "difference", place, descending=[False, True, False], nulls_last=True)


def beside_published(fractions: pl.DataFrame, run: str) -> pl.DataFrame:
    """Put one run beside the published fractions: the mean difference over the configurations that were published.

    Parameters
    ----------
    fractions : polars.DataFrame
        See `comparison.Comparison`, with ``published``.
    run : str
        Its name.

    Returns
    -------
    polars.DataFrame
        The columns of `standing`, one row a task; there is no p-value, because published values have no groups.
    """
    own = pl.col(f"{run}_fr") - pl.col("published")
    single = fractions.filter(pl.col("Description") != ALL).drop_nulls(["published", f"{run}_fr"])
    counted = single.group_by("task", maintain_order=True).agg(
        pl.lit(run).alias("run"),
        pl.lit("beside the published values").alias("verdict"),
        own.mean().alias("fr_difference"),
        pl.lit("published fractions have no groups to test").alias("status"),
        (own > 0).sum().cast(pl.Int64).alias("better_in"),
        (own < 0).sum().cast(pl.Int64).alias("worse_in"),
        pl.len().cast(pl.Int64).alias("configurations"),
    )
    numbers = ("value_a", "value_b", "difference", "lower", "upper", "q_value", "fr_q_value")
    whole = ("groups_common", "gained", "lost", "lost_at_gate")
    missing = {**dict.fromkeys(numbers, pl.Float64), **dict.fromkeys(whole, pl.Int64)}
    table = counted.with_columns(pl.lit(None, kind).alias(name) for name, kind in missing.items())
    return table.select(_COLUMNS)


_COLUMNS = (
    *("task", "run", "verdict", "value_a", "value_b", "difference", "lower", "upper", "q_value", "groups_common"),
    *("fr_difference", "fr_q_value", "gained", "lost", "lost_at_gate", "status"),
    *("better_in", "worse_in", "configurations"),
)
