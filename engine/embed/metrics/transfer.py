"""From one species (data set, tissue) to another: labels that are transferred, cells that are mixed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..cells import Groups
from ..finding import Finding, Named, undefined
from ..space import Space
from .classifiers import FOLDS, LEAST_CELLS, Fit, Ints, Scores, at_chance, class_scores, fitted, mean_scores
from .neighborhoods import entropy_per_cell
from .prediction import FOLD_NAMES, cross_validated, fold_findings, without_values
from .silhouettes import batch_silhouette

__all__ = ["label_transfer", "species_entropy", "species_silhouette"]

_ONE = "There is one species: nothing can be transferred or mixed."
_UNSEEN = "(not seen in training)"
_UNEQUAL = "The labels of the test cells are not those of training: scikit-learn raises an error in cz-benchmarks."


class _Side(NamedTuple):
    """Vectors of one species, or of its donors; their classes, donors, and rows of the embedding."""

    x: npt.NDArray[np.floating]
    codes: Ints
    donors: Ints | None
    rows: Ints


def label_transfer(space: Space) -> list[Named]:
    """Return how well labels are predicted from one species to another, and inside each.

    The task of cz-benchmarks, of all ordered pairs: classifiers are trained on all cells of one species and score all
    of the other. Only labels with 10 cells in both take part, so that no cell is asked for a label that was not seen;
    how many cells are left out is among the params. The value of a pair has the variant ``train -> test classifier``,
    that of all classifiers ``train -> test``, the mean over pairs is the whole. Inside a species are five folds, of
    donors where they are known.

    In compat mode all labels take part. Test cells of a label that was not seen in training are a class of their own,
    which is never predicted and counts in the averages, and AUROC is not defined; donors are put together whatever the
    labels of their cells, and have that of their first.
    """
    labels, species = space.cells.labels, space.cells.species
    assert species is not None
    if len(species) < 2:
        return without_values((*Scores._fields, *FOLD_NAMES), _ONE)
    counts = np.zeros((len(species), len(labels)), np.int64)
    np.add.at(counts, (species.codes, labels.codes), 1)
    found: list[Named] = []
    for train, test in itertools.permutations(range(len(species)), 2):
        shared = (counts[[train, test]] >= LEAST_CELLS).all(axis=0)
        taught = _all_labels(space, species, train) if space.mode.compat else np.flatnonzero(shared)
        found += _pair(space, species, train, test, taught)
    means = _over(found, Scores._fields, _mean_name(space), " -> ")
    inside = [each for code in range(len(species)) for each in _inside(space, species, code, counts[code])]
    return [*means, *found, *_over(inside, FOLD_NAMES, _mean_name(space), ""), *inside]


def _mean_name(space: Space) -> str:
    return f"MEAN({','.join(space.prediction.classifiers)})"


def _side(space: Space, species: Groups, code: int, classes: Ints) -> _Side:
    """Return what is trained on or tested: cells of some labels, put together by donor where that is asked for.

    In compat mode cells of other labels are there as well, of the class after the last.
    """
    labels, donors = space.cells.labels, space.cells.donor
    place = np.full(len(labels), len(classes) if space.mode.compat else -1)
    place[classes] = np.arange(len(classes))
    rows = np.flatnonzero((species.codes == code) & (place[labels.codes] >= 0))
    codes = place[labels.codes[rows]].astype(np.int64)
    side = _Side(space.x[rows], codes, None if donors is None else donors.codes[rows], rows)
    how = space.prediction.aggregate
    return side if how == "none" else _put_together(side, how, by_label=not space.mode.compat)


def _all_labels(space: Space, species: Groups, code: int) -> Ints:
    """Return the labels of a species, or those that its donors have once they are put together."""
    return np.unique(_side(space, species, code, np.arange(len(space.cells.labels))).codes)


def _put_together(side: _Side, how: str, *, by_label: bool) -> _Side:
    """Return one row for each donor (and label): the mean or median of its cells, and the first of its rows."""
    assert side.donors is not None
    keys = np.stack([side.donors, side.codes if by_label else np.zeros_like(side.codes)])
    pairs, of = np.unique(keys, axis=1, return_inverse=True)
    middle = np.mean if how == "mean" else np.median
    order = np.argsort(of.ravel(), kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(of.ravel()))[:-1])
    x = np.stack([middle(side.x[part], axis=0) for part in parts]).astype(side.x.dtype)
    first = np.array([part[0] for part in parts])
    return _Side(x, side.codes[first], pairs[0], side.rows[first])


def _pair(space: Space, species: Groups, train: int, test: int, shared: Ints) -> list[Named]:
    """Return the findings of one ordered pair: all classifiers together, then each."""
    name = f"{species.names[train]} -> {species.names[test]}"
    about: dict[str, Any] = {"train_species": species.names[train], "test_species": species.names[test]}
    compat = space.mode.compat
    if len(shared) < 2:
        reason = f"Fewer than two labels have {LEAST_CELLS} cells in both species."
        reason = "The species that is trained on has one label." if compat else reason
        return without_values(Scores._fields, reason, name, **about, classifier=_mean_name(space))
    teacher, pupil = _side(space, species, train, shared), _side(space, species, test, shared)
    held = np.isin(space.cells.labels.codes, shared)
    unseen = int((pupil.codes == len(shared)).sum())
    k = len(shared) + (unseen > 0)
    about |= {"labels": len(shared), "aggregate": space.prediction.aggregate, **space.mode.params}
    about |= (
        {"test_cells_of_unseen_labels": unseen}
        if compat
        else {
            "least_cells": LEAST_CELLS,
            "train_cells_left_out": int(((species.codes == train) & ~held).sum()),
            "test_cells_left_out": int(((species.codes == test) & ~held).sum()),
        }
    )
    fits: dict[str, list[Fit]] = {
        classifier: [
            fitted(
                classifier,
                (teacher.x, teacher.codes),
                (pupil.x, pupil.codes, pupil.rows),
                k,
                transfer=True,
                threads=space.threads,
                compat=compat,
            )
        ]
        for classifier in space.prediction.classifiers
    }
    chances = at_chance(pupil.codes, k)
    names = [*(space.cells.labels.names[code] for code in shared), *([_UNSEEN] if unseen else [])]
    undefined_because = _UNEQUAL if compat else "The test cells are of one label."
    found = []
    for classifier, mine in [(_mean_name(space), [each for (each,) in fits.values()]), *fits.items()]:
        variant = name if classifier == _mean_name(space) else f"{name} {classifier}"
        for place, (score, value) in enumerate(mean_scores(mine)._asdict().items()):
            params = about | {
                "classifier": classifier,
                "majority": chances[0][place],
                "stratified": chances[1][place],
            }
            stopped = sum(not fit.converged for fit in mine)
            params |= {"not_converged": stopped} if stopped else {}
            finding = _of_cells(space, mine, score, names)
            reason = undefined_because if math.isnan(value) else ""
            found.append(Named(score, replace(finding, value=value, reason=reason, params=params, variant=variant)))
    return found


def _of_cells(space: Space, fits: list[Fit], score: str, names: list[str]) -> Finding:
    """Return the detail of a score: labels, and what each cell adds to the accuracy."""
    if score in ("precision", "recall", "f1"):
        each = [getattr(class_scores(fit.truth, fit.predicted, len(names)), score) for fit in fits]
        return Finding(0.0, "", dict(zip(names, np.mean(each, axis=0).tolist(), strict=True)))
    if score != "accuracy" or space.prediction.aggregate != "none":
        return Finding(0.0)
    per_cell = np.full(len(space), math.nan)
    per_cell[fits[0].test] = np.mean([fit.truth == fit.predicted for fit in fits], axis=0)
    return Finding(0.0, "", {}, per_cell, "mean")


def _inside(space: Space, species: Groups, code: int, counts: Ints) -> list[Named]:
    """Return the findings of folds inside one species."""
    name = species.names[code]
    about: dict[str, Any] = {"train_species": name, "test_species": name, "aggregate": space.prediction.aggregate}
    compat = space.mode.compat
    enough = _all_labels(space, species, code) if compat else np.flatnonzero(counts >= LEAST_CELLS)
    if len(enough) and not compat:
        enough = enough[np.bincount(_side(space, species, code, enough).codes) >= FOLDS]
    if len(enough) < 2:
        donors_too = "" if space.prediction.aggregate == "none" else f" and {FOLDS} donors"
        reason = f"Fewer than two labels of the species have {LEAST_CELLS} cells{donors_too}."
        reason = "The species has one label." if compat else reason
        return without_values(FOLD_NAMES, reason, name, **about, classifier=_mean_name(space))
    side = _side(space, species, code, enough)
    if np.bincount(side.codes).max() < FOLDS:
        reason = f"No label of the species has {FOLDS} rows, one a fold."
        return without_values(FOLD_NAMES, reason, name, **about, classifier=_mean_name(space))
    donors = side.donors if space.prediction.aggregate == "none" or compat else None
    if donors is not None and len(np.unique(donors)) < FOLDS:
        reason = f"The species has fewer than {FOLDS} donors, which folds keep together."
        return without_values(FOLD_NAMES, reason, name, **about, classifier=_mean_name(space))
    about |= {"labels": len(enough), "folds_of": "cells" if donors is None else "donors"}
    about |= space.mode.params if compat else {"least_cells": LEAST_CELLS}
    fits = cross_validated(side.x, side.codes, side.rows, space, transfer=True, donors=donors)
    names = [space.cells.labels.names[each] for each in enough]
    found = fold_findings(fits, names, len(space), about, _mean_name(space), name)
    if space.prediction.aggregate == "none":
        return found
    return [Named(each, replace(finding, per_cell=None, statistic="other")) for each, finding in found]


def _over(found: list[Named], names: tuple[str, ...], mean_of: str, word: str) -> list[Named]:
    """Return the mean over pairs (or species) of each score of all classifiers together."""
    means = []
    for name in names:
        parts: Mapping[str, Finding] = {
            each.finding.variant: each.finding
            for each in found
            if each.name == name and each.finding.params["classifier"] == mean_of
        }
        known = {variant: finding.value for variant, finding in parts.items() if not math.isnan(finding.value)}
        params: dict[str, Any] = {
            "train_species": "all",
            "test_species": "all" if word else "the same",
            "classifier": mean_of,
            "pairs" if word else "species": len(known),
        }
        if not known:
            means.append(Named(name, undefined(next(iter(parts.values())).reason, **params)))
        else:
            means.append(Named(name, Finding(float(np.mean(list(known.values()))), "", known, params=params)))
    return means


def _by_species(space: Space) -> Space:
    """Return the same cells with their species as batches."""
    return space.with_cells(replace(space.cells, batch=space.cells.species))


def species_entropy(space: Space) -> Mapping[str, Finding]:
    """Return the entropy of species around a cell, as `entropy_per_cell` of batches."""
    assert space.cells.species is not None
    found = entropy_per_cell(_by_species(space)) if len(space.cells.species) > 1 else undefined(_ONE)
    return {"entropy_per_cell": found}


def species_silhouette(space: Space) -> Mapping[str, Finding]:
    """Return how little species show inside labels, as `batch_silhouette` of batches."""
    assert space.cells.species is not None
    found = batch_silhouette(_by_species(space)) if len(space.cells.species) > 1 else undefined(_ONE)
    return {"batch_silhouette": found}
