"""Lists of labels that were written as text: ``a|b``, ``a; b``, ``a, b``, ``['a', 'b']``, ``c("a", "b")``.

How a column is split is found from all of its values, and always told. Bars and semicolons separate wherever they are.
Signs that also stand within names separate only where most of the parts come again, alone or beside others.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from typing import Final, NamedTuple

import polars as pl

from ..errors import InputError, examples
from .labels import missing_texts

__all__ = ["LIST", "LabelLists", "label_lists", "split_labels"]

#: What separates labels wherever it is; what does where parts come again; and what must be asked for there.
_STRONG: Final = ("|", ";", "\t", "\n")
_COMMA: Final = ","
_WEAK: Final = ("/", "+", "&", "^", "~", "#", "$", "\\", " and ", " or ", " - ")
#: Lists as Python, NumPy, JSON and R print them, how they begin, and what may be such a list in another form.
_PRINTED: Final = re.compile(r"(?:c|list|set|frozenset)?\s*(?:\[.*\]|\{.*\}|\(.*\))", re.DOTALL)
_OPENING: Final = re.compile(r"(?:c|list|set|frozenset)?\s*[\[({]+")
_SEEMINGLY_PRINTED: Final = re.compile(r"[\[({]\s*['\"]")
_QUOTED: Final = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)\"""", re.DOTALL)

#: What a column of printed lists is split at.
LIST: Final = "list"
#: A label takes part in so many of the values that hold a sign that the sign is taken for a separator.
_SHARE: Final = 0.5


class LabelLists(NamedTuple):
    """A column of text as lists of labels.

    Attributes
    ----------
    lists : polars.Series of List(String)
        Distinct labels of each row; null where the row has no text.
    separator : str
        What the text was split at; ``"list"`` for printed lists, empty where no row has more than one label.
    """

    lists: pl.Series
    separator: str


def label_lists(values: pl.Series, separator: str = "", missing: Collection[str] | None = None) -> LabelLists:
    """Split a column of text into lists of distinct labels; white space, empty labels and missing ones are left out.

    Parameters
    ----------
    values : polars.Series of String
        One text a row.
    separator : str, optional
        What to split at. Default: found from the values.
    missing : collection of str, optional
        Texts that mean missing. Default: those of `labels.MISSING_TEXT`.

    Raises
    ------
    InputError
        When it is not clear what separates the labels.
    """
    gone = missing_texts() if missing is None else missing
    found = separator.replace("\\t", "\t") if separator else _separator(values, gone)
    if found == LIST and not separator:
        return LabelLists(_printed_lists(values, gone), found)
    return LabelLists(split_labels(values, found or "|", gone), found)


def split_labels(values: pl.Series, separator: str, missing: Collection[str]) -> pl.Series:
    """Split text at a separator into lists of distinct labels, white space, empty labels and missing ones left out."""
    label = pl.element().str.strip_chars()
    kept = label.filter(~label.is_in(list({"", *missing})))
    return values.str.split(separator).list.eval(kept).list.unique(maintain_order=True)


def _separator(values: pl.Series, missing: Collection[str]) -> str:
    """Find what separates the labels of a column; empty where nothing does."""
    texts = values.drop_nulls().str.strip_chars()
    distinct = texts.filter(~texts.is_in(list({"", *missing}))).unique(maintain_order=True).to_list()
    printed = [text for text in distinct if _PRINTED.fullmatch(text)]
    if printed and len(printed) == len(distinct):
        return LIST
    what = f"The column {values.name!r}"
    if odd := [text for text in distinct if _SEEMINGLY_PRINTED.search(text)]:
        raise InputError(f"{what} holds printed lists that cannot be read ({examples(odd, 3)}); write them as 'a|b'.")
    strong = [sign for sign in _STRONG if any(sign in text for text in distinct)]
    if len(strong) > 1:
        shown = [next(text for text in distinct if sign in text) for sign in strong[:2]]
        raise InputError(
            f"{what} holds {' and '.join(map(repr, strong))} ({examples(shown)}), either of which separates labels; "
            "say which with --label-separator."
        )
    if strong:
        return strong[0]
    if _come_again(distinct, _COMMA):
        return _COMMA
    for sign in _WEAK:
        if _come_again(distinct, sign):
            shown = [text for text in distinct if sign in text]
            raise InputError(
                f"{what} may hold several labels with {sign!r} between them ({examples(shown, 3)}): most of the "
                f"parts come again; split them with --label-separator {sign!r}, or keep them whole with '|'."
            )
    return ""


def _come_again(distinct: list[str], sign: str) -> bool:
    """Return whether most parts of the texts that hold a sign come again, alone or in another text."""
    split = [[part.strip() for part in text.split(sign)] for text in distinct]
    if not any(len(parts) > 1 for parts in split):
        return False
    texts_with = Counter(part for parts in split for part in set(parts))
    several = {part for parts in split if len(parts) > 1 for part in parts if part}
    again = sum(texts_with[part] > 1 for part in several)
    return bool(several) and again > _SHARE * len(several)


def _printed_lists(values: pl.Series, missing: Collection[str]) -> pl.Series:
    """Read lists as Python, NumPy, JSON and R print them; labels may be quoted or bare."""
    left_out = {"", *missing}

    def parsed(text: str | None) -> list[str] | None:
        if text is None:
            return None
        whole = text.strip()
        opened = _OPENING.match(whole)
        if opened is None:
            return []  # an empty text, or one that means missing
        begin, depth = opened.end(), sum(sign in "[({" for sign in opened[0])
        inside = whole[begin : len(whole) - depth]
        rest = {part.strip() for part in _QUOTED.sub(" ", inside).replace(",", " ").split()}
        if rest <= left_out:  # all labels are in quotes
            found = [match[1] or match[2] or "" for match in _QUOTED.finditer(inside)]
            labels = [re.sub(r"\\(.)", r"\1", label).strip() for label in found]
        else:
            labels = [part.strip() for part in inside.split(",")]
        return list(dict.fromkeys(label for label in labels if label not in left_out))

    read = {text: parsed(text) for text in values.unique().to_list()}
    return pl.Series(values.name, [read[text] for text in values.to_list()], dtype=pl.List(pl.String))
