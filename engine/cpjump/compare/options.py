"""How runs of the CPJUMP1 benchmark are compared."""

from __future__ import annotations

from dataclasses import dataclass

from ...comparison.options import ComparisonOptions
from ...options import option

__all__ = ["CompareOptions"]


@dataclass(frozen=True, kw_only=True)
class CompareOptions(ComparisonOptions):
    """How runs of the CPJUMP1 benchmark are compared; one alone with the published values.

    Raises
    ------
    InputError
        On a number out of range.
    """

    published: bool = option(
        "Put the published fractions of CellProfiler profiles beside the runs; then one run is enough.", False
    )
