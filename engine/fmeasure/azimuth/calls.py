"""Reading Azimuth calls in the order of the cells, and mapping them to ontology terms; by distinct labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ...errors import InputError, examples
from ...readers.cells import CellTable, column_names, read_cells
from ...readers.text import NULL_TOKENS
from ...tables.frames import check_one, did_you_mean
from ..ontology.ontology import ROOT, Ontology
from ..ontology.write import inconsistent_pairs
from ..runs.align import align
from .crosswalk import Crosswalk, read_azimuth_crosswalk

__all__ = ["UNMAPPED", "AzimuthCalls", "AzimuthOptions", "read_azimuth"]

#: What a call without a term may become; see `AzimuthOptions`.
UNMAPPED = ("unknown", "error", "empty", "root")

_PREFIX, _SCORE = "predicted.", ".score"
#: Inconsistent pairs in a manifest.
_SHOWN_PAIRS = 100


@dataclass(frozen=True)
class AzimuthOptions:
    """What is converted, and how.

    Attributes
    ----------
    azimuth_csv : str
        Metadata that Seurat wrote (``write.csv(object@meta.data)``, or the TSV file of the Azimuth app): first column
        the barcode, and for each level a column of labels and one of scores.
    h5ad : str
        The cells, in order, and later the ground truth: ``.h5ad`` or ``.zarr``. Only the index of `obs` is read.
    crosswalk_csv : str
        CSV or TSV file with a row for each Azimuth label, of all levels.
    crosswalk_azimuth_col, crosswalk_cl_id_col, crosswalk_cl_label_col : str
        Its columns: Azimuth label, id of the term, and (empty for none) label of the term.
    azimuth_ref_name : str
        Name of the Azimuth reference; the model is called ``azimuth_<name>``.
    ontology : str
        ``ontology_resource.json``, OBO or OBO-graph JSON.
    levels : tuple of (label column, score column)
        Most granular first; empty: every ``predicted.X`` that has a ``predicted.X.score``, the last one first.
    unmapped : {"unknown", "error", "empty", "root"}
        What a call becomes that is no term: a label that the crosswalk lacks, an id that the ontology lacks, no label
        at all. ``unknown``: the name is ``unknown``, or the id as it is, or empty where there is no label; so nothing
        is lost, and the benchmark decides (by its own ``--unknown``). ``error``: refuse. ``empty``: no name.
        ``root``: the root of the ontology.
    relations : tuple of str
        See `read_ontology`.
    response : bool
        Whether ``ontology_response.json`` is written in full. The benchmark asks only that it is there, and it is
        large (above 1 kB a cell), so by default it is ``{}``.
    """

    azimuth_csv: str
    h5ad: str
    crosswalk_csv: str
    crosswalk_azimuth_col: str
    crosswalk_cl_id_col: str
    azimuth_ref_name: str
    crosswalk_cl_label_col: str = ""
    ontology: str = ""
    levels: tuple[tuple[str, str], ...] = ()
    unmapped: str = "unknown"
    relations: tuple[str, ...] = ("is_a",)
    response: bool = False

    def __post_init__(self) -> None:
        """Refuse bad values before anything is read."""
        check_one("unmapped", self.unmapped, UNMAPPED)
        if not self.azimuth_ref_name.strip():
            raise InputError("The name of the Azimuth reference is empty; give one, such as pbmcref.")
        labels = [label for label, _ in self.levels]
        if len(set(labels)) < len(labels):
            raise InputError(f"The levels ({examples(labels)}) name a column twice; name each once.")

    @property
    def model_name(self) -> str:
        """What the model is called."""
        return f"azimuth_{self.azimuth_ref_name}"

    def as_dict(self) -> dict[str, Any]:
        """Return the options."""
        return asdict(self)


@dataclass(frozen=True)
class AzimuthCalls:
    """Calls of n cells at K levels, in the order of the cells; rank 1 is the most granular level.

    Attributes
    ----------
    table : polars.DataFrame
        What ``inferred_labels.csv`` holds: the cell id (a column without a name), then labels, names and scores.
    terms : ndarray of int32, shape (n, K)
        Position of each call in `Ontology.terms`; -1 for none. Without an ontology all are -1.
    scores : ndarray of float64, shape (n, K)
        NaN where missing.
    levels : polars.DataFrame
        One row a level: `rank`, `level` and `score` (the columns), distinct `labels`, distinct `terms` that they
        became, cells `mapped`, `unmapped` (not in the crosswalk), `outside` (the id is not in the ontology) and
        `missing` (no label), `mean_score`, and cells `without_score`.
    unmapped : polars.DataFrame
        `level`, `label`, `id` (null where the crosswalk has none) and `cells`, the most frequent first in a level.
    inconsistent : polars.DataFrame
        See `inconsistent_pairs`; empty without an ontology.
    extra_rows : int
        Rows of the Azimuth file of no cell; left out.
    notes : tuple of str
        All that was noticed, in words.
    sources : tuple of dict
        The files and what was read of them.
    """

    table: pl.DataFrame
    terms: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float64]
    levels: pl.DataFrame
    unmapped: pl.DataFrame
    inconsistent: pl.DataFrame
    extra_rows: int
    notes: tuple[str, ...]
    sources: tuple[dict[str, Any], ...]

    def account(self) -> dict[str, Any]:
        """Return what became of the calls, for the manifest; of inconsistent pairs the most frequent."""
        pairs = self.inconsistent
        shown = {"pairs": len(pairs), "cells": pairs["cells"].sum(), "most_frequent": pairs.head(_SHOWN_PAIRS)}
        return {"levels": self.levels, "unmapped": self.unmapped, "inconsistent": shown}


def read_azimuth(options: AzimuthOptions, ontology: Ontology | None) -> AzimuthCalls:
    """Read the calls of the cells, and map them to terms.

    Parameters
    ----------
    options : AzimuthOptions
        Its `ontology` is not read here.
    ontology : Ontology, optional
        Which ids are terms. Without one, all that the crosswalk has count.

    Returns
    -------
    AzimuthCalls

    Raises
    ------
    InputError
        See `convert_azimuth`.
    """
    if options.unmapped == "root" and ontology and ontology.root not in ontology.terms:
        raise InputError(
            f"{ontology.source} does not have its root {ontology.root} as a term, so no call can become it."
        )
    crosswalk = read_azimuth_crosswalk(
        options.crosswalk_csv,
        options.crosswalk_azimuth_col,
        options.crosswalk_cl_id_col,
        options.crosswalk_cl_label_col,
    )
    columns = _find_levels(options)
    cells = read_cells(options.h5ad, [])
    found = read_cells(options.azimuth_csv, [label for label, _ in columns], [score for _, score in columns])
    rows = _rows(cells.ids, found.ids, options)
    mapping = _Mapping(options, crosswalk, ontology)
    levels = [_level(found, label, score, rows, mapping) for label, score in columns]
    _refuse(levels, options)
    table: dict[str, Any] = {"": cells.ids}
    for what in ("label", "name", "score"):
        table |= {f"cas_cell_type_{what}_{k}": level.columns[what] for k, level in enumerate(levels, start=1)}
    terms = np.stack([level.terms for level in levels], axis=1)
    pairs = inconsistent_pairs(terms, ontology)
    lost = [(level.name, *entry) for level in levels for entry in level.lost]
    schema: dict[str, Any] = {"level": pl.String, "label": pl.String, "id": pl.String, "cells": pl.Int64}
    extra_rows = len(found.ids) - len(rows)
    notes = list(crosswalk.notes)
    if extra_rows:
        notes.append(f"{extra_rows} rows of {options.azimuth_csv} are of no cell of {options.h5ad}, and were left out.")
    notes += _notes(levels, mapping)
    if len(pairs):
        worst = [f"{finer} under {coarser}" for finer, coarser in pairs.select("finer", "coarser").head(3).iter_rows()]
        notes.append(
            f"{pairs['cells'].sum()} calls, of {len(pairs)} distinct pairs, are not below the next coarser call of the "
            f"same cell in the ontology ({examples(worst, 3)})."
        )
    return AzimuthCalls(
        pl.DataFrame(table),
        terms,
        np.stack([level.scores for level in levels], axis=1),
        pl.DataFrame([{"rank": k, **level.counts} for k, level in enumerate(levels, start=1)]),
        pl.DataFrame(lost, schema=schema, orient="row"),
        pairs,
        extra_rows,
        tuple(notes),
        (found.source, cells.source, crosswalk.source),
    )


# --- levels and rows ---


def _find_levels(options: AzimuthOptions) -> list[tuple[str, str]]:
    """Find the columns of labels and scores, most granular first."""
    path, names = options.azimuth_csv, column_names(options.azimuth_csv)
    for name in (name for level in options.levels for name in level):
        if name not in names:
            raise InputError(
                f"{path} has no column {name!r}{did_you_mean(name, names) or '.'} "
                f"Its columns are {examples(names, 10)}."
            )
    # Azimuth writes coarse levels first.
    found = [(name, name + _SCORE) for name in names if name.startswith(_PREFIX) and name + _SCORE in names][::-1]
    if not (options.levels or found):
        raise InputError(
            f"{path} has no column predicted.<level> with a predicted.<level>.score beside it; its columns are "
            f"{examples(names, 10) or 'none'}; name those of the levels, each as LABEL:SCORE."
        )
    return list(options.levels) or found


def _rows(cells: pl.Series, barcodes: pl.Series, options: AzimuthOptions) -> npt.NDArray[np.int64]:
    """Find the row of the Azimuth file of each cell."""
    for ids, path, what in ((barcodes, options.azimuth_csv, "barcodes"), (cells, options.h5ad, "cell ids")):
        repeated = ids.filter(ids.is_duplicated()).drop_nulls().unique(maintain_order=True)
        if len(repeated):
            raise InputError(
                f"{path}: {len(repeated)} {what} come more than once ({examples(repeated)}); give each cell an id of "
                "its own, for example with the name of its sample in front."
            )
    known = barcodes.is_in(cells.implode()).fill_null(False)
    kept = np.flatnonzero(known.to_numpy())
    where = f"{options.azimuth_csv} (predictions) and {options.h5ad} (truth)"
    if len(kept) < len(cells):
        align(cells, barcodes, where=where)  # it says what is missing, and what most ids seem to differ by
    order, _ = align(cells, barcodes.filter(known), where=where)
    return kept if order is None else kept[order]


# --- labels to terms ---


@dataclass(frozen=True)
class _Call:
    """What one label became; `kind` is that of the counts of a level."""

    kind: str
    identifier: str | None
    label: str | None
    name: str | None
    term: int


class _Mapping:
    """Azimuth labels to calls; remembers which ids were replaced and which labels of terms differ."""

    def __init__(self, options: AzimuthOptions, crosswalk: Crosswalk, ontology: Ontology | None) -> None:
        self.options, self.crosswalk, self.ontology = options, crosswalk, ontology
        self._position = {term: i for i, term in enumerate(ontology.terms)} if ontology else {}
        self._names = ontology.names if ontology else {}
        self.replaced: dict[str, str] = {}
        self.other_names: dict[str, str] = {}

    def call(self, text: str) -> _Call:
        """Map a label, without white space around it; the empty text is a missing one."""
        identifier, label = self.crosswalk.meaning.get(text, (None, ""))
        if identifier is None:
            kind = "missing" if text in ("", *NULL_TOKENS) else "unmapped"
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
            return _Call(kind, identifier, shown, identifier, self._position.get(identifier, -1))
        if policy == "root":
            root = self.ontology.root if self.ontology else ROOT
            return _Call(kind, identifier, self._names.get(root, root), root, self._position.get(root, -1))
        word = "unknown" if policy == "unknown" and kind == "unmapped" else None
        return _Call(kind, identifier, word, word, -1)


@dataclass(frozen=True)
class _Level:
    """One level, its columns in the order of the cells; `lost` is (label, id or None, cells) of what is no term."""

    name: str
    columns: dict[str, pl.Series]
    terms: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float64]
    lost: list[tuple[str, str | None, int]]
    counts: dict[str, Any]
    trimmed: int
    odd_scores: int


def _level(found: CellTable, column: str, score_column: str, rows: npt.NDArray[np.int64], mapping: _Mapping) -> _Level:
    """Map one level."""
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
    each = [calls.get(text, _Call("", None, None, None, -1)) for text in texts]
    of_text = dict.fromkeys(calls, 0)
    for i in used:
        of_text[texts[i]] += cells[i]
    kinds = {
        kind: sum(of_text[text] for text, call in calls.items() if call.kind == kind)
        for kind in ("mapped", "unmapped", "outside", "missing")
    }
    lost = [
        (text, call.identifier, of_text[text]) for text, call in calls.items() if call.kind in ("unmapped", "outside")
    ]
    return _Level(
        name=column,
        columns={
            "label": pl.Series([call.label for call in each], dtype=pl.String).gather(codes),
            "name": pl.Series([call.name for call in each], dtype=pl.String).gather(codes),
            "score": pl.Series(scores, nan_to_null=True),
        },
        terms=np.array([call.term for call in each], np.int32)[codes],
        scores=scores,
        lost=sorted(lost, key=lambda entry: (-entry[2], entry[0])),
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


def _problems(level: _Level, crosswalk: str) -> list[str]:
    """Say which calls of a level are no terms."""
    said = []
    for kind, words in (
        ("unmapped", f"that {crosswalk} does not have"),
        ("outside", "with an id that the ontology lacks"),
    ):
        some = {label: i for label, i, _ in level.lost if (i is not None) == (kind == "outside")}
        if some:
            shown = [f"{label}: {i}" if i else label for label, i in some.items()]
            said.append(
                f"{level.name} has {len(some)} labels {words}, in {level.counts[kind]} cells ({examples(shown)})"
            )
    if level.counts["missing"]:
        said.append(f"{level.name} has no label in {level.counts['missing']} cells")
    return said


def _refuse(levels: Sequence[_Level], options: AzimuthOptions) -> None:
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


def _notes(levels: Sequence[_Level], mapping: _Mapping) -> list[str]:
    """Say what was noticed while labels were mapped."""
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
