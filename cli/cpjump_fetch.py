"""``fastbench cpjump fetch``: the published CPJUMP1 profiles, from the Cell Painting Gallery."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..engine.cpjump.fetch.fetch import Fetched, FetchOptions, Item

__all__ = ["fetch"]

_STATES = {
    "absent": "not published",
    "fetch": "to fetch",
    "resume": "to resume",
    "replace": "to replace",
    "renew": "to replace",
    "here": "here",
}


def fetch(
    output: Annotated[Path, typer.Option(help="Folder of profiles; files go to <batch>/<plate>/ in it.")],
    plates: Annotated[
        str, typer.Option(help="Plates, e.g. BR00116991,BR00116992. Left out: the 40 of the benchmark.")
    ] = "",
    suffix: Annotated[
        str, typer.Option(help="How the files end that are fetched, one a plate.")
    ] = "_normalized_feature_select_negcon_batch.csv.gz",
    endpoint: Annotated[
        str, typer.Option(help="Address of a mirror: an S3 service with a bucket cellpainting-gallery.")
    ] = "",
    connections: Annotated[int, typer.Option(help="Files fetched at a time.")] = 8,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Hash the files that are here again; else their size and record are compared."),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files of these names that fastbench did not fetch.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what is published and what is here, and stop.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON summary for machines.")] = False,
) -> None:
    """Fetch the published CPJUMP1 profiles (public, no account), check them, and resume where an earlier run stopped."""
    from ..engine.cpjump.fetch.fetch import FetchOptions, survey
    from ..engine.cpjump.fetch.fetch import fetch as fetch_files
    from ..engine.errors import InputError
    from ..engine.results.progress import Silent, Terminal
    from .console import listed

    options = FetchOptions(
        output,
        plates=listed(plates) if plates else None,
        suffix=suffix,
        endpoint=endpoint or None,
        connections=connections,
        verify=verify,
        overwrite=overwrite,
    )
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


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _show_survey(items: tuple[Item, ...], options: FetchOptions, table: bool) -> None:
    """Print how much is published and how much of it is here; a line for each plate when asked."""
    import polars as pl

    from ..engine.cpjump.fetch.gallery import ABOUT
    from .console import show_notes, show_table

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
    from ..engine.cpjump.fetch.fetch import RECORD
    from ..engine.cpjump.fetch.gallery import ABOUT
    from ..engine.cpjump.names import SUFFIX
    from .console import print_json

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
