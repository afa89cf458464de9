"""Labels as people and programs write them: text that means missing, spellings of one label, lists of labels in text.

Every command keeps the same rules, because all of them ask here.

missing     the texts of `MISSING_TEXT`, without the white space around them; ``--missing-text`` gives others
equal       numbers (``3`` and ``3.0``) and booleans (``True``, ``TRUE``, ``true``), unless one column tells them apart
            (``1.1`` and ``1.10``, which are names then)
one label   texts that differ only by space, case or Unicode form, where labels of two sources are compared; always told
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

import polars as pl

from ..errors import examples

__all__ = [
    "DEFAULT",
    "MISSING_TEXT",
    "Spellings",
    "by_plain_form",
    "is_missing_text",
    "loose_form",
    "missing_texts",
    "plain_form",
    "plain_forms",
    "seemingly_missing",
    "seemingly_uncalled",
    "singular_form",
    "unify_spellings",
]

#: What ``pandas.read_csv`` reads as missing, and what R, Julia and databases write: the one list of all commands.
MISSING_TEXT: Final = (
    "NA",
    "N/A",
    "n/a",
    "#N/A",
    "#N/A N/A",
    "#NA",
    "<NA>",
    "NaN",
    "nan",
    "-NaN",
    "-nan",
    "NaT",
    "None",
    "NULL",
    "null",
    "1.#IND",
    "-1.#IND",
    "1.#QNAN",
    "-1.#QNAN",
)
#: The word that stands for `MISSING_TEXT` among the texts that a user gives.
DEFAULT: Final = "default"
#: What may have been meant as missing, in small letters, but counts as a label.
_SEEMINGLY: Final = frozenset({"na", "n/a", "nan", "none", "null", "nil", "-", "--", ".", "?", "#n/a", "<na>", "n.a."})

#: What tools call cells that they leave uncalled, as `loose_form` has it.
_UNCALLED: Final = frozenset(
    ("unknown", "unassigned", "unclassified", "undetermined", "undefined", "ambiguous", "notassigned", "nocall")
)

#: The s of a plural, not of words such as ``plus`` or ``mass``.
_PLURAL: Final = re.compile(r"(?<=[^\W\d_][^\W\d_su])s(?![^\W_])")
_NUMBER: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d*)?(e[+-]\d{1,3})?")
#: Characters that are written in several ways and read as one: dashes, quotes; what has no width is taken out.
_ALIKE: Final = {
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"), "-"),
    **dict.fromkeys(map(ord, "\u2018\u2019\u02bc\u2032"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u2033"), '"'),
    **dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"), None),
}


def missing_texts(given: Sequence[str] = (DEFAULT,)) -> frozenset[str]:
    """Return the texts that mean missing; the empty text always does.

    Parameters
    ----------
    given : sequence of str
        The texts; ``"default"`` among them stands for `MISSING_TEXT`.
    """
    named = {text.strip() for text in given}
    return frozenset({"", *(named - {DEFAULT}), *(MISSING_TEXT if DEFAULT in named else ())})


def is_missing_text(values: pl.Series, missing: Collection[str]) -> pl.Series:
    """Return which texts mean missing, white space around them apart; null where the value is null."""
    return values.str.strip_chars().is_in(list(missing))


def seemingly_uncalled(values: Sequence[str]) -> list[str]:
    """Return the labels by which tools say that they made no call, sorted."""
    return sorted(value for value in values if loose_form(value) in _UNCALLED)


def seemingly_missing(values: Sequence[str]) -> list[str]:
    """Return the labels that were perhaps meant as missing, sorted."""
    return sorted(value for value in values if value.strip().lower() in _SEEMINGLY)


# --- spellings of one label ---


def plain_form(value: str) -> str:
    """Bring a text to one form of space, case and Unicode (NFKC; dashes and quotes are one of each)."""
    if value.isascii():
        return " ".join(value.lower().split())
    return " ".join(unicodedata.normalize("NFKC", value.translate(_ALIKE)).translate(_ALIKE).casefold().split())


def plain_forms(values: list[str]) -> list[str]:
    """Bring texts to one form of space, case and Unicode, see `plain_form`."""
    together = "\n".join(values)
    if together.isascii() and len(together.split()) == len(values):  # one word each: all at once
        return together.lower().split()
    return [plain_form(value) for value in values]


def loose_form(value: str) -> str:
    """Return letters and digits alone, in small letters, which ``NK.cell`` and ``NK cell`` have in common."""
    return "".join(sign for sign in plain_form(value) if sign.isalnum() or sign == "+")


def singular_form(value: str) -> str:
    """Return `loose_form` of a label whose words lost the s of their plural, which ``T cells`` and ``T cell`` share."""
    return loose_form(_PLURAL.sub("", plain_form(value)))


def _number(value: str) -> Decimal | None:
    """Return the number that a text is, as a program writes it (so ``03``, ``+3`` and ``1E5`` are names)."""
    form = plain_form(value)
    return Decimal(form) if _NUMBER.fullmatch(form) else None


class Spellings(NamedTuple):
    """The spelling that stands for each label that is written in several ways.

    Attributes
    ----------
    chosen : dict of str to str
        Label to the spelling that stands for it; labels that stand for themselves are not in it.
    numbers, texts : dict of str to list of str
        Spelling that was chosen to all of its spellings: of numbers and booleans, and of texts that differ by space,
        case or Unicode form.
    apart : list of str
        Spellings of one number that one vocabulary tells apart, so that its numbers are names.
    """

    chosen: dict[str, str]
    numbers: dict[str, list[str]]
    texts: dict[str, list[str]]
    apart: list[str]

    def sentences(self) -> list[str]:
        """Return what deserves to be known, a sentence each."""
        found = []
        for groups, what in (
            (self.numbers, "numbers or booleans"),
            (self.texts, "labels that differ only by space, case or Unicode form"),
        ):
            if groups:
                shown = "; ".join(" and ".join(map(repr, group)) for group in list(groups.values())[:3])
                more = f"; and {len(groups) - 3} more" if len(groups) > 3 else ""
                found.append(f"{len(groups)} {what} are written in several ways and count as one each: {shown}{more}.")
        if self.apart:
            found.append(
                f"One column has {examples(self.apart, 4)}, so numbers are taken for names here, and are equal only if "
                "they are written alike."
            )
        return found


def unify_spellings(vocabularies: Sequence[Sequence[str]]) -> Spellings:
    """Find labels that are written in several ways, within a vocabulary and across them.

    Parameters
    ----------
    vocabularies : sequence of sequence of str
        Distinct labels of each source. The spelling of the first source that has a label stands for it.

    Returns
    -------
    Spellings
        Numbers of equal value are one label, unless one vocabulary has two spellings of one number. Texts that differ
        only by space, case or Unicode form are one label, and so are booleans.
    """
    apart = _told_apart(vocabularies)
    groups: dict[tuple[str, object], dict[str, None]] = {}
    for values in vocabularies:
        for value in values:
            number = None if apart else _number(value)
            key = ("number", number) if number is not None else ("text", plain_form(value))
            groups.setdefault(key, {})[value] = None
    several = [(key, list(group)) for key, group in groups.items() if len(group) > 1]
    numbers: dict[str, list[str]] = {}
    texts: dict[str, list[str]] = {}
    for (kind, form), group in several:
        (numbers if kind == "number" or form in ("true", "false") else texts)[group[0]] = group
    chosen = {value: group[0] for _, group in several for value in group[1:]}
    return Spellings(chosen, numbers, texts, apart)


def _told_apart(vocabularies: Sequence[Sequence[str]]) -> list[str]:
    """Return two spellings of one number that stand in one vocabulary; empty where there are none."""
    for values in vocabularies:
        first: dict[Decimal, str] = {}
        for value in values:
            number = _number(value)
            if number is not None and plain_form(first.setdefault(number, value)) != plain_form(value):
                return [first[number], value]
    return []


def by_plain_form(labels: Mapping[str, int]) -> dict[str, int]:
    """Return positions of labels by their plain form, those alone that are of one label."""
    found: dict[str, set[int]] = {}
    for label, position in labels.items():
        found.setdefault(plain_form(label), set()).add(position)
    return {form: next(iter(positions)) for form, positions in found.items() if len(positions) == 1}
