"""Conditions, contexts and genes of all files in the order of the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InputError, counted, examples
from ...tables.profiles import Source
from ..options import PerturbOptions
from ..screens.screen import Panel, Screen
from .files import Found
from .labels import Controls, Key, Labelled, Names, read_pairs

__all__ = ["Targets", "aligned", "encoded", "panel_of", "shared_genes", "wider_panel"]

Ints = npt.NDArray[np.int64]


def shared_genes(truth: Found, others: Sequence[Found], which: str) -> tuple[tuple[str, ...], list[str]]:
    """Return the genes that are judged, in the order of the truth, and what is to be said of the others.

    Parameters
    ----------
    truth : Found
        Its genes are judged.
    others : sequence of Found
        Predictions and training cells.
    which : {"all", "shared"}
        Whether a file may lack some.

    Raises
    ------
    InputError
        When a file lacks genes and may not, or has none.
    """
    genes, notes = truth.genes, []
    mine = set(truth.genes)
    for other in others:
        theirs = set(other.genes)
        if not theirs & mine:
            if {gene.lower() for gene in theirs} & {gene.lower() for gene in mine}:
                raise InputError(
                    f"Genes of '{other.shown}' differ from those of the truth by case alone: "
                    f"{examples(other.genes, 3)} and {examples(truth.genes, 3)}; give both one spelling."
                )
            raise InputError(
                f"'{other.shown}' has none of the genes of the truth: it has {examples(other.genes, 3)}, the truth "
                f"{examples(truth.genes, 3)} (--gene-col names the column of var to take)."
            )
        absent = [gene for gene in truth.genes if gene not in theirs]
        if absent and which == "all":
            raise InputError(
                f"'{other.shown}' lacks {len(absent):,} of the {len(truth.genes):,} genes of the truth: "
                f"{examples(absent)}; values over fewer genes are others, and --genes shared asks for them."
            )
        if absent:
            notes.append(f"'{other.shown}' lacks {counted(len(absent), 'gene')} of the truth: {examples(absent)}.")
        more = [gene for gene in other.genes if gene not in mine]
        if more:
            notes.append(
                f"'{other.shown}' has {counted(len(more), 'gene')} that the truth has not, left out: {examples(more)}."
            )
        genes = tuple(gene for gene in genes if gene in theirs) if absent else genes
    if len(genes) < len(truth.genes):
        notes.append(
            f"{len(genes):,} of the {len(truth.genes):,} genes of the truth, which all files have, are judged; totals "
            "of cells are over these (--genes shared)."
        )
    return genes, notes


def aligned(found: Found, genes: tuple[str, ...]) -> Any:
    """Return the matrix with its columns in the order of `genes`; CSR with sorted indices where it is sparse."""
    matrix = found.matrix
    if found.genes != genes:
        place = {gene: column for column, gene in enumerate(found.genes)}
        matrix = matrix[:, np.array([place[gene] for gene in genes])]
    if isinstance(matrix, np.ndarray):
        return np.ascontiguousarray(matrix)
    matrix.sum_duplicates()  # sorts the indices as well
    return matrix


class Targets:
    """The genes that conditions act on.

    Parameters
    ----------
    options : PerturbOptions
        `target_genes`, `target_map`.
    genes : tuple of str
        That are judged.
    names : Names
        Which names are one condition.

    Attributes
    ----------
    sources : tuple of Source
        The table.
    notes : list of str
        Genes of the table that are not judged.
    """

    def __init__(self, options: PerturbOptions, genes: tuple[str, ...], names: Names) -> None:
        self._column = {gene: column for column, gene in enumerate(genes)} if options.target_genes else {}
        self._map: dict[Key, list[str]] = {}
        self.sources: tuple[Source, ...] = ()
        self.notes: list[str] = []
        if options.target_map:
            pairs, source = read_pairs(options.target_map, "condition", "gene", "--target-map")
            self.sources = (source,)
            for condition, gene in pairs:
                self._map.setdefault(names.key(condition), []).append(gene)
            unknown = sorted({gene for _, gene in pairs if gene not in self._column})
            if unknown:
                self.notes.append(f"--target-map: {len(unknown)} genes are not judged: {examples(unknown)}.")

    def of(self, key: Key) -> Ints:
        """Return the columns of the genes of a condition: those of the table, else those of its name."""
        columns = {self._column[gene] for gene in self._map.get(key, key) if gene in self._column}
        return np.array(sorted(columns), np.int64)


def panel_of(truth: Labelled, controls: Controls, genes: tuple[str, ...], targets: Targets) -> tuple[Panel, list[Key]]:
    """Return what is judged, and the key of each condition.

    A condition is called as the truth spells it most often.
    """
    present = set(truth.codes.tolist())
    shown = {key: _usual(truth.spelled[key]) for code, key in enumerate(truth.keys) if code in present}
    keys = sorted(shown, key=lambda key: shown[key])
    contexts = tuple(name for code, name in enumerate(truth.contexts) if (truth.context_codes == code).any())
    panel = Panel(
        tuple(shown[key] for key in keys),
        controls.everywhere[0],
        contexts,
        genes,
        tuple(targets.of(key) for key in keys),
    )
    return panel, keys


def wider_panel(panel: Panel, keys: Sequence[Key], training: Labelled, targets: Targets) -> tuple[Panel, list[Key]]:
    """Return a panel of training cells: their own conditions, called as those of the truth, and further contexts."""
    called = dict(zip(keys, panel.conditions, strict=True))
    present = set(training.codes.tolist())
    shown = {
        key: called.get(key) or _usual(training.spelled[key])
        for code, key in enumerate(training.keys)
        if code in present
    }
    mine = sorted(shown, key=lambda key: shown[key])
    there = [name for code, name in enumerate(training.contexts) if (training.context_codes == code).any()]
    contexts = (*panel.contexts, *(name for name in there if name not in panel.contexts))
    wider = Panel(
        tuple(shown[key] for key in mine), panel.control, contexts, panel.genes, tuple(targets.of(key) for key in mine)
    )
    return wider, mine


def _usual(spelled: Mapping[str, int]) -> str:
    """Return the spelling of most cells; the first in order where several have as many."""
    return min(spelled, key=lambda name: (-spelled[name], name))


def encoded(
    cells: Labelled, panel: Panel, keys: Sequence[Key], values: str, matrix: Any
) -> tuple[Screen, list[str], dict[str, int]]:
    """Return cells as a screen of a panel, what is to be said of it, and the cells that the panel has not.

    Parameters
    ----------
    cells : Labelled
        Cells.
    panel : Panel
        What is judged.
    keys : sequence of Key
        Of its conditions.
    values : {"counts", "log1p"}
        What `matrix` holds.
    matrix : ndarray or scipy.sparse.csr_array, shape (n, genes)
        Columns as the panel has them.
    """
    place = {key: code for code, key in enumerate(keys)}
    of_key = np.array([*(place.get(key, -2) for key in cells.keys), panel.control_code], np.int64)
    where = {name: code for code, name in enumerate(panel.contexts)}
    of_context = np.array([where.get(name, -2) for name in cells.contexts], np.int64)
    codes, contexts = of_key[cells.codes], of_context[cells.context_codes]
    shown, notes, dropped = cells.found.shown, [], {}
    for found, names, what in (
        (codes, [_usual(cells.spelled[key]) for key in cells.keys], "condition"),
        (contexts, list(cells.contexts), "context"),
    ):
        unknown = found == -2
        if unknown.any():
            mine = cells.codes if what == "condition" else cells.context_codes
            who = [names[code] for code in np.unique(mine[unknown])]
            dropped[f"{what} of '{shown}' that the truth has not"] = int(unknown.sum())
            notes.append(
                f"'{shown}' has {counted(len(who), what)} that the truth has not ({examples(who)}): "
                f"{counted(int(unknown.sum()), 'row')} left out."
            )
    keep = np.flatnonzero((codes != -2) & (contexts != -2))
    if len(keep) < len(codes):
        matrix, codes, contexts = matrix[keep], codes[keep], contexts[keep]
    screen = Screen(cells.found.name, matrix, values, panel, codes, contexts, not cells.of_means)
    return screen, notes, dropped
