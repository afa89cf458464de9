"""The compiled counting on a device: one tile of queries against all tiles of its candidates.

Shapes: n rows, d features, q queries of a tile, c columns of a tile, p thresholds a query (padded with infinity, at
least one), g groups of `GROUP` columns in a tile row. Nothing is n x n and nothing is as long as the pairs.

A tile entry s above a threshold's upper edge counts; one between the edges of some threshold is undecided and is
looked at again in float64 (`deciding`). Both are one search: how many upper edges lie below s is the number of
thresholds that s surely beats, and s is undecided when the lower edge of the next one is not above it. Undecided
entries are few and far between, so they are gathered in two steps, first the groups of columns that hold any, then
the entries, a fixed number a round, for as many rounds as it takes: no band is too wide, it only takes longer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ..context import spread
from . import fused
from .deciding import deciding_value
from .keys import shared
from .precision import product

__all__ = ["GROUP", "Counts", "Resident", "Setup", "Tile", "counter"]

#: Columns that are counted together, and looked at together for undecided entries.
GROUP = 64
#: Counters of so many bits, which hold 0..GROUP, and so many of them, stand in an integer of 64 bits.
BITS = 7
COUNTERS = 8
#: Up to this many (padded) thresholds, entries are counted in such counters.
FEW_THRESHOLDS = 32


class Setup(NamedTuple):
    """What a compiled program depends on besides shapes."""

    columns: int  # c
    groups: int  # groups looked at in one round
    entries: int  # entries looked at in one round
    absolute: bool
    precision: str
    include: str  # form of the key index, see `keys`
    exclude: str
    fused: str  # "gpu": one kernel for products and counts, see `fused`; "interpret": the same in plain XLA; or ""


class Resident(NamedTuple):
    """What stays on every device; rows in working order, padded so that a tile never reaches past the end."""

    operands: tuple[jax.Array, ...]  # (n, d) each, see `precision`
    include: jax.Array  # (n, k) int32, see `keys`
    exclude: jax.Array
    features: jax.Array  # (n, steps, 64), see `deciding`
    norm: jax.Array  # (n,) float64
    zero: jax.Array  # (1,) int64


class Tile(NamedTuple):
    """One tile of queries for each device; NumPy arrays of the stated shapes times the number of devices."""

    row: Any  # (q,) int32 place of the query
    bounds: Any  # (q, 4) int32 candidate ranges, all zero in a padding row
    low: Any  # (q, p) float32, ascending; infinity in padding
    high: Any  # (q, p) float32
    value: Any  # (q, p) float64 the thresholds
    pieces: Any  # (l, 2) int32 first column and end of each column tile
    n_pieces: Any  # (1,) int32


class Counts(NamedTuple):
    """The result of a tile, for each device."""

    above: Any  # (q, p) int32
    tied: Any  # (q, p) int32
    rechecked: Any  # (1,) int64 entries looked at again
    complete: Any  # (1,) bool; False: undecided entries did not fit in their list, and these counts are none


class _State(NamedTuple):
    steps: jax.Array  # (q * p,) at j: one more for each threshold before j
    ties: jax.Array  # (q * p,) at j: one more for each threshold from j on
    rechecked: jax.Array  # (1,)


@lru_cache(maxsize=64)
def counter(devices: tuple[jax.Device, ...], setup: Setup) -> Callable[[Resident, Tile], Counts]:
    """Return the compiled counting for these devices; one program for each set of shapes."""
    return spread(partial(_count_fused if setup.fused else _count, setup), devices)


def _count(setup: Setup, rows: Resident, tile: Tile) -> Counts:
    """Count one tile of queries against its candidates."""
    n_queries, p = tile.value.shape
    edges = tile.low.ravel(), tile.high.ravel()
    mine = tuple(operand[tile.row] for operand in rows.operands)
    keys = rows.include[tile.row], rows.exclude[tile.row]
    per_row = setup.columns // GROUP

    def piece(i: jax.Array, state: _State) -> _State:
        start, stop = tile.pieces[i, 0], tile.pieces[i, 1]
        columns = partial(lax.dynamic_slice_in_dim, start_index=start, slice_size=setup.columns)
        s = product(mine, tuple(columns(operand) for operand in rows.operands), setup.precision)
        allowed = _in_reach(tile, start, stop, setup.columns)
        if setup.include != "none":
            allowed &= shared(setup.include, keys[0], columns(rows.include))
        if setup.exclude != "none":
            allowed &= ~shared(setup.exclude, keys[1], columns(rows.exclude))
        s = jnp.where(allowed, jnp.abs(s) if setup.absolute else s, -jnp.inf)
        steps, undecided = _add_sure_counts(state.steps, s, edges, p)
        by_group = s.reshape(-1, GROUP)

        def look(groups: jax.Array, state: _State) -> _State:
            query, first = jnp.minimum(groups // per_row, n_queries - 1), start + groups % per_row * GROUP
            entries = by_group.at[groups].get(mode="fill", fill_value=-jnp.inf)
            hits = _surely_beaten(entries, query[:, None], edges, p)[1].ravel()

            def decide(places: jax.Array, state: _State) -> _State:
                valid = places < hits.size
                places = jnp.minimum(places, hits.size - 1)
                group = places // GROUP
                at = jnp.where(valid, query[group] * p, n_queries * p)
                column = first[group] + places % GROUP
                return _decide(state, at, query[group], column, entries.ravel()[places], tile, rows, setup.absolute)

            return _rounds(hits, setup.entries, decide, state)

        return _rounds(undecided.ravel(), setup.groups, look, state._replace(steps=steps))

    counters = jnp.zeros(n_queries * p, jnp.int32)
    state = _State(counters, counters, jnp.zeros(1, jnp.int64))
    state = lax.fori_loop(0, tile.n_pieces[0], piece, state)
    return _summed(state, (n_queries, p), jnp.ones(1, bool))


def _summed(state: _State, shape: tuple[int, int], complete: jax.Array) -> Counts:
    """Turn steps into counts."""
    steps, ties = state.steps.reshape(shape), state.ties.reshape(shape)
    above = jnp.sum(steps, axis=1, keepdims=True, dtype=jnp.int32) - jnp.cumsum(steps, axis=1, dtype=jnp.int32)
    return Counts(above, jnp.cumsum(ties, axis=1, dtype=jnp.int32), state.rechecked, complete)


def _count_fused(setup: Setup, rows: Resident, tile: Tile) -> Counts:
    """Count as `_count` does, with products and sure counts in one kernel."""
    n_queries, p = tile.value.shape
    mine = tuple(operand[tile.row] for operand in rows.operands)
    keys = [
        (setup.include, rows.include[tile.row], rows.include),
        (setup.exclude, rows.exclude[tile.row], rows.exclude),
    ]
    above, listed = fused.count(
        (mine, rows.operands), keys, tile, setup.columns, setup.precision, setup.absolute, setup.fused == "interpret"
    )
    n_columns, room = listed.number.shape[1], listed.place.shape[2] - 1
    complete = jnp.all(listed.number <= room)
    ends = jnp.cumsum(listed.number.ravel(), dtype=jnp.int64)

    def decide(i: jax.Array, state: _State) -> _State:
        k = i * setup.entries + jnp.arange(setup.entries)
        valid = k < ends[-1]
        of = jnp.searchsorted(ends, k, side="right", method="scan_unrolled")  # which list
        of = jnp.minimum(of, ends.size - 1)
        slot = k - (ends - listed.number.ravel())[of]
        place = listed.place.reshape(-1, room + 1)[of, jnp.minimum(slot, room)]
        place = jnp.where(valid, place, 0).astype(jnp.int32)
        query = of // n_columns * listed.queries + place // listed.width
        column = listed.first[of % n_columns] + place % listed.width
        at = jnp.where(valid, query * p, n_queries * p)
        return _decide(state, at, query, column, None, tile, rows, setup.absolute)

    counters = jnp.zeros(n_queries * p, jnp.int32)
    rounds = jnp.where(complete, -(-ends[-1] // setup.entries), 0)
    state = lax.fori_loop(0, rounds, decide, _State(counters, counters, jnp.zeros(1, jnp.int64)))
    counts = _summed(state, (n_queries, p), complete[None])
    return counts._replace(above=counts.above + above)


def _in_reach(tile: Tile, start: jax.Array, stop: jax.Array, width: int) -> jax.Array:
    """Return the (q, c) table: is the column a candidate of the query, by its ranges, and not the query itself."""
    column = (start + jnp.arange(width, dtype=jnp.int32))[None, :]
    a, b, c, d = (tile.bounds[:, k, None] for k in range(4))
    inside = ((column >= a) & (column < b)) | ((column >= c) & (column < d))
    return inside & (column < stop) & (column != tile.row[:, None])


def _below(table: jax.Array, query: jax.Array, s: jax.Array, p: int, equal: bool = False) -> jax.Array:
    """Count the numbers of each query's row of `table` (q * p,) that are < s (or <= s), by bisection; at most p - 1."""
    found = jnp.zeros(jnp.broadcast_shapes(query.shape, s.shape), jnp.int32)
    width = p // 2
    while width:
        middle = table[query * p + found + (width - 1)]
        found += jnp.where(middle <= s if equal else middle < s, jnp.int32(width), jnp.int32(0))
        width //= 2
    return found


