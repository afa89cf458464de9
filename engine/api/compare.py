"""`fastbench.compare`: results side by side, from Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..comparison.choose import comparison_of
from ..options import from_mapping
from ..spelling import as_arguments, spelled
from .outcome import Outcome, run_in_python

__all__ = ["compare"]


def compare(
    *results: str | Path, output: str | Path | None = None, overwrite: bool = False, **options: Any
) -> Outcome[Any]:
    """Put results of one command side by side: which is better, by how much, and whether it is significant.

    Parameters
    ----------
    *results : path
        Result folders of one command, ``DIR`` or ``NAME=DIR``; the first is the baseline.
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
    >>> import tempfile
    >>> import fastbench as fb
    >>> asked = {"controls": "Metadata_broad_sample == 'DMSO'", "pos_sameby": "Metadata_broad_sample"}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     runs = [
    ...         fb.map("sample:lincs", **asked, distance=name, progress_bar=False).save(f"{folder}/{name}")
    ...         for name in ("cosine", "euclidean")
    ...     ]
    ...     found = fb.compare(*runs, bootstrap=999)
    >>> found.verdicts["verdict"].to_list()
    ['no clear difference', 'baseline']
    """
    given = [str(each) for each in results]
    command = comparison_of(given)
    with spelled(as_arguments, command.options):
        values = from_mapping(command.options, {**options, "results": given}, "compare()")
        asked = command.options(**values)
        return run_in_python(command, asked, output=output, overwrite=overwrite, progress_bar=False)
