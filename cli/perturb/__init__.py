"""``fastbench perturb``: predicted against true responses to perturbations; with no arguments, a simulated screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
import typer.core

from ...engine.perturb.command import AUDIT, CALIBRATE, PERTURB
from ..console import show_notes, show_table
from ..declared import command_line

if TYPE_CHECKING:
    from ...engine.perturb.audit.calibration import CalibrationResult
    from ...engine.perturb.audit.job import AuditResult
    from ...engine.perturb.audit.options import AuditOptions
    from ...engine.perturb.job import PerturbResult
    from ...engine.perturb.options import PerturbOptions
    from ...engine.perturb.run_options import RunOptions

__all__ = ["app"]

_RUN = "run"
_JUDGE = "Judge predicted responses to perturbations: errors, correlations, retrieval, differential genes, distances."


class _Group(typer.core.TyperGroup):
    """Commands of which one is meant where none is named: its arguments are files, which a group cannot have."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the name of that command before its arguments."""
        named = args if args and args[0] in self.commands else [_RUN, *args]
        return super().parse_args(ctx, named)


app = typer.Typer(
    cls=_Group,
    help="Predicted responses to perturbations against true ones. Without arguments: a simulated screen.",
    rich_markup_mode=None,
    add_completion=False,
)

_COLUMNS = ["prediction", "metric_type", "value", "lower", "upper", "baseline", "replicate", "score", "drf"]
_BOARD = ["prediction", "score", "n_metrics", "competition", "better", "worse", "tested", "rank"]


def _show(result: PerturbResult, options: RunOptions, output: Path) -> None:
    """Print every metric between the mean response and a replicate, and who is better than the mean."""
    from ...engine.perturb.scores.summary import shown_context

    show_notes(result.notes())
    typer.echo()
    shown = shown_context(result.found.summary)
    predictions = [each.name for each in result.inputs.predictions]
    show_table(shown.filter(shown["prediction"].is_in(predictions)), result.subtitle(), _COLUMNS)
    typer.echo()
    board = [*_BOARD, *(["n_missing"] if result.board["n_missing"].max() else [])]
    show_table(
        result.board,
        "Mean scores, each limited to -1 .. 2 (0: the mean response, 1: half of the true cells against the other half)",
        [name for name in board if name in result.board.columns],
    )
    for line in [*result.verdicts(), *result.counts()]:
        typer.echo(line)
    typer.echo(f"results: {output}")


def _show_calibration(result: CalibrationResult, options: PerturbOptions, output: Path) -> None:
    """Print how alike responses are, and which metrics tell a replicate from the mean response."""
    from ...engine.perturb.scores.summary import shown_context

    show_notes(result.notes())
    typer.echo()
    columns = ["context", "to_mean", "pairwise", "n_conditions"]
    show_table(result.variation, "Systematic variation: cosine of effects with their mean, and of pairs", columns)
    typer.echo()
    table = shown_context(result.metrics).sort("drf", descending=True, nulls_last=True)
    show_table(table, result.subtitle(), ["metric_type", "baseline", "replicate", "replicate_sd", "drf", "bds"])
    typer.echo()
    typer.echo(f"results: {output}")


def _show_audit(result: AuditResult, options: AuditOptions, output: Path) -> None:
    """Print where each game lands under each preset."""
    show_notes(result.notes())
    typer.echo()
    columns = ["game", "preset", "score", "competition", "gamed", "n_metrics", "highest", "highest_score"]
    show_table(result.games, result.subtitle(), columns)
    typer.echo()
    for line in result.verdict():
        typer.echo(line)
    typer.echo(f"results: {output}")


app.command(_RUN, help=f"{_JUDGE} See also: fastbench perturb calibrate, fastbench perturb audit.")(
    command_line(PERTURB, _show, _JUDGE)
)
app.command("calibrate")(
    command_line(
        CALIBRATE,
        _show_calibration,
        "Which metrics tell a replicate of the truth from the mean response, on this data.",
    )
)
app.command("audit")(
    command_line(AUDIT, _show_audit, "Where predictions land that know no perturbation, under every preset.")
)
