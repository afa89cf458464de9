"""The options of ``fastbench perturb``."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError
from ..options import option
from ..tables.options import TextOptions
from .scoring_options import ScoringOptions

__all__ = ["GENES", "PREDICTION", "TRUTH", "VALUES", "PerturbOptions"]

#: What values of files are, as declared or proven.
VALUES = ("auto", "counts", "log1p")
#: Which genes are judged: all of the truth, which every prediction must have, or those that all files share.
GENES = ("all", "shared")
#: Whose control cells the effects of a prediction are taken against.
TRUTH, PREDICTION = "truth", "prediction"


@dataclass(frozen=True, kw_only=True)
class PerturbOptions(ScoringOptions, TextOptions):
    """What ``fastbench perturb`` was asked to do.

    Raises
    ------
    InputError
        On a value that is not a choice or out of range, or values that do not go together.
    """

    screens: tuple[str, ...] = option(
        "The truth alone: FILE or FILE@layer:KEY (h5ad, zarr; cells by genes) or a table (csv, tsv, parquet, arrow: "
        "columns are genes). Without it, a simulated screen.",
        (),
        positional=True,
    )
    condition: str = option(
        "Column of conditions, such as the gene that is knocked down; several separated by commas where files call it "
        "differently, of which each file's first is taken.",
        "",
    )
    control: tuple[str, ...] = option(
        "Conditions that are controls, separated by commas; found by their name (non-targeting, control, ctrl, DMSO "
        "...) when left out, where the truth has one of them.",
        (),
        many="comma",
    )
    control_map: str = option(
        "Table (csv, tsv) with the columns context and condition: the controls of contexts that have others than "
        "--control.",
        "",
        reads=True,
    )
    context_col: str = option(
        "Column of contexts, such as cell types: each has controls of its own and is judged alone.", ""
    )
    input: str = option(
        "What the values are. auto: counts, where all are whole numbers; log1p, where expm1 of every cell sums to one "
        "total; what is neither is refused until it is declared.",
        "auto",
        choices=VALUES,
    )
    total: float | None = option(
        "To which counts of a cell are scaled before log1p; that of the preset when left out. Where files of counts "
        "and of log1p values come together, it must be given, and is the total that the log1p values have.",
        None,
    )
    genes: str = option(
        "Which genes are judged: all of the truth, so that a prediction that lacks some is refused, or those that all "
        "files share.",
        "all",
        choices=GENES,
    )
    gene_col: str = option("Column of var with the names of genes; its index when left out.", "")
    target_genes: bool = option(
        "Conditions act on no gene that is among the genes, as of drugs.",
        True,
    )
    target_map: str = option(
        "Table (csv, tsv) with the columns condition and gene: the genes that conditions act on, a row each, for "
        "conditions whose names do not say it.",
        "",
        reads=True,
    )
    train: str = option("Training cells, FILE or FILE@layer:KEY, from which baselines are made.", "")
    split_col: str = option(
        "Column of the truth that says which cells are of training (train) and which are judged (test); others, such "
        "as val, are left out.",
        "",
    )
    control_source: str = option(
        "Whose control cells the effects of predictions are taken against.", TRUTH, choices=(TRUTH, PREDICTION)
    )

    def __post_init__(self) -> None:
        """Refuse bad values before anything is read."""
        self.check_scoring()
        if self.screens and not self.condition:
            raise InputError("--condition is needed: the column that says how each cell was perturbed.")
        if self.total is not None and not 0 < self.total < float("inf"):
            raise InputError(f"--total must be above 0, but it is {self.total:g}.")
        if self.train and self.split_col:
            raise InputError("--train and --split-col both say what the training cells are; give one of them.")
        if self.target_map and not self.target_genes:
            raise InputError("--target-map names target genes, and --no-target-genes says that there are none.")
        if self.control_map and not self.context_col:
            raise InputError("--control-map names the controls of contexts; give --context-col as well.")
