"""A command run from Python, and what it found: tables and figures in memory, written only if asked for."""

from __future__ import annotations

import base64
import html
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..command.command import Command, Result
from ..command.execute import execute
from ..command.job import Job
from ..errors import InputError
from ..options import options_of
from ..results.progress import Silent, Terminal
from ..spelling import as_arguments, spelled

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Outcome", "Picture", "run_in_python"]

O = TypeVar("O")  # noqa: E741
R = TypeVar("R", bound=Result)

#: Rows of a table, and notes, that a notebook shows; tables that a line names.
_ROWS, _NOTES, _TABLES = 10, 5, 4


@dataclass(frozen=True)
class Picture:
    """A figure.

    Attributes
    ----------
    png : bytes
        As a raster, 150 dots an inch.
    svg : bytes
        As vectors; empty where there is none.
    """

    png: bytes
    svg: bytes = b""

    def __repr__(self) -> str:
        return f"<Picture, {len(self.png) / 1e3:.0f} kB>"

    def _repr_png_(self) -> bytes:
        return self.png

    def save(self, path: str | Path) -> None:
        """Write it to a file; the ending says how, ``.png`` or ``.svg``."""
        place = Path(path)
        content = {".png": self.png, ".svg": self.svg}.get(place.suffix.lower(), b"")
        if not content:
            raise InputError(f"A figure cannot be written to '{place}': the name must end in .png or .svg.")
        place.write_bytes(content)


class Outcome(Generic[R]):
    """What a command found.

    It shows itself in a notebook. What the result of the command has beside tables and figures, such as `verdicts` of a
    comparison, is an attribute too.

    Attributes
    ----------
    result : Result
        The result itself.
    options : dataclass instance
        The options it was made with.
    """

    def __init__(self, command: Command[Any, R], options: Any, result: R) -> None:
        self._command = command
        self.options = options
        self.result = result

    @cached_property
    def tables(self) -> dict[str, pl.DataFrame]:
        """Tables by name, as they would be written."""
        import polars as pl

        found = self.result.tables()
        return {
            Path(name).stem: table if isinstance(table, pl.DataFrame) else table.frame for name, table in found.items()
        }

    @cached_property
    def figures(self) -> dict[str, Picture]:
        """Figures by name, drawn when they are first asked for."""
        with tempfile.TemporaryDirectory() as made:

            def place(name: str) -> Path:
                path = Path(made, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                return path

            self.result.draw(place)
            return {
                path.stem: Picture(path.read_bytes(), svg.read_bytes() if svg.exists() else b"")
                for path in sorted(Path(made).rglob("*.png"))
                for svg in [path.with_suffix(".svg")]
            }

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out or noticed, a sentence each."""
        known = options_of(type(self.options))
        return tuple(as_arguments(note, known) for note in self.result.account().get("notes", ()))

    def summary(self) -> dict[str, Any]:
        """Return the main numbers, as ``--json`` prints them."""
        return dict(self.result.summary())

    def save(self, output: str | Path, *, overwrite: bool = False) -> Path:
        """Write the result folder: tables, figures and manifest.

        Parameters
        ----------
        output : path
            The folder, complete at the end or not there.
        overwrite : bool, default False
            Whether an older result is replaced.

        Returns
        -------
        Path
            The folder.
        """
        done: Command[Any, R] = replace(self._command, run=lambda options, job: self.result)
        with spelled(as_arguments, type(self.options)):
            execute(done, self.options, output, overwrite=overwrite)
        return Path(output)

    def keep(self, folder: Any) -> None:
        """Hold on to a temporary folder that figures are drawn from, as long as this is there."""
        self._folder = folder

    def to_anndata(self) -> Any:
        """Return the result as AnnData, where a row of it is a profile."""
        convert = getattr(self.result, "to_anndata", None)
        if convert is None:
            raise InputError(f"A result of {self._command.name} has no rows of profiles; use its tables.")
        return convert()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "result":
            raise AttributeError(name)
        return getattr(self.result, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(name for name in dir(self.result) if not name.startswith("_"))})

    def __repr__(self) -> str:
        tables = [f"{name} {table.height} x {table.width}" for name, table in self.tables.items()]
        more = [f"{len(tables) - _TABLES} more"] if len(tables) > _TABLES else []
        numbers = _numbers(self.summary())
        return f"<fastbench {self._command.name}{numbers and f': {numbers}'}; {', '.join([*tables[:_TABLES], *more])}>"

    def _repr_html_(self) -> str:
        parts = [f"<p><b>fastbench {html.escape(self._command.name)}</b>: {html.escape(_numbers(self.summary()))}</p>"]
        if self.notes:
            shown = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes[:_NOTES])
            more = len(self.notes) - _NOTES
            parts.append(f"<ul>{shown}{f'<li>and {more} more in .notes</li>' if more > 0 else ''}</ul>")
        for name, table in self.tables.items():
            parts.append(f"<p><code>.tables[{name!r}]</code></p>{table.head(_ROWS)._repr_html_()}")
        for name, picture in self.figures.items():
            data = base64.b64encode(picture.png).decode()
            parts.append(f'<p><code>.figures[{name!r}]</code></p><img src="data:image/png;base64,{data}" width="720">')
        return "".join(parts)


def _numbers(summary: Mapping[str, Any]) -> str:
    """Return the plain numbers of a summary in a line."""
    plain = {name: value for name, value in summary.items() if isinstance(value, (int, float))}
    return ", ".join(
        f"{name.replace('_', ' ')} {value:,}" if isinstance(value, int) else f"{name.replace('_', ' ')} {value:.4g}"
        for name, value in plain.items()
    )


def run_in_python(
    command: Command[O, R],
    options: O,
    *,
    run: Callable[[O, Job], R] | None = None,
    output: str | Path | None = None,
    overwrite: bool = False,
    progress_bar: bool = True,
) -> Outcome[R]:
    """Run a command and keep what it found in memory.

    Parameters
    ----------
    command : Command
        Which.
    options : dataclass instance
        Of the type `command.options`.
    run : callable, optional
        Does the work in the place of `command.run`, for inputs that are in memory.
    output : path, optional
        Result folder to write as well; nothing is written when left out.
    overwrite : bool, default False
        Whether an older result is replaced.
    progress_bar : bool, default True
        Show progress when standard error is a terminal.

    Returns
    -------
    Outcome
    """
    reporter = Terminal("fastbench", lines=False) if progress_bar else Silent()
    work: Command[O, R] = command if run is None else replace(command, run=run)
    if output is None:
        return Outcome(command, options, work.run(options, Job(reporter)))
    return Outcome(command, options, execute(work, options, output, overwrite=overwrite, reporter=reporter))
