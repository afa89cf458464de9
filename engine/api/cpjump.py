"""`fastbench.cpjump`: the job of ``fastbench cpjump`` from Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..cpjump.command import CPJUMP
from ..cpjump.options import Options
from ..cpjump.results import CpjumpResult
from ..options import from_mapping
from ..spelling import spelled_in_python
from .outcome import Outcome, run_in_python

__all__ = ["cpjump"]


@spelled_in_python(Options)
def cpjump(
    profiles: str | Path | None = None,
    *,
    output: str | Path | None = None,
    overwrite: bool = False,
    progress_bar: bool = True,
    **options: Any,
) -> Outcome[CpjumpResult]:
    """The CPJUMP1 benchmark: replicability, target matching and gene-compound matching.

    Parameters
    ----------
    profiles : path, optional
        Folder of the published profiles. Without profiles and embeddings: the demo, with simulated features.
    output : path, optional
        Result folder to write as well; nothing is written when left out.
    overwrite : bool, default False
        Whether an older result is replaced.
    progress_bar : bool, default True
        Show progress when standard error is a terminal.
    **options
        Those of ``fastbench cpjump`` by name: ``embeddings``, ``preset``, ``cells``, ``tasks``, ``limit_plates``, ...

    Returns
    -------
    Outcome
        ``.tables`` and ``.figures`` as ``fastbench cpjump`` writes them, ``.summary()``, ``.save(folder)``.

    Raises
    ------
    InputError
        When an input or an option cannot be used.

    Examples
    --------
    >>> import fastbench as fb
    >>> found = fb.cpjump(limit_plates=2, tasks=["replicability"], simulated_features=20, progress_bar=False)
    >>> "replicability_map" in found.tables
    True
    """
    given = options if profiles is None else options | {"profiles": str(profiles)}
    asked = Options(**from_mapping(Options, given, "cpjump()"))
    return run_in_python(CPJUMP, asked, output=output, overwrite=overwrite, progress_bar=progress_bar)
