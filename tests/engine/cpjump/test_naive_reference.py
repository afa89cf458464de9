"""The published workflow written a second time, plainly, from files on disk, with a sampled null.

Pandas and dense NumPy only, one loop a query: nothing here is shared with the engine but the simulated files.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from fastbench.engine.cpjump import Options, plan, run, write_simulated
from fastbench.engine.cpjump.plates.metadata import packaged

CELL, TIME, NULL, FEATURES = "U2OS", "short", 20_000, 120
HOURS = {"compound": 24, "crispr": 96, "orf": 48}


def similarity(x, absolute):
    x = x.astype(float)
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    return np.abs(x @ x.T) if absolute else x @ x.T


def average_precision(positives, negatives):
    """AP, the mean over the orders of equal items: place t of a group holds a positive with probability p / size."""
    total, before = 0.0, 0
    for value in np.unique(positives)[::-1]:
        above, p, m = (int(each.sum()) for each in (negatives > value, positives == value, negatives == value))
        for t in range(1, p + m + 1):
            inside = (t - 1) * (p - 1) / max(p + m - 1, 1)
            total += p / (p + m) * (before + 1 + inside) / (before + above + t)
        before += p
    return total / len(positives)


@cache
def null(n_pos, n_neg):
    """Draw the places of the positives, anew wherever two fell on one place.

    Ten times the stated size: draws of the stated size move a fraction retrieved by two groups on their own.
    """
    rng = np.random.default_rng([n_pos, n_neg])
    places = np.empty((0, n_pos), int)
    while len(places) < 10 * NULL:
        missing = 10 * NULL - len(places)
        drawn = np.sort(rng.integers(1, n_pos + n_neg + 1, (missing + 100, n_pos)), axis=1)
        places = np.vstack([places, drawn[(np.diff(drawn, axis=1) > 0).all(axis=1)]])
    return np.sort((np.arange(1, n_pos + 1) / places[: 10 * NULL]).mean(axis=1))


def p_value(ap, n_pos, n_neg):
    draws = null(n_pos, n_neg)
    exceeding = len(draws) - np.searchsorted(draws, ap + 1e-12, side="right")
    return (1 + exceeding * NULL / len(draws)) / (1 + NULL)


def aggregate(queries, by):
    logs = -np.log10(queries["p"])
    groups = pd.DataFrame({by: queries[by], "ap": queries["ap"], "nlog": logs}).groupby(by).mean()
    p = 10 ** -groups["nlog"].to_numpy()
    order = np.argsort(p)
    q = np.minimum.accumulate((p[order] * len(p) / np.arange(1, len(p) + 1))[::-1])[::-1]
    groups.loc[groups.index[order], "q"] = np.minimum(q, 1)
    groups["retrieved"] = -np.log10(groups["q"]) > -np.log10(0.05)
    return groups


def load(folder, modality):
    table = pd.read_csv(packaged() / "experiment-metadata.tsv", sep="\t")
    table = table[
        (table.Batch == "2020_11_04_CPJUMP1")
        & (table.Density == 100)
        & (table.Antibiotics == "absent")
        & (table.Perturbation == modality)
        & (table.Cell_type == CELL)
        & (table.Time == HOURS[modality])
    ]
    if modality == "compound":
        table = table[table.Cell_line != "Cas9"]
    frames = [pd.read_csv(path) for plate in table.Assay_Plate_Barcode for path in (folder / plate).glob("*.csv.gz")]
    wells = pd.concat(frames, ignore_index=True)
    if modality == "compound":
        wells["Metadata_broad_sample"] = wells["Metadata_broad_sample"].fillna("DMSO")
    wells = wells.dropna(subset="Metadata_broad_sample").reset_index(drop=True)
    return wells, wells[[c for c in wells if not c.startswith("Metadata_")]].to_numpy(np.float32)


def replicability(wells, x):
    s = similarity(x, absolute=False)
    sample, plate = wells.Metadata_broad_sample.to_numpy(), wells.Metadata_Plate.to_numpy()
    control = (wells.Metadata_control_type == "negcon").to_numpy()
    rows = []
    for i in np.flatnonzero(~control):
        same = sample == sample[i]
        same[i] = False
        opposed = control & (plate == plate[i])
        ap = average_precision(s[i, same], s[i, opposed])
        rows.append((sample[i], plate[i], wells.Metadata_Well[i], ap, p_value(ap, same.sum(), opposed.sum())))
    return pd.DataFrame(rows, columns=["sample", "plate", "well", "ap", "p"])


def consensus(wells, x, retrieved):
    treated = (wells.Metadata_control_type != "negcon").to_numpy() & wells.Metadata_broad_sample.isin(
        retrieved
    ).to_numpy()
    names = wells.Metadata_broad_sample[treated].unique()
    medians = pd.DataFrame(x[treated]).groupby(wells.Metadata_broad_sample[treated].to_numpy()).median()
    gene = wells.Metadata_gene if "Metadata_gene" in wells else pd.Series([None] * len(wells))
    first = dict(zip(wells.Metadata_broad_sample, gene, strict=True))
    return names, [first[name] for name in names], medians.loc[names].to_numpy(np.float32)


def matching(names, labels, x, absolute, other_side=None):
    """Score each (label, row); `other_side` marks the genes of gene-compound matching."""
    s = similarity(x, absolute)
    sets = [set(label) for label in labels]
    rows = []
    for i, mine in enumerate(sets):
        sharing = np.array([bool(mine & other) for other in sets])
        opposed = ~sharing if other_side is None else other_side != other_side[i]
        for label in sorted(mine):
            same = np.array([label in other for other in sets])
            same[i] = False
            if other_side is not None:
                same &= other_side != other_side[i]
            if same.any():
                ap = average_precision(s[i, same], s[i, opposed])
                rows.append((names[i], label, ap, p_value(ap, same.sum(), opposed.sum())))
    return pd.DataFrame(rows, columns=["sample", "label", "ap", "p"])


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The engine's result under paper, and the plain workflow's, from the same files."""
    folder = tmp_path_factory.mktemp("profiles")
    options = Options(cells=(CELL,), timelines=(TIME,))
    write_simulated(folder, seed=5, n_features=FEATURES, plates=plan(options).experiments.plates, batch=None)
    result = run(plan(Options(profiles=folder, preset="paper", cells=(CELL,), timelines=(TIME,), null_size=NULL)))

    lists = pd.read_csv(packaged() / "JUMP-Target-1_compound_targets.tsv", sep="\t").dropna(subset="broad_sample")
    lists = {name: text.split("|") for name, text in zip(lists.broad_sample, lists.target_list, strict=True)}
    plain, gated = {}, {}
    for modality in HOURS:
        wells, x = load(folder, modality)
        description = f"{modality}_{CELL}_{TIME}"
        queries = plain["replicability", description] = replicability(wells, x)
        groups = aggregate(queries, "sample")
        names, genes, medians = consensus(wells, x, groups.index[groups.retrieved])
        if modality == "compound":
            gated[modality] = names, [lists[name] for name in names], medians
        else:
            gated[modality] = names, [[gene] for gene in genes], medians
    names, labels, x = gated["compound"]
    plain["matching", f"compound_{CELL}_{TIME}"] = matching(names, labels, x, absolute=True)
    names, labels, x = gated["crispr"]
    genes = [label[0] for label in labels]
    sisters = np.array([genes.count(gene) > 1 for gene in genes])
    kept = [label for label, good in zip(labels, sisters, strict=True) if good]
    plain["matching", f"crispr_{CELL}_{TIME}"] = matching(names[sisters], kept, x[sisters], absolute=False)
    for modality in ("crispr", "orf"):
        perturbed = {label[0] for label in gated[modality][1]}
        left = [
            (n, [t for t in label if t in perturbed], row) for n, label, row in zip(*gated["compound"], strict=True)
        ]
        left = [entry for entry in left if entry[1]]
        everyone = [entry[0] for entry in left] + list(gated[modality][0])
        labels = [entry[1] for entry in left] + gated[modality][1]
        x = np.vstack([np.array([entry[2] for entry in left]), gated[modality][2]])
        side = np.arange(len(labels)) >= len(left)
        name = f"compound_{CELL}_{TIME}-{modality}_{CELL}_{TIME}"
        plain["gene_compound_matching", name] = matching(everyone, labels, x, True, side)
    return result, plain


