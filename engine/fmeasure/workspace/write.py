"""The folder of a run under the names of cellarium-cas, as it is written; `workspace.read` reads it back.

::

    cm_raw_k{n}/<sample>/confusion_matrix.npz, confusion_matrix_meta.json
    cm_aggregate_k{n}/<group>/confusion_matrix.npz, confusion_matrix_meta.json
    cells/<sample>.parquet           every scored cell: truth, prediction, rank of the truth, score
    ontologies/<fingerprint>.json    the ontologies of the samples
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ....kernels.cores import run_jobs
from ...errors import InputError
from ...results.files import write_json
from ...results.folder import ResultFolder
from ...results.json_files import read_json
from ..confusion import Confusion
from ..names import is_label_column, safe_name
from ..ontology.ontology import Ontology
from ..ontology.read import resource_of
from ..runs.samples import Group, Sample
from ..tables import cells_table

__all__ = [
    "folder_names",
    "is_workspace_file",
    "load_matrix",
    "save_matrix",
    "write_groups",
    "write_samples",
]

#: Bytes of the name of a folder, on most file systems; ``.parquet`` is added to some.
LONGEST_NAME = 240

_MATRIX, META = "confusion_matrix.npz", "confusion_matrix_meta.json"
_OF_CELLARIUM = re.compile(
    rf"cm_(raw|aggregate)_k[1-9]\d*/[^/]+/({re.escape(_MATRIX)}|{re.escape(META)})"
    r"|(hierarchical_)?f_measure_per_(sample|group)\.csv"
)


def is_workspace_file(name: str) -> bool:
    """Return whether a file is one that cellarium-cas writes into a workspace."""
    return _OF_CELLARIUM.fullmatch(name) is not None


def folder_names(names: Sequence[str], what: str) -> dict[str, str]:
    """Return the folder of each name, or refuse two names of one folder."""
    taken: dict[str, str] = {}
    for name in names:
        folder = safe_name(name)
        if folder in ("", ".", "..") or "\0" in folder or len(os.fsencode(folder)) > LONGEST_NAME:
            raise InputError(f"The {what} {name[:80]!r} cannot be the name of a folder; rename it.")
        if folder in taken:
            raise InputError(
                f"The {what}s {taken[folder]!r} and {name!r} would both be written to {folder!r}; rename one."
            )
        taken[folder] = name
    return {name: folder for folder, name in taken.items()}


def save_matrix(matrix: Any, meta: dict[str, Any], folder: Path) -> None:
    """Write a sparse matrix and its description into a folder, which is made.

    The matrix is what `scipy.sparse.save_npz` writes, compressed in a quarter of its time to a tenth more bytes.
    """
    from scipy.sparse import csr_array, csr_matrix, sparray

    folder.mkdir(parents=True, exist_ok=True)
    is_array = isinstance(matrix, sparray)
    csr = csr_array(matrix) if is_array else csr_matrix(matrix)
    arrays = {
        "indices": csr.indices,
        "indptr": csr.indptr,
        "format": np.array(b"csr"),
        "shape": np.array(csr.shape),
        "data": csr.data,
    } | ({"_is_array": np.array(True)} if is_array else {})
    with zipfile.ZipFile(folder / _MATRIX, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    write_json(meta, folder / META, keep_nan=True)  # as the json of Python, and so cellarium-cas, writes it


def load_matrix(folder: Path) -> tuple[Any, dict[str, Any]]:
    """Read back what `save_matrix` wrote.

    Raises
    ------
    FileNotFoundError
        A file is missing, the matrix looked for first.
    InputError
        A file is damaged.
    """
    from scipy.sparse import load_npz

    for name in (_MATRIX, META):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"There is no {folder / name}.")
    try:
        matrix = load_npz(folder / _MATRIX)
        meta = read_json(folder / META)
    except Exception as error:  # zipfile, NumPy and SciPy raise many types, all of which mean a damaged file
        raise InputError(f"{folder}: The confusion matrix is damaged or no such file: {error}.") from error
    if not isinstance(meta, dict):
        raise InputError(f"{folder / META} holds no JSON object.")
    return matrix.tocsr(), meta


def _missed(confusion: Confusion) -> dict[str, int]:
    return {confusion.labels[i]: int(confusion.missed[i]) for i in np.flatnonzero(confusion.missed)}


def write_samples(folder: ResultFolder, samples: Sequence[Sample], keep_cells: bool) -> dict[str, Any]:
    """Write matrices, cells and ontologies of samples; return the declaration of the cells for the manifest."""
    folders = folder_names([sample.name for sample in samples], "sample name")
    ontologies: dict[str, Ontology] = {}
    for sample in samples:
        if sample.ontology is not None:
            ontologies.setdefault(sample.ontology.fingerprint, sample.ontology)

    def write(sample: Sample) -> None:
        meta, place = dict(sample.meta), folders[sample.name]
        columns = meta.pop("columns")
        first = {
            key: meta.pop(key) for key in ("model_name", "test_sample", "annotate_dir", "gt_label", "inferred_label")
        }
        for k, confusion in enumerate(sample.confusions, start=1):
            described = first | {
                "label_order": list(confusion.labels),
                "matrix_shape": list(confusion.matrix.shape),
                "f_measure_top_k": k,
                "f_measure_inferred_labels": columns[:k],
                "missed": _missed(confusion),
                "sample_name": sample.name,
                "columns": columns,
            }
            save_matrix(confusion.matrix, described | meta, folder.path(f"cm_raw_k{k}/{place}/{META}").parent)
        if keep_cells and sample.calls is not None:
            cells = cells_table(_with_labels(sample.calls, sample.labels))
            cells.check(f"cells/{place}.parquet")
            folder.parquet(f"cells/{place}.parquet", cells.frame)

    def write_ontology(ontology: Ontology) -> None:
        resource = {**resource_of(ontology), "source": folder.final(ontology.source)}
        write_json(resource, folder.path(f"ontologies/{ontology.fingerprint[:16]}.json"))

    jobs = [(1, partial(write_ontology, ontology)) for ontology in ontologies.values()]
    run_jobs(jobs + [(1, partial(write, sample)) for sample in samples])
    kept = [sample.calls for sample in samples if sample.calls is not None] if keep_cells else []
    if not kept:
        return {}
    first = cells_table(_with_labels(kept[0].head(0), samples[0].labels)).as_dict()
    return {"cells/*.parquet": first | {"rows": sum(map(len, kept))}}


def write_groups(folder: ResultFolder, groups: Sequence[Group]) -> None:
    """Write the summed matrices of groups."""
    folders = folder_names([group.name for group in groups], "group name")

    def write(group: Group) -> None:
        names = [member.sample.meta["annotate_dir"] or member.sample.name for member in group.members]
        for k, confusion in enumerate(group.confusions, start=1):
            meta = {
                "model_name": group.name,
                "source_annotate_dirs": names,
                "label_order": list(confusion.labels),
                "matrix_shape": list(confusion.matrix.shape),
                "n_samples_aggregated": len(group.members),
                "missed": _missed(confusion),
                "keys": dict(group.keys),
                "samples": [member.sample.name for member in group.members],
                "ontology_fingerprint": group.members[0].sample.meta.get("ontology_fingerprint"),
            }
            save_matrix(confusion.matrix, meta, folder.path(f"cm_aggregate_k{k}/{folders[group.name]}/{META}").parent)

    run_jobs([(1, partial(write, group)) for group in groups])


def _with_labels(calls: pl.DataFrame, labels: tuple[str, ...]) -> pl.DataFrame:
    """Put text in the place of codes."""
    names = pl.Series([*labels, None], dtype=pl.Categorical)
    coded = filter(is_label_column, calls.columns)
    return calls.with_columns(names.gather(calls[name]).alias(name) for name in coded)
