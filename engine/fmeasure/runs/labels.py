"""Labels as codes of one universe, and the policies for labels outside it; by distinct values, not by cells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...choices import check_one, did_you_mean
from ...errors import InputError, counted, examples
from ...readers.cells import LabelColumn
from ..names import MATCH_OF_RUNS, ROOT_PREDICTIONS, SPELLING, UNKNOWN
from ..ontology.ids import find_id
from .universe import Universe, mapped_labels

__all__ = [
    "CodedLabels",
    "LabelCounts",
    "Policy",
    "ScoredLabels",
    "apply_label_policy",
    "code_labels",
]

Codes = npt.NDArray[np.int32]

#: Labels of a universe up to which near misses of an unknown label are looked for; beyond, that takes long.
HINT_LABELS = 5000


@dataclass(frozen=True)
class Policy:
    """Policies for labels outside the universe, missing labels, and predictions of the root.

    Attributes
    ----------
    unknown : {"error", "drop", "miss", "root"}
        ``error``: refuse. ``drop``: leave the cell out. ``miss``: the cell has no prediction, which is a false
        negative of its truth. ``root``: the prediction is the root of the ontology. With ``miss`` and ``root`` a cell
        whose truth is unknown is left out.
    root_predictions : {"keep", "miss", "drop"}
        Whether a prediction of the root is a label like any other, no prediction, or takes the cell out (if it is of
        rank 1; at later ranks it is no prediction then).
    crosswalk : mapping of str to str
        Labels to be replaced, before anything else.
    match : {"id", "name", "any", "auto"}
        Whether labels are ids, human-readable names of the ontology, or ids and else names; or which of these, told of
        each column (`universe.match_of`). What the crosswalk leads to
        may be either.
    unknown_limit : float
        Share of the cells of a run that may have a label outside the universe, under any policy but ``error``.
    spelling : {"plain", "exact"}
        Whether spellings of one label are one (`tables.labels.unify_spellings`), or labels equal only as written.
    """

    unknown: str = "error"
    root_predictions: str = "keep"
    crosswalk: Mapping[str, str] = field(default_factory=dict)
    match: str = "id"
    unknown_limit: float = 0.5
    spelling: str = "plain"

    def __post_init__(self) -> None:
        """Refuse unknown choices."""
        check_one("unknown", self.unknown, UNKNOWN)
        check_one("root_predictions", self.root_predictions, ROOT_PREDICTIONS)
        check_one("match", self.match, MATCH_OF_RUNS)
        check_one("spelling", self.spelling, SPELLING)


@dataclass
class LabelCounts:
    """Cells of a run by the label policy that applied to them.

    Attributes
    ----------
    cells : int
        Cells of the truth.
    scored : int
        Cells that are scored.
    truth_unknown, truth_missing : int
        Cells whose true label is outside the universe, and those without one.
    predicted_unknown, predicted_missing : int
        Cells whose predicted label of rank 1 is outside the universe, and those without one.
    predicted_root : int
        Predictions of the root.
    without_prediction : int
        Scored cells without a prediction: false negatives of their truth.
    dropped : int
        Cells that were left out.
    mapped, replaced : int
        Labels that the crosswalk replaced, and those that the ontology replaced (alternative or obsolete ids).
    later_unknown : int
        Labels of ranks 2 and up that are outside the universe.
    """

    cells: int = 0
    scored: int = 0
    truth_unknown: int = 0
    truth_missing: int = 0
    predicted_unknown: int = 0
    predicted_missing: int = 0
    predicted_root: int = 0
    without_prediction: int = 0
    dropped: int = 0
    mapped: int = 0
    replaced: int = 0
    later_unknown: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return the counts."""
        return asdict(self)


@dataclass(frozen=True)
class CodedLabels:
    """One column of labels as codes of a universe.

    Attributes
    ----------
    codes : ndarray of int32, shape (n,)
        Codes; that of "no prediction" where the label is missing or outside the universe.
    missing : int
        Cells without a label.
    unknown : dict of str to int
        Labels outside the universe, with their cells, the most frequent first.
    mapped, replaced : int
        Cells whose label the crosswalk replaced; whose alternative or obsolete id the ontology replaced.
    respelled : dict of str to str
        Labels that are written in another way in the ontology, to how they are written there.
    missing_text : mapping of str to int
        Texts that mean missing, with their cells.
    """

    codes: Codes
    missing: int
    unknown: dict[str, int]
    mapped: int
    replaced: int
    respelled: dict[str, str] = field(default_factory=dict)
    missing_text: Mapping[str, int] = field(default_factory=dict)


