"""How counts become tables: the options of the scores."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ....kernels.names import DEVICES
from ...errors import InputError
from ...options import check_choices, option
from ..names import CELL, MACRO, RULES

if TYPE_CHECKING:
    from .tables import Rules

__all__ = ["ReportOptions"]


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """How counts become tables; see `metrics.averages` for the rules of ratios.

    Raises
    ------
    InputError
        On a value that is not a choice or out of range.
    """

    group_by: tuple[str, ...] = option(
        "What groups are made of: metadata keys or obs columns, A,B.", ("model_name",), many="comma"
    )
    bootstrap: int = option("Draws for intervals; 0 for none.", 1000)
    bootstrap_by: str = option("What is drawn: cell, sample, or an obs column such as donor_id.", CELL)
    seed: int = option("Seed of the bootstrap, and of the example.", 0)
    zero_division: float = option("What a ratio without a denominator is worth.", 0.0)
    zero_division_rule: str = option(
        "When a ratio has no denominator; cellarium: F1 also where P + R = 0.", "cellarium", choices=RULES
    )
    macro: str = option(
        "Classes of flat macro means; active: seen as truth or prediction, true: as truth.", "active", choices=MACRO
    )
    beta: float = option("Also report the F-beta of this beta.", 1.0)
    confusions_of: str = option("Group whose confusions are drawn; the best when left out.", "", decides=False)
    figures: bool = option("Draw no figures.", True, decides=False)
    device: str = option("Where kernels run; the numbers are the same.", "auto", choices=DEVICES, decides=False)

    def __post_init__(self) -> None:
        """Refuse bad values."""
        check_choices(self)
        if not self.group_by or len(set(self.group_by)) != len(self.group_by):
            raise InputError("group_by must name one or more keys, each once.")
        if self.bootstrap < 0 or 0 < self.bootstrap < 20:
            raise InputError(f"bootstrap must be 0 (none) or at least 20 draws, but it is {self.bootstrap}.")
        if self.seed < 0:
            raise InputError(f"seed must not be negative, but it is {self.seed}.")
        if not (self.beta > 0 and math.isfinite(self.beta)):
            raise InputError(f"beta must be above 0, but it is {self.beta}.")
        if not (math.isnan(self.zero_division) or 0 <= self.zero_division <= 1):
            raise InputError(f"zero_division must lie between 0 and 1, or be nan, but it is {self.zero_division}.")

    @property
    def rules(self) -> Rules:
        """How ratios become scores."""
        from .tables import Rules

        return Rules(self.zero_division, self.zero_division_rule, self.macro, self.beta)
