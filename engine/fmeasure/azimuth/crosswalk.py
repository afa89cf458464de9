"""The crosswalk of Azimuth labels to terms of the Cell Ontology."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import InputError, examples
from ...readers.cells import LabelColumn, read_cells
from ...tables.labels import MISSING_TEXT
from .options import AzimuthOptions

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


def read_azimuth_crosswalk(options: AzimuthOptions) -> Crosswalk:
    """Read a crosswalk.

    Parameters
    ----------
    options : AzimuthOptions
        Its file, columns and rules. White space around labels is taken off; by default, the ways of writing an id of
        the Cell Ontology become one (``CL:0000084``); rows without an Azimuth label are left out.

    Returns
    -------
    Crosswalk

    Raises
    ------
    InputError
        A column that is not there; unless the options allow them, a label without an id, or one with two ids or labels
        of its term.
    """
    path, id_column, label_column = options.crosswalk_csv, options.crosswalk_cl_id_col, options.crosswalk_cl_label_col
    columns = [id_column, *filter(None, [label_column])]
    read = read_cells(path, columns, ids=options.crosswalk_azimuth_col, missing_text=())
    given = read.ids.fill_null("").to_list()
    labels = [label.strip() for label in given]
    written = _texts(read.columns[id_column])
    ids, notes = _ids(written, options)
    names = _texts(read.columns[label_column]) if label_column else [""] * len(ids)
    rows = [row for row in zip(labels, ids, names, strict=True) if row[0]]
    without = [label for label, identifier, _ in rows if not identifier]
    if without:
        if options.crosswalk_empty_id == "error":
            raise InputError(
                f"The crosswalk {path} has no {id_column!r} for {len(without)} labels ({examples(without)}); give each "
                "an id, leave its row out, or pass --crosswalk-empty-id leave-out or nan."
            )
        leaves_out = options.crosswalk_empty_id == "leave-out"
        became = "were left out" if leaves_out else "got the text 'nan'"
        notes.append(f"{path}: {len(without)} rows without an id {became} ({examples(without)}).")
        rows = [(label, identifier or "nan", name) for label, identifier, name in rows if identifier or not leaves_out]
    meanings: dict[str, dict[str, tuple[str, str]]] = {}
    for label, identifier, name in rows:
        meanings.setdefault(label, {})[f"{identifier} {name}".strip()] = (identifier, name)
    twice = [f"{label}: {' or '.join(several)}" for label, several in meanings.items() if len(several) > 1]
    if twice:
        if options.crosswalk_duplicates == "error":
            raise InputError(
                f"The crosswalk {path} gives {len(twice)} labels two meanings ({examples(twice)}); keep one row for "
                "each, or take the last with --crosswalk-duplicates last."
            )
        notes.append(f"{path}: {len(twice)} labels have two meanings, of which the last counts ({examples(twice)}).")
    n_trimmed = sum(old != new for old, new in zip(given, labels, strict=True))
    if n_trimmed:
        notes.append(f"{path}: White space was taken off {n_trimmed} labels.")
    if "" in labels:
        notes.append(f"{path}: {labels.count('')} rows without a label were left out.")
    meaning = {label: (identifier, name) for label, identifier, name in rows}
    return Crosswalk(meaning, tuple(notes), read.source)


def _ids(written: Sequence[str], options: AzimuthOptions) -> tuple[list[str], list[str]]:
    """Return ids in one form, or as they are written, and a note on those that are not of that form."""
    ids = [f"CL:{match[1]}" if (match := _CL.fullmatch(text)) else text for text in written]
    pairs = [(old, new) for old, new in dict.fromkeys(zip(written, ids, strict=True)) if old != new]
    if not pairs:
        return ids, []
    if options.crosswalk_id_form == "as-written":
        shown = examples([old for old, _ in pairs], 3)
        return list(written), [f"{options.crosswalk_csv}: {len(pairs)} ids are taken as written ({shown})."]
    changed = [f"{old} to {new}" for old, new in pairs]
    return ids, [f"{options.crosswalk_csv}: {len(changed)} ids were rewritten ({examples(changed, 3)})."]
