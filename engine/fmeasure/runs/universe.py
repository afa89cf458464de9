"""The labels that count in a run: those of an ontology, or those that truth and predictions have."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np

from ...errors import InputError, counted, examples
from ...readers.cells import LabelColumn
from ...tables.labels import (
    by_plain_form,
    loose_form,
    plain_form,
    seemingly_missing,
    seemingly_uncalled,
    singular_form,
    unify_spellings,
)
from ..ontology.ids import find_id
from ..ontology.ontology import Ontology

__all__ = ["Universe", "mapped_labels", "match_of", "notes_on_vocabularies", "universe_of"]

_IS_ID: Final = re.compile(r"[A-Za-z]+[:_]\d{4,}")
#: Labels that a message shows of each side.
_SHOWN: Final = 6


@dataclass(frozen=True)
class Universe:
    """The labels that count, in order, and the ontology they come from.

    Attributes
    ----------
    labels : tuple of str
        The labels.
    ontology : Ontology or None
        Their ontology.
    spellings : mapping of str to str
        Without an ontology: labels that are written in another way, to the label that they are.
    """

    labels: tuple[str, ...]
    ontology: Ontology | None
    spellings: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def index(self) -> dict[str, int]:
        """Position of each label."""
        return {label: i for i, label in enumerate(self.labels)}

    @cached_property
    def by_name(self) -> dict[str, int]:
        """Position of each label by its human-readable name; a name that two labels share is refused."""
        names: dict[str, int] = {}
        assert self.ontology is not None
        for label, i in self.index.items():
            name = self.ontology.names.get(label, label)
            if name in names:
                raise InputError(
                    f"{self.ontology.source}: The labels {self.labels[names[name]]} and {label} share the name "
                    f"{name!r}, so names cannot be matched; use ids."
                )
            names[name] = i
        return names

    @cached_property
    def by_own_name(self) -> dict[str, int]:
        """Position of each label by its name, those apart that share theirs."""
        names: dict[str, list[int]] = {}
        for label, i in self.index.items():
            names.setdefault(self.ontology.names.get(label, label) if self.ontology else label, []).append(i)
        return {name: places[0] for name, places in names.items() if len(places) == 1}

    def _known(self, match: str) -> tuple[Mapping[str, int], ...]:
        if self.ontology is None or match == "id":
            return (self.index,)
        return (self.by_name,) if match == "name" else (self.index, self.by_own_name)

    @cached_property
    def _plain(self) -> dict[str, dict[str, int]]:
        return {}

    def find(self, label: str, match: str) -> int | None:
        """Return the position of a label that is written as here; None where there is none.

        Parameters
        ----------
        label : str
            An id or a name.
        match : {"id", "name", "any"}
            Which of them it is.
        """
        label = self.spellings.get(label, label)
        return next((known[label] for known in self._known(match) if label in known), None)

    def find_respelled(self, label: str, match: str) -> int | None:
        """Return the position of a label that is written in another way: space, case, Unicode form, ``CL_0000084``."""
        if self.ontology is None:
            return None
        same = find_id(label.strip(), self.index) if match != "name" else None
        if same is not None:
            return self.index[same]
        if match not in self._plain:
            self._plain[match] = by_plain_form(
                {k: v for known in reversed(self._known(match)) for k, v in known.items()}
            )
        return self._plain[match].get(plain_form(label))

    def knows(self, label: str, match: str) -> bool:
        """Return whether a label is one of the universe, however it is written; `match` as in `find`, or ``"auto"``."""
        match = "any" if match == "auto" else match
        return self.find(label, match) is not None or self.find_respelled(label, match) is not None

    def shown(self, code: int) -> str:
        """Return a label as messages show it, with its name."""
        label = self.labels[code]
        name = self.ontology.names.get(label, label) if self.ontology else label
        return label if name == label else f"{label} {name}"

    @property
    def none(self) -> int:
        """The code of "no prediction"."""
        return len(self.labels)

    @property
    def root(self) -> int | None:
        """Position of the root, if it is a label."""
        return self.index.get(self.ontology.root) if self.ontology else None


def mapped_labels(values: Sequence[str], crosswalk: Mapping[str, str]) -> list[str]:
    """Replace labels by a crosswalk, in which they may be written in another way (space, case, number)."""
    if not crosswalk:
        return list(values)
    same = unify_spellings([tuple(crosswalk), tuple(value for value in values if value not in crosswalk)]).chosen
    return [crosswalk.get(value, crosswalk.get(same.get(value, value), value)) for value in values]


def _replaced(values: Sequence[str], crosswalk: Mapping[str, str]) -> set[str]:
    """Return the labels that a crosswalk has, in whatever spelling, be it that it leaves them as they are."""
    marked = mapped_labels(values, dict.fromkeys(crosswalk, ""))
    return {value for value, label in zip(values, marked, strict=True) if not label}


def _vocabulary(column: LabelColumn, crosswalk: Mapping[str, str]) -> tuple[str, ...]:
    """Return the labels that occur in a column, after the crosswalk, sorted."""
    used = np.unique(column.codes[column.codes >= 0])
    return tuple(sorted(set(mapped_labels([column.values[i] for i in used], crosswalk))))


def match_of(
    columns: Sequence[LabelColumn], universe: Universe, crosswalk: Mapping[str, str], match: str
) -> tuple[str, str]:
    """Return what labels of some columns are, ``id`` or ``any``, and that in words; what is not ``auto`` stays.

    Of labels that are ids of the ontology or names in it, ids are told first; a label that is neither says nothing.
    """
    if match != "auto" or universe.ontology is None:
        return ("id" if match == "auto" else match), ""
    labels = {label for column in columns for label in _vocabulary(column, crosswalk)}
    ids = {label for label in labels if universe.find(label, "id") is not None or find_id(label, universe.index)}
    names = {label for label in labels - ids if universe.find(label, "any") is not None}
    names |= {label for label in labels - ids - names if universe.find_respelled(label, "any") is not None}
    words = " and ".join(word for word, some in (("ids", ids), ("names", names)) if some)
    return ("any" if names else "id"), words


def universe_of(
    truth: LabelColumn,
    ranks: Sequence[LabelColumn] = (),
    truth_crosswalk: Mapping[str, str] | None = None,
    crosswalk: Mapping[str, str] | None = None,
    *,
    exact: bool = False,
) -> tuple[Universe, list[str]]:
    """Take the labels that occur as the universe, sorted, where there is no ontology.

    Parameters
    ----------
    truth : LabelColumn
        The truth; its spelling of a label counts.
    ranks : sequence of LabelColumn
        The predictions of each rank.
    truth_crosswalk, crosswalk : mapping of str to str, optional
        Labels of the truth, and of the predictions, to be replaced first.
    exact : bool, default False
        Whether labels are equal only if they are written alike.

    Returns
    -------
    universe : Universe
    notes : list of str
        Labels that are written in several ways and count as one.
    """
    vocabularies = [_vocabulary(truth, truth_crosswalk or {})]
    vocabularies += [_vocabulary(rank, crosswalk or {}) for rank in ranks]
    same = unify_spellings([] if exact else vocabularies)
    labels = {same.chosen.get(label, label) for labels in vocabularies for label in labels}
    return Universe(tuple(sorted(labels)), None, same.chosen), same.sentences()


def notes_on_vocabularies(
    truth: LabelColumn,
    ranks: Sequence[LabelColumn],
    universe: Universe,
    crosswalks: tuple[Mapping[str, str], Mapping[str, str]],
    columns: tuple[str, str],
    where: str,
) -> list[str]:
    """Compare the labels of truth and predictions where there is no ontology.

    Parameters
    ----------
    truth, ranks : LabelColumn and sequence of LabelColumn
        The labels.
    universe : Universe
        That of them.
    crosswalks : (mapping, mapping)
        Of the truth and of the predictions.
    columns : (str, str)
        Names of the truth column and of the column of rank 1.
    where : str
        The run, for messages.

    Returns
    -------
    list of str
        What deserves to be known: labels that were perhaps meant as missing, most cells called by labels that the
        truth does not have, and such labels that a crosswalk leaves over.

    Raises
    ------
    InputError
        When truth and predictions have no label in common.
    """

    def own(column: LabelColumn, crosswalk: Mapping[str, str]) -> dict[str, str]:
        used = [column.values[i] for i in np.unique(column.codes[column.codes >= 0])]
        labels = mapped_labels(used, crosswalk)
        return {value: universe.spellings.get(label, label) for value, label in zip(used, labels, strict=True)}

    true, first = own(truth, crosswalks[0]), own(ranks[0], crosswalks[1])
    known = set(true.values())
    called = {label for rank in ranks for label in own(rank, crosswalks[1]).values()}
    if known and called and not known & called:
        raise InputError(
            f"{where}: No label is in common. The truth {columns[0]!r} has {len(known)} labels "
            f"({examples(sorted(known), _SHOWN)}), the predictions {columns[1]!r} have {len(called)} "
            f"({examples(sorted(called), _SHOWN)}); {_advice(known, called)}."
        )
    notes = []
    odd = seemingly_missing(sorted(known | called))
    if odd:
        notes.append(
            f"{where}: {examples(odd)} count as labels; if they mean missing, pass --missing-text 'default,{odd[0]}'."
        )
    uncalled = seemingly_uncalled(sorted(set(first.values()) - known))
    if uncalled:
        notes.append(
            f"{where}: {examples(uncalled)} is a label that the truth does not have, and counts as a class; if it "
            f"means no call, pass --missing-text 'default,{uncalled[0]}' with --unknown."
        )
    strange = np.array([*(label not in known for label in (first.get(v, v) for v in ranks[0].values)), False])
    count = int(strange[ranks[0].codes].sum())
    names = sorted(set(first.values()) - known)
    replaced = _replaced(list(first), crosswalks[1])
    if known and 2 * count > len(ranks[0].codes):
        notes.append(
            f"{where}: {count} of {len(ranks[0].codes)} cells are called by labels that the truth does not have "
            f"({examples(names)}); {_advice(known, set(names))}."
        )
    elif alike := _alike(known, set(names)):
        shown = "; ".join(f"{one!r} and {other!r}" for one, other in alike[:3])
        notes.append(
            f"{where}: {len(alike)} labels of truth and predictions differ only by signs or a plural, and "
            f"count as different ({shown}); map them with --map [MODEL=]FILE."
        )
    left = [value for value, label in first.items() if label not in {*known, *uncalled} and value not in replaced]
    if crosswalks[1] and known and left and 2 * count <= len(ranks[0].codes):
        n_left = int(np.isin(ranks[0].codes, [ranks[0].values.index(value) for value in left]).sum())
        notes.append(
            f"{where}: {counted(len(left), 'label is', 'labels are')} neither in the crosswalk nor in the truth, and a "
            f"class each: {examples(left)}, in {counted(n_left, 'cell')}; add them to the file of --map."
        )
    return notes


def _alike(known: set[str], called: set[str]) -> list[tuple[str, str]]:
    """Return labels of the truth and of the predictions that have the same letters and digits, a plural s apart."""
    loose, singular = ({form(label): label for label in sorted(known)} for form in (loose_form, singular_form))
    pairs = [
        (loose.get(loose_form(label)) or singular.get(singular_form(label)), label)
        for label in sorted(called)
        if loose_form(label)
    ]
    return [(one, other) for one, other in pairs if one]


def _advice(known: set[str], called: set[str]) -> str:
    """Return what would help where the labels of truth and predictions differ."""
    if alike := _alike(known, called):
        one, other = alike[0]
        more = "" if loose_form(one) == loose_form(other) else " or a plural"
        return f"{len(alike)} differ only by signs{more}, as {one!r} and {other!r}: map them with --map [MODEL=]FILE"
    if _share(called, str.isdecimal) > 0.5 and _share(known, str.isdecimal) < 0.5:
        return "the predictions seem to be codes whose names were lost: write the names, or map them with --map"
    if _share(known, str.isdecimal) > 0.5 and _share(called, str.isdecimal) < 0.5:
        return "the truth seems to hold codes whose names were lost: write the names, or map them with --map truth=FILE"
    ids = [_share(labels, lambda label: _IS_ID.fullmatch(label) is not None) > 0.5 for labels in (known, called)]
    if ids[0] != ids[1]:
        side = "truth" if ids[0] else "predictions"
        return f"the {side} are ids and the others names: give --ontology FILE with --match any, or --map [MODEL=]FILE"
    return "map one to the other with --map [MODEL=]FILE, give --ontology FILE with --match any, or name another column"


def _share(labels: set[str], holds: object) -> float:
    return sum(map(holds, labels)) / max(len(labels), 1)  # type: ignore[call-overload]
