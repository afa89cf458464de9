"""What each baseline makes of training responses: effects (conditions, genes), NaN in the rows it has no answer for.

References
----------
Ahlmann-Eltze, Huber, Anders 2025, Nat Methods 22:1657 (no change, mean, additive, low-rank linear). Viñas Torné et al.
2025, Nat Biotechnol (Systema: matching mean). cell-eval2 0.20 (generic response without the own target). Adduri et al.
2025, bioRxiv 2025.06.26.661135 (State: context mean, perturbation mean).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .cells import logged, unlogged
from .responses import Responses, parts_of

__all__ = [
    "MODELS",
    "additive",
    "context_mean",
    "low_rank",
    "matching_mean",
    "mean_of_others",
    "mean_response",
    "nearest",
    "no_change",
    "perturbation_mean",
]

#: Factors and ridge of the low-rank model, and folds where training cells are those of the truth.
RANK, RIDGE, FOLDS = 10, 0.1, 10

Floats = npt.NDArray[np.float64]


def no_change(known: Responses) -> Floats:
    """No effect at all."""
    return np.zeros((len(known.panel.conditions), known.effects.shape[1]))


def _values(known: Responses) -> Floats:
    """Return the means of training perturbations on the scale of the values, (perturbations, genes)."""
    return unlogged(known.values, known.control + known.effects)


def _effect(known: Responses, means: Floats) -> Floats:
    """Return the effects of means on the scale of the values; none where they are NaN."""
    return np.asarray(np.nan_to_num(logged(known.values, means) - known.control, nan=0.0))


def _totals(known: Responses, values: Floats) -> tuple[Floats, Floats]:
    """Return sums over perturbations, and of how many, of each gene without those that act on it, (genes,) each."""
    total, count = values.sum(axis=0), np.full(values.shape[1], float(len(values)))
    for row, columns in enumerate(known.targets):
        total[columns] -= values[row, columns]
        count[columns] -= 1
    return total, count


def mean_response(known: Responses) -> Floats:
    """The mean over training perturbations, each the same, of each gene without those that act on it (cell-eval2).

    One response for all: a perturbation is not left out of it, for then the prediction would lie away from the truth,
    and retrieval of what knows nothing would be worse than chance.
    """
    total, count = _totals(known, _values(known))
    with np.errstate(invalid="ignore", divide="ignore"):
        found = _effect(known, total / count)
    return np.tile(found, (len(known.panel.conditions), 1))


def mean_of_others(known: Responses) -> Floats:
    """The mean response without the perturbation itself, where it is among the training perturbations."""
    found, values = mean_response(known), _values(known)
    total, count = _totals(known, values)
    for condition, row in enumerate(known.own.tolist()):
        if row >= 0:
            there = np.ones(len(total))
            there[known.targets[row]] = 0  # this gene is left out already
            with np.errstate(invalid="ignore", divide="ignore"):
                found[condition] = _effect(known, (total - there * values[row]) / (count - there))
    return found


def context_mean(known: Responses) -> Floats:
    """The mean over all perturbed training cells of the context, each the same."""
    if not known.sizes.sum():
        return no_change(known)
    mean = (_values(known) * known.sizes[:, None]).sum(axis=0) / known.sizes.sum()
    return np.tile(_effect(known, mean), (len(known.panel.conditions), 1))


def perturbation_mean(known: Responses) -> Floats:
    """The mean effect of the perturbation in the other training contexts."""
    found = np.full((len(known.panel.conditions), known.effects.shape[1]), np.nan)
    there = known.own >= 0
    found[there] = known.elsewhere[known.own[there]]
    return found


def _singles(known: Responses) -> tuple[dict[str, int], list[tuple[str, ...]]]:
    """Return the rows of single training perturbations, and the parts of the perturbations of the truth."""
    control = known.panel.control
    parts = [parts_of(name, control) for name in known.names]
    singles = {each[0]: row for row, each in enumerate(parts) if len(each) == 1}
    return singles, [parts_of(name, control) for name in known.panel.conditions]


def additive(known: Responses) -> Floats:
    """The sum of the effects of the single perturbations of a combination, if training has them all."""
    singles, asked = _singles(known)
    found = np.full((len(asked), known.effects.shape[1]), np.nan)
    for condition, parts in enumerate(asked):
        if len(parts) > 1 and all(part in singles for part in parts):
            found[condition] = known.effects[[singles[part] for part in parts]].sum(axis=0)
    return found


def matching_mean(known: Responses) -> Floats:
    """The mean of the means of the single perturbations of a combination; for one unseen, that of all perturbations."""
    singles, asked = _singles(known)
    values = _values(known)
    found = np.full((len(asked), known.effects.shape[1]), np.nan)
    for condition, parts in enumerate(asked):
        if len(parts) > 1 and len(values):
            others = np.arange(len(values)) != (known.own[condition] if known.oracle else -1)
            rest = values[others].mean(axis=0) if others.any() else values.mean(axis=0)
            mean = np.mean([values[singles[part]] if part in singles else rest for part in parts], axis=0)
            found[condition] = _effect(known, mean)
    return found


def nearest(known: Responses) -> Floats:
    """The effect of the training perturbation whose target gene answers most like the own target gene.

    Alike are genes whose effects correlate over the training perturbations, those left out that act on the gene; of
    several targets the mean is taken.
    """
    found = np.full((len(known.panel.conditions), known.effects.shape[1]), np.nan)
    rows = [row for row, columns in enumerate(known.targets) if len(columns)]
    if len(rows) < 3:
        return found
    answers = known.effects - known.effects.mean(axis=0)
    for row, columns in enumerate(known.targets):
        answers[row, columns] = 0  # what a knocked-down gene does says nothing of others
    lengths = np.sqrt((answers**2).sum(axis=0))
    answers /= np.where(lengths > 0, lengths, 1)
    theirs = np.stack([answers[:, known.targets[row]].mean(axis=1) for row in rows], axis=1)
    for condition, columns in enumerate(known.panel.targets):
        if len(columns):
            alike = answers[:, columns].mean(axis=1) @ theirs
            if known.oracle:
                alike[[row == known.own[condition] for row in rows]] = -np.inf
            found[condition] = known.effects[rows[int(np.argmax(alike))]]
    return found


def low_rank(known: Responses) -> Floats:
    """A linear model of target genes: effect = b + G W g.

    G (genes, 10) are the scores of genes in the principal components of the means of training perturbations, g its row
    of the target gene (the mean of rows of several), b the mean effect, and W the ridge solution with 0.1 on both
    sides, (G'G + 0.1)^-1 G' (Y - b) P (P'P + 0.1)^-1, P the rows g of the training perturbations. Where the training
    cells are those of the truth, each tenth of the perturbations is predicted from the others (each one, of ten or
    fewer).
    """
    found = np.full((len(known.panel.conditions), known.effects.shape[1]), np.nan)
    rows = np.array([row for row, columns in enumerate(known.targets) if len(columns)], np.int64)
    asked = np.array([code for code, columns in enumerate(known.panel.targets) if len(columns)], np.int64)
    if len(rows) < 3 or not len(asked):
        return found
    folds = np.zeros(len(asked), np.int64)
    if known.oracle:
        folds = np.random.default_rng(0).permutation(len(asked)) % min(FOLDS, len(asked))
    for fold in np.unique(folds).tolist():
        mine = asked[folds == fold]
        fitted = np.setdiff1d(rows, known.own[mine]) if known.oracle else rows
        found[mine] = _linear(known, fitted, [known.panel.targets[code] for code in mine.tolist()])
    return found


def _linear(known: Responses, rows: npt.NDArray[np.int64], asked: list[npt.NDArray[np.int64]]) -> Floats:
    """Fit the low-rank model to some training perturbations, and return the effects of targets."""
    means = (known.control + known.effects[rows]).T
    means = means - means.mean(axis=0)
    _, axes = np.linalg.eigh(means.T @ means)
    genes = means @ axes[:, ::-1][:, :RANK]
    effects = known.effects[rows].T
    middle = effects.mean(axis=1)
    theirs = np.stack([genes[known.targets[row]].mean(axis=0) for row in rows.tolist()])
    ridge = RIDGE * np.eye(genes.shape[1])
    left = np.linalg.solve(genes.T @ genes + ridge, genes.T @ (effects - middle[:, None]))
    weights = np.linalg.solve(theirs.T @ theirs + ridge, (left @ theirs).T).T
    wanted = np.stack([genes[columns].mean(axis=0) for columns in asked])
    return np.asarray(middle + wanted @ weights.T @ genes.T)


#: Baselines by name, the 0 of all scores first.
MODELS: dict[str, Callable[[Responses], Floats]] = {
    "mean response": mean_response,
    "no change": no_change,
    "mean of the others": mean_of_others,
    "context mean": context_mean,
    "perturbation mean": perturbation_mean,
    "additive": additive,
    "matching mean": matching_mean,
    "nearest perturbation": nearest,
    "low-rank linear": low_rank,
}
