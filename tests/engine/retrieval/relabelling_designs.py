"""Designs whose relabellings are few enough to count by hand, and the count."""

import itertools

import numpy as np
import polars as pl


def similarities(x):
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    return unit @ unit.T


def plain_ap(positives, negatives):
    """AP where nothing is tied."""
    ranked = np.sort(positives)[::-1]
    return np.mean([(i + 1) / (i + 1 + (negatives > value).sum()) for i, value in enumerate(ranked)])


def share_as_good(statistic, observed, choices):
    values = np.array([statistic(each) for each in choices])
    return float((values >= statistic(observed) - 1e-12).mean())


def replicates_among_controls(seed, n_plates, per_plate, n_controls, effect=0.0):
    """One compound with replicates on each plate, and controls."""
    rng = np.random.default_rng(seed)
    plate, control = [], []
    for p in range(n_plates):
        plate += [f"p{p}"] * (per_plate + n_controls)
        control += [False] * per_plate + [True] * n_controls
    meta = pl.DataFrame({"plate": plate, "control": control, "compound": ["D" if c else "a" for c in control]})
    x = rng.normal(size=(len(meta), 6))
    x[~np.array(control)] += effect
    return meta, x


def count_replicates(meta, x, within):
    """Return the exact p-value: rows of a plate are chosen in the place of its replicates."""
    s, plate, control = similarities(x), meta["plate"].to_numpy(), meta["control"].to_numpy()
    pool = {p: np.flatnonzero(plate == p) for p in np.unique(plate)}

    def statistic(chosen):
        found = []
        for i in chosen:
            mates = [j for j in chosen if j != i and (not within or plate[j] == plate[i])]
            found.append(plain_ap(s[i, mates], s[i, [j for j in pool[plate[i]] if j not in chosen]]))
        return np.mean(found)

    choices = [itertools.combinations(rows, int((~control[rows]).sum())) for rows in pool.values()]
    every = [set(itertools.chain(*each)) for each in itertools.product(*choices)]
    return share_as_good(statistic, set(np.flatnonzero(~control)), every)


def multilabel(seed, n=14, n_labels=5):
    """Rows with one label or several."""
    rng = np.random.default_rng(seed)
    carries = rng.random((n, n_labels)) < 0.3
    carries[np.arange(n), rng.integers(n_labels, size=n)] = True
    labels = [[f"t{j}" for j in np.flatnonzero(row)] for row in carries]
    return pl.DataFrame({"t": labels, "plate": np.arange(n) % 2}), rng.normal(size=(n, 6))


def count_label(meta, x, label, exclusive=False, block=None):
    """Return the exact p-value of a label: it is given to as many other rows (of each block)."""
    s, n = similarities(x), len(x)
    labels = [set(each) for each in meta["t"].to_list()]
    other = [set() if exclusive else each - {label} for each in labels]
    block = np.zeros(n) if block is None else np.asarray(block)
    observed = {i for i in range(n) if label in labels[i]}

    def statistic(chosen):
        found = []
        for i in chosen:
            mates = [j for j in chosen if j != i]
            negatives = [j for j in range(n) if j not in chosen and not other[i] & other[j] and block[i] == block[j]]
            found.append(plain_ap(s[i, mates], s[i, negatives]))
        return np.mean(found)

    choices = [
        itertools.combinations(np.flatnonzero(block == b), sum(block[i] == b for i in observed))
        for b in np.unique(block)
    ]
    every = [set(itertools.chain(*each)) for each in itertools.product(*choices)]
    return share_as_good(statistic, observed, every), len(every)
