"""``fastbench cpjump compare``: results of several feature sets or presets side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import polars as pl

    from ..engine.cpjump.compare.comparison import Comparison

__all__ = ["compare"]

SHOWN = 20  # configurations that differ


def compare(
    results: Annotated[
        list[str], typer.Argument(help="Result folders of 'fastbench cpjump', DIR or NAME=DIR; two or more.")
    ],
    output: Annotated[Path, typer.Option(help="Result folder.")] = Path("results/cpjump_compare"),
    baseline: Annotated[str, typer.Option(help="The run that the others are compared with. Left out: the first.")] = "",
    all_pairs: Annotated[bool, typer.Option("--all-pairs", help="Compare every run with every other.")] = False,
    published: Annotated[
        bool, typer.Option("--published", help="Put the published fractions of CellProfiler profiles beside the runs.")
    ] = False,
    bootstrap: Annotated[int, typer.Option(help="Draws of the paired bootstrap; 0: no intervals, no tests.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    no_figures: Annotated[bool, typer.Option("--no-figures", help="Draw no figures.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an older result in the output folder.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON summary for machines.")] = False,
) -> None:
    """Put runs side by side: which features are better, where (task, cell line, time), and whether it is significant."""
    from dataclasses import asdict

    from ..engine.cpjump.compare.comparison import CompareOptions, compare_runs, write_comparison
    from ..engine.cpjump.compare.runs import named_folders, read_run
    from ..engine.results.folder import ResultFolder
    from .console import print_json

    options = CompareOptions(baseline or None, all_pairs, published, bootstrap, seed)
    folders = named_folders(results)
    given = {"results": results, **asdict(options)}
    with ResultFolder(output, "cpjump compare", given, overwrite, reads=folders.values()) as folder:
        found = compare_runs([read_run(name, path) for name, path in folders.items()], options)
        folder.manifest["inputs"] = [{"name": name, "path": str(path)} for name, path in folders.items()]
        write_comparison(found, folder, figures=not no_figures)
    if as_json:
        print_json(
            {
                "output": str(output),
                "runs": list(found.runs),
                "baseline": found.runs[0],
                "simulated": found.simulated,
                "statistic": found.words,
                "verdict": found.standing.to_dicts(),
                "fractions": found.fractions.to_dicts(),
                "comparison": found.pairs.to_dicts(),
                "notes": list(found.notes),
            }
        )
        return
    _show(found, output)


def _show(found: Comparison, output: Path) -> None:
    import polars as pl

    from ..engine.cpjump.names import LEVEL, TITLES
    from .console import show_notes, show_table

    baseline = found.runs[0]
    simulated = "; SIMULATED features" if found.simulated else ""
    typer.echo()
    show_table(_verdict(found), f"Which is better? mAP above chance against {baseline}{simulated}")
    typer.echo()
    where = _where(found)
    if len(where):
        shown = f"the first {SHOWN} of {len(where)}" if len(where) > SHOWN else f"{len(where)}"
        show_table(where.head(SHOWN), f"Where? Configurations whose mAP above chance differs, q < {LEVEL:g} ({shown})")
    else:
        typer.echo(f"Where? No configuration has a difference of mAP above chance with q < {LEVEL:g}.")
    for task in found.fractions["task"].unique(maintain_order=True):
        table = found.fractions.filter(task=task)
        columns = [pl.col(f"{name}_fr").alias(name) for name in found.runs]
        columns += [pl.col("published").alias("(published)")] if "published" in table.columns else []
        typer.echo()
        show_table(table.select("Description", *columns), f"{TITLES[task]}: fraction retrieved")
    typer.echo()
    show_notes(found.notes)
    typer.echo(found.words)
    typer.echo(f"results: {output}")


def _verdict(found: Comparison) -> pl.DataFrame:
    """One row a task and run, the best first."""
    import polars as pl

    from ..engine.cpjump.names import TITLES

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
    )


def _where(found: Comparison) -> pl.DataFrame:
    """Configurations in which a pair of runs differs significantly in its mAP above chance."""
    import polars as pl

    from ..engine.cpjump.names import ALL, HEADLINE, LEVEL, TITLES

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
