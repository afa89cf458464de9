"""Runs are read, aligned by cell id, coded and counted; each run is a step that a stopped command does not repeat."""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ....kernels.backend import Backend
from ....kernels.sparse_counts import SparseCounts
from ...errors import InputError, counted, examples
from ...readers.cells import CellTable, column_names, read_cells
from ...readers.errors import unreadable_error
from ...readers.formats import ANNDATA, existing_path, format_of
from ...results.digests import file_sha256
from ...results.steps import StepStore
from ...tables.labels import DEFAULT
from ..confusion import Confusion, matrices
from ..ontology.ontology import Ontology, with_empty_row
from ..ontology.read import read_ontology
from .align import align, without_suffixes
from .crosswalks import TRUTH, Crosswalks
from .exchanged import exchanged_labels, refuse_scores
from .id_columns import IdColumns, check_row_numbers
from .labels import LabelCounts, Policy, ScoredLabels, apply_label_policy, code_labels
from .runs import Run
from .universe import Universe, match_of, notes_on_vocabularies, universe_of

__all__ = ["Reader", "Scored", "count_calls"]

#: Labels outside the universe that are kept for the manifest.
KEPT_UNKNOWN = 50


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
    digests : tuple of str
        What all this depends on; empty where no steps are kept.
    """

    run: Run
    universe: Universe
    calls: pl.DataFrame
    confusions: tuple[Confusion, ...]
    label_counts: LabelCounts
    unknown: dict[str, dict[str, int]]
    notes: tuple[str, ...]
    sources: tuple[dict[str, Any], ...]
    digests: tuple[str, ...]


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
    steps : StepStore, optional
        Where the counts of each run are kept; they are not when left out.
    crosswalks : Crosswalks, optional
        Labels to be replaced.
    ids : sequence of str, optional
        Columns of cell ids: the first of them that a file has.
    missing_text : sequence of str, optional
        Texts that mean missing.
    zarr_fill : bool, default False
        Whether chunks that a zarr folder does not store are read as their fill value.
    strip_suffix : bool, default False
        Whether suffixes of cell ids may be taken off.
    """

    def __init__(
        self,
        policy: Policy,
        align_by: str,
        obs: Sequence[str],
        ontology_options: Mapping[str, Any],
        backend: Backend[Any],
        steps: StepStore | None = None,
        *,
        crosswalks: Crosswalks | None = None,
        ids: Sequence[str] = (),
        missing_text: Sequence[str] = (DEFAULT,),
        zarr_fill: bool = False,
        strip_suffix: bool = False,
    ) -> None:
        self.policy, self.align_by, self.obs, self.backend = policy, align_by, tuple(obs), backend
        self.steps = steps or StepStore()
        self._zarr_fill, self.strip_suffix = zarr_fill, strip_suffix
        self.crosswalks, self.ids, self.missing_text = crosswalks or Crosswalks(), tuple(ids), tuple(missing_text)
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
        content = self._file_digest(path)
        found: Ontology = self._shared(("ontology", content), lambda: read_ontology(path, **self._ontology_options))
        return replace(found, source=str(path))  # whichever thread read it

    def read(self, run: Run) -> Scored:
        """Read, align, code and count one run, or take what an earlier command counted of it."""
        early: list[tuple[CellTable, list[str]]] = []  # predictions that are read already, for their digest

        def read_early() -> CellTable:
            early.append(self._predictions(run))
            return early[0][0]

        def count() -> dict[str, Any]:
            return self._counted(run, ontology, *(early.pop() if early else self._predictions(run)))

        digests = self._digests(run, read_early) if self.steps.keeps else ()
        ontology = self.ontology(run.ontology) if run.ontology else None
        return _scored(run, ontology, self.steps.do(f"run {run.name}", count, digests), digests)

    def _file_digest(self, path: Path) -> str:
        found: str = self._shared(("digest", path.resolve()), lambda: _digest(path))
        return found

    def _digests(self, run: Run, predictions: Callable[[], CellTable]) -> tuple[str, ...]:
        """Return what the counts of a run depend on beside the options: its columns, its files, the crosswalk.

        Of AnnData, which may hold gigabytes of counts, it is the digest of what is read of it.
        """

        def of(path: Path, read: Callable[[], CellTable]) -> str:
            found = existing_path(path)
            return str(read().source["sha256"]) if format_of(found) in ANNDATA else self._file_digest(found)

        about = [run.directory, run.gt_label, run.columns, run.top_k, run.score, run.score_asked, self.obs]
        headers = self.crosswalks.headers(TRUTH, run.name, run.model_name)
        settings = json.dumps([about, *self._crosswalks(run), headers], sort_keys=True)
        return (
            hashlib.sha256(settings.encode()).hexdigest(),
            of(run.truth, partial(self._truth, run)),
            of(run.predictions, predictions),
            self._file_digest(run.ontology) if run.ontology else "",
        )

    def _truth(self, run: Run) -> CellTable:
        found: CellTable = self._shared(
            ("truth", run.truth.resolve(), run.gt_label),
            lambda: self._cells(run.truth, [run.gt_label, *(c for c in self.obs if c != run.gt_label)]),
        )
        return found

    def _cells(self, path: Path, labels: Sequence[str], scores: Sequence[str] = ()) -> CellTable:
        """Read a file; its cell ids are in the first of the columns asked for that it has."""
        names = column_names(path) if self.ids else []
        ids = next((name for name in self.ids if name in names), None)
        return read_cells(path, labels, scores, ids=ids, missing_text=self.missing_text, zarr_fill=self._zarr_fill)

    def _aligned(
        self, run: Run, truth: CellTable, found: CellTable, where: str
    ) -> tuple[npt.NDArray[np.int64] | None, list[str]]:
        """Return the row of the prediction of each cell, see `align`, and notes."""
        labels = {run.gt_label, *run.columns, run.score} - {""}  # an index has no name
        others = IdColumns(run.truth, run.predictions, {*labels, truth.id_column, found.id_column})
        sides = ((truth, run.truth, {run.gt_label}), (found, run.predictions, {*run.columns, run.score} - {""}))
        without = [path for table, path, own in sides if table.id_column in own - {*self.ids}]
        if self.align_by == "position":
            order, note = align(truth.ids, found.ids, by="position", where=where)
            return order, [note] if note and not without else []  # labels are no ids
        if without:
            raise InputError(
                f"{where}: {without[0].name} has no column but labels and scores, so there are no cell ids; write them "
                "beside, or, if both files list the same cells in the same order, pass --align position."
            )
        asked = truth.id_column in self.ids and found.id_column in self.ids
        by_number = "" if asked else check_row_numbers(truth.ids, found.ids, others, where)
        places = (_place(truth, run.truth), _place(found, run.predictions))
        true_ids, called_ids, taken_off = truth.ids, found.ids, ""
        if self.strip_suffix:
            true_ids, called_ids, taken_off = without_suffixes(true_ids, called_ids)
        order, note = align(true_ids, called_ids, where=where, places=places, advice=others.advice)
        return order, [each for each in (by_number, taken_off, note) if each]

    def _crosswalks(self, run: Run) -> tuple[dict[str, str], dict[str, str]]:
        """Return the labels to be replaced in the truth, and in the predictions of a run."""
        return self.crosswalks.of(TRUTH), self.crosswalks.of(run.name, run.model_name)

    def _predictions(self, run: Run) -> tuple[CellTable, list[str]]:
        """Read the predictions; scores that nobody asked for are left out, with a note, where they are no numbers."""
        try:
            return self._cells(run.predictions, run.columns, [run.score] if run.score else []), []
        except InputError as error:
            if not run.score or run.score_asked:
                raise
            found = self._cells(run.predictions, run.columns)
            return found, [f"{run.directory or run.name}: Scores were left out. {error}"]

    def _counted(self, run: Run, ontology: Ontology | None, found: CellTable, said: Sequence[str]) -> dict[str, Any]:
        """Align, code and count; the result is plain, see `_scored`."""
        truth, where, notes = self._truth(run), run.directory or run.name, list(said)
        notes += [*truth.notes, *found.notes]
        order, on_ids = self._aligned(run, truth, found, where)
        for table, path, columns in ((truth, run.truth, [run.gt_label]), (found, run.predictions, run.columns)):
            notes += [f"{where}: {said}" for said in _notes_on_columns(table, path, columns)]
        notes += [f"{where}: {said}" for said in on_ids]
        if run.unused:
            notes.append(
                f"{where}: {len(run.columns) + len(run.unused)} columns are given, but rank 1 to {run.top_k} counts: "
                f"{examples(run.unused)} is not used (--f-measure-top-k {len(run.columns) + len(run.unused)}; a score "
                f"is for --score {run.unused[0]})."
            )
        if len(run.columns) < run.top_k:
            notes.append(
                f"{where}: Only {len(run.columns)} of the {run.top_k} ranks asked for are there "
                f"({run.columns[-1]} is the last)."
            )
        of_truth, of_model = self._crosswalks(run)
        true_labels, called = truth.columns[run.gt_label], [found.columns[column] for column in run.columns]
        refuse_scores(true_labels, run.columns, called, where)
        universe, every = None, [each for rank in called for each in rank.values]
        if ontology is not None:
            universe = Universe(ontology.terms, ontology)
        is_known = partial(universe.knows, match=self.policy.match) if universe else None
        self.crosswalks.check_columns(true_labels.values, every, is_known, run.name, run.model_name)
        if universe is None:
            exact = self.policy.spelling == "exact"
            universe, respelled = universe_of(true_labels, called, of_truth, of_model, exact=exact)
            notes += [f"{where}: {said}" for said in respelled]
            names = (run.gt_label, run.inferred_label)
            notes += notes_on_vocabularies(true_labels, called, universe, (of_truth, of_model), names, where)
        policies = []
        sides = ((run.gt_label, [true_labels], of_truth), (run.inferred_label, called, of_model))
        for name, labelled, crosswalk in sides:
            match, kinds = match_of(labelled, universe, crosswalk, self.policy.match)
            policies.append(replace(self.policy, match=match))
            notes += [f"{where}: Column {name!r} holds {kinds} (--match auto)."] if kinds else []
        ranks = [code_labels(column, universe, policies[1], of_model) for column in called]
        if order is not None:
            ranks = [replace(rank, codes=rank.codes[order]) for rank in ranks]
        true = code_labels(true_labels, universe, policies[0], of_truth)
        other = {label: known for each in (true, *ranks) for label, known in each.respelled.items()}
        if other:
            shown = "; ".join(f"{label!r} as {known!r}" for label, known in list(other.items())[:3])
            notes.append(
                f"{where}: {counted(len(other), 'label is', 'labels are')} written in another way than in the "
                f"ontology, and taken for its own: {shown}{'; ...' if len(other) > 3 else ''}."
            )
        labels = apply_label_policy(true, ranks, universe, self.policy, where, (run.gt_label, run.inferred_label))
        score = found.scores.get(run.score)
        if score is not None and order is not None:
            score = score[order]
        counts = self.backend.count_confusion(labels.truth, labels.predictions, universe.none)
        notes += [f"{where}: {said}" for said in exchanged_labels(counts, universe)]
        return {
            "labels": list(universe.labels) if ontology is None else None,
            "calls": self._calls(truth, labels, score, universe),
            "matrices": [each.as_arrays() for each in matrices(counts, universe.labels)],
            "label_counts": labels.counts.as_dict(),
            "unknown": {
                side: dict(itertools.islice(each.unknown.items(), KEPT_UNKNOWN))
                for side, each in (("truth", true), ("predicted", ranks[0]))
            },
            "notes": notes,
            "sources": [
                {key: value for key, value in table.source.items() if key != "path"} for table in (truth, found)
            ],
        }

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


