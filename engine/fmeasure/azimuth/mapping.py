"""Azimuth labels become terms of the ontology, by distinct labels and not by cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from ...errors import InputError, examples
from ...readers.cells import CellTable
from ...tables.labels import MISSING_TEXT
from ..ontology.ontology import ROOT, Ontology
from .crosswalk import Crosswalk
from .options import AzimuthOptions

__all__ = ["LabelMapping", "Level", "map_level", "mapping_notes", "refuse_unmapped"]


@dataclass(frozen=True)
class Call:
    """The term that one label became.

    Attributes
    ----------
    kind : {"mapped", "unmapped", "outside", "missing"}
        As in `AzimuthCalls.levels`.
    identifier : str or None
        Id of the crosswalk; None where it has none.
    label, name : str or None
        Label and name in ``inferred_labels.csv``.
    term : int
        Position in `Ontology.terms`; -1 for none.
    """

    kind: str
    identifier: str | None
    label: str | None
    name: str | None
    term: int


class LabelMapping:
    """Maps Azimuth labels to calls; remembers which ids were replaced and which labels of terms differ."""

    def __init__(self, options: AzimuthOptions, crosswalk: Crosswalk, ontology: Ontology | None) -> None:
        self.options, self.crosswalk, self.ontology = options, crosswalk, ontology
        self._position = {term: i for i, term in enumerate(ontology.terms)} if ontology else {}
        self._names = ontology.names if ontology else {}
        self.replaced: dict[str, str] = {}
        self.other_names: dict[str, str] = {}

    def call(self, text: str) -> Call:
        """Map a label, without white space around it; the empty text is a missing one."""
        identifier, label = self.crosswalk.meaning.get(text, (None, ""))
        if identifier is None:
            kind = "missing" if text in ("", *MISSING_TEXT) else "unmapped"
        else:
            if self.ontology and identifier in self.ontology.replaced:
                newer = self.ontology.replaced[identifier]
                self.replaced[f"{identifier} by {newer}"] = identifier = newer
            kind = "mapped" if not self.ontology or identifier in self._position else "outside"
        policy = self.options.unmapped
        if kind == "mapped" or (kind == "outside" and policy == "unknown"):
            assert identifier is not None
            own = self._names.get(identifier, "")
            if label and own and label.casefold() != own.casefold():
                self.other_names[identifier] = f"{identifier}: {label}, not {own}"
            shown = (label or own or text) if self.options.crosswalk_cl_label_col else text
            return Call(kind, identifier, shown, identifier, self._position.get(identifier, -1))
        if policy == "root":
            root = self.ontology.root if self.ontology else ROOT
            return Call(kind, identifier, self._names.get(root, root), root, self._position.get(root, -1))
        word = "unknown" if policy == "unknown" and kind == "unmapped" else None
        return Call(kind, identifier, word, word, -1)


class LostLabel(NamedTuple):
    """A label that is no term: its id in the crosswalk (None where it has none), and its cells."""

    label: str
    identifier: str | None
    cells: int


@dataclass(frozen=True)
class Level:
    """One level of calls, in the order of the cells.

    Attributes
    ----------
    name : str
        Column of the labels.
    columns : dict of str to polars.Series
        `label`, `name` and `score` of each cell.
    terms : ndarray of int32, shape (n,)
        Position of each call in `Ontology.terms`; -1 for none.
    scores : ndarray of float64, shape (n,)
        NaN where missing.
    lost : list of LostLabel
        Labels that are no terms, the most frequent first.
    counts : dict
        Its row of `AzimuthCalls.levels`, but for the rank.
    trimmed : int
        Cells whose label had white space around it.
    odd_scores : int
        Scores outside 0 to 1.
    """

    name: str
    columns: dict[str, pl.Series]
    terms: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float64]
    lost: list[LostLabel]
    counts: dict[str, Any]
    trimmed: int
    odd_scores: int


def map_level(
    found: CellTable, column: str, score_column: str, rows: npt.NDArray[np.int64], mapping: LabelMapping
) -> Level:
    """Map the calls of one level.

    Parameters
    ----------
    found : CellTable
        The Azimuth file.
    column, score_column : str
        Its columns of labels and scores.
    rows : ndarray of int64, shape (n,)
        Row of the Azimuth file of each cell.
    mapping : LabelMapping
        Labels to terms.

    Raises
    ------
    InputError
        A score is infinite.
    """
    scores = found.scores[score_column][rows]
    if np.isinf(scores).any():
        raise InputError(
            f"{mapping.options.azimuth_csv}: Column {score_column!r} holds {np.isinf(scores).sum()} infinite scores; "
            "leave them empty."
        )
    some = scores[~np.isnan(scores)]
    codes = found.columns[column].codes[rows].astype(np.int64)
    given = [*found.columns[column].values, ""]
    codes[codes < 0] = len(given) - 1
    cells = np.bincount(codes, minlength=len(given)).tolist()
    used = [i for i in range(len(given)) if cells[i]]  # not those of rows that were left out
    texts = [value.strip() for value in given]
    calls = {text: mapping.call(text) for text in dict.fromkeys(texts[i] for i in used)}
    each = [calls.get(text, Call("", None, None, None, -1)) for text in texts]
    of_text = dict.fromkeys(calls, 0)
    for i in used:
        of_text[texts[i]] += cells[i]
    kinds = {
        kind: sum(of_text[text] for text, call in calls.items() if call.kind == kind)
        for kind in ("mapped", "unmapped", "outside", "missing")
    }
    lost = [
        LostLabel(text, call.identifier, of_text[text])
        for text, call in calls.items()
        if call.kind in ("unmapped", "outside")
    ]
    return Level(
        name=column,
        columns={
            "label": pl.Series([call.label for call in each], dtype=pl.String).gather(codes),
            "name": pl.Series([call.name for call in each], dtype=pl.String).gather(codes),
            "score": pl.Series(scores, nan_to_null=True),
        },
        terms=np.array([call.term for call in each], np.int32)[codes],
        scores=scores,
        lost=sorted(lost, key=lambda each: (-each.cells, each.label)),
        counts={
            "level": column,
            "score": score_column,
            "labels": sum(call.kind != "missing" for call in calls.values()),
            "terms": len({call.name for call in calls.values() if call.kind == "mapped"}),
            **kinds,
            "mean_score": float(some.mean()) if len(some) else None,
            "without_score": len(scores) - len(some),
        },
        trimmed=sum(cells[i] for i in used if texts[i] != given[i]),
        odd_scores=int(((some < -1e-9) | (some > 1 + 1e-9)).sum()),
    )


def _problems(level: Level, crosswalk: str) -> list[str]:
    """Return clauses on the calls of a level that are no terms."""
    problems = []
    for kind, words in (
        ("unmapped", f"that {crosswalk} does not have"),
        ("outside", "with an id that the ontology lacks"),
    ):
        some = [each for each in level.lost if (each.identifier is not None) == (kind == "outside")]
        if some:
            shown = [f"{each.label}: {each.identifier}" if each.identifier else each.label for each in some]
            problems.append(
                f"{level.name} has {len(some)} labels {words}, in {level.counts[kind]} cells ({examples(shown)})"
            )
    if level.counts["missing"]:
        problems.append(f"{level.name} has no label in {level.counts['missing']} cells")
    return problems


def refuse_unmapped(levels: Sequence[Level], options: AzimuthOptions) -> None:
    """Refuse calls that are no terms where that was asked for, and files that do not go together in any case."""
    problems = [problem for level in levels for problem in _problems(level, options.crosswalk_csv)]
    if not any(level.counts["mapped"] for level in levels):
        raise InputError(
            f"No call of {options.azimuth_csv} becomes a term: {'; '.join(problems)}. Name the right crosswalk, its "
            f"right columns (now {options.crosswalk_azimuth_col!r} and {options.crosswalk_cl_id_col!r}), or the right "
            "ontology."
        )
    if problems and options.unmapped == "error":
        raise InputError(
            f"{options.azimuth_csv}: {'; '.join(problems)}. Mend the crosswalk, or let them become something with "
            "--unmapped unknown, empty or root."
        )


def mapping_notes(levels: Sequence[Level], mapping: LabelMapping) -> list[str]:
    """Return notes on what was noticed while labels were mapped."""
    options = mapping.options
    notes = [f"{problem}." for level in levels for problem in _problems(level, options.crosswalk_csv)]
    for level in levels:
        if level.trimmed:
            notes.append(f"{level.name}: White space was taken off the labels of {level.trimmed} cells.")
        if level.counts["without_score"]:
            notes.append(f"{level.counts['score']}: {level.counts['without_score']} cells have no score.")
        if level.odd_scores:
            notes.append(f"{level.counts['score']}: {level.odd_scores} scores lie outside 0 to 1.")
    if mapping.replaced:
        notes.append(
            f"{len(mapping.replaced)} ids were replaced as the ontology says ({examples(mapping.replaced, 3)})."
        )
    if mapping.other_names:
        notes.append(
            f"{options.crosswalk_csv}: The labels of {len(mapping.other_names)} terms are not those of the ontology "
            f"({examples(mapping.other_names.values(), 3)})."
        )
    return notes
