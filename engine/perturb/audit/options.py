"""The options of ``fastbench perturb audit``."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import InputError
from ...options import option
from ..options import PerturbOptions
from ..scoring_options import PRESETS

__all__ = ["AuditOptions"]


@dataclass(frozen=True, kw_only=True)
class AuditOptions(PerturbOptions):
    """What ``fastbench perturb audit`` was asked to do.

    Raises
    ------
    InputError
        As `PerturbOptions`; on predictions, and on presets that are not there.
    """

    presets: tuple[str, ...] = option(
        "Under which presets, separated by commas; those that need counts are left out where there are none.",
        ("default", "vcc2026", "vcc2025", "cell-eval", "scperteval"),
        choices=PRESETS,
        many="comma",
    )

    def __post_init__(self) -> None:
        """Refuse bad values before anything is read."""
        super().__post_init__()
        if len(self.screens) > 1:
            raise InputError("An audit makes its own predictions of the truth; give the truth alone.")
