"""`fastbench.compare`: results side by side, from Python."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..comparison.choose import comparison_of
from ..errors import InputError
from ..options import from_mapping
from ..spelling import as_arguments, spelled
from .outcome import Outcome, run_in_python

__all__ = ["compare"]


def compare(*results: Any, output: str | Path | None = None, overwrite: bool = False, **options: Any) -> Outcome[Any]:
    """Put results of one command side by side: which is better, by how much, and whether it is significant.

    Parameters
    ----------
    *results : path or Outcome; or one sequence, or mapping of str, of these
        Result folders of one command, ``DIR`` or ``NAME=DIR``, or what `map`, `embed` and the others return; the first
        is the baseline. The keys of a mapping are their names; what is in memory is called ``result_1`` and so on else.
    output : path, optional
        Result folder to write; nothing is written when left out.
    overwrite : bool, default False
        Whether an older result is replaced.
    **options
        Those of ``fastbench compare`` by name: ``baseline``, ``all_pairs``, ``bootstrap``, ``seed``, ...

    Returns
    -------
    Outcome
        ``.tables``, ``.figures``, ``.summary()``; and what a comparison of that command has, such as ``.verdicts``.

    Raises
    ------
    InputError
        When a folder is no result, they are of different commands, or an option does not fit.

    Examples
    --------
    >>> import fastbench as fb
    >>> asked = {"controls": "Metadata_broad_sample == 'DMSO'", "pos_sameby": "Metadata_broad_sample"}
    >>> runs = {
    ...     name: fb.map("sample:lincs", **asked, distance=name, progress_bar=False) for name in ("cosine", "euclidean")
    ... }
    >>> found = fb.compare(runs, bootstrap=999)
    >>> found.verdicts["verdict"].to_list()
    ['no clear difference', 'baseline']
    """
    folder = tempfile.TemporaryDirectory(prefix="fastbench-in-memory-")
    if len(results) == 1 and isinstance(results[0], (list, tuple)):
        results = tuple(results[0])
    given = list(_folders(results, Path(folder.name)))
    command = comparison_of(given)
    with spelled(as_arguments, command.options):
        values = from_mapping(command.options, {**options, "results": given}, "compare()")
        asked = command.options(**values)
        found = run_in_python(command, asked, output=output, overwrite=overwrite, progress_bar=False)
    found.keep(folder)  # figures may be drawn from it
    return found


def _folders(results: Sequence[Any], folder: Path) -> Iterator[str]:
    """Write what is in memory below a folder, and return results as the command line has them."""
    named = results[0] if len(results) == 1 and isinstance(results[0], Mapping) else None
    pairs = enumerate(results, 1) if named is None else named.items()
    for name, each in pairs:
        if isinstance(each, Outcome):
            called = f"result_{name}" if named is None else str(name)
            yield f"{called}={each.save(folder / str(len(list(folder.iterdir()))))}"
        elif isinstance(each, (str, Path)):
            yield str(each) if named is None else f"{name}={each}"
        else:
            raise InputError(
                "Results must be result folders or what map, embed and the other jobs return, or a mapping of names to "
                f"these, but there is one of the type {type(each).__name__}."
            )
