"""Runs: one set of predictions beside its truth, read, aligned by cell id and coded."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ....kernels.backend import Backend
from ....kernels.sparse_counts import SparseCounts
from ...errors import InputError, examples
from ...readers.cells import CellTable, column_names, read_cells
from ...readers.digests import file_sha256
from ...readers.errors import unreadable_error
from ..confusion import Confusion, matrices
from ..ontology.ontology import Ontology, with_empty_row
from ..ontology.read import read_ontology
from .align import align
from .annotate_dirs import AnnotateDir, rank_columns
from .labels import LabelCounts, Policy, ScoredLabels, Universe, apply_label_policy, code_labels, universe_of

__all__ = ["Reader", "Run", "Scored", "count_calls", "runs_of_directories", "runs_of_files"]

#: Labels outside the universe that are kept for the manifest.
KEPT_UNKNOWN = 50


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


@dataclass(frozen=True)
class Scored:
    """A run that was read: calls, counts and what was noticed.

    Attributes
    ----------
    run : Run
        Where it comes from.
    universe : Universe
        Labels and ontology.
    calls : polars.DataFrame
        One row a scored cell: `cell_id`, `truth` and `predicted` (codes), `hit_rank` (0 where the truth is not among
        the ranks), `nearest_2` ... (codes; with an ontology), `score` (where there is one), and `obs` columns.
    confusions : tuple of Confusion
        Matrices of top-1 to top-k.
    label_counts : LabelCounts
        How many cells each label policy applied to.
    unknown : dict of str to dict
        The most frequent labels of truth and rank 1 that are no labels of the universe, with their cells.
    notes : tuple of str
        What else was noticed.
    sources : tuple of dict
        The files and what was read of them.
    """

    run: Run
    universe: Universe
    calls: pl.DataFrame
    confusions: tuple[Confusion, ...]
    label_counts: LabelCounts
    unknown: dict[str, dict[str, int]]
    notes: tuple[str, ...]
    sources: tuple[dict[str, Any], ...]


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
        if "/" in name or os.sep in name:  # a path that holds the sign
            name, equals, rest = "", "", ""
        path, columns = _file_and_columns(rest if equals else text, "--pred")
        name = name if equals else f"{path.name.partition('.')[0]}:{columns[0]}"
        if name in runs:
            raise InputError(f"Two --pred are called {name!r}; name them apart: --pred NAME=FILE:COLUMN.")
        names = column_names(path)
        missing = [column for column in columns if column not in names]
        if missing:
            raise InputError(f"{path} has no column {missing[0]!r}; it has {examples(names, 12)}.")
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
        )
    return list(runs.values())


def _file_and_columns(text: str, option: str, most: int = 100) -> tuple[Path, list[str]]:
    path, colon, columns = text.rpartition(":")
    found = [column.strip() for column in columns.split(",") if column.strip()]
    if not colon or not path or not 1 <= len(found) <= most:
        form = "FILE:COLUMN" if most == 1 else "[NAME=]FILE:COLUMN[,COLUMN...]"
        raise InputError(f"{option} {text!r} must have the form {form}.")
    return Path(path).expanduser(), found


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


class Reader:
    """Reads runs; a file of truth or an ontology that several runs share is read once.

    Parameters
    ----------
    policy : Policy
        For labels.
    align_by : {"id", "position"}
        How cells of truth and predictions find each other.
    obs : sequence of str
        Columns of the truth's file to keep with the calls.
    ontology_options : mapping
        ``root`` and ``relations`` for `read_ontology`.
    backend : Backend
        Kernels.
    """

    def __init__(
        self,
        policy: Policy,
        align_by: str,
        obs: Sequence[str],
        ontology_options: Mapping[str, Any],
        backend: Backend[Any],
    ) -> None:
        self.policy, self.align_by, self.obs, self.backend = policy, align_by, tuple(obs), backend
        self._ontology_options = dict(ontology_options)
        self._once: dict[Any, Future[Any]] = {}
        self._lock = threading.Lock()

    def _shared(self, key: Any, make: Callable[[], Any]) -> Any:
        """Do something once, whichever thread asks first; the others wait."""
        with self._lock:
            mine = key not in self._once
            future = self._once.setdefault(key, Future())
        if mine:
            try:
                future.set_result(make())
            except BaseException as error:
                future.set_exception(error)
        return future.result()

    def ontology(self, path: Path) -> Ontology:
        """Read an ontology; files of the same content are one."""
        content = self._shared(("digest", path.resolve()), lambda: _digest(path))
        found: Ontology = self._shared(("ontology", content), lambda: read_ontology(path, **self._ontology_options))
        return replace(found, source=str(path))  # whichever thread read it

    def read(self, run: Run) -> Scored:
        """Read, align, code and count one run."""
        truth: CellTable = self._shared(
            ("truth", run.truth.resolve(), run.gt_label),
            lambda: read_cells(run.truth, [run.gt_label, *(c for c in self.obs if c != run.gt_label)]),
        )
        where, notes = run.directory or run.name, []
        try:
            found = read_cells(run.predictions, run.columns, [run.score] if run.score else [])
        except InputError as error:
            if not run.score or run.score_asked:
                raise
            found = read_cells(run.predictions, run.columns)
            notes.append(f"{where}: Scores were left out. {error}")
        order, note = align(truth.ids, found.ids, by=self.align_by, where=where)
        notes += [f"{where}: {note}"] if note else []
        if len(run.columns) < run.top_k:
            notes.append(
                f"{where}: Only {len(run.columns)} of the {run.top_k} ranks asked for are there "
                f"({run.columns[-1]} is the last)."
            )

        ontology = self.ontology(run.ontology) if run.ontology else None
        if ontology is not None:
            universe = Universe(ontology.terms, ontology)
        else:
            universe = universe_of([truth.columns[run.gt_label], *found.columns.values()], self.policy)
        ranks = [code_labels(found.columns[column], universe, self.policy) for column in run.columns]
        if order is not None:
            ranks = [replace(rank, codes=rank.codes[order]) for rank in ranks]
        true = code_labels(truth.columns[run.gt_label], universe, self.policy)
        labels = apply_label_policy(true, ranks, universe, self.policy, where, (run.gt_label, run.inferred_label))
        unknown = {
            side: dict(itertools.islice(each.unknown.items(), KEPT_UNKNOWN))
            for side, each in (("truth", true), ("predicted", ranks[0]))
        }
        score = found.scores.get(run.score)
        if score is not None and order is not None:
            score = score[order]
        calls = self._calls(truth, labels, score, universe)
        counts = self.backend.count_confusion(labels.truth, labels.predictions, universe.none)
        confusions = matrices(counts, universe.labels)
        confusions += confusions[-1:] * (run.top_k - len(confusions))
        return Scored(
            run=run,
            universe=universe,
            calls=calls,
            confusions=tuple(confusions),
            label_counts=labels.counts,
            unknown=unknown,
            notes=tuple(notes),
            sources=(truth.source, found.source),
        )

    def _calls(
        self,
        truth: CellTable,
        labels: ScoredLabels,
        score: npt.NDArray[np.float64] | None,
        universe: Universe,
    ) -> pl.DataFrame:
        """Return the scored cells as a table, see `Scored`."""
        codes, predictions, keep, _ = labels
        hit = predictions == codes
        rank = np.where(hit.any(axis=0), hit.argmax(axis=0) + 1, 0).astype(np.min_scalar_type(len(hit)))
        data: dict[str, Any] = {"truth": codes, "predicted": predictions[0], "hit_rank": rank}
        if universe.ontology is not None and len(predictions) > 1:
            bits = with_empty_row(universe.ontology.ancestors)
            nearest = self.backend.best_predictions(codes, predictions, bits)
            data |= {f"nearest_{k}": nearest[k - 1] for k in range(2, len(nearest) + 1)}
        chosen = pl.Series(keep) if keep is not None else None
        if score is not None:
            data["score"] = pl.Series(score if keep is None else score[keep], nan_to_null=True)
        for name in self.obs:
            column = truth.columns[name]
            values = pl.Series(name, [*column.values, None], dtype=pl.String)  # the last one serves code -1
            place = np.where(column.codes < 0, len(column.values), column.codes)
            data[name] = values.gather(place if keep is None else place[keep])
        ids = truth.ids if chosen is None else truth.ids.filter(chosen)
        return pl.DataFrame({"cell_id": ids, **data})


def count_calls(calls: pl.DataFrame, labels: tuple[str, ...], k: int, backend: Backend[Any]) -> list[Confusion]:
    """Count calls again, as for a part of the cells of a run: the matrices of top-1 to top-k."""
    truth = calls["truth"].to_numpy()
    rank = calls["hit_rank"].to_numpy()
    predictions = np.full((k, len(truth)), -1, np.int32)
    predictions[0] = calls["predicted"].to_numpy()
    for r in range(2, k + 1):
        predictions[r - 1, rank == r] = truth[rank == r]
    counts: SparseCounts = backend.count_confusion(truth, predictions, len(labels))
    return matrices(counts, labels)


def _digest(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError as error:
        raise unreadable_error(str(path), error) from error
