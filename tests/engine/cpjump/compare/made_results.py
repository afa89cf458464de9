"""Small hand-made result folders of ``fastbench cpjump``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

OPTIONS = {
    "preset": "stable",
    "batch": "2020_11_04_CPJUMP1",
    "gate": "q",
    "q_threshold": 0.05,
    "p_values": "paper",
    "null_size": 100_000,
    "ties": "expected",
    "limit_plates": None,
}
HOURS = {"compound": {"short": 24, "long": 48}, "crispr": {"short": 96, "long": 144}, "orf": {"short": 48, "long": 96}}
#: A configuration: query modality, cell line, time; in gene-compound matching also the genetic modality and time.
SHORT = ("compound", "A549", "short")
LONG = ("compound", "A549", "long")


def groups(
    maps: Sequence[float | None], retrieved: Sequence[bool], *, first: int = 0, total: int = 61
) -> list[dict[str, Any]]:
    """Groups P000, P001, ... of one query each with one positive among `total`."""
    return [
        {"group": f"P{first + i:03d}", "map": value, "retrieved": kept, "total": total}
        for i, (value, kept) in enumerate(zip(maps, retrieved, strict=True))
    ]


def random_groups(n: int, seed: int, *, shift: float = 0.0) -> list[dict[str, Any]]:
    """Groups that are hard or easy in the same way under every seed; `shift` makes them easier."""
    hard = np.random.default_rng(99).normal(0, 1, n)
    score = hard + shift + np.random.default_rng(seed).normal(0, 0.5, n)
    maps = 1 / (1 + np.exp(-score))
    return groups([float(value) for value in maps], [bool(value > 0.6) for value in maps])


def make_result(
    folder: Path,
    tasks: dict[str, dict[tuple[str, ...], list[dict[str, Any]]]],
    *,
    options: dict[str, Any] | None = None,
    simulated: bool = False,
) -> Path:
    """Write a result folder: by task and configuration, its groups."""
    folder.mkdir(parents=True)
    queries = []
    for task, configurations in tasks.items():
        by = "Metadata_broad_sample" if task == "replicability" else "Metadata_matching_target"
        rows = []
        for key, members in configurations.items():
            modality, cell, time, *genetic = key
            description = f"{modality}_{cell}_{time}"
            where: dict[str, Any] = {"Modality": modality, "time": time, "timepoint": HOURS[modality][time]}
            if genetic:
                other, other_time = genetic
                where = {f"{name}1": value for name, value in where.items()}
                where |= {"Modality2": other, "time2": other_time, "timepoint2": HOURS[other][other_time]}
                description += f"-{other}_{cell}_{other_time}"
            for member in members:
                q = 0.01 if member["retrieved"] else 0.5
                rows.append(
                    {by: member["group"], "mean_average_precision": member["map"], "q_value": q}
                    | {"above_q_threshold": member["retrieved"], "Description": description, "Cell": cell}
                    | where
                )
                queries.append(
                    {
                        "task": task,
                        "Description": description,
                        "Metadata_broad_sample": member.get("sample", member["group"]),
                    }
                    | ({} if task == "replicability" else {"Metadata_matching_target": member["group"]})
                    | {"average_precision": member["map"], "n_pos_pairs": 1, "n_total_pairs": member["total"]}
                )
        schema = {"mean_average_precision": pl.Float64}
        pl.DataFrame(rows, schema_overrides=schema).write_csv(folder / f"{task}_map.csv")
    pl.DataFrame(queries, infer_schema_length=None).write_parquet(folder / "average_precision.parquet")
    manifest = {
        "fastbench_version": "0",
        "command": "cpjump",
        "options": OPTIONS | (options or {}),
        "inputs": [],
        "simulated": simulated,
        "outputs": [],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
