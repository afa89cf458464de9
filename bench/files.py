"""Benchmark files (pytest-benchmark's JSON): what was measured, beside its peers, and against an earlier run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engine.errors import InputError
from ..engine.results.json_files import read_json

__all__ = [
    "MARGIN",
    "OURS",
    "Change",
    "Comparison",
    "Measured",
    "Run",
    "check_margin",
    "compare",
    "parse_run",
    "peers",
    "read_run",
    "times_ours",
]

#: The tool whose times the others are compared with, and whose regressions count.
OURS = "fastbench"
#: New / old beyond which a difference is more than the noise of a shared machine.
MARGIN = 1.25


@dataclass(frozen=True)
class Measured:
    """One benchmark: one tool on one job.

    Attributes
    ----------
    group, name : str
        What belongs side by side; and the benchmark itself. Together they are its identity in every run.
    job, tool : str
        What was done, and by whom. Equal jobs of a group are the same work.
    best, median : float
        Seconds for the whole job, of the fastest round and of the middle one.
    rounds : int
        How often it ran.
    share : float
        Part of the job that was really measured; `best` and `median` are the measured seconds over it.
    peak_mb, flops, ns_per_entry : float or None
        Memory that the call added, arithmetic of the job, time for one step of a kernel.
    """

    group: str
    name: str
    job: str
    tool: str
    best: float
    median: float
    rounds: int
    share: float = 1.0
    peak_mb: float | None = None
    flops: float | None = None
    ns_per_entry: float | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What is the same benchmark in two runs."""
        return self.group, self.name


@dataclass(frozen=True)
class Run:
    """One benchmark file.

    Attributes
    ----------
    when, cpu, cores, blas, commit : str
        Start of the run (UTC), processor, usable cores, linear algebra library, revision; "unknown" if not said.
    versions : dict
        Package -> version.
    measured : tuple of Measured
        In the order in which they ran.
    """

    when: str
    cpu: str
    cores: str
    blas: str
    commit: str
    versions: Mapping[str, str | None]
    measured: tuple[Measured, ...]

    def groups(self) -> dict[str, list[Measured]]:
        """Return the benchmarks by group, groups in order of first appearance."""
        found: dict[str, list[Measured]] = {}
        for one in self.measured:
            found.setdefault(one.group, []).append(one)
        return found


@dataclass(frozen=True)
class Change:
    """One benchmark in two runs.

    Attributes
    ----------
    old, new : Measured
        In the earlier and in the later run.
    ratio : float
        New best time over old.
    beside_peers : float or None
        The ratio over the geometric mean of the same ratio of its peers: what is left when the machine was
        slower or faster for all. None without a peer in both runs.
    verdict : {"slower", "faster", "same"}
        Whether the ratio is beyond the margin.
    """

    old: Measured
    new: Measured
    ratio: float
    beside_peers: float | None
    verdict: str


@dataclass(frozen=True)
class Comparison:
    """Two runs.

    Attributes
    ----------
    changes : tuple of Change
        Benchmarks of both, in the order of the later run.
    only_old, only_new : tuple of Measured
        Benchmarks of one.
    warnings : tuple of str
        Why their times may not be comparable.
    """

    changes: tuple[Change, ...]
    only_old: tuple[Measured, ...]
    only_new: tuple[Measured, ...]
    warnings: tuple[str, ...]

    @property
    def regressions(self) -> list[Change]:
        """What became slower, without the peers."""
        return [change for change in self.changes if change.verdict == "slower" and change.new.tool == OURS]


def read_run(path: str | Path) -> Run:
    """Read a benchmark file.

    Parameters
    ----------
    path : path
        Written by ``fastbench bench`` or ``pytest --benchmark-json``.

    Returns
    -------
    Run
        Its content.

    Raises
    ------
    InputError
        There is no such file, or it holds something else.
    """
    try:
        content = read_json(Path(path))
    except FileNotFoundError as error:
        raise InputError(f"There is no benchmark file {path}.") from error
    except (OSError, ValueError) as error:  # a folder, no permission; no JSON, no text
        why = error.strerror if isinstance(error, OSError) else "it is not JSON"
        raise InputError(f"{path} cannot be read as a benchmark file: {why}.") from error
    return parse_run(content, str(path))


