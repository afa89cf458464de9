"""The options of ``fastbench fmeasure`` and of its last step; the steps between take `ReportOptions`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..options import option
from .runs.options import ScoreOptions
from .scores.options import ReportOptions

__all__ = ["EXAMPLE", "FmeasureOptions", "HierarchicalOptions"]


#: Where the packaged example is written inside the result folder, and how its manifest names it.
EXAMPLE = "example_input/annotate"


@dataclass(frozen=True, kw_only=True)
class FmeasureOptions(ReportOptions, ScoreOptions):
    """What ``fastbench fmeasure`` was asked to do; with nothing to score it is the packaged example.

    Raises
    ------
    InputError
        On a value that is not a choice or out of range, or values that do not go together.
    """

    def __post_init__(self) -> None:
        """Refuse bad values before anything is read."""
        ScoreOptions.__post_init__(self)
        ReportOptions.__post_init__(self)

    @property
    def is_example(self) -> bool:
        """Whether nothing is named, or the example as a manifest names it, so that the packaged example is scored."""
        if self.annotate_dirs == EXAMPLE:
            return not Path(EXAMPLE).exists()
        return not (self.annotate_dirs or self.truth or self.pred)

    def require_inputs(self) -> None:
        """Raise `InputError` when nothing is named, for a step of which there is no example."""
        if self.is_example:
            raise InputError("Give either --annotate-dirs, or --truth with --pred.")

    def _check_inputs(self) -> None:
        if not self.is_example:
            ScoreOptions._check_inputs(self)
        elif not self.annotate_dirs and (self.gt_label or self.inferred_label or self.ontology):
            raise InputError("Say what to score: --annotate-dirs, or --truth with --pred.")


@dataclass(frozen=True, kw_only=True)
class HierarchicalOptions(ReportOptions):
    """What the last step was asked to do with the folder of the steps before.

    Raises
    ------
    InputError
        On a value that is not a choice or out of range.
    """

    ontology: str = option(
        "Ontology for all runs: ontology_resource.json, OBO or OBO-graph JSON. Left out: the one each was scored with.",
        "",
    )
