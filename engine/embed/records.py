"""Results as cz-benchmarks writes them: a list of records for each embedding and task."""

from __future__ import annotations

import json
import math
from typing import Any

import polars as pl

__all__ = ["as_records"]


def as_records(results: pl.DataFrame) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Return ``{task: {embedding: [{metric_type, value, params}]}}``; a value that is not defined is null.

    Parameters
    ----------
    results : polars.DataFrame
        With the columns of ``results.csv``.
    """
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for row in results.iter_rows(named=True):
        value = row["value"]
        params = json.loads(row["params"])
        if row["status"] != "ok":
            params["status"] = row["status"]
        record = {
            "metric_type": row["metric_type"],
            "value": None if value is None or math.isnan(value) else value,
            "params": params,
        }
        found.setdefault(row["task"], {}).setdefault(row["embedding"], []).append(record)
    return found