def parse_run(content: Any, shown: str) -> Run:
    """Make a `Run` of the JSON of pytest-benchmark; `shown` names it in the error."""
    try:
        machine = content["machine_info"]
        ours = machine.get("fastbench", {})
        cpu = machine.get("cpu", {})
        return Run(
            when=str(content.get("datetime", "unknown")),
            cpu=str(cpu.get("brand_raw") or machine.get("processor") or "unknown"),
            cores=str(ours.get("usable_cores") or cpu.get("count") or "unknown"),
            blas=str(ours.get("blas") or "unknown"),
            commit=str((content.get("commit_info") or {}).get("id", "unknown")),
            versions=dict(ours.get("versions", {})),
            measured=tuple(_measured(entry) for entry in content["benchmarks"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(
            f"{shown} is not a benchmark file: it lacks what pytest-benchmark writes; give one of fastbench bench."
        ) from error


def _measured(entry: dict[str, Any]) -> Measured:
    stats, extra = entry["stats"], entry.get("extra_info") or {}
    share = float(extra.get("share", 1.0))
    best, median = float(stats["min"]), float(stats["median"])
    if not (0 < share <= 1 and 0 < best < math.inf and 0 < median < math.inf):
        raise ValueError(f"times of {entry['name']} are {best} and {median} for {share} of the job")
    return Measured(
        str(entry.get("group") or "no group"),
        str(entry["name"]),
        str(extra.get("job", entry["name"])),
        str(extra.get("tool", OURS)),
        best / share,
        median / share,
        int(stats["rounds"]),
        share,
        *(None if extra.get(key) is None else float(extra[key]) for key in ("peak_MB", "flops", "ns_per_entry")),
    )


def peers(one: Measured, measured: Sequence[Measured]) -> list[Measured]:
    """Return the other tools that did the same job, in their order."""
    return [m for m in measured if (m.group, m.job) == (one.group, one.job) and m.tool != one.tool]


def times_ours(one: Measured, measured: Sequence[Measured]) -> float | None:
    """Return how many times slower a peer is than fastbench at the same job; None for fastbench and without it."""
    if one.tool == OURS:
        return None
    ours = [peer for peer in peers(one, measured) if peer.tool == OURS]
    return one.best / ours[0].best if ours else None


def check_margin(margin: float) -> None:
    """Raise `InputError` for a margin that is no ratio of at least 1."""
    if not 1 <= margin < math.inf:
        raise InputError(f"The margin is a ratio of times and at least 1, such as {MARGIN}, but it is {margin}.")


def compare(old: Run, new: Run, margin: float = MARGIN) -> Comparison:
    """Compare the best times of two runs.

    Parameters
    ----------
    old, new : Run
        The earlier and the later run.
    margin : float, default `MARGIN`
        A ratio new / old above it is a regression, below 1 / it a gain.

    Returns
    -------
    Comparison
        One entry a benchmark of both runs; and what only one has.

    Raises
    ------
    InputError
        The margin is below 1.
    """
    check_margin(margin)
    before = {one.key: one for one in old.measured}
    after = {one.key: one for one in new.measured}
    ratios = {key: after[key].best / before[key].best for key in after if key in before}
    changes = []
    for key, ratio in ratios.items():
        beside = [math.log(ratios[peer.key]) for peer in peers(after[key], new.measured) if peer.key in ratios]
        left = ratio / math.exp(sum(beside) / len(beside)) if beside else None
        verdict = "slower" if ratio > margin else "faster" if ratio < 1 / margin else "same"
        changes.append(Change(before[key], after[key], ratio, left, verdict))
    return Comparison(
        tuple(changes),
        tuple(one for key, one in before.items() if key not in after),
        tuple(one for key, one in after.items() if key not in before),
        tuple(_differences(old, new)),
    )


def _differences(old: Run, new: Run) -> list[str]:
    named = [("processor", old.cpu, new.cpu), ("number of usable cores", old.cores, new.cores)]
    return [
        f"the {what} differs ({before} before, {after} now): the ratios compare machines as well"
        for what, before, after in named
        if before != after
    ]
