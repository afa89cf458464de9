"""How counts become tables: the options of the scores."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ....kernels.names import DEVICES
from ...choices import check_one
from ...errors import InputError
from ..names import CELL
from .metrics import RULES
from .tables import Rules

__all__ = ["ReportOptions"]


@dataclass(frozen=True)
class ReportOptions:
    """How counts become tables.

    Attributes
    ----------
    group_by : tuple of str
        Metadata keys or ``obs`` columns.
    bootstrap : int
        Draws of the bootstrap; 0 for no intervals.
    bootstrap_by : str
        ``cell``, ``sample``, or a column of ``obs``: what is drawn.
    seed : int
        Of the bootstrap.
    zero_division : float
        What an undefined ratio is worth.
    zero_division_rule : {"cellarium", "sklearn"}
        See `metrics.averages`.
    macro : {"active", "true"}
        Classes of flat macro means.
    beta : float
        Of an F-beta beside F1.
    figures : bool
        Whether figures are drawn.
    device : str
        Kernels.
    """

    group_by: tuple[str, ...] = ("model_name",)
    bootstrap: int = 200
    bootstrap_by: str = CELL
    seed: int = 0
    zero_division: float = 0.0
    zero_division_rule: str = "cellarium"
    macro: str = "active"
    beta: float = 1.0
    figures: bool = True
    device: str = "auto"

    def __post_init__(self) -> None:
        """Refuse bad values."""
        check_one("zero_division_rule", self.zero_division_rule, RULES)
        check_one("macro", self.macro, ("active", "true"))
        check_one("device", self.device, DEVICES)
        if not self.group_by or len(set(self.group_by)) != len(self.group_by):
            raise InputError("--group-by must name one or more keys, each once.")
        if self.bootstrap < 0 or 0 < self.bootstrap < 20:
            raise InputError(f"--bootstrap must be 0 (none) or at least 20 draws, but it is {self.bootstrap}.")
        if self.seed < 0:
            raise InputError(f"--seed must not be negative, but it is {self.seed}.")
        if not (self.beta > 0 and math.isfinite(self.beta)):
            raise InputError(f"--beta must be above 0, but it is {self.beta}.")
        if not (math.isnan(self.zero_division) or 0 <= self.zero_division <= 1):
            raise InputError(f"--zero-division must lie between 0 and 1, or be nan, but it is {self.zero_division}.")

    @property
    def rules(self) -> Rules:
        """How ratios become scores."""
        return Rules(self.zero_division, self.zero_division_rule, self.macro, self.beta)
