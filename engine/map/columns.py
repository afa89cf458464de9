"""Column rules and column lists as the command line writes them."""

from __future__ import annotations

from ..errors import InputError

__all__ = ["parse_columns", "split_columns"]


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
    """Split a list of columns at its commas; those inside brackets or quotes do not separate."""
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
    return [part.strip() for part in parts if part.strip()]
