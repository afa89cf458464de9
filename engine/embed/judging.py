"""Metrics of one embedding after the other: each a step that is kept, with its time, and shown while it runs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from ..command.job import Job
from ..results.progress import Advance
from .anchors import anchors_of
from .finding import Finding, Key, Metric, named, packed, undefined, unpacked
from .space import Space, TooFewNeighborsError

__all__ = ["Judging"]


class _Progress:
    """How far some metrics are, each as much as any other."""

    def __init__(self, advance: Advance, count: int) -> None:
        self._advance, self._count = advance, max(count, 1)
        self._done = self._shown = 0

    def share(self, share: float) -> None:
        """Show a share of the metric that runs; what has been shown is not taken back."""
        self._shown = max(self._shown, min(int(1000 * (self._done + share)), 1000 * self._count))
        self._advance(self._shown, 1000 * self._count)

    def next(self) -> None:
        """Go on to the next metric."""
        self._done += 1
        self.share(0)


class Judging:
    """What a run judges by.

    Parameters
    ----------
    job : Job
        Keeps steps.
    metrics : sequence of Metric
        Which.
    digests : iterable of str
        Of what is read.

    Attributes
    ----------
    seconds : dict of str to dict of str to float
        By embedding and metric, without the time of what metrics share, which stands beside them. Of a step that was
        taken from an earlier run, what it took there.
    taken : list of str
        Embeddings and metrics that were.
    """

    def __init__(self, job: Job, metrics: Sequence[Metric], digests: Iterable[str]) -> None:
        self._job, self.metrics, self._digests = job, metrics, list(digests)
        self.seconds: dict[str, dict[str, float]] = {}
        self.taken: list[str] = []

    def findings(
        self, space: Space, name: str, advance: Advance, metrics: Sequence[Metric] | None = None
    ) -> dict[Key, Finding]:
        """Return what each metric finds of an embedding; some `metrics`, or all."""
        asked = self.metrics if metrics is None else metrics
        return self._findings(space, asked, name, _Progress(advance, len(asked)))

    def anchors(self, space: Space, name: str, seed: int, advance: Advance) -> dict[Key, dict[str, float]]:
        """Return the values of the anchors of an embedding, by metric and anchor."""
        progress = _Progress(advance, sum(len(metric.anchors) for metric in self.metrics))
        space.advance, known = progress.share, set(space.seconds)  # shuffled cells have its neighbours
        values: dict[Key, dict[str, float]] = {}
        for anchor in anchors_of(space, seed):
            wanted = [metric for metric in self.metrics if anchor.serves(metric)]
            found = self._findings(anchor.space, wanted, f"{name}, anchor {anchor.name}", progress)
            for key, finding in found.items():
                values.setdefault(key, {})[anchor.name] = finding.value
        added = {what: seconds for what, seconds in space.seconds.items() if what not in known}
        self.seconds[f"{name}, anchor shuffled"] |= added
        return values

    def _findings(self, space: Space, metrics: Iterable[Metric], of: str, progress: _Progress) -> dict[Key, Finding]:
        """Several findings may come from one computation."""
        found: dict[Key, Finding] = {}
        times = self.seconds.setdefault(of, {})
        space.advance = progress.share
        for metric in metrics:
            computed: list[str] = []

            def compute(metric: Metric = metric, computed: list[str] = computed) -> dict[str, Any]:
                computed.append(metric.name)
                started, shared = time.perf_counter(), sum(space.seconds.values())
                try:
                    value = undefined("All vectors are equal.") if space.is_constant else metric.compute(space)
                except TooFewNeighborsError as error:
                    value = undefined(str(error))
                passed = time.perf_counter() - started - (sum(space.seconds.values()) - shared)
                return {"seconds": passed, "findings": [packed(name, each) for name, each in named(value, metric.name)]}

            step = self._job.steps.do(f"{of} {metric.name}", compute, self._digests)
            times[metric.name] = times.get(metric.name, 0.0) + step["seconds"]
            if not computed:
                self.taken.append(f"{of}: {metric.name}")
            for kept in step["findings"]:
                name, finding = unpacked(kept)
                found[Key(metric, name, finding.variant)] = finding
            progress.next()
        for what, seconds in space.seconds.items():
            times[what] = times.get(what, 0.0) + seconds
        times |= {what: round(seconds, 6) for what, seconds in times.items()}
        return found
