"""From a Python function to machine code that needs neither Python nor Numba: what happens when a kernel is new.

This is the only module that imports Numba. Numba would make machine code of each function that a kernel calls, and
a Python function around it; here only the kernel itself becomes an object file, with one entry (`_add_entry`) that
takes its arguments from a block of 64-bit words, as `compile.Kernel` puts them there. Without that, and without the
counting of references, which kernels do not need because they do not allocate, compiling takes a quarter of the time.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import njit
from numba import types as typed
from numba.core import codegen
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numba.extending import typeof_impl
from numba.np.numpy_support import from_dtype

from . import intrinsics as intrinsics
from .callees import HEADER, Callee

__all__ = ["compile_kernel", "optimised"]

types: Any = typed  # without the types that it declares of itself
_WORD, _BYTE, _STATUS = ir.IntType(64), ir.IntType(8), ir.IntType(32)
_RESULTS = {types.none: "", types.int64: "q", types.float64: "d", types.boolean: "?"}


class _Unlinked(codegen.JITCodeLibrary):
    """A library of which no machine code is made: it is optimised as a part of the kernel that calls it."""

    def finalize(self) -> None:
        for library in dict.fromkeys(self._linking_libraries):
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        return 0

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout  # functions are optimised where they are called


@contextmanager
def _unlinked(machine: Any) -> Iterator[None]:
    """Make Numba's code generator keep what it makes as intermediate code, and spare it searches for garbage."""
    collects = gc.isenabled()
    gc.disable()
    machine._library_class, machine.set_env = _Unlinked, lambda name, environment: None
    try:
        yield
    finally:
        del machine._library_class, machine.set_env
        if collects:
            gc.enable()


def compile_kernel(kernel: Callee, arguments: tuple[Any, ...], symbol: str) -> tuple[bytes, str]:
    """Compile a kernel for arguments of these kinds.

    Parameters
    ----------
    kernel : Callee
        The kernel.
    arguments : tuple
        Arrays, numbers and named tuples of them.
    symbol : str
        Name of the entry.

    Returns
    -------
    code : bytes
        An object file.
    result : str
        Format of the result, as in `struct`; empty where there is none.
    """
    module, result = optimised(kernel, arguments, symbol)
    return cpu_target.target_context.codegen()._tm.emit_object(module), result


def optimised(kernel: Callee, arguments: tuple[Any, ...], symbol: str = "entry") -> tuple[Any, str]:
    """Return the optimised LLVM module of a kernel, and the format of its result; arguments as in `compile_kernel`."""
    context = cpu_target.target_context
    context.refresh()
    machine = context.codegen()
    signature = tuple(_type_of(argument) for argument in arguments)
    with global_compiler_lock, _unlinked(machine):
        dispatcher = _dispatcher(kernel)
        dispatcher.compile(signature)
        found = dispatcher.overloads[signature]
        library = machine.create_library(symbol)
        library.add_ir_module(_entry(context, found.fndesc, symbol))
        library.add_linking_library(found.library)
        library.finalize()
    module = library._final_module
    for part in (*module.functions, *module.global_variables):
        if not part.is_declaration and part.name != symbol:
            part.linkage = "internal"  # so that nothing is left of what is compiled into its caller
    library._optimize_final_module()
    module.verify()
    _refuse_what_is_not_there(module)
    return module, _RESULTS[found.fndesc.restype]


def _refuse_what_is_not_there(module: Any) -> None:
    """Refuse what a process without Numba could not load: a kernel that allocates, or calls itself."""
    needed = [each.name for each in module.functions if each.is_declaration and not each.name.startswith("llvm.")]
    missing = [name for name in needed if not llvm.address_of_symbol(name)]
    missing += [each.name for each in module.global_variables if "unresolved" in each.name or each.is_declaration]
    if missing:
        raise NotImplementedError(f"A kernel needs what Numba would have to provide: {', '.join(missing)}.")


@cache
def _dispatcher(kernel: Callee) -> Any:
    """Return Numba's own object for the function of a kernel."""
    flags: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False}
    return njit(nogil=True, fastmath=False, error_model="numpy", **flags)(kernel.py_func)


