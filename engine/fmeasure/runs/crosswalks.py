"""Crosswalks: which labels are replaced in which columns, those of all runs, of one model, or of the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ...choices import did_you_mean
from ...errors import InputError, examples
from ...tables.labels import plain_form
from .labels import CrosswalkFile, read_crosswalk

__all__ = ["TRUTH", "Crosswalks", "read_crosswalks"]

#: What stands for the truth in the place of a model.
TRUTH: Final = "truth"


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

    def check_headers(self, labels: Sequence[str], *names: str) -> None:
        """Raise `InputError` for a file whose header is one of the labels that it is to replace."""
        known = {plain_form(label) for label in labels}
        for name, file in self.files:
            if name in ("", *names) and plain_form(file.header) in known:
                raise file.missing_header_error()

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
