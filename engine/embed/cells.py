"""The cells that are embedded, and what is known of them: labels, batches, donors, an order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from ..painting.relation_files import RelationFiles

__all__ = ["Cells", "Groups", "Known", "grouped"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Groups:
    """A column of labels, as codes.

    Attributes
    ----------
    codes : ndarray of int64, shape (n,)
        0 .. len(names) - 1.
    names : tuple of str
        Sorted.
    """

    codes: Ints
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def sizes(self) -> Ints:
        """Cells of each group."""
        return np.bincount(self.codes, minlength=len(self.names)).astype(np.int64)

    def rows(self, code: int) -> Ints:
        """Return the cells of a group."""
        return np.flatnonzero(self.codes == code)

    def of(self, rows: Ints) -> Groups:
        """Return the groups of some cells, those that are left."""
        left, codes = np.unique(self.codes[rows], return_inverse=True)
        return Groups(codes.astype(np.int64), tuple(self.names[code] for code in left))


def grouped(values: npt.NDArray[np.str_] | list[str]) -> Groups:
    """Return the codes of text labels, in the order of their names."""
    names, codes = np.unique(np.asarray(values, dtype=str), return_inverse=True)
    return Groups(codes.astype(np.int64), tuple(names.tolist()))


@dataclass(frozen=True)
class Cells:
    """What is known of n cells.

    Attributes
    ----------
    labels : Groups
        What they are.
    batch, donor : Groups, optional
        Where they come from.
    order : ndarray of float64, shape (n,), optional
        Their place in a sequence, such as a time point.
    species : Groups, optional
        Between which labels are transferred; data sets or tissues as well.
    """

    labels: Groups
    batch: Groups | None = None
    donor: Groups | None = None
    order: npt.NDArray[np.float64] | None = None
    species: Groups | None = None

    def __len__(self) -> int:
        return len(self.labels.codes)

    @property
    def batches_of_labels(self) -> Ints:
        """Batches that each label occurs in, (labels,); where batches are known."""
        assert self.batch is not None
        return self.groups_of_labels(self.batch)

    def groups_of_labels(self, groups: Groups) -> Ints:
        """Return how many of some groups of the cells each label occurs in, (labels,)."""
        pairs = np.unique(np.stack([self.labels.codes, groups.codes]), axis=1)
        return np.bincount(pairs[0], minlength=len(self.labels)).astype(np.int64)

    def of(self, rows: Ints) -> Cells:
        """Return some of the cells."""
        return Cells(
            self.labels.of(rows),
            self.batch.of(rows) if self.batch else None,
            self.donor.of(rows) if self.donor else None,
            self.order[rows] if self.order is not None else None,
            self.species.of(rows) if self.species else None,
        )

    def shuffled_labels(self, seed: int) -> Cells:
        """Return them with labels and order each moved to other cells at random."""
        rng = np.random.default_rng(seed)
        labels = Groups(rng.permutation(self.labels.codes), self.labels.names)
        return replace(self, labels=labels, order=rng.permutation(self.order) if self.order is not None else None)

    def shuffled_batches(self, seed: int) -> Cells:
        """Return them with batches and species each moved at random among the cells of a label.

        Each label keeps its cells of each batch: what the design does not allow is not asked for.
        """
        rng = np.random.default_rng(seed)

        def moved(groups: Groups) -> Groups:
            codes = groups.codes.copy()
            for code in range(len(self.labels)):
                rows = self.labels.rows(code)
                codes[rows] = rng.permutation(codes[rows])
            return Groups(codes, groups.names)

        return replace(
            self,
            batch=moved(self.batch) if self.batch else None,
            species=moved(self.species) if self.species else None,
        )


@dataclass(frozen=True)
class Known:
    """What is known of labels that are perturbations.

    Attributes
    ----------
    relations : RelationFiles
        Relations and clusters of labels.
    controls : tuple of str
        Labels that are controls.
    null_size, seed : int
        Draws of a null distribution, and their seed.
    queries : int
        Cells that are queries of retrieval at most, about; 0: all.
    """

    relations: RelationFiles = field(default_factory=RelationFiles)
    controls: tuple[str, ...] = ()
    null_size: int = 1000
    seed: int = 0
    queries: int = 5000