@typeof_impl.register(Callee)
def _type_of_kernel(kernel: Callee, _: Any) -> Any:
    """Let kernels call kernels."""
    return types.Dispatcher(_dispatcher(kernel))


def _type_of(argument: Any) -> Any:
    """Return Numba's type of an argument; an array may be written to, whatever its flags say."""
    if isinstance(argument, np.ndarray):
        layout = "C" if argument.flags.c_contiguous else "A"
        return types.Array(from_dtype(argument.dtype), argument.ndim, layout, aligned=argument.flags.aligned)
    if isinstance(argument, tuple):
        return types.BaseTuple.from_types([_type_of(part) for part in argument], type(argument))
    if isinstance(argument, (bool, np.bool_)):
        return types.boolean
    if isinstance(argument, np.uint64):
        return types.uint64
    return types.int64 if isinstance(argument, (int, np.integer)) else types.float64


def _entry(context: Any, function: Any, symbol: str) -> Any:
    """Make the function ``int32 symbol(words, result)``, which returns 0 where all went well."""
    module = context.create_module(symbol)
    callee = ir.Function(
        module, context.call_conv.get_function_type(function.restype, function.argtypes), function.llvm_func_name
    )
    entry = ir.Function(module, ir.FunctionType(_STATUS, [_WORD.as_pointer(), _BYTE.as_pointer()]), symbol)
    builder = ir.IRBuilder(entry.append_basic_block())
    words = _Words(context, builder, entry.args[0])
    values = [words.read(kind) for kind in function.argtypes]
    status, result = context.call_conv.call_function(builder, callee, function.restype, function.argtypes, values)
    with builder.if_then(status.is_error, likely=False):
        builder.ret(status.code)
    if function.restype != types.none:
        kind = context.get_data_type(function.restype)
        data = context.get_value_as_data(builder, function.restype, result)
        builder.store(data, builder.bitcast(entry.args[1], kind.as_pointer()))
    builder.ret(ir.Constant(_STATUS, 0))
    return module


class _Words:
    """Reads arguments from a block of words, one after the other: numbers, and addresses of NumPy's array objects."""

    def __init__(self, context: Any, builder: Any, block: Any) -> None:
        self.context, self.builder, self.block, self.used = context, builder, block, 0

    def read(self, kind: Any) -> Any:
        """Return the value of the next argument, of one of Numba's types."""
        if isinstance(kind, types.BaseTuple):
            return self.context.make_tuple(self.builder, kind, [self.read(part) for part in kind.types])
        word = self.builder.load(self.builder.gep(self.block, [ir.Constant(_STATUS, self.used)]))
        self.used += 1
        if isinstance(kind, types.Array):
            return self._array(kind, self.builder.inttoptr(word, _BYTE.as_pointer()))
        if kind == types.float64:
            return self.builder.bitcast(word, ir.DoubleType())
        return self.builder.trunc(word, ir.IntType(1)) if kind == types.boolean else word

    def _array(self, kind: Any, address: Any) -> Any:
        """Return an array, read from the fields of the object: data, number of dimensions, shape, strides."""
        builder, context = self.builder, self.context
        array = context.make_array(kind)(context, builder)
        lengths, steps = (self._field(address, place, _WORD.as_pointer()) for place in (2, 3))
        shape, strides = (
            [builder.load(builder.gep(numbers, [ir.Constant(_STATUS, axis)])) for axis in range(kind.ndim)]
            for numbers in (lengths, steps)
        )
        context.populate_array(
            array,
            data=self._field(address, 0, array.data.type),
            shape=shape,
            strides=strides,
            itemsize=context.get_abi_sizeof(context.get_data_type(kind.dtype)),
            meminfo=None,
        )
        return array._getvalue()

    def _field(self, address: Any, place: int, kind: Any) -> Any:
        """Return the pointer in the field at `place`, in words after the header that all objects of Python have."""
        at = self.builder.gep(address, [ir.Constant(_STATUS, HEADER + 8 * place)])
        return self.builder.load(self.builder.bitcast(at, kind.as_pointer()))
