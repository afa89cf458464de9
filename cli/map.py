"""``fastbench map``: mAP with p-values for any profile files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..engine.map.command import MAP
from .console import show_notes, show_table
from .declared import command_line

if TYPE_CHECKING:
    from ..engine.map.options import MapOptions
    from ..engine.map.result import MapResult

__all__ = ["map_"]

#: Groups that are shown.
SHOWN_GROUPS = 10


def _show(result: MapResult, options: MapOptions, output: Path) -> None:
    """Print the best groups, and what was counted."""
    groups, report = result.groups, result.report
    show_notes(result.notes)
    scored = result.average_precision
    lowest, highest = (
        float(scored[name if name in scored.columns else "average_precision"].fill_nan(None).mean() or 0)  # type: ignore[arg-type]
        for name in ("ap_pessimistic", "ap_optimistic")
    )
    typer.echo(
        f"{report.n_queries} queries over {report.n_rows} rows, {len(result.feature_names)} features: "
        f"{report.n_positive_pairs:,} positive and {report.n_negative_pairs:,} negative pairs; {options.distance}"
    )
    for count, what in (
        (report.n_without_positives, "rows asked for have no positive and no AP"),
        (report.n_without_negatives, "rows have no negative: their AP is 1 by definition"),
        (
            report.n_tied_queries,
            f"queries have a positive tied with a negative: ties count as {report.ties}; mean AP lies between "
            f"{lowest:.4f} and {highest:.4f} (ap_pessimistic, ap_optimistic)",
        ),
    ):
        if count:
            typer.echo(f"note: {count} {what}")
    top = groups.sort("mean_average_precision", descending=True).head(SHOWN_GROUPS)
    columns = [*result.group_by, "n_queries", "mean_average_precision", "p_value", "corrected_p_value"]
    typer.echo()
    show_table(top, f"Best {len(top)} of {len(groups)} groups", columns)
    typer.echo()
    if result.metrics is not None:
        whole = result.metrics.whole
        show_table(whole, "Metrics of replicates", ["metric", "at", "value", "p_value", "n", "status"])
        typer.echo()
    typer.echo(
        f"mean mAP {result.mean_map:.5f}; {result.n_significant} of {len(groups)} groups "
        f"({result.n_significant / len(groups):.1%}) below corrected p {options.threshold:g}"
    )
    typer.echo(f"{result.definition}")
    typer.echo(f"results: {output}")


map_ = command_line(
    MAP, _show, "Score how well profiles retrieve their positives: average precision, mAP, p- and q-values."
)