def _surely_beaten(s: jax.Array, query: jax.Array, edges: tuple[jax.Array, jax.Array], p: int) -> Any:
    """Return how many thresholds entries surely beat, and whether they are undecided about the next."""
    low, high = edges
    first = _below(high, query, s, p)
    return first, low[query * p + first] <= s


def _add_sure_counts(
    steps: jax.Array, s: jax.Array, edges: tuple[jax.Array, jax.Array], p: int
) -> tuple[jax.Array, jax.Array]:
    """Add the entries of a tile to `steps` by how many thresholds they surely beat.

    Few thresholds: a group of columns is summed in integers of 64 bits that hold eight counters of seven bits each,
    so that the tile is read once; more thresholds: one addition to memory an entry.

    Returns
    -------
    steps : array of int32, shape (q * p,)
        At j: entries that beat the first j thresholds (those of j = 0 matter to no threshold).
    undecided : array of bool, shape (q, g)
        Groups that hold an undecided entry.
    """
    n_queries = len(s)
    query = jnp.arange(n_queries, dtype=jnp.int32)[:, None]
    first, undecided = _surely_beaten(s, query, edges, p)
    if p > FEW_THRESHOLDS:
        at = jnp.where(first > 0, query * p + first, n_queries * p)
        return steps.at[at].add(1, mode="drop"), undecided.reshape(n_queries, -1, GROUP).any(axis=2)
    counts = []
    flags = undecided.astype(jnp.int64) << (BITS * COUNTERS)  # one more counter in the first integer
    groups = jnp.zeros(0, bool)
    for word in range(0, p, COUNTERS):
        code = jnp.where(first // COUNTERS == word // COUNTERS, 1 << (BITS * (first % COUNTERS)).astype(jnp.int64), 0)
        sums = jnp.sum((code if word else code + flags).reshape(n_queries, -1, GROUP), axis=2)
        if word == 0:
            groups = sums >> (BITS * COUNTERS) != 0
        counts += [jnp.sum((sums >> (BITS * t)) & (1 << BITS) - 1, axis=1) for t in range(min(COUNTERS, p - word))]
    return steps + jnp.stack(counts, axis=1).astype(jnp.int32).ravel(), groups


def _rounds(flags: jax.Array, size: int, visit: Callable[[jax.Array, _State], _State], state: _State) -> _State:
    """Visit the positions of all set flags, `size` of them a round; the last round is filled with ``flags.size``."""

    def step(left: tuple[jax.Array, _State]) -> tuple[jax.Array, _State]:
        flags, state = left
        number = jnp.cumsum(flags, dtype=jnp.int32)  # of each set flag, from one
        taken = flags & (number <= size)
        everywhere = jnp.arange(flags.size, dtype=jnp.int32)
        places = jnp.full(size, flags.size, jnp.int32)
        places = places.at[jnp.where(taken, number - 1, size)].set(everywhere, mode="drop")
        return flags & ~taken, visit(places, state)

    return lax.while_loop(lambda left: left[0].any(), step, (flags, state))[1]


def _decide(
    state: _State,
    at: jax.Array,
    query: jax.Array,
    column: jax.Array,
    entry: jax.Array | None,
    tile: Tile,
    rows: Resident,
    absolute: bool,
) -> _State:
    """Decide undecided pairs (e,) in float64, and take back what was counted for their entries (None: nothing).

    `at` is where the query's counters begin, past the end for padding.
    """
    p = tile.value.shape[1]
    values = tile.value.ravel()
    value = deciding_value(rows.features, rows.norm, rows.zero, tile.row[query], column, absolute)
    beaten = _below(values, query, value, p)  # thresholds below the value
    reached = _below(values, query, value, p, equal=True)  # and those equal to it
    steps = state.steps.at[at + beaten].add(1, mode="drop")
    if entry is not None:
        counted = _below(tile.high.ravel(), query, entry, p)  # thresholds that the entry was counted for
        steps = steps.at[at + counted].add(-1, mode="drop")
    return _State(
        steps,
        state.ties.at[at + beaten].add(1, mode="drop").at[at + reached].add(-1, mode="drop"),
        state.rechecked + jnp.sum(at < len(values), dtype=jnp.int64),
    )
