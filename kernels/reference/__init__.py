"""The definitions: NumPy float64, written to be read, slow on purpose; the oracle of every test."""

from .average_precision import average_precision
from .confusion import count_confusion
from .means import group_means
from .ontology import ancestor_bits, ancestor_hops, best_predictions, node_counts, overlaps, path_lengths
from .pairs import count_partners, label_partners, partners
from .ranking import count_outranking, prepare

__all__ = [
    "ancestor_bits",
    "ancestor_hops",
    "average_precision",
    "best_predictions",
    "count_confusion",
    "count_outranking",
    "count_partners",
    "group_means",
    "label_partners",
    "node_counts",
    "overlaps",
    "partners",
    "path_lengths",
    "prepare",
]
