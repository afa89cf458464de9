"""One kernel for products and counts: tiles that live in registers and are never written (Pallas, for GPUs).

As separate programs, the tile of products is written to device memory and read several times; on tensor cores that
takes longer than the products. Here each program of the grid takes a block of queries and walks along a strip of
columns. For each block of columns it multiplies, masks by the pair rule, adds up for each threshold how many entries
surely beat it, and lists the entries that are undecided. What leaves the chip: for each strip, p counts a query, and
the list. Lists have room for so many entries; how many there were is told even where there was no more room, so that
the caller can count again in another way (`tiles`).

Cost of q queries, c columns of d features: 2 q c d operations a product. Traffic a block: BLOCK rows of each operand, so
4 / BLOCK bytes an operation and operand, from the cache that queries share.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton

__all__ = ["BLOCK", "MOST_THRESHOLDS", "Listed", "count"]

#: Queries and columns of a block, where there are so many; features multiplied at a time; columns of a strip.
BLOCK = 128
DEPTH = 64
STRIP = 2048
#: Warps of a program, and steps of features that are loaded ahead.
WARPS, STAGES = 8, 3
#: Thresholds (padded) that are compared one by one.
MOST_THRESHOLDS = 16
#: One in so many entries of a strip may be undecided.
ROOM = 64


class Listed(NamedTuple):
    """Undecided entries, for each block of queries and strip of columns."""

    number: jax.Array  # (b, s) int32; how many there were
    place: jax.Array  # (b, s, room + 1) int32; query in the block * strip + column in the strip
    first: jax.Array  # (s,) int32; first column of the strip
    queries: int  # queries of a block
    strip: int  # columns of a strip


def count(
    operands: tuple[tuple[jax.Array, ...], tuple[jax.Array, ...]],
    keys: list[tuple[str, jax.Array, jax.Array]],
    tile: Any,
    columns: int,
    precision: str,
    absolute: bool,
    interpret: bool,
) -> tuple[jax.Array, Listed]:
    """Count entries that surely beat thresholds.

    Parameters
    ----------
    operands : pair of tuples of arrays, shape (q, d) and (n, d)
        Of the queries and of all rows, see `precision.operands`; d a multiple of `DEPTH`.
    keys : list of (form, (q, k) int32, (n, k) int32)
        What queries and rows must share (first) and must not (second), see `keys`.
    tile : tiles.Tile
        Queries, thresholds, and column tiles.
    columns : int
        Width of the column tiles.
    precision : {"tf32", "bf16x3", "float32"}
        See `precision`.
    absolute : bool
        For ``abs_cosine``.
    interpret : bool
        Run as plain XLA operations, for devices without Triton.

    Returns
    -------
    above : array of int32, shape (q, p)
        Allowed entries that surely beat each threshold; undecided ones are not counted for any.
    listed : Listed
        The undecided entries.
    """
    n_queries, p = tile.value.shape
    queries = BLOCK if n_queries % BLOCK == 0 else n_queries
    strip = min(columns, STRIP)
    width = BLOCK if strip % BLOCK == 0 else strip
    per_piece = columns // strip
    n_blocks, n_strips = n_queries // queries, len(tile.pieces) * per_piece
    room = queries * strip // ROOM
    first = (tile.pieces[:, :1] + jnp.arange(per_piece, dtype=jnp.int32) * strip).ravel()
    stop = jnp.repeat(tile.pieces[:, 1], per_piece)
    forms = tuple(form for form, *_ in keys)
    used = [pair for form, *pair in keys if form != "none"]

    def of_block(*shape: int) -> pl.BlockSpec:
        return pl.BlockSpec((queries, *shape), lambda i, s: (i,) + (0,) * len(shape))

    def whole(array: jax.Array) -> pl.BlockSpec:
        return pl.BlockSpec(array.shape, lambda i, s: (0,) * array.ndim)

    mine, theirs = operands
    arrays = [first, stop, tile.row, tile.bounds, tile.low, tile.high, *mine, *theirs]
    specs = [
        *map(whole, (first, stop)), of_block(), of_block(4), of_block(p), of_block(p),
        *(of_block(each.shape[1]) for each in mine), *map(whole, theirs),
    ]  # fmt: skip
    for one, all_rows in used:
        arrays += [one, all_rows]
        specs += [of_block(one.shape[1]), whole(all_rows)]
    above, number, place = pl.pallas_call(
        partial(_kernel, (queries, width, strip, p, room), forms, precision, absolute, len(mine)),
        grid=(n_blocks, n_strips),
        in_specs=specs,
        out_specs=[
            pl.BlockSpec((None, queries, p), lambda i, s: (s, i, 0)),
            pl.BlockSpec((None, None, 1), lambda i, s: (i, s, 0)),
            pl.BlockSpec((None, None, room + 1), lambda i, s: (i, s, 0)),
        ],
        out_shape=[
            jax.ShapeDtypeStruct((n_strips, n_queries, p), jnp.int32),
            jax.ShapeDtypeStruct((n_blocks, n_strips, 1), jnp.int32),
            jax.ShapeDtypeStruct((n_blocks, n_strips, room + 1), jnp.int32),
        ],
        compiler_params=triton.CompilerParams(num_warps=WARPS, num_stages=STAGES),
        interpret=interpret,
        name="count_tile",
    )(*arrays)
    return jnp.sum(above, axis=0, dtype=jnp.int32), Listed(number[:, :, 0], place, first, queries, strip)


def _kernel(
    sizes: tuple[int, ...], forms: tuple[str, str], precision: str, absolute: bool, n_operands: int, *refs: Any
) -> None:
    """Count one block of queries along one strip of columns."""
    queries, width, strip, p, room = sizes
    *ins, above_ref, number_ref, place_ref = refs
    first_ref, stop_ref, row_ref, bounds_ref, low_ref, high_ref, *ins = ins
    mine, theirs, key_refs = ins[:n_operands], ins[n_operands : 2 * n_operands], ins[2 * n_operands :]
    s = pl.program_id(1)
    begin = first_ref[s]
    length = jnp.minimum(stop_ref[s] - begin, strip)
    query = jnp.arange(queries, dtype=jnp.int32)[:, None]
    one = jnp.int32(1)

    def block(b: jax.Array, state: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        listed, *counts = state
        offset = b * width + jnp.arange(width, dtype=jnp.int32)
        start = begin + b * width
        entries = _product(mine, theirs, start, width, precision)
        allowed = _allowed(start, begin + offset, offset < length, row_ref[:], bounds_ref, forms, key_refs)
        entries = jnp.where(allowed, jnp.abs(entries) if absolute else entries, -jnp.inf)
        undecided = jnp.zeros((queries, width), bool)
        for t in range(p):
            undecided |= (entries >= low_ref[:, t][:, None]) & (entries <= high_ref[:, t][:, None])
        entries = jnp.where(undecided, -jnp.inf, entries)
        for t in range(p):
            counts[t] += jnp.sum((entries > high_ref[:, t][:, None]).astype(jnp.int32), axis=1, dtype=jnp.int32)
        flags = undecided.astype(jnp.int32)
        by_query = jnp.sum(flags, axis=1, dtype=jnp.int32)
        total = jnp.sum(by_query, dtype=jnp.int32)

        @pl.when(total > 0)
        def _() -> None:
            before = jnp.cumsum(by_query, dtype=jnp.int32) - by_query
            slot = listed + before[:, None] + jnp.cumsum(flags, axis=1, dtype=jnp.int32) - flags
            kept = undecided & (slot < room)
            triton.store(place_ref.at[jnp.where(kept, slot, room)], query * strip + offset[None, :], mask=kept)

        return listed + total, *counts

    zeros = [jnp.zeros(queries, jnp.int32)] * p
    n_blocks = jnp.maximum(length + (width - 1), 0) // jnp.int32(width)
    listed, *counts = lax.fori_loop(one - one, n_blocks, block, (one - one, *zeros))
    for t in range(p):
        above_ref[:, t] = counts[t]
    number_ref[0] = listed


def _product(mine: Any, theirs: Any, start: jax.Array, width: int, precision: str) -> jax.Array:
    """Multiply the block's queries by `width` rows from `start`, as `precision.product` does."""
    queries, d = mine[0].shape
    highest = lax.Precision.HIGHEST if precision == "float32" else lax.Precision.DEFAULT

    def times(a: jax.Array, b: jax.Array) -> jax.Array:
        return lax.dot_general(
            a, b, (((1,), (1,)), ((), ())), precision=highest, preferred_element_type=jnp.float32
        )  # fmt: skip

    def step(k: jax.Array, sums: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        features = pl.ds(k * DEPTH, DEPTH)
        a = [triton.load(ref.at[:, features]) for ref in mine]
        b = [triton.load(ref.at[pl.ds(start, width), features]) for ref in theirs]
        large = sums[0] + times(a[0], b[0])
        return (large, sums[1] + times(a[0], b[1]) + times(a[1], b[0])) if len(a) == 2 else (large,)

    zeros = tuple(jnp.zeros((queries, width), jnp.float32) for _ in mine)
    sums = lax.fori_loop(jnp.int32(0), jnp.int32(d // DEPTH), step, zeros)
    return sums[0] + sums[1] if len(sums) == 2 else sums[0]


def _allowed(
    start: jax.Array, column: jax.Array, in_strip: jax.Array, row: jax.Array, bounds: Any, forms: tuple[str, str],
    key_refs: Any,
) -> jax.Array:  # fmt: skip
    """Return the (q, c) table of candidates: by ranges, not the query itself, and by the keys of the rule."""
    a, b, c, d = (bounds[:, k][:, None] for k in range(4))
    each = column[None, :]
    allowed = ((each >= a) & (each < b)) | ((each >= c) & (each < d))
    allowed &= in_strip[None, :] & (each != row[:, None])
    refs = list(key_refs)
    for form, wanted in zip(forms, (True, False), strict=True):
        if form == "none":
            continue
        one, all_rows = refs.pop(0), refs.pop(0)
        hit = jnp.zeros(allowed.shape, bool)
        k = one.shape[1]
        for i in range(k):
            x = one[:, i][:, None]
            for j in range(k) if form == "lists" else (i,):
                y = all_rows[pl.ds(start, len(column)), j][None, :]
                hit |= (x & y) != 0 if form == "bits" else (x == y) & (x >= 0)
        allowed &= hit if wanted else ~hit
    return allowed
