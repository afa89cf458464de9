"""Runs: where one set of predictions and its truth lie, and which columns of them are meant."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...choices import did_you_mean
from ...errors import InputError, examples
from ...options import split_values
from ...readers.cells import column_names
from .annotate_dirs import AnnotateDir, rank_columns

__all__ = ["Run", "runs_of_directories", "runs_of_files"]

_QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")


@dataclass(frozen=True)
class Run:
    """Where one set of predictions and its truth lie.

    Attributes
    ----------
    name : str
        Unique name; that of the annotate directory, where there is one.
    model_name : str
        The model that made the predictions.
    test_sample : str
        The file of the truth, as it is shown to the user.
    directory : str
        The annotate directory as it is shown to the user, absolute; empty without one.
    truth, predictions : Path
        Files.
    gt_label, inferred_label : str
        Column of the truth, and of the predictions of rank 1.
    columns : tuple of str
        Columns of all ranks that are there, rank 1 first.
    top_k : int
        Ranks that were asked for; beyond those that are there, nothing changes.
    score : str
        Column of the score of rank 1; empty without one.
    score_asked : bool
        Whether it was asked for; one that was found beside the label is left out if it holds no numbers.
    ontology : Path or None
        Its ontology.
    metadata : mapping
        Content of ``metadata.json``, for grouping.
    unused : tuple of str
        Columns that were named beyond the ranks that were asked for.
    """

    name: str
    model_name: str
    test_sample: str
    directory: str
    truth: Path
    predictions: Path
    gt_label: str
    inferred_label: str
    columns: tuple[str, ...]
    top_k: int
    score: str
    score_asked: bool
    ontology: Path | None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    unused: tuple[str, ...] = ()


def runs_of_directories(
    directories: Sequence[AnnotateDir],
    gt_label: str,
    inferred_label: str,
    k: int,
    shown: Callable[[Path], str],
    *,
    score: str = "",
) -> list[Run]:
    """Make the runs of annotate directories; `shown` gives a path as it is shown to the user."""
    runs = []
    for each in directories:
        names = column_names(each.labels)
        columns = rank_columns(names, inferred_label, k)
        if inferred_label not in names:
            raise InputError(
                f"{each.path}: inferred_labels.csv has no column {inferred_label!r}; it has {examples(names, 12)}."
            )
        runs.append(
            Run(
                name=each.name,
                model_name=each.metadata["model_name"],
                test_sample=shown(each.input_path),
                directory=shown(each.path),
                truth=each.input_path,
                predictions=each.labels,
                gt_label=gt_label,
                inferred_label=inferred_label,
                columns=tuple(columns),
                top_k=k,
                score=_score_column(names, inferred_label, score),
                score_asked=bool(score),
                ontology=each.ontology,
                metadata=each.metadata,
            )
        )
    return runs


def runs_of_files(
    truth: str,
    predictions: Sequence[str],
    k: int,
    ontology: Path | None,
    shown: Callable[[Path], str],
    *,
    score: str = "",
) -> list[Run]:
    """Make runs of ``FILE:COLUMN`` for the truth and ``[NAME=]FILE:COLUMN[,COLUMN...]`` for each set of predictions."""
    truth_path, (gt_label,) = _file_and_columns(truth, "--truth", most=1)
    runs: dict[str, Run] = {}
    for text in predictions:
        name, equals, rest = text.partition("=")
        if "/" in name or os.sep in name or ":" in name:  # a path or a column that holds the sign
            name, equals, rest = "", "", ""
        path, columns = _file_and_columns(rest if equals else text, "--pred")
        name = name if equals else f"{path.name.partition('.')[0]}:{columns[0]}"
        if name in runs:
            raise InputError(f"Two --pred are called {name!r}; name them apart: --pred NAME=FILE:COLUMN.")
        names = column_names(path)
        missing = [column for column in columns if column not in names]
        if missing:
            hint = did_you_mean(missing[0], names) or f"; it has {examples(names, 12)}."
            raise InputError(f"{path} has no column {missing[0]!r}{hint}")
        ranks = (
            columns[:k] if len(columns) > 1 else rank_columns(names, columns[0], k if columns[0].endswith("_1") else 1)
        )
        runs[name] = Run(
            name=name,
            model_name=name,
            test_sample=shown(truth_path),
            directory="",
            truth=truth_path,
            predictions=path,
            gt_label=gt_label,
            inferred_label=columns[0],
            columns=tuple(ranks),
            top_k=k,
            score=_score_column(names, columns[0], score),
            score_asked=bool(score),
            ontology=ontology,
            metadata={"model_name": name},
            unused=tuple(columns[k:]),
        )
    return list(runs.values())


def _file_and_columns(text: str, option: str, most: int = 100) -> tuple[Path, list[str]]:
    """Take ``FILE:COLUMN,COLUMN`` apart; columns may be in quotes, and hold colons and commas then."""
    path, columns = _at_colon(text)
    whole = columns.strip()
    there = Path(path).expanduser().exists() if path else False
    found = [whole] if there and whole in column_names(path) else split_values(whole)
    if not path or not 1 <= len(found) <= most:
        form = "FILE:COLUMN" if most == 1 else "[NAME=]FILE:COLUMN[,COLUMN...]"
        raise InputError(f"{option} {text!r} must have the form {form}.")
    return Path(path).expanduser(), found


def _at_colon(text: str) -> tuple[str, str]:
    """Part text at the last colon that a file stands before, else at the last one outside of quotes."""
    places = [match.start() for match in re.finditer(":", text)]
    for place in reversed(places):
        if place and Path(text[:place]).expanduser().exists():
            return text[:place], text[place + 1 :]
    hidden = _QUOTED.sub(lambda match: "_" * len(match[0]), text)
    last = hidden.rfind(":")
    return (text[:last], text[last + 1 :]) if last > 0 else ("", text)


def _score_column(names: Sequence[str], first: str, given: str) -> str:
    """Find the score beside a label or name column of cellarium-cas, unless one was asked for."""
    if given:
        if given not in names:
            raise InputError(f"There is no score column {given!r}; the columns are {examples(names, 12)}.")
        return given
    for part in ("_name_", "_label_"):
        candidate = first.replace(part, "_score_")
        if candidate != first and candidate in names:
            return candidate
    return ""
