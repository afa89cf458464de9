"""``fastbench cpjump split``: train, validate and test wells of CPJUMP1, and what a split lets leak."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import print_json, show_notes, show_table

if TYPE_CHECKING:
    from ..engine.cpjump.split.leakage import Leakage
    from ..engine.cpjump.split.strategies import Split

__all__ = ["LEAKS", "split"]

#: Exit code of --strict when a rule of the paper is broken.
LEAKS = 3
_OUTPUT = Path("results/cpjump_split/manifest.csv")


def split(
    strategy: Annotated[
        str,
        typer.Option(
            help="leak_free, cpjump1_official_representation, cpjump1_official_gene_compound or cellclip_cpjump_style; default: leak_free."
        ),
    ] = "",
    order: Annotated[
        str,
        typer.Option(
            help="Targets of cpjump1_official_gene_compound: radix (published rank, the default) or first-appearance (the released example)."
        ),
    ] = "",
    exclude_poscon: Annotated[
        bool, typer.Option("--exclude-poscon", help="Leave positive controls out; they are treated wells otherwise.")
    ] = False,
    fractions: Annotated[str, typer.Option(help="leak_free: wells in train,validate,test; default: 0.6,0.2,0.2.")] = "",
    targets: Annotated[
        str,
        typer.Option(
            help="leak_free: what compounds may not share over subsets: all targets of their lists (default; two thirds of the wells are then one group), perturbed (those that a guide or ORF has) or primary."
        ),
    ] = "",
    seed: Annotated[int | None, typer.Option(help="leak_free: order of groups of equal size; default: 0.")] = None,
    output: Annotated[
        Path | None, typer.Option(help=f"Split manifest to write; a .json record goes beside it. Default: {_OUTPUT}.")
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option(help="Check this split manifest for leakage, and write nothing.")
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help=f"If a rule of the paper is broken (replicates, guides, duplicate compounds, wells) or cannot be checked, write nothing and exit with {LEAKS}.",
        ),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace older files.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON summary for machines.")] = False,
) -> None:
    """Split the wells of CPJUMP1, or check a split, and report what crosses subsets."""
    from ..engine.cpjump.split.leakage import check_leakage

    if manifest is not None:
        from ..engine.cpjump.split.manifest import read_manifest

        _refuse(
            strategy=strategy,
            order=order,
            exclude_poscon=exclude_poscon,
            fractions=fractions,
            targets=targets,
            seed=seed,
            output=output,
        )
        read = read_manifest(manifest)
        leakage = check_leakage(read.wells)
        _show({"manifest": str(manifest), "rows": read.sizes}, None, leakage, as_json)
        _stop_on_leaks(leakage, strict)
        return

    from ..engine.cpjump.split.manifest import output_paths, write_split
    from ..engine.cpjump.split.strategies import SplitOptions, make_split

    chosen = {"order": order or None, "fractions": _numbers(fractions), "targets": targets or None, "seed": seed}
    options = SplitOptions(strategy or SplitOptions.strategy, exclude_poscon, **chosen)  # type: ignore[arg-type]
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


def _refuse(**given: object) -> None:
    """Refuse the options of a split beside --manifest: they would not be used."""
    from ..engine.errors import InputError

    used = [
        "--" + name.replace("_", "-") for name, value in given.items() if value not in (None, "") and value is not False
    ]
    if used:
        raise InputError(f"--manifest checks a split that is there: leave out {', '.join(used)}.")


def _numbers(text: str) -> tuple[float, ...] | None:
    from ..engine.errors import InputError

    try:
        return tuple(float(part) for part in text.split(",")) if text else None
    except ValueError:
        raise InputError(f"fractions are {text!r}: give three numbers, such as 0.6,0.2,0.2.") from None


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
