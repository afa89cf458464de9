"""The sums over features of `reference.similarity`, with their sixty-four running sums in vector registers.

Numba keeps an array of running sums in memory and loads and stores it at each step, which costs more than the
arithmetic. Here they are one LLVM vector of 64 doubles that the back end spreads over the registers there are
(eight of AVX-512, thirty-two of NEON). Each lane adds its terms in the order of the features, multiplication and
addition each rounded; features past the end count as zero; then the lanes are folded in halves. So a sum is that of
the definition, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..reference.similarity import LANES

__all__ = ["largest_absolute", "sum_absolute", "sum_features", "sum_product", "sum_shifted_product", "sum_square"]

Value = Any

_INT = ir.IntType(32)
_SUMS = ir.VectorType(ir.DoubleType(), LANES)
_ZEROS = ir.Constant(_SUMS, [0.0] * LANES)


def _indices(numbers: range) -> ir.Constant:
    return ir.Constant(ir.VectorType(_INT, len(numbers)), [*numbers])


def _splat(builder: Any, number: Value) -> Value:
    """Return a vector of 64 times the number."""
    nothing = ir.Constant(ir.VectorType(number.type, LANES), ir.Undefined)
    first = builder.insert_element(nothing, number, ir.Constant(_INT, 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(_INT, LANES), [0] * LANES))


def _add(builder: Any, a: Value, b: Value) -> Value:
    return builder.fadd(a, b)


def _greater(builder: Any, a: Value, b: Value) -> Value:
    return builder.select(builder.fcmp_ordered(">", b, a), b, a)


def _fold(builder: Any, total: Value, combine: Any) -> Value:
    """Bring the lanes together: lane l takes in lane l + 32, then l + 16, ... l + 1."""
    width = LANES // 2
    while width:
        nothing = ir.Constant(total.type, ir.Undefined)
        low = builder.shuffle_vector(total, nothing, _indices(range(width)))
        high = builder.shuffle_vector(total, nothing, _indices(range(width, 2 * width)))
        total = combine(builder, low, high)
        width //= 2
    return builder.extract_element(total, ir.Constant(_INT, 0))


class _Row:
    """One of the two rows; not a Numba array, since counting its references would cost more than the sum."""

    def __init__(self, context: Any, builder: Any, kind: Any, value: Value, row: Value) -> None:
        array = cgutils.create_struct_proxy(kind)(context, builder, value=value)
        self.builder, self.size = builder, builder.extract_value(array.shape, 1)
        start = builder.mul(row, self.size)
        self.data = builder.gep(array.data, [start])
        self.left = builder.sub(builder.mul(builder.extract_value(array.shape, 0), self.size), start)
        self.scalar = context.get_value_type(kind.dtype)
        self.vector = ir.VectorType(self.scalar, LANES)
        self.bytes = context.get_abi_sizeof(self.scalar)

    def step(self, at: Value, data: Value | None = None) -> Value:
        """Return the 64 features from `at` on, as doubles."""
        start = self.builder.gep(data or self.data, [at])
        found = self.builder.load(self.builder.bitcast(start, self.vector.as_pointer()), align=self.bytes)
        return found if self.scalar == ir.DoubleType() else self.builder.fpext(found, _SUMS)

    def tail(self, at: Value, count: Value) -> Value:
        """Return the `count` < 64 features from `at` on, as doubles, and then whatever follows them."""
        builder = self.builder
        with builder.goto_entry_block():
            room = builder.bitcast(builder.alloca(self.vector), self.data.type)
        start = builder.gep(self.data, [at])
        beyond = builder.icmp_signed(">", builder.add(at, ir.Constant(at.type, LANES)), self.left)
        with builder.if_then(beyond, likely=False):
            cgutils.raw_memcpy(builder, room, start, count, self.bytes)
        return self.step(ir.Constant(at.type, 0), builder.select(beyond, room, start))


def _sum_of(term: Callable[[Any, Value, Value, Value, Value], Value], combine: Any = _add) -> Any:
    """Make the intrinsic that combines ``term(builder, a, b, shift_a, shift_b)`` over the features of two rows."""

    @intrinsic
    def lane_sum(typing_context, x, i, j, shift_i, shift_j):
        """Sum over the features of rows i and j of x (n, d), C-contiguous float32 or float64."""
        if getattr(x, "layout", "") != "C" or x.ndim != 2:
            return None

        def generate(context, builder, signature, arguments):
            row_a, row_b = (_Row(context, builder, signature.args[0], arguments[0], row) for row in arguments[1:3])
            shifts = [_splat(builder, shift) for shift in arguments[3:]]
            total = cgutils.alloca_once(builder, _SUMS)
            builder.store(_ZEROS, total)

            def add(values: Value) -> None:
                builder.store(combine(builder, builder.load(total), values), total)

            lanes = ir.Constant(row_a.size.type, LANES)
            steps = builder.udiv(row_a.size, lanes)
            with cgutils.for_range(builder, steps) as loop:
                at = builder.mul(loop.index, lanes)
                add(term(builder, row_a.step(at), row_b.step(at), *shifts))
            whole = builder.mul(steps, lanes)
            left = builder.sub(row_a.size, whole)
            with builder.if_then(cgutils.is_not_null(builder, left)):
                values = term(builder, row_a.tail(whole, left), row_b.tail(whole, left), *shifts)
                count = _splat(builder, builder.trunc(left, _INT))
                add(builder.select(builder.icmp_signed("<", _indices(range(LANES)), count), values, _ZEROS))
            return _fold(builder, builder.load(total), combine)

        return types.float64(x, types.intp, types.intp, types.float64, types.float64), generate

    return lane_sum


def _absolute(builder: Any, a: Value, b: Value, *_: Value) -> Value:
    fabs = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_SUMS, [_SUMS]), f"llvm.fabs.v{LANES}f64")
    return builder.call(fabs, [builder.fsub(a, b)])


def _square(builder: Any, a: Value, b: Value, *_: Value) -> Value:
    difference = builder.fsub(a, b)
    return builder.fmul(difference, difference)


def _shifted_product(builder: Any, a: Value, b: Value, shift_a: Value, shift_b: Value) -> Value:
    return builder.fmul(builder.fsub(a, shift_a), builder.fsub(b, shift_b))


sum_features = _sum_of(lambda builder, a, *_: a)
sum_product = _sum_of(lambda builder, a, b, *_: builder.fmul(a, b))
sum_shifted_product = _sum_of(_shifted_product)
sum_square = _sum_of(_square)
sum_absolute = _sum_of(_absolute)
largest_absolute = _sum_of(_absolute, _greater)
