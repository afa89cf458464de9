"""The one place of compile flags and cache policy for the compiled kernels.

``fastmath`` is off: it lets the compiler reorder sums, which can change a rank. The NumPy error model makes a
division by zero a NaN or an infinity instead of an exception, because a kernel must never raise. Kernels run without
Python's global lock, so the engine runs them on ordinary threads, each on rows of its own, and results do not depend
on their number.

A kernel is compiled when it first meets arguments of a kind (`native`, by Numba). The machine code is kept on disk as
an object file: in the folder that ``NUMBA_CACHE_DIR`` names, else beside the source, else, where that is read-only,
in the user's cache. It is made anew when the source of any kernel, the processor or the compiler has changed. What is
found there is loaded by LLVM alone, because importing Numba takes longer than all that a small job does.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import platform
import struct
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import lru_cache, update_wrapper
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from .callees import HEADER, Callee
from .clock import clock

__all__ = ["Kernel", "before_compiling", "compile_seconds", "native_is_tried", "njit"]

F = TypeVar("F", bound=Callable[..., Any])

#: Releases of Numba that `native`, which needs parts of it that are not public, was tried with.
_TRIED = {("0", "68")}
#: What of an array's flags a kernel is compiled for: C-contiguous, aligned.
_FLAGS = 0x0001 | 0x0100
#: The number types of arguments, and of the results.
_RESULTS = {"q": ctypes.c_int64, "d": ctypes.c_double, "?": ctypes.c_bool}

_lock = threading.RLock()


def njit(function: F) -> F:
    """Compile a kernel with the flags that every kernel shares.

    Parameters
    ----------
    function : callable
        A total function of arrays, numbers and named tuples of them, which never raises and makes no array: it writes
        to those it is given, and returns a number or nothing.

    Returns
    -------
    callable
        The compiled function.
    """
    return cast(F, Kernel(function))


class Kernel(Callee):
    """A compiled function; see `njit`."""

    __name__: str
    __qualname__: str

    def __init__(self, function: Callable[..., Any]) -> None:
        self.py_func = function
        self._by_numba: Callable[..., Any] | None = None
        self._entries: dict[tuple[Any, ...], Callable[[list[Any]], Any]] = {}
        update_wrapper(self, function)

    @property
    def stamp(self) -> str:
        """Digest of what its machine code depends on besides its arguments."""
        return _stamp(Path(self.py_func.__code__.co_filename))

    def __call__(self, *arguments: Any) -> Any:
        """Run the machine code for arguments of this kind, with other threads running."""
        if self._by_numba is not None:
            return self._by_numba(*arguments)
        kind: list[Any] = []
        words: list[Any] = []
        _describe(arguments, kind, words)
        key = tuple(kind)
        entry = self._entries.get(key)
        if entry is None:
            with _lock:
                if not native_is_tried():
                    from .by_numba import dispatcher

                    self._by_numba = dispatcher(self)
                    return self._by_numba(*arguments)
                entry = self._entries.get(key) or self._entries.setdefault(key, self._load(arguments))
        return entry(words)

    def _load(self, arguments: tuple[Any, ...]) -> Callable[[list[Any]], Any]:
        """Return the entry for arguments of a kind, from the disk or compiled."""
        name = f"{self.__module__}.{self.__qualname__}"
        symbol = f"fastbench_{hashlib.sha256(f'{name} {_spelled(arguments)}'.encode()).hexdigest()[:32]}"
        source = Path(self.py_func.__code__.co_filename)
        folder, stamp = _cache_folder(source), self.stamp
        file = folder and folder / f"{source.stem}.{self.__name__}-{symbol[-16:]}.kernel"
        found = _read(file, stamp) if file else None
        if found is None:
            found = _compiled(self, arguments, symbol)
            if file:
                _write(file, stamp, *found)
        code, result = found
        return _entry(_Machine.of_process().address_of(code, symbol), result, _format(arguments))


def _describe(arguments: tuple[Any, ...], kind: list[Any], words: list[Any]) -> None:
    """Add to `kind` what a kernel is compiled for, and to `words` what it is given: numbers, addresses of arrays."""
    for argument in arguments:
        cls = type(argument)
        if cls is np.ndarray or issubclass(cls, np.ndarray):
            kind += argument.dtype, argument.ndim, argument.flags.num & _FLAGS
            words.append(id(argument))
        elif issubclass(cls, tuple):
            kind.append(cls)
            _describe(argument, kind, words)
        else:
            kind.append(_number(cls))
            words.append(argument)


_numbers: dict[type, str] = {}


def _number(cls: type) -> str:
    """Return the type of a number as a kernel takes it, as in `struct`."""
    known = _numbers.get(cls)
    if known is None:
        known = _numbers[cls] = _number_of(cls)
    return known


def _number_of(cls: type) -> str:
    if issubclass(cls, (bool, np.bool_)):
        return "?"
    if issubclass(cls, np.uint64):
        return "Q"
    if issubclass(cls, (int, np.integer)):
        return "q"
    if issubclass(cls, (float, np.floating)):
        return "d"
    raise TypeError(f"A kernel takes arrays, numbers and named tuples, not {cls.__name__}.")


def _format(arguments: tuple[Any, ...]) -> str:
    """Return the format of the words of arguments, as in `struct`."""
    kinds = (
        _format(each) if isinstance(each, tuple) else "q" if isinstance(each, np.ndarray) else _number(type(each))
        for each in arguments
    )
    return "".join(kinds).replace("?", "q")


def _spelled(arguments: tuple[Any, ...]) -> str:
    """Spell the kind of arguments, the same in every process."""
    parts = []
    for each in arguments:
        if isinstance(each, np.ndarray):
            parts.append(f"{each.dtype.str}{each.ndim}/{each.flags.num & _FLAGS}")
        elif isinstance(each, tuple):
            parts.append(f"{type(each).__qualname__}{getattr(each, '_fields', '')}{_spelled(each)}")
        else:
            parts.append(_number(type(each)))
    return f"({', '.join(parts)})"


def _entry(address: int, result: str, form: str) -> Callable[[list[Any]], Any]:
    """Return a Python function of the words that calls the machine code there."""
    pack = struct.Struct(form).pack
    call = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_char_p, ctypes.c_void_p)(address)
    kind: Any = _RESULTS.get(result)

    def run(words: list[Any]) -> None:
        if call(pack(*words), None):
            raise SystemError("A kernel failed, an internal error.")

    def ask(words: list[Any]) -> Any:
        found = kind()
        if call(pack(*words), ctypes.byref(found)):
            raise SystemError("A kernel failed, an internal error.")
        return found.value

    return ask if result else run


class _Machine:
    """Where LLVM keeps the machine code of this process."""

    def __init__(self) -> None:
        import llvmlite.binding as llvm

        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        triple = llvm.get_process_triple()
        target = llvm.Target.from_triple(triple).create_target_machine(codemodel="jitdefault", jit=True)
        module = llvm.parse_assembly(f'target triple = "{triple}"')
        self._llvm, self._engine = llvm, llvm.create_mcjit_compiler(module, target)

    @staticmethod
    @lru_cache(maxsize=1)
    def of_process() -> _Machine:
        """Return the one of this process."""
        return _Machine()

    def address_of(self, code: bytes, symbol: str) -> int:
        """Load an object file and return the address of a function in it."""
        self._engine.add_object_file(self._llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        address: int = self._engine.get_function_address(symbol)
        return address


def _compiled(kernel: Kernel, arguments: tuple[Any, ...], symbol: str) -> tuple[bytes, str]:
    """Compile a kernel, and add up the time."""
    with clock.running():
        from .native import compile_kernel

        return compile_kernel(kernel, arguments, symbol)


def before_compiling(tell: Callable[[], None]) -> None:
    """Call a function once, when the next kernel is about to be compiled and not found on disk."""
    clock.tell = tell


def compile_seconds() -> float:
    """Return the seconds this process has spent compiling kernels; zero when all came from the disk cache."""
    return clock.seconds


@lru_cache
def native_is_tried() -> bool:
    """Return whether `native` was tried with this Numba and on this system; else Numba calls the kernels itself.

    ``FASTBENCH_KERNELS=numba`` in the environment chooses Numba, ``native`` the other way where it is not chosen.
    """
    asked = os.environ.get("FASTBENCH_KERNELS", "")
    if asked in ("numba", "native"):
        return asked == "native"
    release = tuple(version("numba").split(".")[:2])
    return release in _TRIED and sys.platform == "linux" and platform.machine() == "x86_64"


@lru_cache
def _cache_folder(source: Path) -> Path | None:
    """Return where the kernels of a source file are kept, or None where nothing can be written."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    places = [Path(named) / "fastbench"] if named else [source.parent / "__pycache__", home / "fastbench"]
    for place in places:
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(place, os.W_OK):
            return place
    return None


