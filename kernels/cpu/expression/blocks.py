"""Values of a block of genes, those of a gene and group together, zeros left out.

Expression comes cell by cell; what is ranked or added up is a gene of a group. So a thread takes a block of genes,
counts the entries of each gene and group, and copies them there: two passes over the entries of the block, which are
found by bisection in each cell. Memory: the block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...compile import njit
from ...cores import run_jobs, usable_cores
from ...expression import Expression

__all__ = ["Block", "for_blocks", "sizes_of"]

#: Most entries, and most pairs of gene and group, of a block; blocks that each thread should find.
ENTRIES, PAIRS, BLOCKS = 1 << 23, 1 << 22, 4

Ints = npt.NDArray[np.int64]


class Block(NamedTuple):
    """The genes first..last of G groups.

    The entries of gene i and group g are ``values[offsets[j]:offsets[j + 1]]``, with j = (i - first) G + g.
    """

    first: int
    last: int
    offsets: Ints
    values: npt.NDArray[np.floating]


def sizes_of(groups: npt.NDArray[np.integer], n_groups: int) -> Ints:
    """Return the cells of each group."""
    return np.bincount(groups[groups >= 0], minlength=n_groups).astype(np.int64)


def for_blocks(
    expression: Expression,
    groups: npt.NDArray[np.integer],
    n_groups: int,
    of: Callable[[Block], Any],
    threads: int = 0,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Call ``of(block)`` for blocks of all genes, on several threads."""
    codes = np.ascontiguousarray(groups, np.int64)
    entries = np.zeros(expression.n_genes, np.int64)
    if len(expression.genes):
        _count_genes(expression.genes, entries)
    else:
        entries[:] = expression.n_cells

    def job(first: int, last: int) -> None:
        of(_gathered(expression, codes, n_groups, first, last))

    cuts = _cuts(entries, n_groups, threads or usable_cores())
    run_jobs(
        [(int(entries[first:last].sum()) + 1, partial(job, first, last)) for first, last in cuts], threads, progress
    )


def _cuts(entries: Ints, n_groups: int, threads: int) -> Iterator[tuple[int, int]]:
    """Cut genes into blocks of about as many entries."""
    most = min(ENTRIES, max(int(entries.sum()) // (BLOCKS * threads), 1))
    first, held = 0, 0
    for gene, count in enumerate(entries.tolist()):
        if gene > first and (held + count > most or (gene + 1 - first) * n_groups > PAIRS):
            yield first, gene
            first, held = gene, 0
        held += count
    if first < len(entries):
        yield first, len(entries)


def _gathered(expression: Expression, groups: Ints, n_groups: int, first: int, last: int) -> Block:
    """Return the block of the genes first..last."""
    offsets = np.zeros((last - first) * n_groups + 1, np.int64)
    given = expression.starts, expression.genes, expression.values, groups, first, last, n_groups
    _count(*given, offsets)
    values = np.empty(int(offsets[-1]), expression.values.dtype)
    _fill(*given, offsets[:-1].copy(), values)
    return Block(first, last, offsets, values)


@njit
def _count_genes(genes, entries):
    """Add the entries of each gene to `entries`."""
    for k in range(genes.size):
        entries[genes[k]] += 1


@njit
def _begin(genes, start, stop, first):
    """Return the first place of start..stop whose gene is at least `first`."""
    while start < stop:
        middle = (start + stop) // 2
        if genes[middle] < first:
            start = middle + 1
        else:
            stop = middle
    return start


@njit
def _count(starts, genes, values, groups, first, last, n_groups, offsets):
    """Count the entries of each gene and group, and write to `offsets` where they begin."""
    everywhere = genes.size == 0
    for cell in range(groups.size):
        group = groups[cell]
        if group < 0:
            continue
        start, stop = starts[cell], starts[cell + 1]
        at = start + first if everywhere else _begin(genes, start, stop, first)
        while at < stop:
            gene = at - start if everywhere else np.int64(genes[at])
            if gene >= last:
                break
            if values[at] != 0:
                offsets[(gene - first) * n_groups + group + 1] += 1
            at += 1
    for j in range(1, offsets.size):
        offsets[j] += offsets[j - 1]


@njit
def _fill(starts, genes, values, groups, first, last, n_groups, places, out):
    """Copy the entries of each gene and group to where they begin; places (pairs,) moves on."""
    everywhere = genes.size == 0
    for cell in range(groups.size):
        group = groups[cell]
        if group < 0:
            continue
        start, stop = starts[cell], starts[cell + 1]
        at = start + first if everywhere else _begin(genes, start, stop, first)
        while at < stop:
            gene = at - start if everywhere else np.int64(genes[at])
            if gene >= last:
                break
            if values[at] != 0:
                j = (gene - first) * n_groups + group
                out[places[j]] = values[at]
                places[j] += 1
            at += 1
