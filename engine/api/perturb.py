"""`fastbench.perturb`: the job of ``fastbench perturb`` from Python, for files and for what is in memory."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import InputError, examples
from ..options import from_mapping
from ..perturb.command import PERTURB
from ..perturb.inputs.reading import held_screens
from ..perturb.job import PerturbResult, run_perturb
from ..perturb.run_options import RunOptions
from ..readers.embeddings.reference import Reference
from ..tables.profiles import IN_MEMORY
from .outcome import Outcome, run_in_python

__all__ = ["perturb"]


def perturb(
    truth: Any = None,
    predictions: Any = None,
    *,
    training: Any = None,
    output: str | Path | None = None,
    overwrite: bool = False,
    progress_bar: bool = True,
    **options: Any,
) -> Outcome[PerturbResult]:
    """Judge predicted responses to perturbations against true ones.

    Parameters
    ----------
    truth : AnnData, table, tuple or path, optional
        Cells by genes with their conditions: an AnnData; a frame whose columns are genes and the condition; a tuple of
        a matrix (dense or sparse), a table of cells and the names of the genes; a file. A simulated screen when left
        out.
    predictions : mapping of str to the same, optional
        By name. One that is no mapping is called ``prediction``; those of a list are called by the names of their
        files, else ``prediction 1``, ``prediction 2`` and so on.
    training : the same, optional
        Training cells, from which baselines are made; those of the truth when left out, and the baselines are then
        called oracles.
    output : path, optional
        Result folder to write as well; none is written when left out.
    overwrite : bool, default False
        Whether an older result is replaced.
    progress_bar : bool, default True
        Show progress when standard error is a terminal.
    **options
        Those of ``fastbench perturb`` by name: ``condition``, ``control``, ``context_col``, ``input``, ``preset``,
        ``metrics``, ``splits``, ``seed``, ...

    Returns
    -------
    Outcome
        ``.tables["leaderboard"]``, ``.tables["summary"]`` (one row a prediction and metric), ``.tables["results"]``
        (one row a perturbation as well), ``.tables["differences"]``, ``.figures["scores"]``, ``.notes``,
        ``.save(folder)``.

    Raises
    ------
    InputError
        When an input or an option cannot be used.

    Examples
    --------
    >>> import fastbench as fb
    >>> found = fb.perturb(metrics=["pearson_ctrl"], splits=2, progress_bar=False)
    >>> board = found.tables["leaderboard"]
    >>> board["prediction"][0]
    'model'
    """
    if truth is None:
        if predictions is not None and _named(predictions):
            raise InputError("Predictions need the truth that they are predictions of: perturb(truth, {...}).")
        asked = _asked(options)
        return run_in_python(PERTURB, asked, output=output, overwrite=overwrite, progress_bar=progress_bar)
    given = _named(predictions)
    files = [each for each in (truth, *given.values(), training) if each is not None]
    if all(isinstance(each, (str, Path)) for each in files):
        screens = [str(truth), *(f"{name}={path}" for name, path in given.items())]
        asked = _asked({"screens": screens, "train": str(training or "")} | options)
        return run_in_python(PERTURB, asked, output=output, overwrite=overwrite, progress_bar=progress_bar)
    asked = _asked({"screens": [IN_MEMORY] * (1 + len(given))} | options)
    run = partial(run_perturb, inputs=held_screens(truth, given, asked, training=training))
    return run_in_python(PERTURB, asked, run=run, output=output, overwrite=overwrite, progress_bar=progress_bar)


def _named(given: Any) -> dict[str, Any]:
    """Return predictions by name."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        wrong = [name for name in given if not isinstance(name, str)]
        if wrong:
            raise InputError(f"Predictions need names that are text, but {wrong[0]!r} is none: {{'name': cells}}.")
        return dict(given)
    if not isinstance(given, list):
        return {"prediction": given}
    names = [
        Reference.of(str(each)).name if isinstance(each, (str, Path)) else f"prediction {place}"
        for place, each in enumerate(given, 1)
    ]
    if len(set(names)) < len(names):
        raise InputError(f"Two predictions are called {examples(names)}; name them: {{'name': cells}}.")
    return dict(zip(names, given, strict=True))


def _asked(given: Mapping[str, Any]) -> RunOptions:
    return RunOptions(**from_mapping(RunOptions, dict(given), "perturb()"))
