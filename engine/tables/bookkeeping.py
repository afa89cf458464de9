"""Columns that measure nothing: what numbers or counts images, objects, wells or rows, by name and by values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import examples

__all__ = ["bookkeeping_among", "is_bookkeeping", "is_compartment", "row_numbers"]

#: Compartments of Cell Painting, as pycytominer has them, and the measurements of CellProfiler, which tell others.
_COMPARTMENT = re.compile(
    r"(Cells|Cytoplasm|Nuclei)_|[A-Z][A-Za-z0-9]*_(AreaShape|Correlation|Granularity|Intensity|Location|Neighbors|"
    r"ObjectSkeleton|RadialDistribution|Texture)_"
)
#: Numbers of images, objects and tables, parents, counts, and measurements of whole images, as CellProfiler calls them.
_OF_CELLPROFILER = re.compile(
    r"(\w+_)?(Image|Object|Table|Group|Frame|Series|Set|Site)(Number|Index|ID)$"
    r"|.*_Number_Object_Number$"
    r"|(.*_)?Parent_"
    r"|(.*_)?Count_|.*_Children_.*_Count$"
    r"|(Image|Experiment)_"
    r"|(Channel|ExecutionTime|FileName|Frame|Group|Height|MD5Digest|ModuleError|PathName|ProcessingStatus|Scaling)_"
    r"|(Series|URL|Width)_"
)
#: Numbers, names and counts of wells, rows and objects, and what was done to a well, as tables call them.
_OF_TABLES = re.compile(
    r"(cell|object|nucleus|nuclei|image|site|field|well|plate|batch|replicate|row|col|column)s?"
    r"[._ ]?(count|number|no|id|index|names?)"
    r"|counts?|n[._]?(cells|objects|nuclei|images|sites)|(num|number)[._]of[._]\w+|.*number of (objects|cells|nuclei)"
    r"|row|col|column|plate|well|site|field|batch|index|id|level_\d+|barcode"
    r"|(dose|conc|concentration|time|timepoint|passage|hours?)([._ ]?\W?[num\u00b5\u03bc]?(m|g|h|hr|hours?|min|s)\W?)?",
    re.IGNORECASE,
)
#: Rows from which on values tell that a column numbers them: in the order of the rows, and in any order.
_ROWS_IN_ORDER, _ROWS_IN_ANY_ORDER = 5, 16


def is_compartment(name: str) -> bool:
    """Return whether a column is a feature of a compartment of the cell by its name."""
    return _COMPARTMENT.match(name) is not None


def is_bookkeeping(name: str) -> bool:
    """Return whether a column numbers or counts images, objects or wells by its name, instead of measuring cells."""
    return _OF_CELLPROFILER.match(name) is not None or _OF_TABLES.fullmatch(name) is not None


def row_numbers(features: np.ndarray) -> list[int]:
    """Find the columns that number the rows, whatever they are called.

    Parameters
    ----------
    features : ndarray of float32, shape (n, d)

    Returns
    -------
    list of int
        Columns of whole numbers that go up or down by one from row to row (n of at least 5); and from 16 rows on those
        that only go up or down (of a table of which rows were taken away), and those that are 0 to n - 1 or 1 to n in
        any order, unless half of all columns are: those are ranks.
    """
    n, d = features.shape
    if n < _ROWS_IN_ORDER:
        return []
    start = features[:_ROWS_IN_ORDER]
    with np.errstate(invalid="ignore", over="ignore"):
        distinct = (np.diff(np.sort(start, axis=0), axis=0) > 0).all(axis=0)
        whole = np.flatnonzero(distinct & (start == np.floor(start)).all(axis=0) & (np.abs(start) < 2**24).all(axis=0))
    by_one, other = [], []
    for column in whole.tolist():
        values = features[:, column]
        with np.errstate(invalid="ignore"):
            steps = np.diff(values)
        if abs(steps[0]) == 1 and (steps == steps[0]).all():
            by_one.append(column)
        elif n >= _ROWS_IN_ANY_ORDER and np.isfinite(values).all() and (values == np.floor(values)).all():
            only_up = (steps > 0).all() or (steps < 0).all()
            if only_up or (values.min() in (0, 1) and (np.diff(np.sort(values)) == 1).all()):
                other.append(column)
    return sorted([*by_one, *(other if 2 * len(other) < d else [])])


def bookkeeping_among(features: np.ndarray, names: Sequence[Any] | None) -> str:
    """Return a sentence on features of a table in memory that seem to be bookkeeping; empty where none is."""
    known = [] if names is None else [name for name in names if isinstance(name, str)]
    odd: list[object] = [name for name in known if is_bookkeeping(name)]
    odd += [i if names is None else names[i] for i in row_numbers(features) if names is None or names[i] not in odd]
    if not odd or len(odd) == features.shape[1]:
        return ""
    return f"Features seem to number or count instead of measuring: {examples(odd)}; leave them out of feats."
