"""Which rows can change places under the pair rules: the blocks of a relabelling (see `nulls.floor`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...kernels.codes import KeyIndex

__all__ = ["EXCHANGE", "Exchange"]

Ints = npt.NDArray[np.int64]

#: The columns of a table of queries that say how its labels can be exchanged.
EXCHANGE = ("n_exchangeable", "n_carriers")


@dataclass(frozen=True)
class Exchange:
    """Blocks and labels of n rows as codes.

    Attributes
    ----------
    block : ndarray of int64, shape (n,)
        Rows of one number agree in all ``neg_sameby`` columns.
    label : ndarray of int64, shape (n,)
        Rows of one number carry one label: they agree in all ``pos_sameby`` columns but the list column, and are of one
        block.
    whole_block : bool
        Whether a label can be given to any row of the block (a list column in ``neg_diffby``); else to the negatives.
    among_labels : bool
        Whether the negatives of a row are all rows of its block without a label in common, and its positives all with
        the label (of its block, if `within_block`): rows then differ in their labels and blocks alone.
    within_block : bool
        Whether positives agree in all ``neg_sameby`` columns too.
    label_columns, block_columns : tuple of str
        The ``pos_sameby`` columns that say the label, the list column among them, and the ``neg_sameby`` columns.
    """

    block: Ints
    label: Ints
    whole_block: bool
    among_labels: bool = False
    within_block: bool = False
    label_columns: tuple[str, ...] = ()
    block_columns: tuple[str, ...] = ()

    def counts(
        self, query: Ints, key: npt.NDArray[np.integer], n_negatives: Ints, labels: KeyIndex | None
    ) -> tuple[Ints, Ints]:
        """Count the exchangeable rows of lists, and the carriers of the label among them.

        Parameters
        ----------
        query : ndarray of int64, shape (u,)
            Row of each list.
        key : ndarray of int64, shape (u,)
            Its label, of a list column.
        n_negatives : ndarray of int64, shape (u,)
            Its negatives.
        labels : KeyIndex or None
            Labels of the list column.

        Returns
        -------
        exchangeable, carriers : ndarray of int64, shape (u,)
        """
        if labels is None:
            carriers = np.bincount(self.label)[self.label[query]]
        else:
            base = int(self.label.max(initial=0)) + 1
            owner = np.repeat(np.arange(len(self.label)), np.diff(labels.row_offsets))
            entries, sizes = np.unique(labels.row_keys.astype(np.int64) * base + self.label[owner], return_counts=True)
            carriers = sizes[np.searchsorted(entries, key.astype(np.int64) * base + self.label[query])]
        if self.whole_block:
            return np.bincount(self.block)[self.block[query]].astype(np.int64), carriers.astype(np.int64)
        return carriers + n_negatives, carriers.astype(np.int64)
