"""``fastbench cpjump compare``: results of several feature sets or presets side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ...engine.cpjump.compare.command import COMPARE
from ..declared import command_line

if TYPE_CHECKING:
    import polars as pl

    from ...engine.cpjump.compare.comparison import Comparison
    from ...engine.cpjump.compare.options import CompareOptions

__all__ = ["compare", "show"]

SHOWN = 20  # configurations that differ


def show(found: Comparison, options: CompareOptions, output: Path) -> None:
    """Print which run is better, and where."""
    import polars as pl

    from ...engine.cpjump.names import LEVEL, TITLES
    from ..console import show_notes, show_table

    baseline = found.runs[0]
    simulated = "; SIMULATED features" if found.simulated else ""
    typer.echo()
    beside = (
        "beside the published values" if len(found.runs) == 1 else f"mAP above chance of all groups, against {baseline}"
    )
    show_table(_verdict(found), f"Which is better? {beside}{simulated}")
    typer.echo()
    where = _where(found)
    if len(where):
        shown = f"the first {SHOWN} of {len(where)}" if len(where) > SHOWN else f"{len(where)}"
        show_table(where.head(SHOWN), f"Where? Configurations whose mAP above chance differs, q < {LEVEL:g} ({shown})")
    elif len(found.runs) > 1:
        typer.echo(f"Where? No configuration has a difference of mAP above chance with q < {LEVEL:g}.")
    for task in found.fractions["task"].unique(maintain_order=True):
        table = found.fractions.filter(task=task)
        columns = [pl.col(f"{name}_fr").alias(name) for name in found.runs]
        columns += [pl.col("published").alias("(published)")] if "published" in table.columns else []
        typer.echo()
        show_table(table.select("Description", *columns), f"{TITLES[task]}: fraction retrieved")
    typer.echo()
    for (task, run, why), _ in found.standing.filter(~pl.col("status").is_in(["tested"])).group_by(
        "task", "run", "status", maintain_order=True
    ):
        typer.echo(f"note: {TITLES[str(task)]}, {run}: {why}.")
    show_notes(found.notes)
    typer.echo(found.words)
    typer.echo(f"results: {output}")


def _verdict(found: Comparison) -> pl.DataFrame:
    """One row a task and run, the best first."""
    import polars as pl

    from ...engine.cpjump.names import TITLES

    return found.standing.select(
        pl.col("task").replace(TITLES).alias("task"),
        "run",
        "verdict",
        pl.when(pl.col("verdict") != "baseline").then("difference").alias("difference"),
        "lower",
        "upper",
        pl.col("q_value").alias("q"),
        pl.col("fr_difference").alias("fr difference"),
        pl.col("fr_q_value").alias("fr q"),
        "gained",
        "lost",
        pl.col("lost_at_gate").alias("lost at gate"),
    )


def _where(found: Comparison) -> pl.DataFrame:
    """Configurations in which a pair of runs differs significantly in its mAP above chance."""
    import polars as pl

    from ...engine.cpjump.names import ALL, HEADLINE, LEVEL, TITLES

    clear = found.pairs.filter(pl.col("q_value") < LEVEL, pl.col("Description") != ALL, metric=HEADLINE)
    return clear.select(
        pl.col("task").replace(TITLES),
        "Description",
        pl.format("{} − {}", "run_a", "run_b").alias("runs"),
        "difference",
        "lower",
        "upper",
        pl.col("q_value").alias("q"),
    )


compare = command_line(
    COMPARE,
    show,
    "Put runs side by side: which features are better, where (task, cell line, time), and whether it is significant.",
)
