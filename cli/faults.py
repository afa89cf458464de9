"""What the system says, in one sentence: interrupts, full disks, closed pipes, names and places that cannot be used.

Everything that a command raises ends in `told`. What fastbench raises on purpose is printed as it is; what the system
or a library says of it becomes a sentence and exit code 2; the rest is an internal error, whose traceback is shown.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import ClassVar, NamedTuple, NoReturn

__all__ = ["begin", "check_process", "told"]

#: Exit codes, as shells have them: 128 and the number of the signal.
INTERRUPTED, TERMINATED, READER_GONE = 130, 143, 141
REFUSED = 2
_SIGNALS = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED}
_UNFINISHED = "what was not finished was not written."
#: Settings of libraries that are whole numbers of 1 or more; what else they hold ends in an error deep within.
_COUNTS = (
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "ARROW_IO_THREADS",
)


class _Process:
    """What has happened to this process.

    Attributes
    ----------
    signal : int
        Exit code of the signal that stopped it; 0: none did.
    began : bool
        Whether a command runs, which must be unwound.
    """

    signal: ClassVar[int] = 0
    began: ClassVar[bool] = False


class _Told(NamedTuple):
    """A sentence and an exit code."""

    sentence: str
    code: int


def begin() -> None:
    """From now on an interrupt unwinds the command that runs, so that what was staged is taken away."""
    _Process.began = True


def check_process() -> None:
    """Make the process fit to run: streams, arguments and settings.

    Raises
    ------
    InputError
        For an argument that is not UTF-8, and settings of libraries that they do not take.
    """
    from ..engine.errors import InputError

    for argument in sys.argv:
        if _lone_surrogate(argument):
            locale = os.fsencode(argument)
            with contextlib.suppress(UnicodeDecodeError):
                locale.decode("utf-8")
                raise InputError(
                    f"The argument {argument!a} cannot be read in this locale; set LC_ALL=C.UTF-8 (or PYTHONUTF8=1)."
                )
            raise InputError(f"The argument {argument!a} is not UTF-8; rename the file, or give it another name.")
    for name in _COUNTS:
        value = os.environ.get(name, "").strip()
        # OpenMP takes a list, one number a level.
        if value and not all(part.strip().isdecimal() and int(part) > 0 for part in value.split(",")):
            raise InputError(f"The environment variable {name} is {value!r}; give a whole number of 1 or more.")


def _lone_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Run the command line; end in an exit code, with a sentence on standard error where something went wrong."""
    _open_streams()
    _Process.signal, _Process.began = 0, False
    for number in _SIGNALS:
        # An embedding program may run commands in a thread, where signals cannot be had.
        with contextlib.suppress(ValueError):
            signal.signal(number, _on_signal)
    try:
        yield
        _flush()
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):  # typer makes 1 of it
            _end(_Told("", READER_GONE))
        if stop.code in _SIGNALS.values() or _Process.signal:
            _end(_interrupted(_Process.signal or INTERRUPTED))
        try:
            _flush()
        except OSError as error:
            _end(_printing_failed(error))
        raise
    except BaseException as error:
        found = _interrupted(_Process.signal) if _Process.signal else _sentence(error)
        if found is None:
            raise
        _end(found)
    finally:
        for number in _SIGNALS:  # what is over is not interrupted while Python takes itself apart
            with contextlib.suppress(ValueError):
                signal.signal(number, signal.SIG_IGN)


def _on_signal(number: int, frame: FrameType | None) -> None:
    """Unwind like an error; before a command runs there is nothing to unwind."""
    _Process.signal = _SIGNALS[signal.Signals(number)]
    if not _Process.began:
        _end(_interrupted(_Process.signal))
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(_Process.signal)


def _interrupted(code: int) -> _Told:
    word = "interrupted" if code == INTERRUPTED else "terminated"
    return _Told(f"{word}; {_UNFINISHED}", code)


def _end(found: _Told) -> NoReturn:
    """Print a sentence, if it can be printed, and leave."""
    if found.sentence:
        _print(f"fastbench: {found.sentence}")
    for stream, place in ((sys.stdout, 1), (sys.stderr, 2)):
        try:
            stream.flush()
        except (OSError, ValueError, RuntimeError):  # also a signal that falls into printing
            _into_nothing(place)  # Python would try again, and complain
    if found.code in (INTERRUPTED, TERMINATED):
        leave_at_once(found.code)
    sys.exit(found.code)


def leave_at_once(code: int) -> NoReturn:
    """End the process without taking Python apart: threads of libraries that still run can make it abort."""
    os._exit(code)


def _print(text: str) -> None:
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        print(text, file=sys.stderr, flush=True)  # noqa: T201


def _flush() -> None:
    if not sys.stdout.closed:
        sys.stdout.flush()


# --- streams ---


def _open_streams() -> None:
    """Put something in the place of closed streams, and let them print what their encoding lacks.

    A file that is opened while standard error is closed would get its number, and the messages of libraries.
    """
    for place in (0, 1, 2):
        try:
            os.fstat(place)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _into_nothing(place: int) -> None:
    with contextlib.suppress(OSError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, place)
        os.close(nothing)


# --- errors ---


def _sentence(error: BaseException) -> _Told | None:
    """Return what an error means in words; None: it is an internal one."""
    from ..engine.errors import DISK_FULL, FastbenchError

    if isinstance(error, FastbenchError):
        return _Told(str(error), REFUSED)
    for cause in _causes(error):
        if isinstance(cause, KeyboardInterrupt):  # Python makes a RuntimeError of one in the making of a class
            return _interrupted(INTERRUPTED)
    if isinstance(error, BrokenPipeError):
        return _Told("", READER_GONE)
    if isinstance(error, MemoryError):
        return _Told("There is not enough memory; give it less at once, or more memory.", REFUSED)
    if isinstance(error, RecursionError):
        return _Told("An input is nested too deeply to be read; get it again.", REFUSED)
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        return _Told(f"The text {ascii(error.object)[:200]} is not UTF-8; rename the file, or mend the text.", REFUSED)
    text = str(error)
    if isinstance(error, OSError):
        return _of_system(error)
    # Polars and Arrow have errors of their own for what the system says.
    if any(f"os error {number}" in text or os.strerror(number) in text for number in DISK_FULL):
        return _Told("There is no room left on the disk; free some or choose another place.", REFUSED)
    return None


def _of_system(error: OSError) -> _Told | None:
    from ..engine.errors import DISK_FULL

    if error.filename is None:
        return _printing_failed(error) if error.errno in {*DISK_FULL, errno.EIO, errno.EBADF} else None
    name = error.filename if isinstance(error.filename, str) else ascii(error.filename)
    if isinstance(error, PermissionError):
        return _Told(f"{name} cannot be used: no permission; change it or choose another.", REFUSED)
    if error.errno in DISK_FULL:
        return _Told(f"There is no room left on the disk for '{name}'; free some or choose another place.", REFUSED)
    if error.errno == errno.ENAMETOOLONG:
        return _Told(f"The name '{name[:60]}...' is longer than the file system takes; choose a shorter one.", REFUSED)
    return _Told(f"'{name}' cannot be used: {error.strerror or error}.", REFUSED)


def _printing_failed(error: OSError) -> _Told:
    """Return what to say when the output takes no more, be it a full disk or a closed stream."""
    if isinstance(error, BrokenPipeError):
        return _Told("", READER_GONE)
    return _Told(
        f"The output cannot be written ({error.strerror or error}); free some room, or send it elsewhere.", REFUSED
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__
