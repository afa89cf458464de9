"""One kernel for products and counts: tiles that live in registers and are never written (Pallas, for GPUs).

As separate programs, the tile of products is written to device memory and read several times; on tensor cores that
takes longer than the products. Here each program of the grid takes a block of queries and a block of columns. It
multiplies, masks by the pair rule, adds to the counts of each threshold how many entries surely beat it, and lists the
entries that are undecided. What leaves the chip: p counts a query and block, and the lists. A list has room for so many
entries; how many there were is told even where there was no more room, so that the caller can count again in another
way (`tiles`).

Cost of q queries, c columns of d features: 2 q c d operations a product, three of them; traffic from the cache that
blocks share, 2 * 4 / BLOCK bytes a pair and feature; 5 p operations a pair for the counts.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

try:
    from jax.experimental import pallas as pl
    from jax.experimental.pallas import triton
except ImportError:  # JAX calls them experimental: without them, all else still runs
    pl = triton = None  # type: ignore[assignment]

from .precision import scale

__all__ = ["DEPTH", "IS_THERE", "MOST_LISTED", "Listed", "count"]

#: Whether this JAX can compile the kernel; for which problems it runs, see `usable`.
IS_THERE = triton is not None
#: Queries and columns of a block, where there are so many; features multiplied at a time.
BLOCK = 128
DEPTH = 32
#: Warps of a program, and steps of features that are under way, 32 KiB of shared memory each.
WARPS, STAGES = 8, 5
#: One in so many comparisons with a threshold may be undecided.
ROOM = 256
#: Comparisons of a launch: lists of a gigabyte, as an entry has 2 bytes.
MOST_LISTED = 1 << 37


class Listed(NamedTuple):
    """Undecided entries, for each block of queries and block of columns."""

    number: jax.Array  # (b, c) int32; how many there were
    place: jax.Array  # (b, c, room + 1) int16; query in the block * width + column in the block
    first: jax.Array  # (c,) int32; first column of the block
    queries: int  # queries of a block
    width: int  # columns of a block


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
    operands : pair of tuples of two arrays, shape (q, d) and (n, d)
        Of the queries and of all rows, see `precision.operands`; d a multiple of `DEPTH`.
    keys : list of (form, (q, k) int32, (n, k) int32)
        What queries and rows must share (first) and must not (second), see `keys`.
    tile : tiles.Tile
        Queries, thresholds, and column tiles.
    columns : int
        Width of the column tiles.
    precision : one of `precision.SPLIT`
        It says what to multiply the product by.
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
    width = BLOCK if columns % BLOCK == 0 else columns
    per_piece = columns // width
    grid = n_queries // queries, len(tile.pieces) * per_piece
    room = queries * width * p // ROOM
    first = (tile.pieces[:, :1] + jnp.arange(per_piece, dtype=jnp.int32) * width).ravel()
    stop = jnp.repeat(tile.pieces[:, 1], per_piece)
    forms = tuple(form for form, *_ in keys)
    used = [pair for form, *pair in keys if form != "none"]

    def of_block(*shape: int) -> pl.BlockSpec:
        return pl.BlockSpec((queries, *shape), lambda i, s: (i,) + (0,) * len(shape))

    def whole(array: jax.Array) -> pl.BlockSpec:
        return pl.BlockSpec(array.shape, lambda i, s: (0,) * array.ndim)

    mine, theirs = operands
    zeros = jnp.zeros((n_queries, p), jnp.float32)
    arrays = [zeros, first, stop, tile.row, tile.bounds, tile.low, tile.high, *mine, *theirs]
    specs = [
        of_block(p),
        *map(whole, (first, stop)),
        of_block(),
        of_block(4),
        of_block(p),
        of_block(p),
        *(of_block(each.shape[1]) for each in mine),
        *map(whole, theirs),
    ]
    for one, all_rows in used:
        arrays += [one, all_rows]
        specs += [of_block(one.shape[1]), whole(all_rows)]
    above, number, place = pl.pallas_call(
        partial(_kernel, (queries, width, p, room), forms, precision, absolute),
        grid=grid,
        in_specs=specs,
        out_specs=[
            of_block(p),
            pl.BlockSpec((None, None, 1), lambda i, s: (i, s, 0)),
            pl.BlockSpec((None, None, room + 1), lambda i, s: (i, s, 0)),
        ],
        out_shape=[
            jax.ShapeDtypeStruct((n_queries, p), jnp.float32),
            jax.ShapeDtypeStruct((*grid, 1), jnp.int32),
            jax.ShapeDtypeStruct((*grid, room + 1), jnp.int16),
        ],
        input_output_aliases={0: 0},
        compiler_params=triton.CompilerParams(num_warps=WARPS, num_stages=STAGES),
        interpret=interpret,
        name="count_tile",
    )(*arrays)
    return above.astype(jnp.int32), Listed(number[:, :, 0], place, first, queries, width)


def _kernel(sizes: tuple[int, ...], forms: tuple[str, ...], precision: str, absolute: bool, *refs: Any) -> None:
    """Count one block of queries against one block of columns."""
    queries, width, p, room = sizes
    _, *ins, above_ref, number_ref, place_ref = refs
    first_ref, stop_ref, row_ref, bounds_ref, low_ref, high_ref, *ins = ins
    mine, theirs, key_refs = ins[:2], ins[2:4], ins[4:]
    s = pl.program_id(1)
    start, stop = first_ref[s], stop_ref[s]

    number_ref[0] = jnp.int32(0)

    @pl.when(start < stop)
    def block() -> None:
        entries = _product(mine, theirs, start, width, precision)
        offset = jnp.arange(width, dtype=jnp.int32)
        query = jnp.arange(queries, dtype=jnp.int32)
        allowed = _allowed(start, start + offset, stop, row_ref[:], bounds_ref, forms, key_refs)
        entries = jnp.where(allowed, jnp.abs(entries) if absolute else entries, -jnp.inf)
        undecided = jnp.zeros((queries, width), bool)
        for t in range(p):
            undecided |= (entries >= low_ref[:, t][:, None]) & (entries <= high_ref[:, t][:, None])
        entries = jnp.where(undecided, -jnp.inf, entries)
        for t in range(p):
            beaten = jnp.sum((entries > high_ref[:, t][:, None]).astype(jnp.float32), axis=1)
            triton.atomic_add(above_ref, (query, jnp.full(queries, t, jnp.int32)), beaten)
        flags = undecided.astype(jnp.int32)
        by_query = jnp.sum(flags, axis=1, dtype=jnp.int32)
        total = jnp.sum(by_query, dtype=jnp.int32)
        number_ref[0] = total

        @pl.when(total > 0)
        def listing() -> None:
            before = jnp.cumsum(by_query, dtype=jnp.int32) - by_query
            slot = before[:, None] + jnp.cumsum(flags, axis=1, dtype=jnp.int32) - flags
            kept = undecided & (slot < room)
            place = (query[:, None] * width + offset[None, :]).astype(jnp.int16)
            triton.store(place_ref.at[jnp.where(kept, slot, room)], place, mask=kept)


def _product(mine: Any, theirs: Any, start: jax.Array, width: int, precision: str) -> jax.Array:
    """Multiply the block's queries by `width` rows from `start`, in parts of `DEPTH` features, see `precision`."""
    queries, d = mine[0].shape

    def times(a: jax.Array, b: jax.Array) -> jax.Array:
        return lax.dot_general(a, b, (((1,), (1,)), ((), ())), preferred_element_type=jnp.float32)

    def part(k: jax.Array, total: jax.Array) -> jax.Array:
        features = pl.ds(k * DEPTH, DEPTH)
        high, low = (triton.load(ref.at[:, features]) for ref in mine)
        their_high, their_low = (triton.load(ref.at[pl.ds(start, width), features]) for ref in theirs)
        # One chain of products: the compiler makes it one sum on the tensor cores, but not the total with it.
        return total + (times(high, their_high) + times(high, their_low) + times(low, their_high))

    total = lax.fori_loop(jnp.int32(0), jnp.int32(d // DEPTH), part, jnp.zeros((queries, width), jnp.float32))
    return total * jnp.float32(scale(precision))


def _allowed(
    start: jax.Array,
    column: jax.Array,
    stop: jax.Array,
    row: jax.Array,
    bounds: Any,
    forms: tuple[str, ...],
    key_refs: Any,
) -> jax.Array:
    """Return the (q, c) table of candidates: by ranges, not the query itself, and by the keys of the rule."""
    a, b, c, d = (bounds[:, k][:, None] for k in range(4))
    each = column[None, :]
    allowed = ((each >= a) & (each < b)) | ((each >= c) & (each < d))
    allowed &= (each < stop) & (each != row[:, None])
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