def test_every_run_is_there(both):
    result, plain = both
    assert {(r["task"], r["Description"]) for r in result.report.iter_rows(named=True)} == set(plain)
    assert (result.report["outcome"] == "scored").all()


def test_average_precision_is_equal(both):
    result, plain = both
    for (task, description), queries in plain.items():
        ours = result.average_precision.filter(task=task, Description=description).to_pandas()
        keys = ["sample", "plate", "well"] if task == "replicability" else ["sample", "label"]
        ours = ours.rename(
            columns={
                "Metadata_broad_sample": "sample",
                "Metadata_Plate": "plate",
                "Metadata_Well": "well",
                "Metadata_matching_target": "label",
            }
        )
        joined = queries.merge(ours, on=keys, how="outer", validate="1:1")
        assert len(joined) == len(queries) == len(ours) > 0, description
        np.testing.assert_allclose(joined["average_precision"], joined["ap"], rtol=0, atol=1e-12, err_msg=description)
        # a sampled p-value scatters by 5 standard errors at most
        p = joined["p_value"]
        assert (np.abs(p - joined["p"]) < 5 * np.sqrt(p / (10 * NULL)) + 1 / NULL).all(), description


def test_fractions_retrieved_agree_within_one_group(both):
    result, plain = both
    for (task, description), queries in plain.items():
        by = "sample" if task == "replicability" else "label"
        groups = aggregate(queries, by)
        row = result.fr_tables()[task].filter(Description=description).row(0, named=True)
        assert row["groups"] == len(groups), description
        assert abs(row["groups_retrieved"] - groups.retrieved.sum()) <= 1, description
        assert row["fr"] == row["groups_retrieved"] / row["groups"]
