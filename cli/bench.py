"""``fastbench bench``: how fast it is here, beside its peers and beside an earlier run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..bench.files import Comparison, Measured, Run

__all__ = ["bench"]

FAILED, REGRESSION = 1, 3


def bench(
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes only: a minute or two.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Also what takes many minutes or gigabytes.")] = False,
    select: Annotated[str, typer.Option(help='Only benchmarks whose names match, e.g. "kernels and not null".')] = "",
    compare: Annotated[Path | None, typer.Option(help="An earlier benchmark file: show regressions and gains.")] = None,
    margin: Annotated[
        float, typer.Option(help="Ratio of best times, new to old, up to which a difference is noise.")
    ] = 1.25,
    fail_on_regression: Annotated[
        bool, typer.Option("--fail-on-regression", help="End with exit code 3 when a regression is beyond the margin.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="Benchmark file to write.", show_default="benchmarks/<UTC time>.json")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an older file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON summary for machines.")] = False,
) -> None:
    """Time every kernel and function beside copairs, scikit-learn and a plain matrix product.

    Exit codes: 0 done, also with regressions; 1 a benchmark failed; 2 bad usage; 3 a regression, if asked for.
    """
    import sys
    import tempfile

    from ..bench import files as files
    from ..bench import run as benchmark_run
    from ..engine.errors import InputError
    from ..engine.results.files import write_atomic, write_error
    from .console import print_json

    if quick and all_:
        raise InputError("--quick and --all exclude each other; give one of them or neither.")
    if fail_on_regression and compare is None:
        raise InputError("--fail-on-regression needs --compare FILE, the run to compare with.")
    level = "quick" if quick else "all" if all_ else "default"
    earlier = None if compare is None else files.read_run(compare)
    files.check_margin(margin)
    target = output or _default_output()
    if target.is_dir():
        raise InputError(f"The output {target} is a folder; give a file.")
    if target.exists() and not overwrite:
        raise InputError(f"The output {target} exists; choose another or pass --overwrite to replace it.")
    if target.exists():
        files.read_run(target)  # only an earlier run is replaced, never somebody's data
    benchmark_run.check_installed()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=target.parent):  # before minutes of work, not after
            pass
    except OSError as error:
        raise write_error(target, error) from error
    watched = sys.stderr.isatty() and not as_json
    outcome = benchmark_run.run_suites(level, select, report=_say if watched else None)
    write_atomic(target, lambda handle: handle.write(_as_bytes(outcome.content)))
    run = files.parse_run(outcome.content, str(target))
    comparison = None if earlier is None else files.compare(earlier, run, margin)
    if as_json:
        print_json(_summary(run, comparison, target, level, margin) | {"failed": outcome.failed})
    else:
        _show_run(run)
        if comparison is not None:
            _show_comparison(comparison, compare, margin)
        typer.echo(f"results: {target}")
    if outcome.failed:
        typer.echo(f"fastbench: benchmarks failed:\n{outcome.failed}", err=True)
        raise typer.Exit(FAILED)
    if fail_on_regression and comparison is not None and comparison.regressions:
        raise typer.Exit(REGRESSION)


def _default_output() -> Path:
    import datetime

    return Path("benchmarks", f"{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%SZ}.json")


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _as_bytes(content: dict[str, Any]) -> bytes:
    import json

    return json.dumps(content, indent=1).encode()


# --- what is shown ---


def _seconds(value: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return f"{value / size:,.3g} {unit}" if value < 1000 * size else f"{value / size:,.0f} {unit}"
    return f"{value * 1e9:.3g} ns"


def _times(ratio: float | None) -> str:
    if ratio is None:
        return ""
    return f"{ratio:,.3g} times slower" if ratio >= 1 else f"{1 / ratio:,.3g} times faster"


def _table(title: str, header: list[str], rows: list[list[str]], left: int) -> None:
    """Print a table whose first columns stand left and the others right."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", header_style="", box=None, pad_edge=False)
    for place, name in enumerate(header):
        # On a narrow terminal names take two lines; numbers never do.
        table.add_column(name, justify="left" if place < left else "right", no_wrap=place >= left)
    for row in rows:
        table.add_row(*row)
    console = Console()
    # Piped to a file there is no width to keep to: a cut number would be a lost number.
    Console(width=None if console.is_terminal else 240).print(table)
    typer.echo()


def _show_run(run: Run) -> None:
    from ..bench.files import times_ours

    for group, members in run.groups().items():
        # What no member of the group has is no column.
        memory = any(one.peak_mb is not None for one in members)
        entry = any(one.ns_per_entry is not None for one in members)
        header = ["job", "tool", "best", "median", "beside fastbench"]
        header += ["memory"] * memory + ["an entry"] * entry
        rows = []
        for one in members:
            about = "" if one.share == 1 else "about "
            row = [one.job, one.tool, about + _seconds(one.best), about + _seconds(one.median)]
            row.append(_times(times_ours(one, run.measured)))
            row += ["" if one.peak_mb is None else f"{one.peak_mb:,.0f} MB"] * memory
            row += ["" if one.ns_per_entry is None else _seconds(one.ns_per_entry * 1e-9)] * entry
            rows.append(row)
        _table(group, header, rows, left=2)
    typer.echo(f"{run.cpu}, {run.cores} usable cores, {run.blas}")
    if any(one.share < 1 for one in run.measured):
        typer.echo("about: a part of the job was measured and multiplied")


def _show_comparison(comparison: Comparison, path: Path | None, margin: float) -> None:
    from collections import Counter

    for sentence in comparison.warnings:
        typer.echo(f"warning: {sentence}", err=True)
    typer.echo()
    found = [change for change in comparison.changes if change.verdict != "same"]
    if found:
        rows = [
            [
                change.verdict,
                change.new.group,
                change.new.job,
                change.new.tool,
                _seconds(change.old.best),
                _seconds(change.new.best),
                f"{change.ratio:.2f}",
                "" if change.beside_peers is None else f"{change.beside_peers:.2f}",
            ]
            for change in sorted(found, key=lambda change: -change.ratio)
        ]
        header = ["", "group", "job", "tool", "before", "now", "now / before", "beside peers"]
        _table(f"Beyond a margin of {margin:g} against {path}", header, rows, left=4)
    same = len(comparison.changes) - len(found)
    typer.echo(f"{same} of {len(comparison.changes)} benchmarks are within a margin of {margin:g} against {path}")
    if any(change.beside_peers is not None for change in found):
        typer.echo(
            "beside peers: now / before over that of the other tools at the same job, which the machine slows alike"
        )
    for what, only in (("only in the earlier file", comparison.only_old), ("new", comparison.only_new)):
        for group, number in Counter(one.group for one in only).items():
            typer.echo(f"{what}: {number} of {group}")


def _summary(run: Run, comparison: Comparison | None, target: Path, level: str, margin: float) -> dict[str, Any]:
    from dataclasses import asdict

    from ..bench.files import times_ours

    def described(one: Measured) -> dict[str, Any]:
        return asdict(one) | {"times_fastbench": times_ours(one, run.measured)}

    facts = {key: value for key, value in asdict(run).items() if key != "measured"}
    summary = {"output": str(target), "level": level, **facts, "benchmarks": [described(one) for one in run.measured]}
    if comparison is not None:
        summary["comparison"] = asdict(comparison) | {"margin": margin, "regressions": len(comparison.regressions)}
    return summary
