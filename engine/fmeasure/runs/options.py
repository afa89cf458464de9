"""Options of finding, reading and counting runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ....kernels.names import DEVICES
from ...choices import check_one
from ...errors import InputError
from .labels import Policy, read_crosswalk

__all__ = ["ScoreOptions"]


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
            raise InputError(f"--f-measure-top-k must be 1 or more, but it is {self.f_measure_top_k}.")
        if bool(self.annotate_dirs) == bool(self.truth or self.pred):
            raise InputError("Give either --annotate-dirs, or --truth with --pred.")
        if self.annotate_dirs and not (self.gt_label and self.inferred_label):
            raise InputError(
                "--annotate-dirs needs --gt-label and --inferred-label, the columns of truth and predictions."
            )
        if bool(self.truth) != bool(self.pred):
            raise InputError("--truth FILE:COLUMN and --pred FILE:COLUMN go together.")

    def policy(self) -> Policy:
        """Return what happens to labels; reads the crosswalk."""
        crosswalk = read_crosswalk(Path(self.map).expanduser()) if self.map else {}
        return Policy(self.unknown, self.root_predictions, crosswalk, self.match)
