"""``fastbench cpjump split``: train, validate and test wells of CPJUMP1, and what a split lets leak."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ...engine.cpjump.split.options import SplitOptions
from ...engine.options import options_of
from ..console import print_json, show_notes, show_table
from ..declared import given_flags, parameter, with_options

if TYPE_CHECKING:
    from ...engine.cpjump.split.leakage import Leakage
    from ...engine.cpjump.split.strategies import Split

__all__ = ["LEAKS", "split"]

#: Exit code of --strict when a rule of the paper is broken.
LEAKS = 3
_OUTPUT = Path("results/cpjump_split/manifest.csv")


def _split(
    ctx: typer.Context,
    options_given: Callable[[], SplitOptions],
    output: Path | None,
    manifest: Path | None,
    strict: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    from ...engine.cpjump.split.leakage import check_leakage

    if manifest is not None:
        from ...engine.cpjump.split.manifest import read_manifest

        _refuse_beside_a_manifest(ctx)
        read = read_manifest(manifest)
        leakage = check_leakage(read.wells)
        _show({"manifest": str(manifest), "rows": read.sizes}, None, leakage, as_json)
        _stop_on_leaks(leakage, strict)
        return

    from ...engine.cpjump.split.manifest import output_paths, write_split
    from ...engine.cpjump.split.strategies import make_split

    options = options_given()
    paths = output_paths(output or _OUTPUT, overwrite)
    made = make_split(options)
    leakage = check_leakage(made.manifest)
    about: dict[str, Any] = {"leakage": leakage.table, "broken_rules": leakage.broken}
    if strict and _leaks(leakage):
        _show({"output": None}, made, leakage, as_json)
    else:
        write_split(made, paths, about, leakage.notes)
        _show({"output": str(paths[0]), "record": str(paths[1])}, made, leakage, as_json)
    _stop_on_leaks(leakage, strict)


def _refuse_beside_a_manifest(ctx: typer.Context) -> None:
    """Refuse the options of a split beside --manifest: they would not be used."""
    from ...engine.errors import InputError

    used = given_flags(ctx, [*(each.name for each in options_of(SplitOptions)), "output"])
    if used:
        raise InputError(f"--manifest checks a split that is there: leave out {', '.join(used)}.")


split = with_options(
    SplitOptions,
    _split,
    "Split the wells of CPJUMP1, or check a split, and report what crosses subsets.",
    [
        parameter(
            "output",
            Path | None,
            None,
            typer.Option(help=f"Split manifest to write; a .json record goes beside it. Default: {_OUTPUT}."),
        ),
        parameter(
            "manifest",
            Path | None,
            None,
            typer.Option(help="Check this split manifest for leakage, and write nothing."),
        ),
        parameter(
            "strict",
            bool,
            False,
            typer.Option(
                "--strict",
                help="If a rule of the paper is broken (replicates, guides, duplicate compounds, wells) or cannot be "
                f"checked, write nothing and exit with {LEAKS}.",
            ),
        ),
        parameter("overwrite", bool, False, typer.Option("--overwrite", help="Replace older files.")),
        parameter("as_json", bool, False, typer.Option("--json", help="Print a JSON summary for machines.")),
    ],
)


def _leaks(leakage: Leakage) -> str:
    """Return what --strict stops at; a rule that could not be checked for a well is not taken as kept."""
    if leakage.broken:
        return f"rules of the paper are broken: {', '.join(leakage.broken)}"
    return f"{leakage.unchecked} wells could not be checked" if leakage.unchecked else ""


def _stop_on_leaks(leakage: Leakage, strict: bool) -> None:
    if strict and _leaks(leakage):
        typer.echo(f"fastbench: {_leaks(leakage)}", err=True)
        raise typer.Exit(LEAKS)


def _show(about: dict[str, Any], made: Split | None, leakage: Leakage, as_json: bool) -> None:
    """Print the subsets, what crosses them, and where the files are."""
    notes = [*(made.notes if made else ()), *leakage.notes]
    if as_json:
        split_part = (
            {"options": made.options.as_dict(), "counts": made.counts(), "skipped_wells": made.skipped} if made else {}
        )
        leaks = {"leakage": leakage.table, "broken_rules": leakage.broken, "unchecked_wells": leakage.unchecked}
        print_json({**about, **split_part, **leaks, "notes": notes})
        return
    if made:
        show_table(made.counts(), f"{made.options.strategy}: {made.manifest.height:,} wells")
        notes.insert(0, f"left out: {', '.join(f'{count:,} {reason}' for reason, count in made.skipped.items())}.")
    else:
        typer.echo(f"{about['manifest']}: {', '.join(f'{name} {n:,}' for name, n in about['rows'].items())} rows")
    typer.echo()
    columns = ["rule", "paper_rule", "groups", "crossing", "crossing_in_condition", "wells", "examples"]
    show_table(leakage.table, "What crosses subsets", columns)
    typer.echo()
    show_notes(notes)
    typer.echo(f"rules of the paper (replicates, guides, duplicate compounds, wells): {_leaks(leakage) or 'all kept'}")
    if made:
        typer.echo(f"results: {about['output'] or 'none, since --strict'}")
