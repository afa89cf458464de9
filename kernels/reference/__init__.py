"""The definitions: NumPy float64, written to be read, slow on purpose; the oracle of every test."""

from .average_precision import average_precision
from .pairs import count_partners, label_partners, partners
from .ranking import count_outranking, prepare

__all__ = ["average_precision", "count_outranking", "count_partners", "label_partners", "partners", "prepare"]
