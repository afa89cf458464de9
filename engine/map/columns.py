"""Column rules and column lists as the command line writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..errors import InputError
from ..options import options_of, unquoted
from ..tables.filters import parse_derive, parse_filter
from .active import active_columns
from .options import MapOptions

__all__ = ["RULES", "columns_of_entry", "naming_options", "parse_columns", "rules_of", "split_columns", "split_fill"]

#: The options that are pair rules.
RULES = ("pos_sameby", "pos_diffby", "neg_sameby", "neg_diffby")


def parse_columns(text: str) -> dict[str, list[str]]:
    """Read a column rule: ``"A,B"`` (all of them), ``"A,any(B,C)"`` (A, and B or C), filters among them.

    Parameters
    ----------
    text : str
        Entries separated by commas; commas inside brackets or quotes do not separate.

    Returns
    -------
    dict
        ``{"all": [...], "any": [...]}``.
    """
    entries = split_columns(text)
    rule: dict[str, list[str]] = {"all": [], "any": []}
    for entry in entries:
        if entry.startswith("any(") and entry.endswith(")"):
            rule["any"] += split_columns(entry[4:-1])
        else:
            rule["all"].append(entry)
    return rule


def split_columns(text: str) -> list[str]:
    """Split a list of columns at its commas; those inside brackets or quotes do not separate.

    A name may be in quotes or backticks, which are taken off: ``'a,b',c``.
    """
    parts, depth, quote, current = [], 0, "", ""
    for sign in text:
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"`":
            quote = sign
        elif sign in "([":
            depth += 1
        elif sign in ")]":
            depth -= 1
        if sign == "," and depth == 0 and not quote:
            parts.append(current)
            current = ""
        else:
            current += sign
    parts.append(current)
    if quote or depth:
        raise InputError(f"The column list {text!r} has an open quote or bracket.")
    return [unquoted(part.strip()) for part in parts if part.strip()]


def split_fill(text: str) -> tuple[str, str]:
    """Split ``COLUMN=VALUE`` at its first equals sign, one within backticks apart."""
    column, equals, value = text.partition("`=") if text.startswith("`") else text.partition("=")
    column = column.strip().strip("`")
    if not equals or not column or not value.strip():
        raise InputError(f"--fill {text!r} is not COLUMN=VALUE, such as Metadata_dose=0.")
    return column, value.strip()


def rules_of(options: MapOptions) -> dict[str, dict[str, list[str]]]:
    """Return the four column rules by name, see `parse_columns`."""
    return {name: parse_columns(getattr(options, name)) for name in RULES}


def columns_of_entry(entry: str) -> tuple[str, ...]:
    """Return the columns that an entry of a rule names: itself, or those of its filter."""
    return parse_filter(entry).columns if set(entry) & set("=<>!") else (entry,)


def naming_options(options: MapOptions, rules: Mapping[str, Mapping[str, list[str]]]) -> dict[str, str]:
    """Return the columns that options name, each with the flag of the first that does; not those that --derive makes.

    Parameters
    ----------
    options : MapOptions
        As `controls.expanded`.
    rules : mapping of str to mapping
        The four column rules by name, see `parse_columns`.
    """
    derived = [parse_derive(text) for text in options.derive]
    by_option: dict[str, Iterable[str]] = {
        name: [c for entry in (*rule["all"], *rule["any"]) for c in columns_of_entry(entry)]
        for name, rule in rules.items()
    }
    by_option["filter"] = [column for text in options.filter for column in parse_filter(text).columns]
    for name in ("queries", "reference_index"):
        by_option[name] = parse_filter(text).columns if (text := getattr(options, name)) else ()
    by_option["derive"] = [column for each in derived for column in each.columns]
    for name in ("group_by", "hierarchical_by", "consensus", "key"):
        by_option[name] = split_columns(getattr(options, name))
    by_option["fill"] = [split_fill(text)[0] for text in options.fill]
    by_option["multilabel"] = [options.multilabel] if options.multilabel else ()
    by_option["active_only"] = active_columns(options.active_only) if options.active_only else ()
    flags = {each.name: each.flag for each in options_of(MapOptions)}
    named: dict[str, str] = {}
    for name, columns in by_option.items():
        for column in columns:
            named.setdefault(column, flags[name])
    made = {each.name for each in derived}
    return {column: flag for column, flag in named.items() if column not in made}
