"""What a run of ``fastbench fmeasure`` can be told."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from ...kernels.dispatch import DEVICES
from ..errors import InputError
from ..frames import check_one
from .labels import Policy, read_crosswalk
from .metrics import RULES
from .tables import Rules

__all__ = ["CELL", "NO_VALUE", "SAMPLE", "ReportOptions", "ScoreOptions"]

#: What bootstrap units may be called beside columns: cells, and samples (files of truth).
CELL, SAMPLE = "cell", "sample"
#: The group or cluster of cells without a value.
NO_VALUE = "(none)"


@dataclass(frozen=True)
class ScoreOptions:
    """How runs are found, read and counted.

    Attributes
    ----------
    annotate_dirs : str
        Folder of annotate directories, or a ``.txt`` list of them; empty if `truth` and `pred` are given.
    gt_label, inferred_label : str
        Column of the truth in ``obs``; column of rank 1 in ``inferred_labels.csv``.
    f_measure_top_k : int
        Ranks that are scored.
    truth : str
        ``FILE:COLUMN``.
    pred : tuple of str
        ``[NAME=]FILE:COLUMN[,COLUMN...]`` each.
    ontology : str
        Ontology file for all runs; empty: each run's own (`pred`: none).
    root : str
        Root of the ontology.
    relations : tuple of str
        Relations of an OBO file that lead to ancestors.
    score : str
        Column of the score of rank 1; empty: the one beside the label.
    align : {"id", "position"}
        How cells of truth and predictions find each other.
    unknown, root_predictions, match : str
        See `labels.Policy`.
    map : str
        File of a crosswalk.
    cells : bool
        Whether cells are kept in the result folder.
    device : str
        Kernels.
    """

    annotate_dirs: str = ""
    gt_label: str = ""
    inferred_label: str = ""
    f_measure_top_k: int = 1
    truth: str = ""
    pred: tuple[str, ...] = ()
    ontology: str = ""
    root: str = "CL:0000000"
    relations: tuple[str, ...] = ("is_a",)
    score: str = ""
    align: str = "id"
    unknown: str = "error"
    root_predictions: str = "keep"
    match: str = "id"
    map: str = ""
    cells: bool = True
    device: str = "auto"

    def __post_init__(self) -> None:
        """Refuse bad values before anything is read."""
        check_one("align", self.align, ("id", "position"))
        check_one("device", self.device, DEVICES)
        Policy(self.unknown, self.root_predictions, {}, self.match)
        if self.f_measure_top_k < 1:
            raise InputError(f"--f-measure-top-k must be 1 or more, but it is {self.f_measure_top_k}")
        if bool(self.annotate_dirs) == bool(self.truth or self.pred):
            raise InputError("give either --annotate-dirs, or --truth with --pred")
        if self.annotate_dirs and not (self.gt_label and self.inferred_label):
            raise InputError(
                "--annotate-dirs needs --gt-label and --inferred-label, the columns of truth and predictions"
            )
        if bool(self.truth) != bool(self.pred):
            raise InputError("--truth FILE:COLUMN and --pred FILE:COLUMN go together")

    def policy(self) -> Policy:
        """Return what happens to labels; reads the crosswalk."""
        crosswalk = read_crosswalk(Path(self.map).expanduser()) if self.map else {}
        return Policy(self.unknown, self.root_predictions, crosswalk, self.match)


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
            raise InputError("--group-by must name one or more keys, each once")
        if self.bootstrap < 0 or 0 < self.bootstrap < 20:
            raise InputError(f"--bootstrap must be 0 (none) or at least 20 draws, but it is {self.bootstrap}")
        if self.seed < 0:
            raise InputError(f"--seed must not be negative, but it is {self.seed}")
        if not (self.beta > 0 and math.isfinite(self.beta)):
            raise InputError(f"--beta must be above 0, but it is {self.beta}")
        if not (math.isnan(self.zero_division) or 0 <= self.zero_division <= 1):
            raise InputError(f"--zero-division must lie between 0 and 1, or be nan, but it is {self.zero_division}")

    @property
    def rules(self) -> Rules:
        """How ratios become scores."""
        return Rules(self.zero_division, self.zero_division_rule, self.macro, self.beta)
