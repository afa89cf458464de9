"""Reading back the folder of a run, of fastbench or of cellarium-cas; what does not fit together is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from ....kernels.dispatch import get_backend
from ...errors import InputError, examples
from ...readers.errors import damaged_file_as_input_error
from ...results.manifest import MANIFEST
from ..confusion import Confusion
from ..names import is_label_column
from ..ontology.ids import find_id
from ..ontology.ontology import ROOT, Ontology
from ..ontology.read import read_ontology
from ..runs.reader import count_calls
from ..runs.samples import Sample
from .write import META, load_matrix

__all__ = ["StoredGroup", "kept_files", "read_groups", "read_samples"]

#: Keys of the metadata that belong to one k, or that `Sample` has elsewhere.
_OF_ONE_K = ("label_order", "matrix_shape", "f_measure_top_k", "f_measure_inferred_labels", "missed")


class StoredGroup(NamedTuple):
    """A group of a workspace: its name, its matrices, and the keys it was made by (none if it does not say)."""

    name: str
    confusions: tuple[Confusion, ...]
    keys: list[str]


class _Stored(NamedTuple):
    """A stored sample or group: folder name, metadata of k = 1, and the matrix of each k."""

    folder: str
    meta: dict[str, Any]
    confusions: tuple[Confusion, ...]


def _with_codes(calls: pl.DataFrame, labels: tuple[str, ...], path: Path) -> pl.DataFrame:
    """Put codes in the place of text."""
    index = pl.DataFrame({"label": labels, "code": np.arange(len(labels), dtype=np.int32)})
    for name in filter(is_label_column, calls.columns):
        text = calls[name].cast(pl.String)
        code = text.replace_strict(index["label"], index["code"], default=None, return_dtype=pl.Int32)
        if code.null_count() > text.null_count() or (name == "truth" and code.null_count()):
            raise InputError(f"{path}: Column {name!r} holds labels that the confusion matrix does not have.")
        calls = calls.with_columns(code.fill_null(len(labels)).alias(name))
    return calls


#: What a damaged folder should be, for messages.
_KIND = "a result of fastbench fmeasure"


def _ranks(workspace: Path, kind: str) -> list[int]:
    """Return the k of all ``cm_{kind}_k*`` folders, which must be 1, 2 ..."""
    found = sorted(
        int(match[1])
        for path in workspace.glob(f"cm_{kind}_k*")
        if (match := re.fullmatch(rf"cm_{kind}_k(\d+)", path.name))
    )
    if not found:
        step = "confusion-matrix" if kind == "raw" else "aggregate"
        raise InputError(f"{workspace} holds no cm_{kind}_k1; run 'fastbench fmeasure {step}' first.")
    if found != list(range(1, len(found) + 1)):
        raise InputError(
            f"{workspace} holds cm_{kind}_k{examples(found)}, but the numbers must be 1, 2, ...; run it again."
        )
    return found


def _matrices(workspace: Path, kind: str) -> list[_Stored]:
    """Read the matrices of one kind, ``raw`` or ``aggregate``."""
    ranks = _ranks(workspace, kind)
    names = {k: sorted(path.name for path in (workspace / f"cm_{kind}_k{k}").iterdir() if path.is_dir()) for k in ranks}
    for k, found in names.items():
        if found != names[1]:
            differing = sorted(set(found) ^ set(names[1]))
            raise InputError(
                f"{workspace}: cm_{kind}_k1 and cm_{kind}_k{k} hold different samples ({examples(differing)}); the "
                "folder mixes several runs, make it anew."
            )
    found_all = []
    for name in names[1]:
        confusions, metas = [], []
        for k in ranks:
            try:
                matrix, meta = load_matrix(workspace / f"cm_{kind}_k{k}" / name)
            except FileNotFoundError as error:
                raise InputError(f"{error} The folder is incomplete; make it anew.") from error
            confusions.append(_confusion(matrix, meta, f"{workspace}/cm_{kind}_k{k}/{name}"))
            metas.append(meta)
        found_all.append(_Stored(name, metas[0], tuple(confusions)))
    return found_all


def _confusion(matrix: Any, meta: dict[str, Any], where: str) -> Confusion:
    """Put a matrix that was read and its labels together, or refuse what nobody can have counted."""
    labels, listed = meta.get("label_order"), meta.get("missed", {})
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise InputError(f"{where}: label_order is no list of labels; make the folder anew.")
    if matrix.shape != (len(labels), len(labels)):
        raise InputError(f"{where}: label_order and the shape of the matrix do not agree; make the folder anew.")
    index = {label: i for i, label in enumerate(labels)}
    try:
        matrix.check_format(full_check=True)  # SciPy would read beyond its arrays
        whole = matrix.astype(np.int64)
        missed = np.zeros(len(labels), np.int64)
        for label, cells in listed.items():
            missed[index[label]] = cells
        whole_numbers = (matrix.data == whole.data).all() and (whole.data >= 0).all() and (missed >= 0).all()
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{where}: The confusion matrix is damaged ({error}); make the folder anew.") from error
    if not whole_numbers:
        raise InputError(f"{where}: The confusion matrix holds values that are no cell counts; make the folder anew.")
    return Confusion(tuple(labels), whole, missed)


def _described(meta: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the metadata of a sample, of the types that later steps rely on."""
    found = {key: value for key, value in meta.items() if key not in _OF_ONE_K}
    found.setdefault("columns", meta.get("f_measure_inferred_labels", []))
    found["model_name"] = str(meta.get("model_name", "unknown"))
    kinds = {"columns": list, "metadata": dict, "tally": dict, "ontology_fingerprint": str, "ontology_root": str}
    for key, kind in kinds.items():
        if found.get(key) is None:
            found.pop(key, None)
        elif not isinstance(found[key], kind):
            raise InputError(f"{where}: {key} in {META} is damaged; make the folder anew.")
    return found


