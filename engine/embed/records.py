"""Results as cz-benchmarks writes them: a list of records for each embedding and task."""

from __future__ import annotations

import datetime
import json
import math
import sys
from collections.abc import Mapping
from typing import Any

import polars as pl

__all__ = ["as_records", "as_vcp", "not_converged", "peak_mebibytes"]

#: Whose definitions the records follow.
FOLLOWS = "0.15.1"
#: Names of metrics of which cz-benchmarks has two, one a task.
_THEIRS = {"sequential_silhouette": "silhouette_score"}


def as_records(results: pl.DataFrame, mode: str = "strict") -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Return ``{task: {embedding: [{metric_type, value, params}]}}``; a value that is not defined is null.

    Parameters
    ----------
    results : polars.DataFrame
        With the columns of ``results.csv``.
    mode : {"strict", "compat"}, default "strict"
        With "compat", metrics have the names of cz-benchmarks also where these are not unique among tasks.
    """
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for row in results.iter_rows(named=True):
        found.setdefault(row["task"], {}).setdefault(row["embedding"], []).append(_record(row, mode))
    return found


def _record(row: Mapping[str, Any], mode: str) -> dict[str, Any]:
    value, params = row["value"], json.loads(row["params"])
    if row["status"] != "ok":
        params["status"] = row["status"]
    return {
        "metric_type": _THEIRS.get(row["metric_type"], row["metric_type"]) if mode == "compat" else row["metric_type"],
        "value": None if value is None or math.isnan(value) else value,
        "params": params,
    }


def as_vcp(results: pl.DataFrame, options: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """Return one account of the run, as the VCP command line writes it.

    Parameters
    ----------
    results : polars.DataFrame
        With the columns of ``results.csv``.
    options : mapping
        What was asked for.
    seconds : float
        That the run took.

    Returns
    -------
    dict
        ``timestamp``, ``czbenchmarks_version`` (whose definitions the records follow), ``run_specification``,
        ``runtime_metrics`` (``elapsed_time_secs``, ``max_memory_mib`` of the process) and ``result_metrics``: records
        as in `as_records`, with their task and model.
    """
    from ..results.manifest import package_version

    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return {
        "timestamp": now,
        "czbenchmarks_version": FOLLOWS,
        "run_specification": {
            "software": {"name": "fastbench", "version": package_version("fastbench")},
            "models": results["embedding"].unique(maintain_order=True).to_list(),
            "tasks": results["task"].unique(maintain_order=True).to_list(),
            "options": dict(options),
        },
        "runtime_metrics": {"elapsed_time_secs": round(seconds, 3), "max_memory_mib": peak_mebibytes()},
        "result_metrics": [
            {"task": row["task"], "model": row["embedding"], **_record(row, str(options.get("mode", "strict")))}
            for row in results.iter_rows(named=True)
        ],
    }


def peak_mebibytes() -> float | None:
    """Return the most memory that this process held; None where the system does not say."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kibibytes elsewhere
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20, 1)


def not_converged(results: pl.DataFrame) -> list[str]:
    """Return one sentence for each embedding and task of which logistic regression did not converge."""
    found: dict[str, None] = {}
    for row in results.iter_rows(named=True):
        fits = json.loads(row["params"]).get("not_converged", 0)
        if fits and row["variant"].split()[-1] == "lr":
            of = f" ({row['variant'].removesuffix(' lr')})" if " " in row["variant"] else ""
            many = "1 fit" if fits == 1 else f"{fits} fits"
            found[
                f"{row['embedding']}: {row['task']}{of}: logistic regression did not converge in {many}; its values "
                "are those of where it stopped."
            ] = None
    return list(found)
