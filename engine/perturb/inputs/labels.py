"""The condition and context of each cell: names of combinations in one form, controls, and the genes they act on."""

from __future__ import annotations

import operator
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from ...choices import did_you_mean
from ...errors import InputError, examples
from ...options import split_values
from ...readers.small_table import read_table
from ...tables.labels import loose_form, missing_texts
from ...tables.profiles import Source
from ..options import PerturbOptions
from .files import Found

__all__ = ["ALL", "Controls", "Key", "Labelled", "Names", "controls_of", "labelled", "read_pairs"]

#: What the one context is called where none was named.
ALL: Final = "all"
#: What controls are called, as `loose_form` has it.
_CONTROLS: Final = frozenset(
    [
        "nontargeting",
        "nontargetingcontrol",
        "ntc",
        "control",
        "ctrl",
        "negativecontrol",
        "negctrl",
        "unperturbed",
        "untreated",
        "dmso",
        "vehicle",
    ]
)
#: Parts of a combination that stand for no perturbation.
_NOTHING: Final = frozenset(("ctrl", "control", "nontargeting", "ntc"))
#: What parts of a combination are between, where all of them are genes; ``+`` is one always.
_SIGNS: Final = "_|;,&"

Ints = npt.NDArray[np.int64]
#: The parts of a name, each once, sorted, without what stands for no perturbation; empty for a control.
Key = tuple[str, ...]


@dataclass(frozen=True)
class Names:
    """Tells which names are one condition.

    Parameters
    ----------
    genes : collection of str
        Those of the truth.
    controls : collection of str
        Conditions that are controls.
    """

    genes: Collection[str]
    controls: Collection[str]

    def key(self, name: str) -> Key:
        """Return the parts of a name; ``A+B`` and ``B+A`` have the same, and so have ``A`` and ``A+ctrl``."""
        parts = [part.strip() for part in name.split("+")]
        if len(parts) == 1 or not all(parts):
            parts = self._genes_of(name) or [name]
        if len(parts) == 1:
            return (name,)
        return tuple(sorted({part for part in parts if not self._is_nothing(part)}))

    def _is_nothing(self, part: str) -> bool:
        return part in self.controls or loose_form(part) in _NOTHING

    def _genes_of(self, name: str) -> list[str]:
        """Return the parts of a name at another sign than ``+``, where all are genes and the whole is none."""
        if name in self.genes or name in self.controls:
            return []
        for sign in _SIGNS:
            parts = [part.strip() for part in name.split(sign)]
            known = [part in self.genes for part in parts]
            nothing = [self._is_nothing(part) for part in parts]
            if len(parts) > 1 and any(known) and all(map(operator.or_, known, nothing)):
                return parts
        return []


@dataclass(frozen=True)
class Controls:
    """Which conditions are controls.

    Attributes
    ----------
    everywhere : tuple of str
        In contexts that `of_contexts` does not name; the first names the control in results.
    of_contexts : dict of str to set of str
        By context.
    sources, notes
        Of the table, and what was found by its name.
    """

    everywhere: tuple[str, ...]
    of_contexts: Mapping[str, set[str]] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def all(self) -> set[str]:
        """Those of any context."""
        return {*self.everywhere, *(name for names in self.of_contexts.values() for name in names)}


def read_pairs(path: str, one: str, other: str, what: str) -> tuple[list[tuple[str, str]], Source]:
    """Read the pairs of two columns of a small table (csv, or tsv and all others)."""
    separator = "," if ".csv" in Path(path).suffixes else "\t"
    table, source = read_table(Path(path), (one, other), separator, what)
    return list(table.select(one, other).drop_nulls().unique(maintain_order=True).iter_rows()), source


def controls_of(options: PerturbOptions, conditions: Collection[str]) -> Controls:
    """Find the controls of the truth.

    Parameters
    ----------
    options : PerturbOptions
        `control`, `control_map`.
    conditions : collection of str
        Those that the truth has.

    Raises
    ------
    InputError
        When none is named and not exactly one is called so, or one that is named is not there.
    """
    pairs: list[tuple[str, str]] = []
    sources: tuple[Source, ...] = ()
    if options.control_map:
        pairs, source = read_pairs(options.control_map, "context", "condition", "--control-map")
        sources = (source,)
    of_contexts: dict[str, set[str]] = {}
    for context, condition in pairs:
        of_contexts.setdefault(context, set()).add(condition)
    for name in [*options.control, *(condition for _, condition in pairs)]:
        if name not in conditions:
            gone = missing_texts(options.missing_text)
            hint = did_you_mean(name, conditions) or f"; its conditions are {examples(sorted(conditions))}."
            hint = "; that text means missing (--missing-text '')." if name in gone else hint
            raise InputError(f"The truth has no cells of the control {name!r}{hint}")
    if options.control or of_contexts:
        return Controls(options.control or (pairs[0][1],), of_contexts, sources)
    found = sorted(name for name in conditions if loose_form(name) in _CONTROLS)
    if len(found) != 1:
        said = f"several conditions may be controls: {examples(found)}" if found else "no condition is called a control"
        raise InputError(f"--control is needed, since {said}; the conditions are {examples(sorted(conditions), 8)}.")
    return Controls((found[0],), notes=(f"The control is {found[0]!r}, by its name (--control names another).",))