@lru_cache
def _stamp(source: Path) -> str:
    """Return a digest of what machine code depends on besides its arguments: sources, processor, compiler."""
    import llvmlite
    import llvmlite.binding as llvm

    digest = hashlib.sha256()
    for path in sorted({source, *Path(__file__).parent.rglob("*.py")}):
        digest.update(path.read_bytes())
    digest.update(f"{llvmlite.__version__} {llvm.get_process_triple()} {llvm.get_host_cpu_name()} ".encode())
    digest.update(f"{llvm.get_host_cpu_features().flatten()} {HEADER}".encode())
    return digest.hexdigest()


def _read(file: Path, stamp: str) -> tuple[bytes, str] | None:
    """Return a kernel and the format of its result, or None where there is none that is whole and of this stamp."""
    try:
        head, code = file.read_bytes().split(b"\n", 1)
        told = json.loads(head)
        whole = told["stamp"] == stamp and told["digest"] == hashlib.sha256(code).hexdigest()
        return (code, told["result"]) if whole else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(file: Path, stamp: str, code: bytes, result: str) -> None:
    """Keep a kernel for later processes; where that fails, they compile it again."""
    head = {"stamp": stamp, "digest": hashlib.sha256(code).hexdigest(), "result": result}
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=file.name, delete=False) as made:
            made.write(json.dumps(head).encode() + b"\n" + code)
        os.replace(made.name, file)
    except OSError:
        return
