"""``fastbench fmeasure compare``: models of several results side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import listed

__all__ = ["compare"]

#: Rows that are shown.
SHOWN_PAIRS, SHOWN_CLASSES = 20, 8


def compare(
    results: Annotated[
        list[Path], typer.Argument(help="Result folders of 'fastbench fmeasure' (one with several models will do).")
    ],
    output_dir: Annotated[Path, typer.Option(help="Result folder.")] = Path("results/fmeasure_compare"),
    models: Annotated[
        str,
        typer.Option(
            help="Models to compare, A,B,...; left out: all. Where two results have a model of one name: 'FOLDER: NAME'."
        ),
    ] = "",
    bootstrap: Annotated[int, typer.Option(help="Draws for intervals; 0 for none.")] = 200,
    bootstrap_by: Annotated[
        str, typer.Option(help="What is drawn: cell, sample, or an obs column that was kept with the cells.")
    ] = "cell",
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    macro: Annotated[
        str, typer.Option(help="Classes of flat macro means: active (seen as truth or prediction) or true.")
    ] = "active",
    no_figures: Annotated[bool, typer.Option("--no-figures", help="Draw no figures.")] = False,
    device: Annotated[
        str, typer.Option(help="auto, cpu, cpu-xla, gpu or reference; the numbers are the same.")
    ] = "auto",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an older result in the output folder.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON summary for machines.")] = False,
) -> None:
    """Put models side by side on the cells that all of them scored: differences with paired intervals, class by class."""
    from dataclasses import asdict

    from ..engine.devices import backend_of
    from ..engine.fmeasure.compare.results import compare_results
    from ..engine.fmeasure.scores.options import ReportOptions
    from ..engine.results.folder import ResultFolder
    from .console import note_compilation, print_json, show_notes, show_table

    report = ReportOptions(
        bootstrap=bootstrap, bootstrap_by=bootstrap_by, seed=seed, macro=macro, figures=not no_figures, device=device
    )
    chosen = list(listed(models))
    options = {"results": [str(path) for path in results], "models": chosen, **asdict(report)}
    with ResultFolder(output_dir, "fmeasure compare", options, overwrite, reads=results) as folder:
        found = compare_results(results, chosen, report, folder, backend_of(device))
        note_compilation(folder)
    headline = found.comparison.filter(metric=found.headline)
    if as_json:
        print_json(
            {
                "output": str(output_dir),
                "models": found.models.to_dicts(),
                "comparison": headline.to_dicts(),
                "notes": list(found.notes),
            }
        )
        return
    show_notes(found.notes)
    names = ("group_name", "n_cells", "accuracy", "balanced_accuracy", "f1_macro", "h_f1_micro", "h_f1_macro")
    show_table(found.models, "Models, the best first", [name for name in names if name in found.models.columns])
    typer.echo()
    columns = ["model_a", "model_b", "difference", "lower", "upper", "p_value"]
    show_table(headline.head(SHOWN_PAIRS), f"Differences of {found.headline}: {found.interval_words}", columns)
    typer.echo()
    worst = found.classes.head(SHOWN_CLASSES)
    columns = ["name", "support", "recall_a", "recall_b", "right_only_a", "right_only_b"]
    title = "Classes that differ most between {} (a) and {} (b)".format(*worst.row(0)[:2]) if len(worst) else "No class"
    show_table(worst, title, columns)
    typer.echo(f"\nresults: {output_dir}")