def _cells(path: Path, confusions: tuple[Confusion, ...]) -> pl.DataFrame | None:
    """Read the cells of a sample, which must be those of its matrices; None where they were not kept."""
    if not path.is_file():
        return None
    try:
        calls = _with_codes(pl.read_parquet(path), confusions[0].labels, path)
        counts = count_calls(calls, confusions[0].labels, len(confusions), get_backend())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path} is damaged: {str(error).partition(chr(10))[0]}; make the folder anew.") from error
    if not all(own.equals(stored) for own, stored in zip(counts, confusions, strict=True)):
        raise InputError(f"{path} does not hold the cells that the confusion matrices count; make the folder anew.")
    return calls


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
        raise InputError(f"There is no folder {workspace}.")
    with damaged_file_as_input_error(str(workspace), _KIND):
        return _samples(workspace, ontology, with_ontology, optional)


def _samples(workspace: Path, ontology: Path | None, with_ontology: bool, optional: bool) -> list[Sample]:
    known: dict[Any, Ontology] = {}
    samples = []
    for name, meta, confusions in _matrices(workspace, "raw"):
        calls = _cells(workspace / "cells" / f"{name}.parquet", confusions)
        described = _described(meta, f"{workspace}/cm_raw_k1/{name}")
        fingerprint = described.get("ontology_fingerprint")
        found = None
        if with_ontology:
            path = ontology or _ontology_path(workspace, name, meta, optional)
            if path is not None:
                if path not in known:
                    known[path] = read_ontology(path, root=meta.get("ontology_root") or ROOT)
                found = known[path]
                _check_labels(confusions[0], found, name)
                if calls is not None and fingerprint != found.fingerprint:
                    # The best of several ranks was chosen on the other ontology.
                    calls = calls.select(pl.exclude("^nearest_.*$"))
                if ontology is None and fingerprint is not None and found.fingerprint != fingerprint:
                    raise InputError(
                        f"{path} is not the ontology that sample {name!r} was scored with; pass --ontology FILE."
                    )
                described["ontology_fingerprint"] = found.fingerprint
        samples.append(Sample(str(meta.get("sample_name", name)), described, confusions, found, calls))
    return samples


def _check_labels(confusion: Confusion, ontology: Ontology, name: str) -> None:
    """Refuse an ontology that does not know labels of cells: each would count as its own only ancestor."""
    counts = confusion.entries.class_counts()
    cells = counts.support + counts.predicted
    known = set(ontology.nodes)
    unknown = {
        label: int(n) for label, n in zip(confusion.labels, cells, strict=True) if n and find_id(label, known) is None
    }
    if unknown:
        most = [label for _, label in sorted((-n, label) for label, n in unknown.items())]
        raise InputError(
            f"{ontology.source} does not have {len(unknown)} of the labels that sample {name!r} counts "
            f"({examples(most)}); pass the ontology of these labels."
        )


def _ontology_path(workspace: Path, name: str, meta: dict[str, Any], optional: bool) -> Path | None:
    fingerprint, directory = meta.get("ontology_fingerprint"), meta.get("annotate_dir")
    if "ontology_fingerprint" in meta:
        if fingerprint is None:
            return None
        if not re.fullmatch("[0-9a-f]{16,}", str(fingerprint)):
            raise InputError(f"{workspace}: ontology_fingerprint of {name!r} is damaged; make the folder anew.")
        path = workspace / "ontologies" / f"{fingerprint[:16]}.json"
    else:
        path = Path(str(directory)) / "ontology_resource.json"
    if optional and not path.is_file():
        return None
    if not path.is_file():
        raise InputError(f"Sample {name!r}: its ontology {path} is not there; pass it with --ontology FILE.")
    return path


def read_groups(workspace: Path) -> list[StoredGroup]:
    """Read the groups of a workspace."""
    with damaged_file_as_input_error(str(workspace), _KIND):
        return [
            StoredGroup(str(meta.get("model_name", folder)), confusions, list(meta.get("keys", ())))
            for folder, meta, confusions in _matrices(workspace, "aggregate")
        ]


def kept_files(workspace: Path, redone: Sequence[str]) -> list[str]:
    """Return the files of a workspace that a step leaves as they are: those whose names begin with none of `redone`."""
    names = sorted(path.relative_to(workspace).as_posix() for path in workspace.rglob("*") if path.is_file())
    return [name for name in names if name != MANIFEST and not name.startswith(tuple(redone))]
