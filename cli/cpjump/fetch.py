"""``fastbench cpjump fetch``: the published CPJUMP1 profiles, from the Cell Painting Gallery."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer

from ...engine.cpjump.fetch.options import FetchOptions
from ..declared import parameter, with_options

if TYPE_CHECKING:
    from ...engine.cpjump.fetch.fetch import Fetched, Item

__all__ = ["fetch"]

_STATES = {
    "absent": "not published",
    "fetch": "to fetch",
    "resume": "to resume",
    "replace": "to replace",
    "renew": "to replace",
    "here": "here",
}


def _fetch(ctx: typer.Context, options_given: Callable[[], FetchOptions], dry_run: bool, as_json: bool) -> None:
    from ...engine.cpjump.fetch.fetch import fetch as fetch_files
    from ...engine.cpjump.fetch.fetch import survey
    from ...engine.errors import InputError
    from ...engine.results.progress import Silent, Terminal

    options = options_given()
    items = survey(options)
    done = None
    if not as_json:
        _show_survey(items, options, table=dry_run)
    if not dry_run:
        reporter = Silent() if as_json else Terminal("fastbench", lines=False)
        with reporter.stage("fetching") as advance:
            done = fetch_files(options, items, advance)
    _show_end(items, done, options, as_json)
    failed = done.failed if done else {item.plate: item.why for item in items if item.state == "absent"}
    if failed:
        reasons = "; ".join(f"{plate}: {why}" for plate, why in failed.items())
        raise InputError(
            f"{len(failed)} of {len(items)} plates cannot be fetched ({reasons})"
            + ("; what was received is kept: run the command again to resume." if done else ".")
        )


fetch = with_options(
    FetchOptions,
    _fetch,
    "Fetch the published CPJUMP1 profiles (public, no account), check them, and resume where an earlier run stopped.",
    [
        parameter(
            "dry_run", bool, False, typer.Option("--dry-run", help="Show what is published and what is here, and stop.")
        ),
        parameter("as_json", bool, False, typer.Option("--json", help="Print a JSON summary for machines.")),
    ],
)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _show_survey(items: tuple[Item, ...], options: FetchOptions, table: bool) -> None:
    """Print how much is published and how much of it is here; a line for each plate when asked."""
    import polars as pl

    from ...engine.cpjump.fetch.gallery import ABOUT
    from ..console import show_notes, show_table

    typer.echo(f"{ABOUT['dataset']}; licence: {ABOUT['licence']}")
    if table:
        rows = [
            {"plate": item.plate, "megabytes": item.size / 1e6, "state": _STATES[item.state], "file": item.path.name}
            for item in items
        ]
        show_table(pl.DataFrame(rows), "Files")
    show_notes([f"{item.plate}: {item.why}" for item in items if item.why])
    there = [item for item in items if item.published]
    size, here = sum(item.size for item in there), sum(item.bytes_here for item in there)
    ready = sum(item.state == "here" for item in there)
    typer.echo(
        f"{len(there)} of {len(items)} files are published, {_megabytes(size)}; {ready} are here and right; "
        f"{_megabytes(size - here)} to fetch"
    )


def _show_end(items: tuple[Item, ...], done: Fetched | None, options: FetchOptions, as_json: bool) -> None:
    """Print what was done, whom to cite, and the command that scores the profiles."""
    from ...engine.cpjump.fetch.fetch import RECORD
    from ...engine.cpjump.fetch.gallery import ABOUT
    from ...engine.cpjump.names import SUFFIX
    from ..console import print_json

    command = ["fastbench", "cpjump", "--profiles", str(options.output)]
    if options.suffix != SUFFIX:
        command += ["--suffix", options.suffix]
    ready = sum(item.state == "here" for item in items) + (len(done.fetched) if done else 0)
    following = shlex.join(command) if ready else None
    if as_json:
        files = [_as_row(item) for item in items]
        summary: dict[str, Any] = {"output": str(options.output), **ABOUT, "files": files}
        if done:
            summary |= {"fetched": list(done.fetched), "failed": done.failed}
        print_json(summary | {"next": following})
        return
    if done:
        typer.echo(f"{len(done.fetched)} files fetched and checked, {ready} of {len(items)} here")
        for work in ABOUT["cite"]:
            typer.echo(f"cite: {work}")
        typer.echo(f"record: {options.output / RECORD}")
    if following:
        typer.echo(f"next: {following}")


def _as_row(item: Item) -> dict[str, Any]:
    return {
        "plate": item.plate,
        "path": item.path,
        "state": item.state,
        "why": item.why or None,
        "key": item.published and item.published.key,
        "bytes": item.size,
        "bytes_here": item.bytes_here,
        "etag": item.published and item.published.etag,
    }
