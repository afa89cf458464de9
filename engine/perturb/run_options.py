"""The options of ``fastbench perturb`` beside those of its calibration and audit."""

from __future__ import annotations

from dataclasses import dataclass

from ..options import option
from .options import PerturbOptions

__all__ = ["RunOptions"]


@dataclass(frozen=True, kw_only=True)
class RunOptions(PerturbOptions):
    """What ``fastbench perturb`` was asked to do.

    Raises
    ------
    InputError
        As `PerturbOptions`.
    """

    screens: tuple[str, ...] = option(
        "The truth, then predictions of it: [NAME=]FILE or [NAME=]FILE@layer:KEY (h5ad, zarr; cells by genes, or one "
        "row a condition), a table (csv, tsv, parquet, arrow: columns are genes) or a submission (vcc). Without any, "
        "a simulated screen.",
        (),
        positional=True,
    )
    de_true: str = option(
        "Differential expression of the truth, found by another tool: a table (csv, tsv, parquet, arrow) with the "
        "columns of pdex and cell-eval (target, feature, log2_fold_change, p_value, fdr) or of scanpy (group, names, "
        "logfoldchanges, pvals, pvals_adj).",
        "",
        reads=True,
    )
    de: tuple[str, ...] = option(
        "The same of predictions, NAME=FILE for each; that of predictions without one is found from their cells.",
        (),
        many="repeat",
    )
    de_tables: bool = option(
        "Write differential expression of the truth (de_true.parquet) and of each prediction (de_NAME.parquet).",
        False,
        decides=False,
    )
    show: str = option(
        "The perturbation whose predicted effects are drawn against the true ones; when left out, the one with the "
        "median score in the metric that tells most.",
        "",
        decides=False,
    )
