"""How often each null distribution finds groups that are noise, and groups that are not: p-values of mAP by simulation.

    python -m fastbench.bench.null_calibration --repeats 40

draws data sets of three designs, scores them, and prints the shares of groups with p below 0.05 as a table, that of
`docs/nulls.md`. Every call draws the same.

    python -m fastbench.bench.null_calibration --floors 200

draws multi-label designs in which every label is found at once, and checks that no p-value is below 1 / C(n, k).
"""

from __future__ import annotations

import argparse
import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

import fastbench as fb

__all__ = ["DESIGNS", "Design", "check_floors", "markdown", "rates"]

NULLS = ("shared", "independent", "permutation")
LEVEL = 0.05
FEATURES = 30
#: Length of a group's own direction, in standard deviations of the noise of one feature, where there is an effect.
EFFECT = 2.0
NULL_SIZE = 4_000


class Design(NamedTuple):
    """One simulated data set and how it is scored."""

    meta: pl.DataFrame
    features: npt.NDArray[np.float64]
    rule: tuple[list[str], list[str], list[str], list[str]]
    by: list[str]
    multilabel: str | None = None
    queries: npt.NDArray[np.bool_] | None = None


def _directions(rng: np.random.Generator, count: int, effect: float) -> npt.NDArray[np.float64]:
    found = rng.normal(size=(count, FEATURES))
    return effect * found / np.linalg.norm(found, axis=1, keepdims=True)


def replicates(rng: np.random.Generator, effect: float) -> Design:
    """40 compounds with a replicate on each of four plates, against the 8 to 20 controls of the plate."""
    compound, plate, control = [], [], []
    for p in range(4):
        n_controls = int(rng.integers(8, 21))
        compound += [*range(40), *[-1] * n_controls]
        plate += [p] * (40 + n_controls)
        control += [*[False] * 40, *[True] * n_controls]
    code = np.array(compound)
    x = rng.normal(size=(len(code), FEATURES))
    x[code >= 0] += _directions(rng, 40, effect)[code[code >= 0]]
    meta = pl.DataFrame({"compound": [f"c{c}" for c in compound], "plate": plate, "control": control})
    rule = (["compound"], [], ["plate"], ["control"])
    return Design(meta, x, rule, ["compound"], queries=~np.array(control))


def consistency(rng: np.random.Generator, effect: float) -> Design:
    """150 compounds of 30 targets, one target each: three to eight compounds of a target against all others."""
    sizes = rng.integers(3, 8, 30)
    code = np.repeat(np.arange(30), sizes)
    x = rng.normal(size=(len(code), FEATURES)) + _directions(rng, 30, effect)[code]
    meta = pl.DataFrame({"target": [f"t{c}" for c in code]})
    return Design(meta, x, (["target"], [], [], ["target"]), ["target"])


def multilabel(rng: np.random.Generator, effect: float) -> Design:
    """100 compounds with one to four of 40 targets each: every compound has a list length of its own."""
    labels = [rng.choice(40, rng.integers(1, 5), replace=False) for _ in range(100)]
    directions = _directions(rng, 40, effect)
    x = rng.normal(size=(100, FEATURES)) + np.array([directions[mine].sum(axis=0) for mine in labels])
    meta = pl.DataFrame({"target": [[f"t{j}" for j in mine] for mine in labels]})
    return Design(meta, x, (["target"], [], [], ["target"]), ["target"], multilabel="target")


DESIGNS: dict[str, Callable[[np.random.Generator, float], Design]] = {
    "replicates against controls": replicates,
    "one label a profile (consistency)": consistency,
    "several labels a profile": multilabel,
}


def p_values(design: Design, null: str) -> npt.NDArray[np.float64]:
    """Score a design and return the p-value of each group."""
    meta, x, rule, by, column, queries = design
    if column is None:
        ap = fb.average_precision(meta, x, *rule, queries=queries, progress_bar=False)
    else:
        ap = fb.multilabel.average_precision(meta, x, *rule, column, progress_bar=False)
    data = fb.Relabelling(meta, x, *rule, column, queries=queries)
    more: dict[str, Any] = {"relabelling": data} if null == "permutation" else {}
    found: pl.DataFrame = fb.mean_average_precision(ap, by, NULL_SIZE, LEVEL, 0, null=null, **more)
    return found["p_value"].to_numpy()


def rates(repeats: int) -> pl.DataFrame:
    """Return the share of groups with p below 0.05, of noise and of groups with an effect, by design and null."""
    rows = []
    for name, draw in DESIGNS.items():
        for what, effect in (("noise", 0.0), ("effect", EFFECT)):
            designs = [draw(np.random.default_rng([seed, round(10 * effect)]), effect) for seed in range(repeats)]
            for null in NULLS:
                p = np.concatenate([p_values(design, null) for design in designs])
                rows.append(
                    {"design": name, "what": what, "null": null, "share": float((p < LEVEL).mean()), "n": len(p)}
                )
    return pl.DataFrame(rows)


def markdown(table: pl.DataFrame) -> str:
    """Return the shares as a table of Markdown."""
    lines = ["| design | groups | null | rejected, noise | found, effect |", "| --- | --- | --- | --- | --- |"]
    for name in DESIGNS:
        for null in NULLS:
            mine = table.filter(pl.col("design") == name, pl.col("null") == null)
            noise, effect = (mine.filter(pl.col("what") == what)["share"][0] for what in ("noise", "effect"))
            lines.append(f"| {name} | {mine['n'][0]:,} | `{null}` | {100 * noise:.1f} % | {100 * effect:.1f} % |")
    return "\n".join(lines)


def check_floors(count: int) -> int:
    """Check the p-values of multi-label designs against the smallest relabelling; return how many stand on it."""
    on_floor = 0
    for seed in range(count):
        rng = np.random.default_rng(seed)
        n, n_labels = int(rng.integers(12, 60)), int(rng.integers(4, 15))
        carries = rng.random((n, n_labels)) < rng.uniform(0.08, 0.3)
        carries[np.arange(n), rng.integers(n_labels, size=n)] = True
        x = carries @ rng.normal(size=(n_labels, 16)) * 8 + rng.normal(size=(n, 16))
        meta = pl.DataFrame({"t": [[f"t{j}" for j in np.flatnonzero(row)] for row in carries]})
        ap = fb.multilabel.average_precision(meta, x, ["t"], [], [], ["t"], "t", progress_bar=False)
        for null in NULLS[:2]:
            found = fb.mean_average_precision(ap, ["t"], 1000, LEVEL, 0, null=null, bracket=True)
            for row in found.iter_rows(named=True):
                floor = 1 / math.comb(n, int(carries[:, int(row["t"][1:])].sum()))
                if min(row["p_value"], row["p_lower"], row["p_upper"]) < floor or row["p_floor"] != floor:
                    raise AssertionError(f"Design {seed}, label {row['t']}: {row} is below {floor}.")
                on_floor += row["p_value"] == floor
    return on_floor


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(prog="python -m fastbench.bench.null_calibration", description=__doc__)
    parser.add_argument("--repeats", type=int, default=40, help="Data sets of each design (default 40).")
    parser.add_argument("--floors", type=int, default=0, help="Check so many multi-label designs instead.")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    if given.floors:
        on_floor = check_floors(given.floors)
        print(f"{given.floors} designs: no p-value is below its smallest relabelling, {on_floor} are on it.")
    else:
        print(markdown(rates(given.repeats)))


if __name__ == "__main__":
    main()
