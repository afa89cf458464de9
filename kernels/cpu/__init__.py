"""The compiled kernels (Numba and BLAS), function for function those of `kernels.reference`."""

from .average_precision import average_precision
from .pairs import count_partners, label_partners, partners
from .ranking import count_outranking, prepare

__all__ = ["average_precision", "count_outranking", "count_partners", "label_partners", "partners", "prepare"]