class ScoredLabels(NamedTuple):
    """The labels of the m cells that are scored.

    Attributes
    ----------
    truth : ndarray of int32, shape (m,)
        Codes of the true labels.
    predictions : ndarray of int32, shape (k, m)
        Codes of the predictions, best first; c, "no prediction", for labels outside the universe.
    keep : ndarray of bool, shape (n,), or None
        Which of the n cells are scored; None for all.
    counts : LabelCounts
        How many cells each policy applied to.
    """

    truth: Codes
    predictions: Codes
    keep: npt.NDArray[np.bool_] | None
    counts: LabelCounts


def code_labels(
    column: LabelColumn, universe: Universe, policy: Policy, crosswalk: Mapping[str, str] | None = None
) -> CodedLabels:
    """Find the code of each label: crosswalk first, then the universe, then the ids that the ontology has replaced.

    Parameters
    ----------
    column : LabelColumn
        n labels.
    universe : Universe
        The labels that count.
    policy : Policy
        What labels are.
    crosswalk : mapping of str to str, optional
        Labels to be replaced. Default: that of `policy`.
    """
    newer = universe.ontology.replaced if universe.ontology else {}
    labels = mapped_labels(column.values, policy.crosswalk if crosswalk is None else crosswalk)
    is_mapped = [label != value for label, value in zip(labels, column.values, strict=True)]
    found: list[int | None] = []
    respelled: dict[str, str] = {}
    replaced = np.zeros(len(labels) + 1, dtype=bool)
    for i, label in enumerate(labels):
        match = "any" if is_mapped[i] and universe.ontology else policy.match
        code = universe.find(label, match)
        older = label if policy.spelling == "exact" else find_id(label.strip(), newer)
        if code is None and older is not None and older in newer:
            code = universe.index.get(newer[older])
            replaced[i] = code is not None
        if code is None and policy.spelling == "plain":
            code = universe.find_respelled(label, match)
            if code is not None:
                respelled[label] = universe.shown(code)
        found.append(code)
    # The last one serves code -1, a missing value.
    lookup = np.array([*(universe.none if code is None else code for code in found), universe.none], np.int32)
    mapped, unknown = np.array([*is_mapped, False]), np.array([*(code is None for code in found), False])
    cells = np.bincount(np.where(column.codes < 0, len(lookup) - 1, column.codes), minlength=len(lookup))
    outside = sorted((-int(cells[i]), column.values[i]) for i in np.flatnonzero(unknown) if cells[i])
    return CodedLabels(
        codes=lookup[column.codes],
        missing=int(cells[-1]),
        unknown={value: -n for n, value in outside},
        mapped=int(cells[mapped].sum()),
        replaced=int(cells[replaced].sum()),
        respelled=respelled,
        missing_text=column.missing,
    )


