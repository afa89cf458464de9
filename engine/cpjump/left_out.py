"""What a run of the benchmark left out: wells, perturbations, queries, labels and groups, counted and named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

__all__ = ["Counted", "count_left_out"]


class _Kind(NamedTuple):
    """A kind of thing that can be left out."""

    name: str  # in the manifest
    column: str  # in the account of a run or a configuration
    words: str
    by_run: bool = False  # else once a configuration, however many runs lack it


_KINDS = (
    _Kind("wells_empty", "wells_empty", "empty wells"),
    _Kind("wells_absent", "wells_absent", "wells of the plate maps without a profile"),
    _Kind("wells_filtered", "wells_filtered", "wells that are not to be scored"),
    _Kind("perturbations_dropped_by_gate", "dropped_by_gate", "perturbations dropped by the gate"),
    _Kind("perturbations_without_target", "dropped_no_target", "perturbations without a target"),
    _Kind("guides_without_sister", "dropped_no_sister_guide", "guides without another guide of their gene", True),
    _Kind("compounds_without_shared_target", "dropped_no_shared_target", "compounds without a perturbed target", True),
    _Kind("queries_without_positives", "queries_without_positives", "queries without a positive", True),
    _Kind("queries_without_negatives", "queries_without_negatives", "queries without a negative", True),
    _Kind("labels_with_one_carrier", "labels_with_one_carrier", "labels with one carrier", True),
    _Kind("groups_not_scored", "groups_not_scored", "groups not scored", True),
)


class Counted(NamedTuple):
    """A kind of thing that was left out.

    Parameters
    ----------
    name : str
        Its name in the manifest.
    total : int
        How many were left out.
    sentence : str
        The same in words, with over how many configurations or runs they were counted.
    """

    name: str
    total: int
    sentence: str


def count_left_out(configurations: Iterable[Mapping[str, int]], runs: Iterable[Mapping[str, int]]) -> list[Counted]:
    """Count what was left out, by kind; a kind that no account knows is not listed.

    Parameters
    ----------
    configurations : iterable of mapping of str to int
        The account of each configuration: wells and perturbations count once in it, however many runs lack them.
    runs : iterable of mapping of str to int
        The account of each run: guides, compounds, queries, labels and groups count in each.
    """
    accounts = {False: list(configurations), True: list(runs)}
    found = []
    for kind in _KINDS:
        counts = [account[kind.column] for account in accounts[kind.by_run] if kind.column in account]
        if counts:
            unit = "run" if kind.by_run else "configuration"
            scope = f"{len(counts)} {unit}" if len(counts) == 1 else f"{len(counts)} {unit}s"
            found.append(Counted(kind.name, sum(counts), f"{sum(counts)} {kind.words} (over {scope})"))
    return found
