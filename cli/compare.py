"""``fastbench compare``: results of any one command side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..engine.comparison.options import CompareOptions
from ..engine.cpjump.compare.command import COMPARE as CPJUMP
from ..engine.errors import InputError
from ..engine.fmeasure.compare.command import COMPARE as FMEASURE
from ..engine.options import options_of
from .console import show_notes, show_table
from .cpjump.compare import show as show_cpjump
from .declared import build_options, given_flags, option_parameters, run_command, shared_parameters, with_parameters
from .fmeasure.compare import show as show_fmeasure

if TYPE_CHECKING:
    from ..engine.comparison.compare import Comparison

__all__ = ["compare", "show_comparison"]

#: Groups gained and lost that are shown.
SHOWN = 10


def show_comparison(found: Comparison, options: CompareOptions, output: Path) -> None:
    """Print which run is better, by how much, and what is gained and lost."""
    import polars as pl

    names = ["run", "verdict", "difference", "lower", "upper", "q_value", "gained", "lost", "common"]
    metric = found.measure.values[found.measure.headline]
    typer.echo()
    show_table(
        found.verdicts,
        f"Which is better? Difference of {metric} from {found.runs[0]}",
        [name for name in names if name in found.verdicts.columns],
    )
    typer.echo()
    for sentence in _sentences(found, metric):
        typer.echo(sentence)
    typer.echo()
    columns = ["run_a", "run_b", "metric", "value_a", "value_b", "difference", "lower", "upper", "p_value", "q_value"]
    show_table(found.differences, "Differences", columns)
    if len(found.changes):
        best = found.changes.sort(
            (pl.col(f"{found.measure.headline}_a") - pl.col(f"{found.measure.headline}_b")).abs(), descending=True
        )
        typer.echo()
        shown = best.head(SHOWN).rename({"run_a": "run", "run_b": "against"})
        show_table(shown, f"Gained and lost: {len(shown)} of {len(best)} {found.measure.unit}s")
    typer.echo()
    show_notes(found.notes)
    typer.echo(found.words)
    typer.echo(f"results: {output}")


def _sentences(found: Comparison, metric: str) -> Iterator[str]:
    """Say of each run how it stands to the baseline."""
    baseline = found.runs[0]
    for row in found.verdicts.filter(found.verdicts["run"] != baseline).iter_rows(named=True):
        numbers = f"{row['difference']:+.3f} {metric}" if row["difference"] is not None else metric
        if row["lower"] is not None:
            numbers += f" (95 %: {row['lower']:+.3f} to {row['upper']:+.3f}), q {row['q_value']:.2g}"
        clear = row["verdict"] in ("better", "worse")
        how = f"is {row['verdict']} than" if clear else f"has {row['verdict']} from"
        how = how if row["verdict"] != "not tested" else "is not tested against"
        yield f"{row['run']} {how} {baseline}: {numbers}"


def _compare(ctx: typer.Context, config: Path | None, **given: Any) -> None:
    from ..engine.comparison.choose import comparison_of

    results = given["results"] or _results_of(config)
    command = comparison_of(results)
    known = {each.name for each in options_of(command.options)}
    if strange := given_flags(ctx, [name for name in _UNION if name not in known]):
        what = command.name.removesuffix("compare").strip() or "map"
        raise InputError(f"{strange[0]} is not for results of 'fastbench {what}', which these are.")
    options = build_options(ctx, command.options, given, config, command.name)
    run_command(command, options, _SHOWN.get(command.name, show_comparison), given)


def _results_of(config: Path | None) -> list[str]:
    """Return the result folders that a config file names."""
    if config is None:
        return []
    from ..engine.command.config import read_config

    return list(read_config(config, "compare", CPJUMP.name, FMEASURE.name).get("results") or [])


#: Options of all comparisons, each once.
_UNION = {
    each.name: each
    for declared in (FMEASURE.options, CPJUMP.options, CompareOptions)  # the last says what it is for
    for each in option_parameters(declared)
}
_SHOWN: dict[str, Callable[[Any, Any, Path], None]] = {CPJUMP.name: show_cpjump, FMEASURE.name: show_fmeasure}

compare = with_parameters(
    _compare,
    [*_UNION.values(), *shared_parameters("results/compare", steps=False)],
    "Put results of one command side by side: which is better, by how much, and whether it is significant.",
)
