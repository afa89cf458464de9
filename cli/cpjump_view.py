"""What ``fastbench cpjump`` shows: the plan, live progress, the tables of fractions retrieved."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import typer

from .console import print_json, show_notes, show_table

if TYPE_CHECKING:
    from ..engine.cpjump.planning import Plan
    from ..engine.cpjump.results import CpjumpResult
    from ..engine.cpjump.workflow import Progress

__all__ = ["LiveView", "show_plan", "show_result"]


def show_plan(plan: Plan, as_json: bool) -> None:
    """Print the runs and their cost, before any profile is read."""
    frame, cost = plan.frame(), plan.cost()
    if as_json:
        print_json({"options": plan.options.as_dict(), "runs": frame.to_dicts(), "cost": cost, "notes": plan.notes()})
        return
    show_notes(plan.notes())
    typer.echo()
    without = len(frame) - int(cost["runs"])
    marked = f", {without} of them without plates (has_plates: no) and not in the totals" if without else ""
    shown = frame.drop("reported") if without else frame.drop("reported", "has_plates")
    show_table(shown, f"{len(frame)} runs{marked} (upper bounds: every perturbation passes the gate)")
    typer.echo(
        f"\n{cost['plates']} plates, {cost['queries']:,} queries, {cost['positive_pairs']:,} positive and "
        f"{cost['negative_pairs']:,} negative pairs; about {cost['seconds']:.0f} s on two cores and "
        f"{cost['peak_megabytes']:,.0f} MB"
    )


class LiveView:
    """Listener of a run: a progress bar on a terminal, nothing elsewhere."""

    def __init__(self, plan: Plan, enabled: bool) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._total = len(plan.runs)
        self._enabled = enabled and sys.stderr.isatty()
        if enabled:
            show_notes(plan.notes())

    def __enter__(self) -> LiveView:
        if self._enabled:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("reading and scoring", total=self._total)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Move on: called by the engine after each run."""
        if self._bar is not None:
            self._bar.update(self._task, completed=progress.done, description=f"{progress.task} {progress.description}")


def show_result(result: CpjumpResult, output: Path, as_json: bool) -> None:
    """Print the three tables of fractions retrieved beside the published values, and the account."""
    from ..engine.cpjump.names import TITLES

    tables = result.fr_tables()
    if as_json:
        print_json(
            {
                "output": str(output),
                "simulated": result.simulated,
                "statistic": result.statistic,
                "fraction_retrieved": {task: frame.to_dicts() for task, frame in tables.items()},
                "dropped": result.dropped(),
                "left_out": result.left_out(),
                "notes": result.plan.notes(),
                "warnings": list(result.warnings),
                "timings": result.timings,
            }
        )
        return
    show_notes(result.warnings)
    for task, frame in tables.items():
        typer.echo()
        note = "; SIMULATED features" if result.simulated else ""
        shown = frame.select(
            "Description", "groups", "groups_retrieved", "fr", *(["published"] if "published" in frame.columns else [])
        )
        show_table(shown, f"{TITLES[task]}: fraction retrieved{note}")
    typer.echo()
    if result.simulated:
        typer.echo("The features are simulated: 'published' (CellProfiler profiles) is shown for scale only.")
    if left_out := result.left_out():
        typer.echo("left out: " + "; ".join(left_out))
    typer.echo(f"{result.statistic}")
    typer.echo(f"results: {output}")