def apply_label_policy(
    truth: CodedLabels,
    ranks: Sequence[CodedLabels],
    universe: Universe,
    policy: Policy,
    where: str,
    columns: Sequence[str],
) -> ScoredLabels:
    """Apply the policy to the labels of a run.

    Parameters
    ----------
    truth : CodedLabels, n cells
        The truth.
    ranks : sequence of k CodedLabels
        The predictions, best first, in the order of the truth.
    universe, policy
        As in `code_labels`.
    where : str
        The run, for messages.
    columns : sequence of str
        Names of the truth column and of the column of rank 1, for messages.

    Returns
    -------
    ScoredLabels

    Raises
    ------
    InputError
        Labels outside the universe under ``error``, or in more cells than the limit under others; ``root`` without a
        root; no cell is left.
    """
    none, first = universe.none, ranks[0]
    predictions = np.stack([rank.codes for rank in ranks])
    if policy.unknown == "error":
        _refuse_unknown(truth, first, universe, policy, where, columns)
    else:
        _refuse_many_unknown(truth, first, policy, where, columns)
    counts = LabelCounts(
        cells=len(truth.codes),
        truth_unknown=sum(truth.unknown.values()),
        truth_missing=truth.missing,
        predicted_unknown=sum(first.unknown.values()),
        predicted_missing=first.missing,
        mapped=truth.mapped + first.mapped,
        replaced=truth.replaced + first.replaced,
        later_unknown=sum(sum(rank.unknown.values()) for rank in ranks[1:]),
    )
    is_root = predictions == (none + 1 if universe.root is None else universe.root)
    counts.predicted_root = int(is_root[0].sum())
    keep = truth.codes != none
    if policy.unknown == "drop":
        keep &= predictions[0] != none
    elif policy.unknown == "root":
        if universe.root is None:
            raise InputError(f"{where}: --unknown root needs an ontology whose root is one of its labels.")
        predictions[predictions == none] = universe.root
        is_root = predictions == universe.root
    if policy.root_predictions == "drop":
        keep &= ~is_root[0]
    if policy.root_predictions != "keep":
        predictions[is_root] = none
    kept = None if keep.all() else keep
    codes = truth.codes
    if kept is not None:
        codes, predictions = codes[kept], predictions[:, kept]
    counts.scored = len(codes)
    counts.dropped = counts.cells - counts.scored
    counts.without_prediction = int((predictions[0] == none).sum())
    if not counts.scored:
        raise InputError(
            f"{where}: None of the {counts.cells} cells is left to score under --unknown {policy.unknown} and "
            f"--root-predictions {policy.root_predictions}."
        )
    return ScoredLabels(codes, predictions, kept, counts)


def _refuse_unknown(
    truth: CodedLabels,
    first: CodedLabels,
    universe: Universe,
    policy: Policy,
    where: str,
    columns: Sequence[str],
) -> None:
    problems = []
    for column, found in zip(columns, (truth, first), strict=True):
        if found.unknown:
            worst = next(iter(found.unknown))
            names = universe.ontology.names.values() if universe.ontology else ()
            known = universe.labels if policy.match == "id" or not names else names
            hint = did_you_mean(worst, known) if len(universe.labels) <= HINT_LABELS else ""
            if find_id(worst.strip(), universe.index) is not None:
                hint = " (these are ids, not names: leave out --match name; --match auto where columns differ)."
            elif any(find_id(part, universe.index) for part in re.split(r"[\s()\[\]|;,]+", worst)):
                hint = " (these hold an id and more: write the id alone, or map them)."
            elif worst in names:
                hint = " (these are names, not ids: --match name; --match auto where columns differ)."
            n_cells, n_labels = counted(sum(found.unknown.values()), "cell"), counted(len(found.unknown), "label")
            problems.append(
                f"Column {column!r} has {n_labels} outside the {len(universe.labels)} known "
                f"ones in {n_cells} ({examples(found.unknown, 10)}){hint or '.'}"
            )
        if found.missing:
            texts = ", ".join(f"{text!r} in {count}" for text, count in found.missing_text.items())
            said = f" ({texts}: text that means missing, see --missing-text)" if texts else ""
            problems.append(f"Column {column!r} has no label in {counted(found.missing, 'cell')}{said}.")
    if problems:
        raise InputError(
            f"{where}: {' '.join(problems)} Map them with --map FILE, or say what they mean with --unknown "
            "drop, miss or root."
        )


def _refuse_many_unknown(
    truth: CodedLabels, first: CodedLabels, policy: Policy, where: str, columns: Sequence[str]
) -> None:
    """Refuse a run most of whose cells would be left out or missed, whose labels are of another vocabulary."""
    for column, found in zip(columns, (truth, first), strict=True):
        count, cells = sum(found.unknown.values()), len(found.codes)
        if count > policy.unknown_limit * cells:
            raise InputError(
                f"{where}: {count} of {cells} cells have a label outside the ontology in column {column!r} "
                f"({examples(found.unknown, 8)}), more than the share of {policy.unknown_limit:g} that --unknown-limit "
                "allows; map them with --map [MODEL=]FILE, take names with --match any, or raise the limit to go on."
            )
