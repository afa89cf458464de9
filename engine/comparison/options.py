"""How results are compared."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError
from ..options import option

__all__ = ["MOST_DRAWS", "CompareOptions", "ComparisonOptions"]

#: More draws would take gigabytes, and change nothing that can be seen.
MOST_DRAWS = 200_000


@dataclass(frozen=True, kw_only=True)
class ComparisonOptions:
    """What all comparisons can be asked.

    Raises
    ------
    InputError
        On a number out of range.
    """

    results: tuple[str, ...] = option(
        "Result folders of one command, DIR or NAME=DIR; two or more.", (), positional=True, reads=True
    )
    baseline: str = option("The run that the others are compared with; the first when left out.", "")
    all_pairs: bool = option("Compare every run with every other.", False)
    bootstrap: int = option("Draws of the randomisation test; 0: no intervals, no tests.", 10_000)
    seed: int = option("Seed of the draws.", 0)
    figures: bool = option("Draw no figures.", True)

    def __post_init__(self) -> None:
        """Refuse bad values before anything is read."""
        if not 0 <= self.bootstrap <= MOST_DRAWS:
            raise InputError(f"bootstrap must lie between 0 and {MOST_DRAWS:,}, but it is {self.bootstrap:,}.")
        if self.seed < 0:
            raise InputError(f"seed must not be negative, but it is {self.seed}.")


@dataclass(frozen=True, kw_only=True)
class CompareOptions(ComparisonOptions):
    """How results that are compared by one table are compared."""

    cluster_by: tuple[str, ...] = option(
        "Columns of the groups; those of one value depend on each other and are swapped together.", (), many="comma"
    )