def _scored(run: Run, ontology: Ontology | None, counted: Mapping[str, Any], digests: tuple[str, ...]) -> Scored:
    """Make a scored run of what was counted; paths and ontology, which may lie elsewhere now, are those of the run."""
    universe = Universe(tuple(counted["labels"]) if ontology is None else ontology.terms, ontology)
    confusions = [Confusion.of_arrays(universe.labels, each) for each in counted["matrices"]]
    confusions += confusions[-1:] * (run.top_k - len(confusions))
    return Scored(
        run=run,
        universe=universe,
        calls=counted["calls"],
        confusions=tuple(confusions),
        label_counts=LabelCounts(**counted["label_counts"]),
        unknown=counted["unknown"],
        notes=tuple(counted["notes"]),
        sources=tuple(
            {"path": str(path), **each}
            for path, each in zip((run.truth, run.predictions), counted["sources"], strict=True)
        ),
        digests=digests,
    )


def _place(table: CellTable, path: Path) -> str:
    """Return where the cell ids of a table are from, for messages."""
    return f"column {table.id_column!r} of {path.name}" if table.id_column else f"the index of {path.name}"


def _notes_on_columns(table: CellTable, path: Path, columns: Sequence[str]) -> list[str]:
    """Return text of the label columns that means missing, and a column of cell ids that is not the first one."""
    notes = []
    for name in columns:
        texts = table.columns[name].missing
        if texts:
            shown = ", ".join(f"{text!r} in {counted(count, 'cell')}" for text, count in texts.items())
            notes.append(f"Column {name!r} of {path.name} holds text that means missing: {shown} (--missing-text).")
    if table.id_column and table.id_column != next(iter(column_names(path)), table.id_column):
        notes.append(f"The cell ids of {path.name} are those of column {table.id_column!r} (--id).")
    return notes


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
