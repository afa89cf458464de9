"""How models of annotation results are compared."""

from __future__ import annotations

from dataclasses import dataclass

from ....kernels.names import DEVICES
from ...choices import check_one
from ...options import option
from ..scores.options import ReportOptions

__all__ = ["CompareOptions"]


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """How models of results of ``fastbench fmeasure`` are compared, on the cells that all of them scored.

    Raises
    ------
    InputError
        On a value that is not a choice or out of range.
    """

    results: tuple[str, ...] = option(
        "Result folders of 'fastbench fmeasure' (one with several models will do).", (), positional=True, reads=True
    )
    models: tuple[str, ...] = option(
        "Models to compare, A,B,...; all when left out. Where two results have a model of one name: 'FOLDER: NAME'.",
        (),
        many="comma",
    )
    bootstrap: int = option("Draws for intervals; 0 for none.", 1000)
    bootstrap_by: str = option("What is drawn: cell, sample, or an obs column that was kept with the cells.", "cell")
    seed: int = option("Seed of the bootstrap.", 0)
    macro: str = option("Classes of flat macro means: active (seen as truth or prediction) or true.", "active")
    figures: bool = option("Draw no figures.", True)
    device: str = option("Where kernels run; the numbers are the same.", "auto", choices=DEVICES, decides=False)

    def __post_init__(self) -> None:
        """Refuse bad values before anything is read."""
        check_one("device", self.device, DEVICES)
        _ = self.report

    @property
    def report(self) -> ReportOptions:
        """How counts become tables."""
        return ReportOptions(
            bootstrap=self.bootstrap,
            bootstrap_by=self.bootstrap_by,
            seed=self.seed,
            macro=self.macro,
            figures=self.figures,
            device=self.device,
        )
