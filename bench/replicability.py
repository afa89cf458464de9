"""The replicability task of CPJUMP1 by each tool: AP of the wells of 40 plates, and p-values of their perturbations.

The plates, wells and perturbations are the real ones, in their twelve configurations of modality, cells and time; only
the features are drawn.

    python -m fastbench.bench.replicability TOOL FOLDER

does the task on the tables that `write` has put into a folder, all plates in one call.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fastbench.engine.cpjump.tasks import REPLICABILITY

if TYPE_CHECKING:  # it loads pandas
    from fastbench.bench.problem import Job

__all__ = ["JOB", "as_pandas", "build", "configurations", "ready", "score", "small_one_like", "together", "write"]

#: Name, plates, features; the last number means nothing here.
JOB: Job = ("replicability", 40, 800, 0)

#: Metadata and features, row by row.
Table = tuple[Any, npt.NDArray[np.float32]]


def configurations(job: Job = JOB) -> list[Table]:
    """Return the wells of each configuration that hold something, controls among them."""
    from fastbench.engine.cpjump.plates.simulate import simulate_plates

    plates = list(simulate_plates(n_features=job[2]))[: job[1]]
    by_configuration = sorted(plates, key=lambda each: each[0].description)
    return [
        _table(name, [profiles for _, profiles in mine])
        for name, mine in groupby(by_configuration, key=lambda each: each[0].description)
    ]


def _table(name: str, plates: Sequence[Any]) -> Table:
    meta = pl.concat([each.metadata for each in plates], how="diagonal_relaxed")
    control = pl.col("Metadata_control_type").is_not_null() & (pl.col("Metadata_control_type") == "negcon")
    if name.startswith("compound"):
        meta = meta.with_columns(pl.col("Metadata_broad_sample").fill_null("DMSO"))
    held = meta["Metadata_broad_sample"].is_not_null()
    meta = meta.with_columns(control.cast(pl.Int8).alias("Metadata_negcon"), configuration=pl.lit(name)).filter(held)
    columns = ["configuration", "Metadata_broad_sample", "Metadata_Plate", "Metadata_negcon"]
    features = np.concatenate([each.features for each in plates])[held.to_numpy()]
    return _with_reference(meta.select(columns)), features


def _with_reference(meta: pl.DataFrame) -> pl.DataFrame:
    """Number the controls, so that they are nobody's positive."""
    number = pl.when(pl.col("Metadata_negcon") == 1).then(pl.int_range(pl.len())).otherwise(-1)
    return meta.with_columns(number.alias("Metadata_reference"))


def together(tables: Sequence[Table]) -> list[Table]:
    """Return all configurations as one table: a column says which is which."""
    meta = _with_reference(pl.concat([meta for meta, _ in tables]))
    return [(meta, np.concatenate([features for _, features in tables]))]


def as_pandas(tables: Sequence[Table]) -> list[Table]:
    """Return the tables as pandas, which is what copairs takes."""
    return [(meta.to_pandas(), features) for meta, features in tables]


def score(tool: str, tables: Sequence[Table], cache_dir: Path) -> list[Any]:
    """Score each table, with 100,000 draws a shape in copairs, kept in `cache_dir`; return its groups."""
    module = import_module("fastbench" if tool == "fastbench" else "copairs.map")
    by = ["configuration", REPLICABILITY.by]
    rules = [
        [*by, "Metadata_reference"],
        [*REPLICABILITY.pos_diffby],
        [*REPLICABILITY.neg_sameby],
        [*REPLICABILITY.neg_diffby],
    ]
    found = []
    for meta, features in tables:
        ap = module.average_precision(meta, features, *rules, progress_bar=False)
        if isinstance(ap, pl.DataFrame):
            treated = ap.filter(pl.col("Metadata_negcon") == 0, pl.col("average_precision").is_not_nan())
        else:
            treated = ap[ap["Metadata_negcon"] == 0].dropna(subset=["average_precision"]).reset_index(drop=True)
        found.append(
            module.mean_average_precision(
                treated, by, null_size=100_000, threshold=0.05, seed=0, progress_bar=False, cache_dir=cache_dir
            )
        )
    return found


def write(tables: Sequence[Table], folder: Path) -> None:
    """Write ``0.csv`` (metadata) and ``0.npy`` (features) and so on."""
    for number, (meta, features) in enumerate(tables):
        meta.write_csv(folder / f"{number}.csv")
        np.save(folder / f"{number}.npy", features)


def main() -> None:
    """Score the tables of a folder."""
    tool, folder = sys.argv[1:]
    tables = together([(pl.read_csv(file), np.load(file.with_suffix(".npy"))) for file in Path(folder).glob("*.csv")])
    ready(tool, tables)()


def build(job: Job) -> list[Table]:
    """Return the tables of a job, all configurations in one."""
    return together(configurations(job))


def ready(tool: str, tables: list[Table]) -> Callable[[], object]:
    """Return the call of a tool; it draws its null anew."""
    given = tables if tool == "fastbench" else as_pandas(tables)
    return lambda: score(tool, given, Path(tempfile.mkdtemp()))


def small_one_like(job: Job) -> Job:
    """Return a job that loads and compiles what the job needs."""
    return (job[0], 4, job[2], job[3])


if __name__ == "__main__":
    main()
