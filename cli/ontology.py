"""``fastbench ontology``: releases of ontologies fetched, described, and their terms shown."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import typer

from ..engine.fmeasure.ontology.options import PACKAGED, FetchOptions, InfoOptions, ShowOptions
from .console import print_json, show_table
from .declared import parameter, with_options

if TYPE_CHECKING:
    from ..engine.fmeasure.ontology.terms import TermAccount

__all__ = ["app"]

_JSON = parameter("as_json", bool, False, typer.Option("--json", help="Print JSON for machines."))
#: Roots, prefixes and children that are shown.
_SHOWN = 12
_WIDTH = 100


def _fetch(ctx: typer.Context, options_given: Callable[[], FetchOptions], as_json: bool) -> None:
    from ..engine.fmeasure.ontology.fetch import fetch
    from ..engine.fmeasure.ontology.known import KNOWN
    from ..engine.fmeasure.ontology.ontology import ROOT
    from ..engine.results.progress import Silent, Terminal

    options = options_given()
    reporter = Silent() if as_json else Terminal("fastbench", lines=False)
    with reporter.stage("fetching") as advance:
        found = fetch(options, advance)
    record = found.record
    called = str(options.output) if options.output else f"{record['name']}@{record['release']}"
    if as_json:
        print_json({"ontology": called, "path": str(found.path), "new": found.is_new, **record})
        return
    root = KNOWN[options.name].root if options.name in KNOWN else ROOT
    size = f"{record['bytes'] / 1e6:,.1f} MB"
    typer.echo(f"{called}: {size}, {'fetched and checked' if found.is_new else 'here already'}")
    typer.echo(f"from: {record['url']}")
    typer.echo(f"sha256: {record['sha256']}")
    if record.get("licence"):
        typer.echo(f"licence: {record['licence']}")
    typer.echo(f"file: {found.path}")
    typer.echo(f"next: fastbench fmeasure ... --ontology {called}" + (f" --root {root}" if root != ROOT else ""))


def _info(ctx: typer.Context, options_given: Callable[[], InfoOptions], as_json: bool) -> None:
    from ..engine.fmeasure.ontology.describe import describe_ontology, list_ontologies

    options = options_given()
    if options.ontology is None:
        found = list_ontologies()
        print_json({"ontologies": found}) if as_json else _show_list(found)
        return
    about = describe_ontology(options)
    print_json(about) if as_json else _show_info(about)


def _show_list(found: list[dict[str, Any]]) -> None:
    import polars as pl

    from ..engine.fmeasure.ontology.kept import cache_folder
    from ..engine.fmeasure.ontology.known import KNOWN

    rows = [
        {
            "ontology": each["ontology"],
            "release": each["release"],
            "megabytes": each["bytes"] / 1e6,
            "sha256": each["sha256"][:12],
            "fetched": (each["fetched"] or "")[:10],
            "source": each["source"],
        }
        for each in found
    ]
    show_table(pl.DataFrame(rows), "Ontologies for --ontology")
    typer.echo(f"kept in: {cache_folder()}")
    typer.echo("to fetch: " + ", ".join(f"{name} ({each.about})" for name, each in KNOWN.items()))


def _line(key: str, value: object) -> None:
    typer.echo(f"{key:14} {value}")


def _cut(shown: list[str]) -> str:
    rest = len(shown) - _SHOWN
    return ", ".join(shown[:_SHOWN]) + (f" and {rest:,} more" if rest > 0 else "")


def _show_info(about: Mapping[str, Any]) -> None:
    scored = about["scored"]
    _line("ontology", about["ontology"])
    _line("release", about["release"] or "not said in the file")
    if about["data_version"]:
        _line("data version", about["data_version"])
    _line("terms", f"{about['terms']:,} ({_cut([f'{name} {n:,}' for name, n in about['prefixes'].items()])})")
    _line("obsolete", f"{about['obsolete_terms']:,} terms")
    _line("relations", ", ".join(f"{name} {count:,}" for name, count in about["relations"].items()))
    _line("roots", _cut([f"{term} {name}" for term, name in about["roots"].items()]) or "none")
    if about["alone"]:
        _line("alone", f"{about['alone']:,} terms with neither parents nor children")
    _line("depth", "none: its edges run in a circle" if about["depth"] is None else f"{about['depth']} edges")
    if scored:
        _line("in fmeasure", f"{scored['terms']:,} terms at or below {scored['root']}, by is_a")
        _line("fingerprint", scored["fingerprint"])
    else:
        _line("in fmeasure", "give its root (--root) to see how many terms are at or below it")
    _line("format", f"{about['format']}, {about['bytes'] / 1e6:,.2f} MB")
    _line("file", about["path"])
    _line("sha256", about["sha256"])
    if about["source"]:
        _line("source", about["source"])


def _show(ctx: typer.Context, options_given: Callable[[], ShowOptions], as_json: bool) -> None:
    from ..engine.fmeasure.ontology.terms import describe_term

    options = options_given()
    found = describe_term(options)
    print_json(_as_json(found, options)) if as_json else _show_term(found, options)


def _as_json(found: TermAccount, options: ShowOptions) -> dict[str, Any]:
    return {
        "id": found.term,
        "name": found.name,
        "ontology": options.ontology,
        "found_by": found.found_by or None,
        "obsolete": found.obsolete,
        "replaced_by": found.replaced_by,
        "definition": found.text.definition or None,
        "synonyms": [{"synonym": each.text, "scope": each.scope} for each in found.text.synonyms],
        "relations": list(options.relations),
        "parents": found.parents,
        "ancestors": found.ancestors,
        "children": found.children,
        "descendants": found.n_descendants,
    }


def _show_term(found: TermAccount, options: ShowOptions) -> None:
    by = " and ".join(options.relations)
    _line("id", found.term)
    _line("name", found.name)
    if found.found_by:
        _line("found by", f"{found.found_by} {options.term!r}")
    if found.obsolete:
        now = ", ".join(f"{term} {name}" for term, name in found.replaced_by.items())
        _line("obsolete", f"replaced by {now}" if now else "yes, without a replacement")
    if found.text.definition:
        _line("definition", textwrap.fill(found.text.definition, _WIDTH, subsequent_indent=" " * 15))
    if found.text.synonyms:
        words = [each.text if each.scope == "exact" else f"{each.text} ({each.scope})" for each in found.text.synonyms]
        _line("synonyms", textwrap.fill("; ".join(words), _WIDTH, subsequent_indent=" " * 15))
    for relation, parents in found.parents.items():
        _line(relation, "; ".join(f"{term} {name}" for term, name in parents.items()))
    _line("ancestors", f"{len(found.ancestors):,} by {by}")
    if found.ancestors:
        for each in found.tree:
            again = " (see above)" if each.again else ""
            mark = " <-" if each.term == found.term else again
            typer.echo(f"  {'  ' * each.depth}{each.term} {each.name}{mark}")
    _line("children", f"{len(found.children):,} by {by}")
    for term, name in list(found.children.items())[:_SHOWN]:
        typer.echo(f"  {term} {name}")
    if len(found.children) > _SHOWN:
        typer.echo(f"  and {len(found.children) - _SHOWN:,} more (--json)")
    _line("descendants", f"{found.n_descendants:,}")


app = typer.Typer(
    help="Releases of the Cell Ontology and others: fetch them, describe them, show their terms. What was fetched is "
    f"called NAME@RELEASE wherever --ontology is asked for, or NAME for the newest that is kept; {PACKAGED} is there "
    "without fetching.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
app.command("fetch")(
    with_options(
        FetchOptions,
        _fetch,
        "Fetch a release of an ontology, check it, and keep it for --ontology NAME[@RELEASE].",
        [_JSON],
    )
)
app.command("info")(
    with_options(InfoOptions, _info, "Describe an ontology: release, terms, relations, roots, depth, digest.", [_JSON])
)
app.command("show")(
    with_options(ShowOptions, _show, "Show a term: definition, synonyms, ancestors as a tree, children.", [_JSON])
)
