"""Crosswalks: which labels are replaced in which columns, those of all runs, of one model, or of the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl

from ...choices import did_you_mean
from ...errors import InputError, counted, examples
from ...readers.formats import format_of
from ...readers.small_table import read_table
from ...tables.labels import is_missing_text, missing_texts, plain_form
from ..ontology.ids import is_id

__all__ = ["TRUTH", "CrosswalkFile", "Crosswalks", "read_crosswalk", "read_crosswalks"]

#: What stands for the truth in the place of a model.
TRUTH: Final = "truth"


class CrosswalkFile(NamedTuple):
    """A crosswalk as it is in its file.

    Attributes
    ----------
    path : Path
        The file.
    header : str
        Name of its first column.
    meanings : dict of str to str
        Labels and what they stand for.
    """

    path: Path
    header: str
    meanings: dict[str, str]

    def missing_header_error(self) -> InputError:
        """Return the error of a file whose header is its first pair."""
        return InputError(
            f"The crosswalk {self.path} has no header: its first line, which begins with {self.header!r}, is a label "
            "and its replacement; add a header such as label,replacement."
        )


@dataclass(frozen=True)
class Crosswalks:
    """Labels to be replaced.

    Attributes
    ----------
    every : mapping of str to str
        In the truth and in the predictions of all models.
    own : mapping of str to mapping
        By model, or ``truth``: in its labels alone; they come before `every`.
    files : sequence of (str, CrosswalkFile)
        Where they come from, with the model, or ``truth``, or empty for all.
    """

    every: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    files: Sequence[tuple[str, CrosswalkFile]] = ()

    def of(self, *names: str) -> dict[str, str]:
        """Return the labels to be replaced in the column of one name, such as a run or the model it is of."""
        found = dict(self.every)
        for name in reversed(names):
            found |= self.own.get(name, {})
        return found

    def headers(self, *names: str) -> list[str]:
        """Return the headers of the files that are used in the column of one name."""
        return [file.header for name, file in self.files if name in ("", *names)]

    def check_columns(
        self, truth: Sequence[str], called: Sequence[str], is_known: Callable[[str], bool] | None, *names: str
    ) -> None:
        """Refuse a file without a header, and one whose two columns are exchanged.

        Parameters
        ----------
        truth, called : sequence of str
            The true labels, and the predicted ones.
        is_known : callable, optional
            Whether a label is one of the ontology; where there is none, those of the truth are known.
        *names : str
            The run, and the model that it is of.

        Raises
        ------
        InputError
            The header of a file is a label; or no label that it replaces needs that, but some that it replaces them by
            occur and do.
        """
        true = {plain_form(label) for label in truth}
        of = {"": [*truth, *called], TRUTH: truth}
        for name, file in self.files:
            labels = {plain_form(label): label for label in of.get(name, called if name in names else ())}
            if plain_form(file.header) in labels:
                raise file.missing_header_error()
            first = [labels[form] for form in map(plain_form, file.meanings) if form in labels]
            if any(is_known is None or not is_known(label) for label in first):
                continue
            second = dict.fromkeys(plain_form(label) for label in file.meanings.values())
            found = [labels[form] for form in second if form in labels]
            found = [each for each in found if not (is_known(each) if is_known else plain_form(each) in true)]
            if found:
                raise InputError(
                    f"The columns of the crosswalk {file.path} seem to be exchanged: its first, {file.header!r}, "
                    f"holds no label that needs another ({examples(file.meanings, 3)}), but its second does "
                    f"({examples(found, 3)}); write the label first, and then what it stands for."
                )

    def check(self, names: Sequence[str]) -> None:
        """Raise `InputError` for a crosswalk of a model that there is not."""
        for name in self.own:
            if name != TRUTH and name not in names:
                raise InputError(
                    f"--map {name}=FILE: there is no model {name!r}{did_you_mean(name, [TRUTH, *names]) or '.'} The "
                    f"models are {examples(dict.fromkeys(names), 12)}; 'truth' is the truth."
                )


def read_crosswalks(given: Sequence[str]) -> Crosswalks:
    """Read crosswalks ``FILE`` and ``MODEL=FILE``.

    Raises
    ------
    InputError
        A file cannot be used, or two crosswalks of one model give a label two meanings.
    """
    every: dict[str, str] = {}
    own: dict[str, dict[str, str]] = {}
    files: list[tuple[str, CrosswalkFile]] = []
    for text in given:
        name, equals, path = text.partition("=")
        if not equals or Path(text).expanduser().exists():
            name, path = "", text
        file = read_crosswalk(Path(path).expanduser())
        found = file.meanings
        before = own.setdefault(name, {}) if name else every
        twice = [label for label in found if before.get(label, found[label]) != found[label]]
        if twice:
            raise InputError(f"--map {text}: an earlier crosswalk gives {examples(twice)} another meaning; keep one.")
        before |= found
        files.append((name, file))
    return Crosswalks(every, own, tuple(files))


def read_crosswalk(path: Path) -> CrosswalkFile:
    """Read a crosswalk: a CSV or TSV file of two columns with a header, label and what it stands for.

    Raises
    ------
    InputError
        Not two columns, no header, an empty cell, or a label with two meanings.
    """
    frame, _ = read_table(path, separator="\t" if format_of(path) == ".tsv" else ",", what="crosswalk")
    if frame.width != 2:
        raise InputError(f"The crosswalk {path} must have two columns, label and replacement, but has {frame.width}.")
    source, target = frame.columns
    if is_id(target.strip()):
        raise CrosswalkFile(path, source, {}).missing_header_error()
    replacement = frame[target]
    if frame[source].null_count() or is_missing_text(replacement, missing_texts()).fill_null(True).any():
        raise InputError(
            f"The crosswalk {path} has empty cells (NA, too, is one); give every label a replacement, or leave it out."
        )
    twice = frame.unique().filter(pl.col(source).is_duplicated())[source].unique().sort()
    if len(twice):
        raise InputError(
            f"The crosswalk {path} gives {counted(len(twice), 'label')} two meanings ({examples(twice)}); keep one."
        )
    return CrosswalkFile(path, source, dict(frame.iter_rows()))
