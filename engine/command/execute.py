"""A command into its result folder: the one place where results are written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import FastbenchError
from ..options import as_mapping, given_files, options_of
from ..results.folder import ResultFolder
from ..results.progress import Reporter, Silent
from .command import Command, Result, WithFiles
from .job import Job

if TYPE_CHECKING:
    import polars as pl


__all__ = ["execute", "write_result"]

O = TypeVar("O")  # noqa: E741
R = TypeVar("R", bound=Result)


def execute(
    command: Command[O, R],
    options: O,
    output: str | Path,
    *,
    overwrite: bool = False,
    resume: bool = False,
    reporter: Reporter | None = None,
) -> R:
    """Run a command and write its result folder.

    Parameters
    ----------
    command : Command
        Which.
    options : dataclass instance
        Of the type `command.options`.
    output : path
        The result folder, complete at the end or not there.
    overwrite : bool, default False
        Whether an older result is replaced.
    resume : bool, default False
        Whether the finished steps of a run that was stopped are taken.
    reporter : Reporter, optional
        Who hears how far it is.

    Returns
    -------
    Result
        What the command found.

    Raises
    ------
    InputError
        When an input, an option or the output cannot be used.
    """
    reporter = reporter or Silent()
    given = as_mapping(options)
    deciding = {each.name: given[each.name] for each in options_of(type(options)) if each.decides}
    folder = ResultFolder(
        output,
        command.name,
        given,
        overwrite,
        known=command.takes_place_of,
        reads=given_files(options),
        resume=resume,
        scope={"command": command.name, "options": deciding} if command.resumable else None,
    )
    try:
        with folder:
            if folder.n_found and resume:
                reporter.warn(f"A run that was stopped left {_steps(folder.n_found)}; those that fit are taken.")
            elif folder.n_found:
                reporter.warn(f"A run that was stopped left {_steps(folder.n_found)}; pass --resume to take them.")
            elif resume:
                reporter.warn("No run that was stopped left finished steps; everything is computed.")
            job = Job(reporter, folder)
            _announce_compilation(reporter)
            result = command.run(options, job)
            write_result(result, folder, job)
            if resume:
                reporter.warn(f"{job.steps.n_taken} steps were taken, {job.steps.n_done} computed.")
    except BaseException as error:
        # Who is told that the input cannot be used knows already of the steps that were there before.
        if folder.n_kept > (folder.n_found if isinstance(error, FastbenchError) else 0):
            reporter.warn(f"{_steps(folder.n_kept)} stayed for a run with --resume.".capitalize())
        raise
    return result


def _steps(count: int) -> str:
    return f"{count} finished step{'' if count == 1 else 's'}"


def write_result(result: Result, folder: ResultFolder, job: Job) -> None:
    """Write files, tables, figures and account of a result into an open folder."""
    from ..results.tables import Table

    declared: dict[str, Any] = dict(folder.manifest.get("tables", {}))
    if isinstance(result, WithFiles):
        declared |= result.write_files(folder)
    with job.stage("writing tables", "write"):
        for name, table in result.tables().items():
            if isinstance(table, Table):
                table.check(name)
                declared[name] = table.as_dict()
            _write(name, table.frame if isinstance(table, Table) else table, folder)
    with job.stage("drawing figures", "figures"):
        result.draw(folder.path)
    account = job.account | dict(result.account())
    if declared:
        folder.manifest["tables"] = declared
    folder.manifest["timings"] |= job.timings | account.pop("timings", {})
    folder.manifest |= account
    folder.manifest["compile_seconds"] = _compile_seconds()
    folder.manifest["steps"] = {"computed": job.steps.n_done, "taken": job.steps.n_taken}


def _write(name: str, frame: pl.DataFrame, folder: ResultFolder) -> None:
    if name.endswith(".parquet"):
        folder.parquet(name, frame)
    else:
        folder.csv(name, frame)


def _compile_seconds() -> float:
    from ...kernels.compile import compile_seconds

    return round(compile_seconds(), 1)


def _announce_compilation(reporter: Reporter) -> None:
    """Say that kernels are being compiled when the first of this process is, before it takes its time."""
    from ...kernels.compile import before_compiling

    before_compiling(lambda: reporter.say("Compiling kernels, about ten seconds, once; later runs find them on disk."))
