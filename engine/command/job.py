"""What a running command is given: stages that are shown, steps that are kept, times that are taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..results.digests import path_sha256
from ..results.folder import ResultFolder
from ..results.progress import Advance, Reporter, Silent
from ..results.steps import StepStore

__all__ = ["Job"]


class Job:
    """The running work of a command.

    Parameters
    ----------
    reporter : Reporter, optional
        Who hears how far it is; nobody when left out.
    folder : ResultFolder, optional
        Where the result is written; without one nothing is kept.

    Attributes
    ----------
    timings : dict of str to float
        Seconds by stage.
    steps : StepStore
        Finished steps, see `StepStore.do`.
    folder : ResultFolder or None
        Where the result is written.
    account : dict
        Entries of the manifest that are known before the result is.
    """

    def __init__(self, reporter: Reporter | None = None, folder: ResultFolder | None = None) -> None:
        self.reporter: Reporter = reporter or Silent()
        self.folder = folder
        self.steps = folder.steps if folder is not None else StepStore()
        self.timings: dict[str, float] = {}
        self.account: dict[str, Any] = {}

    @contextmanager
    def stage(self, title: str, timed_as: str = "") -> Iterator[Advance]:
        """Do a part of the work that is shown while it runs, and take its time.

        Parameters
        ----------
        title : str
            What is going on, in the words of the user.
        timed_as : str, optional
            Its name among the timings, where that is not the title.

        Yields
        ------
        callable
            Call it with (done, in all).
        """
        started = time.perf_counter()
        with self.reporter.stage(title) as advance:
            yield advance
        name = timed_as or title
        self.timings[name] = self.timings.get(name, 0.0) + time.perf_counter() - started

    def step(self, name: str, compute: Callable[[], Any], files: Iterable[Path] = ()) -> Any:
        """Return what a step finds, from an earlier run or computed now.

        Parameters
        ----------
        name : str
            Name of the step, its own within the run.
        compute : callable
            Finds it, see `StepStore.do`.
        files : iterable of Path
            Files and folders that it reads; when one has changed, the step is computed anew.

        Returns
        -------
        object
            What `compute` returns.
        """
        if not self.steps.keeps:
            return self.steps.do(name, compute)
        return self.steps.do(name, compute, [path_sha256(path) for path in files])
