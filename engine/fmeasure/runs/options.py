"""Options of finding, reading and counting runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ....kernels.names import DEVICES
from ...errors import InputError
from ...options import check_choices, option
from ...tables.options import TextOptions
from ..names import ALIGN, MATCH_OF_RUNS, ROOT, ROOT_PREDICTIONS, SPELLING, UNKNOWN

if TYPE_CHECKING:
    from .labels import Policy

__all__ = ["ScoreOptions"]


@dataclass(frozen=True, kw_only=True)
class ScoreOptions(TextOptions):
    """How runs are found, read and counted; see `labels.Policy` for what happens to labels.

    Raises
    ------
    InputError
        On a value that is not a choice or out of range, or values that do not go together.
    """

    annotate_dirs: str = option("Folder of annotate directories, or a .txt file that lists them.", "", reads=True)
    gt_label: str = option("Column of the true labels in obs of the ground truth.", "")
    inferred_label: str = option("Column of rank 1 in inferred_labels.csv, e.g. cas_cell_type_name_1.", "")
    f_measure_top_k: int = option("Score the top 1 to k: columns ..._1 to ..._k.", 1)
    truth: str = option(
        "Without directories: the truth, FILE:COLUMN (h5ad, zarr, csv, tsv, parquet, arrow).", "", reads=True
    )
    pred: tuple[str, ...] = option(
        "Without directories: predictions, [NAME=]FILE:COLUMN[,COLUMN...] by rank; may be repeated.",
        (),
        many="repeat",
        reads=True,
    )
    ontology: str = option(
        "Ontology for all runs: ontology_resource.json, OBO or OBO-graph JSON; sample:cl (the packaged Cell Ontology); "
        "or NAME[@RELEASE] of 'fastbench ontology fetch', e.g. cl-basic@2024-05-15. Left out: each directory's own.",
        "",
        reads=True,
    )
    root: str = option("Root of the ontology; it does not count as an ancestor.", ROOT)
    relations: tuple[str, ...] = option(
        "Relations of an OBO file that lead to ancestors: is_a or is_a,part_of.", ("is_a",), many="comma"
    )
    score: str = option("Column of the score of rank 1. Left out: the one beside the label, if there is one.", "")
    align: str = option("Cells are joined by id, or taken by position.", "id", choices=ALIGN)
    unknown: str = option(
        "Labels outside the ontology, or none; drop leaves the cell out, miss makes it a false negative without a "
        "prediction.",
        "error",
        choices=UNKNOWN,
    )
    root_predictions: str = option(
        "Predictions of the root; keep makes them a label like any other.", "keep", choices=ROOT_PREDICTIONS
    )
    unknown_limit: float = option(
        "Stop where more than this share of a run's cells has a label outside the ontology; 1: go on whatever comes.",
        0.5,
    )
    match: str = option(
        "Whether labels are ids, names of the ontology, or ids and else names (any); auto: told of each column, and "
        "noted.",
        "id",
        choices=MATCH_OF_RUNS,
    )
    spelling: str = option(
        "plain: labels that differ only by space, case or Unicode form, and numbers of one value, are one; exact: "
        "labels are equal only if they are written alike.",
        "plain",
        choices=SPELLING,
    )
    map: tuple[str, ...] = option(
        "Crosswalk, [MODEL=]FILE: a CSV file of two columns, label and replacement (an id or a name), for all labels, "
        "those of one model, or of the truth (truth=FILE); may be repeated.",
        (),
        many="repeat",
        reads=True,
    )
    id: tuple[str, ...] = option(
        "Columns of cell ids: the first of them that a file has. Left out: the index of obs, or the first column.",
        (),
        many="comma",
    )
    strip_suffix: bool = option(
        "Take suffixes such as the -1 of barcodes off the cell ids of the side that has them.", False
    )
    zarr_fill: bool = option(
        "zarr: read chunks that are not stored, as zarr 3 leaves out zeros, as the fill value; else they are refused.",
        False,
    )
    cells: bool = option("Do not keep the calls of every cell in the result folder.", True, decides=False)
    device: str = option("Where kernels run; the numbers are the same.", "auto", choices=DEVICES, decides=False)

    def __post_init__(self) -> None:
        """Refuse bad values before anything is read."""
        if isinstance(self.map, str):
            object.__setattr__(self, "map", (self.map,))
        object.__setattr__(self, "map", tuple(filter(None, self.map)))
        check_choices(self)
        if not 0 <= self.unknown_limit <= 1:
            raise InputError(f"unknown_limit must lie between 0 and 1, but it is {self.unknown_limit}.")
        if self.f_measure_top_k < 1:
            raise InputError(f"f_measure_top_k must be 1 or more, but it is {self.f_measure_top_k}.")
        if self.align == "position" and self.strip_suffix:
            raise InputError("--strip-suffix is for cells that are joined by id; leave it or --align position out.")
        self._check_inputs()

    def _check_inputs(self) -> None:
        """Refuse inputs that do not go together."""
        if bool(self.annotate_dirs) == bool(self.truth or self.pred):
            raise InputError("Give either --annotate-dirs, or --truth with --pred.")
        if self.annotate_dirs and not (self.gt_label and self.inferred_label):
            raise InputError(
                "--annotate-dirs needs --gt-label and --inferred-label, the columns of truth and predictions."
            )
        if bool(self.truth) != bool(self.pred):
            raise InputError("--truth FILE:COLUMN and --pred FILE:COLUMN go together.")

    def policy(self) -> Policy:
        """Return what happens to labels, but for the crosswalks."""
        from .labels import Policy

        return Policy(self.unknown, self.root_predictions, {}, self.match, self.unknown_limit, self.spelling)
