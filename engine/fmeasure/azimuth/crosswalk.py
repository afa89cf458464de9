"""The crosswalk of Azimuth labels to terms of the Cell Ontology."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import InputError, examples
from ...readers.cells import LabelColumn, read_cells
from ...tables.labels import MISSING_TEXT

__all__ = ["Crosswalk", "read_azimuth_crosswalk"]

#: The ways a term of the Cell Ontology is written: ``CL:0000084``, ``CL_0000084``, ``cl:0000084``, its address.
_CL = re.compile(r"<?(?:https?://purl\.obolibrary\.org/obo/|obo:)?CL[_:](\d+)>?", re.IGNORECASE)


@dataclass(frozen=True)
class Crosswalk:
    """Terms of the Azimuth labels.

    Attributes
    ----------
    meaning : mapping of str to (str, str)
        Azimuth label to the id of its term, and the label of its term, empty for none.
    notes : tuple of str
        Notes on what was rewritten or left out.
    source : dict
        See `CellTable`.
    """

    meaning: Mapping[str, tuple[str, str]]
    notes: tuple[str, ...]
    source: dict[str, Any]


def _texts(column: LabelColumn) -> list[str]:
    """Return the values of a small column; missing values, and strings that stand for them, are empty."""
    values = [value.strip() for value in column.values]
    values = [*("" if value in MISSING_TEXT else value for value in values), ""]  # the last one serves code -1
    return [values[code] for code in column.codes]


def read_azimuth_crosswalk(path: str, azimuth_column: str, id_column: str, label_column: str = "") -> Crosswalk:
    """Read a crosswalk.

    Parameters
    ----------
    path : str
        CSV or TSV file, or any other that `read_cells` reads.
    azimuth_column, id_column, label_column : str
        Columns of the Azimuth labels, of the ids and (empty for none) of the labels of terms. White space around
        labels is taken off; the ways of writing an id of the Cell Ontology become one (``CL:0000084``); rows without
        an Azimuth label are left out.

    Returns
    -------
    Crosswalk

    Raises
    ------
    InputError
        A column that is not there, a label without an id, or one with two ids or labels of its term.
    """
    read = read_cells(path, [id_column, *filter(None, [label_column])], ids=azimuth_column, missing_text=())
    given = read.ids.fill_null("").to_list()
    labels = [label.strip() for label in given]
    written = _texts(read.columns[id_column])
    ids = [f"CL:{match[1]}" if (match := _CL.fullmatch(text)) else text for text in written]
    names = _texts(read.columns[label_column]) if label_column else [""] * len(ids)
    rows = list(zip(labels, ids, names, strict=True))
    without = [label for label, identifier, _ in rows if label and not identifier]
    if without:
        raise InputError(
            f"The crosswalk {path} has no {id_column!r} for {len(without)} labels ({examples(without)}); give each an "
            "id, or leave its row out."
        )
    meanings: dict[str, dict[str, tuple[str, str]]] = {}
    for label, identifier, name in rows:
        if label:
            meanings.setdefault(label, {})[f"{identifier} {name}".strip()] = (identifier, name)
    twice = [f"{label}: {' or '.join(several)}" for label, several in meanings.items() if len(several) > 1]
    if twice:
        raise InputError(
            f"The crosswalk {path} gives {len(twice)} labels two meanings ({examples(twice)}); keep one row for each."
        )
    changed = [f"{old} to {new}" for old, new in dict.fromkeys(zip(written, ids, strict=True)) if old != new]
    n_trimmed = sum(old != new for old, new in zip(given, labels, strict=True))
    notes = []
    if changed:
        notes.append(f"{path}: {len(changed)} ids were rewritten ({examples(changed, 3)}).")
    if n_trimmed:
        notes.append(f"{path}: White space was taken off {n_trimmed} labels.")
    if "" in labels:
        notes.append(f"{path}: {labels.count('')} rows without a label were left out.")
    meaning = {label: next(iter(only.values())) for label, only in meanings.items()}
    return Crosswalk(meaning, tuple(notes), read.source)
