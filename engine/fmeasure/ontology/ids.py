"""The ways to write an id of an ontology: ``CL:0000084``, ``CL_0000084``, ``obo:CL_0000084``, its address."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Final

__all__ = ["find_id", "is_id", "short_id"]

_PURL: Final = re.compile(r"https?://purl\.obolibrary\.org/obo/([A-Za-z][A-Za-z0-9]*)_(\S+)")
_ID: Final = re.compile(r"<?(?:https?://purl\.obolibrary\.org/obo/|obo:)?([A-Za-z]+)[_:](\d+)>?")


def short_id(identifier: str) -> str:
    """Turn the address of a term into its id; leave any other text as it is."""
    found = _PURL.fullmatch(identifier)
    return f"{found[1]}:{found[2]}" if found else identifier


def is_id(text: str) -> bool:
    """Return whether a text is written as an id is, with at least five digits, whether there is such a term or not."""
    found = _ID.fullmatch(text)
    return found is not None and len(found[2]) > 4  # level_2 and author_2023 are names of columns


def find_id(text: str, known: Container[str]) -> str | None:
    """Return the known id that a text is, in whatever way it is written; None where it is none.

    Parameters
    ----------
    text : str
        As a user or a file has it; a prefix in small letters is that in capitals.
    known : container of str
        Ids, such as ``CL:0000084``.
    """
    if text in known:
        return text
    ids = [short_id(text)]
    if found := _ID.fullmatch(text):
        ids += [f"{found[1]}:{found[2]}", f"{found[1].upper()}:{found[2]}"]
    return next((each for each in ids if each in known), None)
