"""How predictions are scored: the options that every form of ``fastbench perturb`` shares."""

from __future__ import annotations

from dataclasses import dataclass

from ...kernels.names import DEVICES
from ..errors import InputError
from ..options import check_choices, option

__all__ = ["PRESETS", "ScoringOptions"]

#: Sets of metrics, with the names and settings of a peer; see `presets`.
PRESETS = ("default", "vcc2026", "vcc2025", "cell-eval", "scperteval", "cz-benchmarks")


@dataclass(frozen=True, kw_only=True)
class ScoringOptions:
    """How predictions are scored."""

    preset: str = option(
        "Which metrics, and whose settings: those of fastbench, or a peer's numbers under the peer's names.",
        "default",
        choices=PRESETS,
    )
    metrics: tuple[str, ...] = option(
        "Only these metrics of the preset, separated by commas; all when left out.", (), many="comma"
    )
    splits: int = option("Halvings of the truth from which the replicate ceiling is found; 0 leaves it out.", 5)
    bootstrap: int = option("Draws of an interval, over perturbations.", 1000)
    level: float = option("Share of draws inside the interval.", 0.95)
    seed: int = option("Of halvings, baselines and draws.", 0)
    device: str = option("Whose kernels run.", "auto", choices=DEVICES, decides=False)
    threads: int = option("Threads; 0 takes all cores.", 0, decides=False)

    def check_scoring(self) -> None:
        """Refuse bad values before anything is read.

        Raises
        ------
        InputError
            On a value that is not a choice or out of range.
        """
        check_choices(self)
        for name in ("splits", "bootstrap", "seed", "threads"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} must be 0 or more, but it is {getattr(self, name)}.")
        if not 0 < self.level < 1:
            raise InputError(f"level must lie between 0 and 1, but it is {self.level:g}.")