@dataclass(frozen=True)
class Labelled:
    """Cells whose condition and context are known.

    Attributes
    ----------
    found : Found
        Those cells alone.
    keys : tuple of Key
        Conditions that occur.
    codes : ndarray of int64, shape (n,)
        Place in `keys`; -1 for a control.
    spelled : dict of Key to dict of str to int
        How each is written, with its cells.
    contexts : tuple of str
        Sorted.
    context_codes : ndarray of int64, shape (n,)
        Place in `contexts`.
    dropped : dict of str to int
        Cells that were left out, by reason.
    """

    found: Found
    keys: tuple[Key, ...]
    codes: Ints
    spelled: Mapping[Key, Mapping[str, int]]
    contexts: tuple[str, ...]
    context_codes: Ints
    dropped: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def of_means(self) -> bool:
        """Whether no condition but the control has more than one row in a context, so that rows are no cells."""
        perturbed = self.codes >= 0
        pairs = np.stack([self.codes, self.context_codes])[:, perturbed]
        return bool(perturbed.any()) and np.unique(pairs, axis=1).shape == pairs.shape

    def of(self, rows: npt.NDArray[Any]) -> Labelled:
        """Return some of the cells; conditions and contexts keep their places, whether they occur or not."""
        found = replace(self.found, matrix=self.found.matrix[rows], frame=self.found.frame[rows])
        return replace(self, found=found, codes=self.codes[rows], context_codes=self.context_codes[rows])


def column_of(found: Found, names: Sequence[str], flag: str) -> str:
    """Return the first of the columns that is there."""
    there = [name for name in names if name in found.frame.columns]
    if not there:
        known = [name for name in found.frame.columns if name != "obs_names"]
        hint = did_you_mean(names[0], known) or f"; it has {examples(known, 8) or 'none'}."
        raise InputError(f"'{found.shown}' has no column {' or '.join(map(repr, names))} ({flag}){hint}")
    return there[0]


def conditions_of(found: Found, options: PerturbOptions) -> pl.Series:
    """Return the condition of each row as text."""
    return found.frame[column_of(found, split_values(options.condition), "--condition")].cast(pl.String)


def labelled(found: Found, options: PerturbOptions, names: Names, controls: Controls, only: str = "") -> Labelled:
    """Tell the condition and context of each cell, and leave out those that have none.

    Parameters
    ----------
    found : Found
        Cells.
    options : PerturbOptions
        The columns.
    names : Names
        Which names are one condition.
    controls : Controls
        Which are controls.
    only : str, optional
        The one context of the truth, for a file without the column of contexts.

    Raises
    ------
    InputError
        When a column is not there, or no cell is left.
    """
    condition = conditions_of(found, options)
    if options.context_col and not (only and options.context_col not in found.frame.columns):
        context = found.frame[column_of(found, [options.context_col], "--context-col")].cast(pl.String)
    else:
        context = pl.Series([only or ALL]).new_from_index(0, len(condition))
    keep = np.ones(len(condition), bool)
    dropped: dict[str, int] = {}
    for values, what in ((condition, "condition"), (context, "context")):
        gone = values.is_null().to_numpy() & keep
        if gone.any():
            dropped[f"no {what} in '{found.shown}'"] = int(gone.sum())
        keep &= ~gone
    if not keep.any():
        raise InputError(f"'{found.shown}' has no cell with a condition.")
    if not keep.all():
        rows = np.flatnonzero(keep)
        found = replace(found, matrix=found.matrix[rows], frame=found.frame[rows])
        condition, context = condition.filter(pl.Series(keep)), context.filter(pl.Series(keep))
    contexts, context_codes = np.unique(context.to_numpy().astype(str), return_inverse=True)
    written, codes = np.unique(condition.to_numpy().astype(str), return_inverse=True)
    is_control = _control_cells(written, codes, contexts, context_codes, names, controls)
    perturbed = np.bincount(codes[~is_control], minlength=len(written))
    spelled: dict[Key, dict[str, int]] = {}
    for name, cells in zip(written.tolist(), perturbed.tolist(), strict=True):
        if cells:
            spelled.setdefault(names.key(name), {})[name] = cells
    place = {key: code for code, key in enumerate(spelled)}
    of_written = np.array([place.get(names.key(name), -1) for name in written.tolist()], np.int64)
    mine = np.where(is_control, -1, of_written[codes])
    return Labelled(
        found, tuple(spelled), mine, spelled, tuple(contexts.tolist()), context_codes.astype(np.int64), dropped
    )


def _control_cells(
    written: npt.NDArray[np.str_],
    codes: Ints,
    contexts: npt.NDArray[np.str_],
    context_codes: Ints,
    names: Names,
    controls: Controls,
) -> npt.NDArray[np.bool_]:
    """Return which cells are controls of their context; ``ctrl+ctrl``, made of controls alone, is one everywhere."""
    listed = written.tolist()
    nothing = np.array([not names.key(name) for name in listed])
    usual = np.isin(written, controls.everywhere) | nothing
    table = np.tile(usual, (len(contexts), 1))
    for place, context in enumerate(contexts.tolist()):
        if context in controls.of_contexts:
            table[place] = np.isin(written, list(controls.of_contexts[context])) | nothing
    return np.asarray(table[context_codes, codes])
