"""Azimuth (Seurat) cell-type calls as an annotate directory, which ``fastbench fmeasure`` and cellarium-cas read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...options import as_mapping
from ...readers.cells import column_names, read_cells
from ...results.files import write_atomic, write_error, write_json
from ...results.folder import ResultFolder
from ..ontology.ids import find_id
from ..ontology.read import read_ontology
from ..ontology.write import inconsistent_pairs, write_resource, write_response
from ..runs.annotate_dirs import LABELS, METADATA, RESOURCE, RESPONSE, rank_columns
from .calls import AzimuthCalls, read_azimuth
from .options import AzimuthOptions

__all__ = [
    "azimuth_to_cas_annotation",
    "build_ontology_response",
    "convert_azimuth",
    "map_azimuth_to_cas_labels",
]

_NAME = "cas_cell_type_name_1"


def convert_azimuth(options: AzimuthOptions, folder: ResultFolder) -> AzimuthCalls:
    """Write an annotate directory.

    Parameters
    ----------
    options : AzimuthOptions
        With an ontology.
    folder : ResultFolder
        The directory: ``inferred_labels.csv``, ``metadata.json``, ``ontology_resource.json`` (a resource file as it
        is, other ontologies converted) and ``ontology_response.json``.

    Returns
    -------
    AzimuthCalls

    Raises
    ------
    InputError
        Files that cannot be read; no levels; cells that the Azimuth file lacks; barcodes or cell ids that come more
        than once; scores that are no numbers; a crosswalk in which a label has two meanings or no id; no label that
        becomes a term; and, if so asked for, any label that does not.
    """
    if not options.ontology:
        raise InputError(
            "An annotate directory needs an ontology; give a resource file of cellarium-cas, OBO or OBO-graph."
        )
    ontology = read_ontology(options.ontology, relations=options.relations)
    calls = read_azimuth(options, ontology)
    _write_labels(calls, folder.path(LABELS))
    write_json(_metadata(options, len(calls.table)), folder.path(METADATA))
    source = write_resource(ontology, options.ontology, folder.path(RESOURCE))
    response = folder.path(RESPONSE)
    if options.response:
        write_response(calls.table[""], calls.terms, calls.scores, ontology, options.model_name, response)
    else:
        write_json({}, response)
    folder.manifest |= {
        "inputs": [*calls.sources, source],
        "notes": list(calls.notes),
        "dropped": {"azimuth_rows_of_no_cell": calls.extra_rows},
        **calls.account(),
    }
    return calls


def _write_labels(calls: AzimuthCalls, path: Path) -> None:
    content = calls.table.write_csv().encode()  # not by `write_csv`, which gives the column without a name one
    write_atomic(path, lambda handle: handle.write(content))


def _metadata(options: AzimuthOptions, n_cells: int) -> dict[str, Any]:
    return {
        "input_path": os.path.abspath(Path(options.h5ad).expanduser()),
        "model_name": options.model_name,
        "n_cells": n_cells,
        "ontology_resource_name": None,
    }


# --- the functions of cellarium-cas, under their names ---


def _options(
    files: tuple[str | Path, str | Path, str | Path],
    columns: tuple[str, str, str | None],
    name: str,
    level_specs: Sequence[tuple[str, str]] | None,
    **more: Any,
) -> AzimuthOptions:
    """Return the options that the arguments of cellarium-cas stand for: files, columns of the crosswalk, reference."""
    azimuth, cells, crosswalk = map(str, files)
    label, cl_id, cl_label = columns
    return AzimuthOptions(
        azimuth_csv=azimuth,
        h5ad=cells,
        crosswalk_csv=crosswalk,
        crosswalk_azimuth_col=label,
        crosswalk_cl_id_col=cl_id,
        crosswalk_cl_label_col=cl_label or "",
        azimuth_ref_name=name,
        levels=tuple(":".join(level) for level in level_specs or ()),
        **more,
    )


def map_azimuth_to_cas_labels(
    azimuth_csv_path: str | Path,
    h5ad_path: str | Path,
    output_dir: str | Path,
    crosswalk_csv_path: str | Path,
    crosswalk_azimuth_col: str,
    crosswalk_cl_id_col: str,
    azimuth_ref_name: str,
    level_specs: Sequence[tuple[str, str]] | None = None,
    crosswalk_cl_label_col: str | None = None,
) -> AzimuthCalls:
    """Write ``inferred_labels.csv`` and ``metadata.json`` into a folder, without an ontology that checks the ids.

    Parameters
    ----------
    azimuth_csv_path, h5ad_path : path
        See `AzimuthOptions`.
    output_dir : path
        Made where it is not there; files of these names are replaced.
    crosswalk_csv_path : path
        See `AzimuthOptions`.
    crosswalk_azimuth_col, crosswalk_cl_id_col : str
        Columns of the crosswalk.
    azimuth_ref_name : str
        The model is called ``azimuth_<name>``.
    level_specs : sequence of (label column, score column), optional
        Most granular first. Default: every ``predicted.X`` that has a ``predicted.X.score``, the last one first.
    crosswalk_cl_label_col : str, optional
        Column of the crosswalk with the label of the term.

    Returns
    -------
    AzimuthCalls

    Raises
    ------
    InputError
        As of `convert_azimuth`.
    """
    options = _options(
        (azimuth_csv_path, h5ad_path, crosswalk_csv_path),
        (crosswalk_azimuth_col, crosswalk_cl_id_col, crosswalk_cl_label_col),
        azimuth_ref_name,
        level_specs,
    )
    calls = read_azimuth(options, None)
    output = _folder(output_dir)
    _write_labels(calls, output / LABELS)
    write_json(_metadata(options, len(calls.table)), output / METADATA)
    return calls


def build_ontology_response(
    inferred_labels_path: str | Path,
    ontology_resource_path: str | Path,
    azimuth_ref_name: str,
    output_dir: str | Path,
) -> dict[str, Any]:
    """Write ``ontology_response.json`` and ``ontology_resource.json`` for the calls of ``inferred_labels.csv``.

    Parameters
    ----------
    inferred_labels_path : path
        With columns ``cas_cell_type_name_1`` to ``_K`` and, for each that is scored, ``cas_cell_type_score_k``.
    ontology_resource_path : path
        ``ontology_resource.json``, OBO or OBO-graph JSON.
    azimuth_ref_name : str
        The model is called ``azimuth_<name>``.
    output_dir : path
        Made where it is not there; files of these names are replaced.

    Returns
    -------
    dict
        ``ontology_response_path`` and ``ontology_resource_path``; ``outside``, a dict of ids that the ontology lacks
        to their cells; ``inconsistent``, see `inconsistent_pairs`.

    Raises
    ------
    InputError
        Files that cannot be read, or labels without a column ``cas_cell_type_name_1``.
    """
    ontology = read_ontology(ontology_resource_path)
    names = column_names(inferred_labels_path)
    ranks = rank_columns(names, _NAME, max(len(names), 1))
    if not ranks:
        raise InputError(f"{inferred_labels_path} has no column {_NAME!r}.")
    scored = [name for rank in ranks if (name := rank.replace("_name_", "_score_")) in names]
    found = read_cells(inferred_labels_path, ranks, scored)
    position = {term: i for i, term in enumerate(ontology.terms)}
    terms = np.empty((len(found.ids), len(ranks)), np.int32)
    scores = np.full(terms.shape, np.nan)
    outside: dict[str, int] = {}
    for k, rank in enumerate(ranks):
        column = found.columns[rank]
        ids = [find_id(value, position) for value in column.values]
        at = [-1 if term is None else position[term] for term in ids]
        terms[:, k] = np.array([*at, -1], np.int32)[column.codes]
        for value, term, cells in zip(column.values, ids, np.bincount(column.codes + 1)[1:].tolist(), strict=True):
            if term is None:
                outside[value] = outside.get(value, 0) + cells
        name = rank.replace("_name_", "_score_")
        if name in found.scores:
            scores[:, k] = found.scores[name]
    output = _folder(output_dir)
    paths = {"ontology_response_path": output / RESPONSE, "ontology_resource_path": output / RESOURCE}
    write_response(found.ids, terms, scores, ontology, f"azimuth_{azimuth_ref_name}", paths["ontology_response_path"])
    write_resource(ontology, ontology_resource_path, paths["ontology_resource_path"])
    return {**paths, "outside": outside, "inconsistent": inconsistent_pairs(terms, ontology)}


def azimuth_to_cas_annotation(
    azimuth_csv_path: str | Path,
    h5ad_path: str | Path,
    crosswalk_csv_path: str | Path,
    crosswalk_azimuth_col: str,
    crosswalk_cl_id_col: str,
    azimuth_ref_name: str,
    ontology_resource_path: str | Path,
    output_dir: str | Path,
    level_specs: Sequence[tuple[str, str]] | None = None,
    crosswalk_cl_label_col: str | None = None,
) -> dict[str, Path]:
    """Write an annotate directory with all four files; arguments as of the two functions above.

    Returns
    -------
    dict
        ``output_dir``, ``inferred_labels_path``, ``metadata_path``, ``ontology_resource_path`` and
        ``ontology_response_path``.

    Raises
    ------
    InputError
        As of `convert_azimuth`; and an output folder that is not empty.
    """
    options = _options(
        (azimuth_csv_path, h5ad_path, crosswalk_csv_path),
        (crosswalk_azimuth_col, crosswalk_cl_id_col, crosswalk_cl_label_col),
        azimuth_ref_name,
        level_specs,
        ontology=str(ontology_resource_path),
        response=True,
    )
    with ResultFolder(output_dir, "fmeasure azimuth", as_mapping(options)) as folder:
        convert_azimuth(options, folder)
    output = Path(output_dir).expanduser()
    return {
        "output_dir": output,
        "inferred_labels_path": output / LABELS,
        "metadata_path": output / METADATA,
        "ontology_resource_path": output / RESOURCE,
        "ontology_response_path": output / RESPONSE,
    }


def _folder(output_dir: str | Path) -> Path:
    output = Path(output_dir).expanduser()
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(output, error) from error
    return output
