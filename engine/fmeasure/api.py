"""The functions of cellarium-cas' benchmarking: the same names, arguments and returned keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ...kernels.dispatch import get_backend
from ..choices import check_one, did_you_mean
from ..errors import InputError, examples
from ..tables.matrix import is_missing
from .confusion import Entries, matrices
from .names import MACRO, MATCH, RULES
from .ontology.ids import find_id
from .ontology.ontology import Ontology
from .scores.hierarchical import node_class_counts
from .scores.metrics import averages, python_numbers
from .workspace.write import load_matrix, save_matrix

__all__ = [
    "aggregate_confusion_matrices",
    "build_confusion_matrix",
    "compute_f_measure_from_cm",
    "compute_hierarchical_f_measure_from_cm",
    "load_confusion_matrix",
    "save_confusion_matrix",
]

#: Bad labels that a message shows.
_SHOWN = 10
#: Counts are added up in int64; float64 tells sums beyond this apart from those within.
LARGEST_SUM = 2.0**63 - 2.0**10


def build_confusion_matrix(y_true: Any, y_pred: Any, label_order: Sequence[str]) -> Any:
    """Count cells by truth and prediction.

    Parameters
    ----------
    y_true, y_pred : sequence of str, length n
        List, array, Series or Categorical; row i of one is row i of the other.
    label_order : sequence of str, length c
        All labels, each once: rows and columns of the matrix.

    Returns
    -------
    scipy.sparse.csr_matrix of int64, shape (c, c)
        Rows are truths, columns predictions.

    Raises
    ------
    InputError
        Different lengths, no cells, a label twice in `label_order`, or labels that it does not hold (a ValueError too).

    Examples
    --------
    >>> import fastbench as fb
    >>> fb.build_confusion_matrix(["T", "T", "B"], ["T", "B", "B"], ["B", "T"]).toarray().tolist()
    [[1, 0], [1, 1]]
    """
    labels = tuple(str(label) for label in label_order)
    if len(set(labels)) != len(labels):
        twice = [label for label in dict.fromkeys(labels) if labels.count(label) > 1]
        raise InputError(
            f"label_order names {len(twice)} labels more than once ({examples(twice)}); each must occur once."
        )
    true, predicted = _text(y_true, "y_true"), _text(y_pred, "y_pred")
    if len(true) != len(predicted):
        raise InputError(f"y_true has {len(true)} labels and y_pred {len(predicted)}; each cell needs one of both.")
    if not len(true):
        raise InputError("y_true and y_pred are empty; at least one cell is needed.")
    index = {label: i for i, label in enumerate(labels)}
    coded = [_coded(values, index) for values in (true, predicted)]
    problems = [
        f"{name} holds {len(bad)} labels that label_order does not ({examples(sorted(bad), _SHOWN)}"
        f"{did_you_mean(sorted(bad)[0], labels)})"
        for name, (_, bad) in zip(("y_true", "y_pred"), coded, strict=True)
        if bad
    ]
    if problems:
        raise InputError(
            f"{'; '.join(problems)}. Map them to labels of the ontology first (Azimuth labels need a crosswalk)."
        )
    (truth, _), (prediction, _) = coded
    counts = get_backend().count_confusion(truth, prediction[np.newaxis], len(labels))
    return matrices(counts, labels)[0].matrix


def _text(values: Any, name: str) -> Any:
    """Turn labels of any kind into an Arrow dictionary array of text."""
    import pyarrow as pa

    if not isinstance(values, pl.Series) and hasattr(values, "cat"):
        values = values.cat  # a Series of categories
    if hasattr(values, "codes") and hasattr(values, "categories"):
        codes = np.asarray(values.codes)
        names = pa.array([str(value) for value in values.categories], pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), names)
    if not isinstance(values, pl.Series):
        values = values.to_numpy() if hasattr(values, "to_numpy") else np.asarray(values)
        if values.ndim != 1:
            raise InputError(f"{name} must be a list of labels, but has the shape {values.shape}.")
        if values.dtype.kind == "O":
            values = [None if is_missing(value) else str(value) for value in values]
        values = pl.Series(values)
    if values.dtype in (pl.Categorical, pl.Enum) or values.dtype != pl.String:
        values = values.cast(pl.String)
    found = values.to_arrow()
    return (found.cast(pa.string()) if found.type != pa.string() else found).dictionary_encode()


def _coded(values: Any, index: Mapping[str, int]) -> tuple[npt.NDArray[np.int32], set[str]]:
    """Return the codes of labels, and the labels that the index does not have."""
    names = values.dictionary.to_pylist()
    lookup = np.array([*(index.get(name, -1) for name in names), -1], np.int32)
    place = values.indices.fill_null(len(names)).to_numpy(zero_copy_only=False)
    codes = lookup[place]
    used = np.unique(place[codes < 0])
    return codes, {"nan" if i == len(names) else names[i] for i in used}


def save_confusion_matrix(cm: Any, meta: dict[str, Any], output_dir: str | Path) -> None:
    """Write a matrix and its description.

    Parameters
    ----------
    cm : sparse or dense matrix, shape (c, c)
        Counts.
    meta : dict
        What is written as JSON.
    output_dir : path
        Folder, made if it is not there: ``confusion_matrix.npz`` (SciPy sparse) and ``confusion_matrix_meta.json``.

    Examples
    --------
    >>> import tempfile
    >>> import fastbench as fb
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fb.save_confusion_matrix([[1, 0], [1, 1]], {"label_order": ["B", "T"]}, folder)
    ...     fb.load_confusion_matrix(folder)[1]["label_order"]
    ['B', 'T']
    """
    save_matrix(cm, meta, Path(output_dir))


def load_confusion_matrix(source_dir: str | Path) -> tuple[Any, dict[str, Any]]:
    """Read a matrix and its description, as `save_confusion_matrix` or cellarium-cas wrote them.

    Returns
    -------
    cm : scipy.sparse.csr_matrix or csr_array
        As it was saved.
    meta : dict

    Raises
    ------
    FileNotFoundError
        A file is missing.
    InputError
        A file is damaged.
    """
    return load_matrix(Path(source_dir))


def aggregate_confusion_matrices(cms: Sequence[Any]) -> Any:
    """Add up matrices of one shape.

    Parameters
    ----------
    cms : sequence of sparse or dense matrix, shape (c, c)
        Counts.

    Returns
    -------
    scipy.sparse.csr_matrix of int64
        A `scipy.sparse.csr_array` where all that were given are sparse arrays.

    Raises
    ------
    InputError
        There is none, shapes differ, or a value is no count: negative, missing, or with a fraction.

    Examples
    --------
    >>> import fastbench as fb
    >>> fb.aggregate_confusion_matrices([[[1, 0], [1, 1]], [[0, 2], [0, 5]]]).toarray().tolist()
    [[1, 2], [1, 6]]
    """
    if not len(cms):
        raise InputError("There are no confusion matrices to add up.")
    wide = [_widened(matrix) for matrix in cms]
    for position, matrix in enumerate(wide):
        if matrix.dtype != np.int64:
            odd = matrix.data[matrix.data != np.floor(matrix.data)]
            raise InputError(
                f"Confusion matrix number {position} holds {len(odd)} values that are no whole numbers "
                f"({examples(odd.tolist(), 3)}); add up counts of cells, before they are weighted or normalised."
            )
    shapes = [matrix.shape for matrix in wide]
    if len(set(shapes)) > 1:
        raise InputError(
            f"Confusion matrices of different shapes cannot be added up: {examples(dict.fromkeys(shapes))}."
        )
    if sum(float(matrix.sum(dtype=np.float64)) for matrix in wide) > LARGEST_SUM:
        raise InputError("The confusion matrices add up to more than 64 bits hold; are these counts of cells?")
    from scipy.sparse import csr_array, csr_matrix, sparray

    summed = sum(wide[1:], start=wide[0])
    return csr_array(summed) if all(isinstance(matrix, sparray) for matrix in cms) else csr_matrix(summed)


def _widened(cm: Any) -> Any:
    """Return a matrix as CSR of int64, or of float64 where a value has a fraction, before anything is added up."""
    from scipy.sparse import coo_matrix

    found = coo_matrix(cm)
    data = found.data
    if data.dtype.kind not in "biuf":
        raise InputError(f"A confusion matrix must hold counts, but its values are of type {data.dtype}.")
    if not np.isfinite(data).all() or (data < 0).any():
        raise InputError("A confusion matrix must hold counts of 0 or more.")
    if data.size and float(data.max()) > LARGEST_SUM:
        raise InputError(f"A confusion matrix holds {data.max()}, more than 64 bits hold; are these counts of cells?")
    whole = data.dtype.kind != "f" or bool((data == np.floor(data)).all())
    return coo_matrix((data.astype(np.int64 if whole else np.float64), (found.row, found.col)), found.shape).tocsr()


def _entries(cm: Any, n_labels: int | None = None) -> Entries:
    """Take a matrix apart; counts that are whole numbers stay exact."""
    found = _widened(cm).tocoo()
    c = found.shape[0]
    if found.shape != (c, c):
        raise InputError(f"A confusion matrix must be square, but its shape is {found.shape}.")
    if n_labels is not None and n_labels != c:
        raise InputError(f"label_order has {n_labels} labels, but the confusion matrix is {c} x {c}.")
    cells = found.data
    some = cells > 0
    return Entries(found.row[some].astype(np.int32), found.col[some].astype(np.int32), cells[some], c)


def compute_f_measure_from_cm(
    cm: Any, zero_division: float = 0.0, *, rule: str = "cellarium", classes: str = "active"
) -> dict[str, Any]:
    """Compute flat precision, recall and F1 of a confusion matrix.

    Parameters
    ----------
    cm : sparse or dense matrix, shape (c, c)
        Rows are truths, columns predictions. Counts that are no whole numbers stay what they are.
    zero_division : float, default 0.0
        What a ratio without a denominator is worth.
    rule : {"cellarium", "sklearn"}
        ``cellarium``: F1 is undefined where precision + recall is 0, also when there are errors. ``sklearn``: only
        where there is neither truth nor prediction; NaN is left out of means.
    classes : {"active", "true"}
        What macro means are taken over: classes seen as truth or prediction, or as truth.

    Returns
    -------
    dict
        ``tp, fp, fn, precision_micro, recall_micro, f1_micro, f1_macro, precision_macro, recall_macro,
        precision_weighted, recall_weighted, f1_weighted``.

    Examples
    --------
    >>> import fastbench as fb
    >>> round(fb.compute_f_measure_from_cm([[1, 0], [1, 1]])["f1_macro"], 3)
    0.667
    """
    check_one("rule", rule, RULES)
    check_one("classes", classes, MACRO)
    counts = _entries(cm).class_counts()
    return python_numbers(averages(counts, classes=classes, zero_division=zero_division, rule=rule))


def compute_hierarchical_f_measure_from_cm(
    cm: Any,
    label_order: Sequence[str],
    ontology_cache: Any,
    zero_division: float = 0.0,
    *,
    rule: str = "cellarium",
    match: str = "id",
) -> dict[str, Any]:
    """Compute hierarchical precision, recall and F1: labels count together with their ancestors.

    Parameters
    ----------
    cm : sparse or dense matrix, shape (c, c)
        Rows are truths, columns predictions.
    label_order : sequence of str, length c
        Its labels, ids of the ontology (also written as ``CL_0000084`` or as addresses). One that the ontology does not
        know has itself as its only ancestor.
    ontology_cache : Ontology, path, or an object with ``get_ancestors(term, remove_root=True)``
        The ontology: from `read_ontology`, a file that it reads, or the ``CellOntologyCache`` of cellarium-cas.
    zero_division, rule
        As in `compute_f_measure_from_cm`.
    match : {"id", "name", "any"}, default "id"
        Whether labels are ids, human-readable names of the ontology, or ids and else names.

    Returns
    -------
    dict
        ``h_tp, h_fp, h_fn, h_precision_micro, h_recall_micro, h_f1_micro, h_f1_macro, h_precision_macro,
        h_recall_macro, h_precision_weighted, h_recall_weighted, h_f1_weighted``. Macro and weighted means are over
        nodes that are the truth, or an ancestor of the truth, of a cell.

    Raises
    ------
    InputError
        Labels of cells that are names of the ontology where ids are meant, or none of which it knows: every label
        would be its own only ancestor, and the metrics those of flat labels.

    Examples
    --------
    >>> import fastbench as fb
    >>> labels = ["CL:0000084", "CL:0000625"]  # T cell; CD8-positive, alpha-beta T cell
    >>> found = fb.compute_hierarchical_f_measure_from_cm([[1, 0], [1, 0]], labels, "sample:cl")
    >>> found["h_precision_micro"], round(found["h_recall_micro"], 2)
    (1.0, 0.86)
    """
    from .ontology.read import read_ontology

    check_one("rule", rule, RULES)
    check_one("match", match, MATCH)
    entries = _entries(cm, len(label_order))
    labels = [str(label) for label in label_order]
    if isinstance(ontology_cache, (str, Path)):
        ontology_cache = read_ontology(ontology_cache)
    if hasattr(ontology_cache, "get_ancestors") or isinstance(ontology_cache, Ontology):
        labels = _ids(labels, np.union1d(entries.rows, entries.cols), ontology_cache, match)
    if isinstance(ontology_cache, Ontology):
        bits, nodes = ontology_cache.select(labels)
    elif hasattr(ontology_cache, "get_ancestors"):
        listed = {label: set(ontology_cache.get_ancestors(label, remove_root=True)) for label in dict.fromkeys(labels)}
        bits, nodes = Ontology.from_edges(list(listed), [], root="", listed=listed).select(labels)
        is_root = np.array([not listed[label] for label in labels])
        bits = np.where(is_root[:, np.newaxis], np.uint64(0), bits)
    else:
        raise InputError(
            "ontology_cache must be an Ontology, a file or a CellOntologyCache, but it is a "
            f"{type(ontology_cache).__name__}."
        )
    counts = node_class_counts(entries, bits, len(nodes), get_backend())
    found = averages(counts, classes="true", zero_division=zero_division, rule=rule)
    return {f"h_{name}": value for name, value in python_numbers(found).items()}


def _ids(labels: list[str], used: npt.NDArray[np.int32], cache: Any, match: str) -> list[str]:
    """Return labels as ids of an ontology; refuse names in the place of ids, and labels none of which it knows.

    Parameters
    ----------
    labels : list of str
        As given.
    used : ndarray of int32
        Positions of the labels that have cells.
    cache : Ontology or CellOntologyCache
        The ontology.
    match : {"id", "name", "any"}
        What labels are.
    """
    if isinstance(cache, Ontology):
        known, names = set(cache.nodes), dict(cache.names)
    else:
        names = dict(getattr(cache, "cl_names_to_labels_map", {}))
        listed = getattr(cache, "cl_names", None)
        known = set(listed if listed is not None else (x for x in labels if cache.get_ancestors(x) - {x}))
    if match != "name":
        labels = [find_id(x, known) or x for x in labels]
    by_name: dict[str, list[str]] = {}
    for identifier, name in names.items():
        by_name.setdefault(name, []).append(identifier)
    if match != "id":
        wanted = [x for x in labels if match == "name" or x not in known]
        shared = [x for x in wanted if len(by_name.get(x, ())) > 1]
        if shared:
            raise InputError(f"Several terms of the ontology have the names {examples(shared)}; give ids.")
        labels = [x if match == "any" and x in known else by_name.get(x, [x])[0] for x in labels]
    counted = [labels[i] for i in used]
    unknown = [x for x in counted if x not in known]
    called = [x for x in unknown if x in by_name]
    if called:
        raise InputError(
            f"label_order holds {len(called)} names of the ontology instead of ids ({examples(called)}), each of which "
            "would be its own only ancestor; pass match='name', or ids."
        )
    if counted and len(unknown) == len(counted):
        raise InputError(
            f"The ontology knows none of the {len(counted)} labels of label_order that have cells "
            f"({examples(counted)}; its own are such as {examples(sorted(known), 3)}); pass the ontology of these "
            "labels, or map them to its ids."
        )
    return labels
