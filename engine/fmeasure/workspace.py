"""The folder of a run: confusion matrices and tables under the names of cellarium-cas, written and read back.

::

    cm_raw_k{n}/<sample>/confusion_matrix.npz, confusion_matrix_meta.json
    cm_aggregate_k{n}/<group>/confusion_matrix.npz, confusion_matrix_meta.json
    cells/<sample>.parquet           every scored cell: truth, prediction, rank of the truth, score
    ontologies/<fingerprint>.json    the ontologies of the samples
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ...kernels.cores import run_jobs
from ..errors import InputError, examples
from ..outputs import MANIFEST, ResultFolder
from ..write_files import write_json
from .confusion import Confusion
from .ontology import ROOT, Ontology
from .ontology_files import read_ontology, resource_of
from .samples import Group, Sample

__all__ = [
    "is_simulated",
    "is_workspace_file",
    "load_matrix",
    "read_groups",
    "read_samples",
    "save_matrix",
    "write_groups",
    "write_samples",
]

_MATRIX, _META = "confusion_matrix.npz", "confusion_matrix_meta.json"
_OF_CELLARIUM = re.compile(
    rf"cm_(raw|aggregate)_k[1-9]\d*/[^/]+/({re.escape(_MATRIX)}|{re.escape(_META)})"
    r"|(hierarchical_)?f_measure_per_(sample|group)\.csv"
)
#: Keys of the metadata that belong to one k, or that `Sample` has elsewhere.
_OF_ONE_K = ("label_order", "matrix_shape", "f_measure_top_k", "f_measure_inferred_labels", "missed")


def is_workspace_file(name: str) -> bool:
    """Say whether a file is one that cellarium-cas writes into a workspace."""
    return _OF_CELLARIUM.fullmatch(name) is not None


def is_simulated(workspace: Path) -> bool:
    """Say whether the manifest of a result says that its predictions were simulated."""
    try:
        manifest = json.loads((workspace / MANIFEST).read_bytes())
    except (OSError, ValueError):  # a workspace of cellarium-cas
        return False
    return isinstance(manifest, dict) and manifest.get("simulated") is True


def safe_name(name: str) -> str:
    """Return a name that can be that of a folder, as cellarium-cas makes it."""
    return re.sub(r"[/\\:]", "_", name)


def folder_names(names: Sequence[str], what: str) -> dict[str, str]:
    """Return the folder of each name, or refuse two names of one folder."""
    taken: dict[str, str] = {}
    for name in names:
        folder = safe_name(name)
        if folder in ("", ".", "..") or "\0" in folder:
            raise InputError(f"the {what} {name!r} cannot be the name of a folder; rename it")
        if folder in taken:
            raise InputError(
                f"the {what}s {taken[folder]!r} and {name!r} would both be written to {folder!r}; rename one"
            )
        taken[folder] = name
    return {name: folder for folder, name in taken.items()}


def save_matrix(matrix: Any, meta: dict[str, Any], folder: Path) -> None:
    """Write a sparse matrix and its description into a folder, which is made.

    The matrix is what `scipy.sparse.save_npz` writes, compressed in a quarter of its time to a tenth more bytes.
    """
    from scipy.sparse import csr_matrix

    folder.mkdir(parents=True, exist_ok=True)
    csr = csr_matrix(matrix)
    arrays = {
        "indices": csr.indices, "indptr": csr.indptr, "format": np.array(b"csr"), "shape": np.array(csr.shape),
        "data": csr.data,
    }  # fmt: skip
    with zipfile.ZipFile(folder / _MATRIX, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    write_json(meta, folder / _META)


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

    for name in (_MATRIX, _META):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"there is no {folder / name}")
    try:
        matrix = load_npz(folder / _MATRIX)
        meta = json.loads((folder / _META).read_bytes())
    except Exception as error:  # zipfile, NumPy and SciPy raise many types, all of which mean a damaged file
        raise InputError(f"{folder}: the confusion matrix is damaged or no such file: {error}") from error
    if not isinstance(meta, dict):
        raise InputError(f"{folder / _META} holds no JSON object")
    return matrix.tocsr(), meta


def _missed(confusion: Confusion) -> dict[str, int]:
    return {confusion.labels[i]: int(confusion.missed[i]) for i in np.flatnonzero(confusion.missed)}


def write_samples(folder: ResultFolder, samples: Sequence[Sample], keep_cells: bool) -> None:
    """Write matrices, cells and ontologies of samples."""
    folders = folder_names([sample.name for sample in samples], "sample name")
    ontologies = {s.ontology.fingerprint: s.ontology for s in samples if s.ontology is not None}

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
            save_matrix(confusion.matrix, described | meta, folder.path(f"cm_raw_k{k}/{place}/{_META}").parent)
        if keep_cells and sample.calls is not None:
            folder.parquet(f"cells/{place}.parquet", _with_labels(sample.calls, sample.labels))

    def write_ontology(ontology: Ontology) -> None:
        resource = {**resource_of(ontology), "source": folder.final(ontology.source)}
        write_json(resource, folder.path(f"ontologies/{ontology.fingerprint[:16]}.json"))

    jobs = [(1, partial(write_ontology, ontology)) for ontology in ontologies.values()]
    run_jobs(jobs + [(1, partial(write, sample)) for sample in samples])


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
            save_matrix(confusion.matrix, meta, folder.path(f"cm_aggregate_k{k}/{folders[group.name]}/{_META}").parent)

    run_jobs([(1, partial(write, group)) for group in groups])


def _with_labels(calls: pl.DataFrame, labels: tuple[str, ...]) -> pl.DataFrame:
    """Put text in the place of codes."""
    names = pl.Series([*labels, None], dtype=pl.Categorical)
    coded = [name for name in calls.columns if name in ("truth", "predicted") or name.startswith("nearest_")]
    return calls.with_columns(names.gather(calls[name]).alias(name) for name in coded)


def _with_codes(calls: pl.DataFrame, labels: tuple[str, ...], path: Path) -> pl.DataFrame:
    """Put codes in the place of text."""
    index = pl.DataFrame({"label": labels, "code": np.arange(len(labels), dtype=np.int32)})
    coded = [name for name in calls.columns if name in ("truth", "predicted") or name.startswith("nearest_")]
    for name in coded:
        text = calls[name].cast(pl.String)
        code = text.replace_strict(index["label"], index["code"], default=None, return_dtype=pl.Int32)
        if code.null_count() > text.null_count() or (name == "truth" and code.null_count()):
            raise InputError(f"{path}: column {name!r} holds labels that the confusion matrix does not have")
        calls = calls.with_columns(code.fill_null(len(labels)).alias(name))
    return calls


def _ranks(workspace: Path, kind: str) -> list[int]:
    """The k of all ``cm_{kind}_k*`` folders, which must be 1, 2 ..."""
    found = sorted(
        int(match[1])
        for path in workspace.glob(f"cm_{kind}_k*")
        if (match := re.fullmatch(rf"cm_{kind}_k(\d+)", path.name))
    )
    if not found:
        step = "confusion-matrix" if kind == "raw" else "aggregate"
        raise InputError(f"{workspace} holds no cm_{kind}_k1; run 'fastbench fmeasure {step}' first")
    if found != list(range(1, len(found) + 1)):
        raise InputError(
            f"{workspace} holds cm_{kind}_k{examples(found)}, but the numbers must be 1, 2, ...; run it again"
        )
    return found


def _matrices(workspace: Path, kind: str) -> list[tuple[str, dict[str, Any], tuple[Confusion, ...]]]:
    """Read the matrices of one kind: folder name, metadata of k = 1, and the matrix of each k."""
    ranks = _ranks(workspace, kind)
    names = {k: sorted(path.name for path in (workspace / f"cm_{kind}_k{k}").iterdir() if path.is_dir()) for k in ranks}
    for k, found in names.items():
        if found != names[1]:
            odd = sorted(set(found) ^ set(names[1]))
            raise InputError(
                f"{workspace}: cm_{kind}_k1 and cm_{kind}_k{k} hold different samples ({examples(odd)}); the "
                "folder mixes several runs, make it anew"
            )
    found_all = []
    for name in names[1]:
        confusions, metas = [], []
        for k in ranks:
            try:
                matrix, meta = load_matrix(workspace / f"cm_{kind}_k{k}" / name)
            except FileNotFoundError as error:
                raise InputError(f"{error}; the folder is incomplete, make it anew") from error
            labels = meta.get("label_order")
            if not isinstance(labels, list) or matrix.shape != (len(labels), len(labels)):
                raise InputError(
                    f"{workspace}/cm_{kind}_k{k}/{name}: label_order and the shape of the matrix do not agree"
                )
            missed = np.zeros(len(labels), np.int64)
            index = {label: i for i, label in enumerate(labels)}
            for label, cells in meta.get("missed", {}).items():
                missed[index[label]] = cells
            confusions.append(Confusion(tuple(labels), matrix.astype(np.int64), missed))
            metas.append(meta)
        found_all.append((name, metas[0], tuple(confusions)))
    return found_all


def read_samples(
    workspace: Path, *, ontology: Path | None = None, with_ontology: bool = False, optional: bool = False
) -> list[Sample]:
    """Read the samples of a workspace, of fastbench or of cellarium-cas.

    Parameters
    ----------
    workspace : Path
        The folder.
    ontology : Path, optional
        Take this ontology for all samples.
    with_ontology : bool
        Whether ontologies are read: the copy in the workspace, or else that of the annotate directory.
    optional : bool
        Whether a sample may do without its ontology when the file is not there.
    """
    if not workspace.is_dir():
        raise InputError(f"there is no folder {workspace}")
    known: dict[Any, Ontology] = {}
    samples = []
    for name, meta, confusions in _matrices(workspace, "raw"):
        cells = workspace / "cells" / f"{name}.parquet"
        calls = None
        if cells.is_file():
            try:
                calls = _with_codes(pl.read_parquet(cells), confusions[0].labels, cells)
            except pl.exceptions.PolarsError as error:
                raise InputError(f"{cells} is damaged: {error}") from error
        print_ = meta.get("ontology_fingerprint")
        described = {key: value for key, value in meta.items() if key not in _OF_ONE_K}
        described.setdefault("columns", meta.get("f_measure_inferred_labels", []))
        described["model_name"] = str(meta.get("model_name", "unknown"))
        found = None
        if with_ontology:
            path = ontology or _ontology_path(workspace, name, meta, optional)
            if path is not None:
                if path not in known:
                    known[path] = read_ontology(path, root=meta.get("ontology_root") or ROOT)
                found = known[path]
                if ontology is None and print_ is not None and found.fingerprint != print_:
                    raise InputError(
                        f"{path} is not the ontology that sample {name!r} was scored with; pass --ontology FILE"
                    )
                described["ontology_fingerprint"] = found.fingerprint
        samples.append(Sample(str(meta.get("sample_name", name)), described, confusions, found, calls))
    return samples


def _ontology_path(workspace: Path, name: str, meta: dict[str, Any], optional: bool) -> Path | None:
    fingerprint, directory = meta.get("ontology_fingerprint"), meta.get("annotate_dir")
    if "ontology_fingerprint" in meta:
        if fingerprint is None:
            return None
        path = workspace / "ontologies" / f"{fingerprint[:16]}.json"
    else:
        path = Path(str(directory)) / "ontology_resource.json"
    if optional and not path.is_file():
        return None
    if not path.is_file():
        raise InputError(f"sample {name!r}: its ontology {path} is not there; pass it with --ontology FILE")
    return path


def read_groups(workspace: Path) -> list[tuple[str, tuple[Confusion, ...], list[str]]]:
    """Read the groups of a workspace: name, matrices, and the keys they were made by (none if it does not say)."""
    return [
        (str(meta.get("model_name", folder)), confusions, list(meta.get("keys", ())))
        for folder, meta, confusions in _matrices(workspace, "aggregate")
    ]


def kept_files(workspace: Path, redone: Sequence[str]) -> list[str]:
    """Files of a workspace that a step leaves as they are: all but those whose names begin with one of `redone`."""
    names = sorted(path.relative_to(workspace).as_posix() for path in workspace.rglob("*") if path.is_file())
    return [name for name in names if name != MANIFEST and not name.startswith(tuple(redone))]
