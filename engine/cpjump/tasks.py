"""The table of rules: what is a positive, what a negative, and how results are grouped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from .names import MODALITY, SAMPLE, TARGET
from .presets import Preset

__all__ = [
    "COMPOUND_MATCHING",
    "CRISPR_MATCHING",
    "REPLICABILITY",
    "Rules",
    "gene_compound_matching",
    "replicability",
]


@dataclass(frozen=True)
class Rules:
    """The rules of one task, by metadata column.

    Parameters
    ----------
    pos_sameby, pos_diffby, neg_sameby, neg_diffby : tuple of str
        Columns that must agree or differ in a positive or a negative pair.
    distance : {"cosine", "abs_cosine"}
        The similarity.
    by : str
        The column that groups queries.
    multilabel : bool
        Whether ``by`` is a list of labels, each scored by itself.
    """

    pos_sameby: tuple[str, ...]
    pos_diffby: tuple[str, ...]
    neg_sameby: tuple[str, ...]
    neg_diffby: tuple[str, ...]
    distance: str
    by: str
    multilabel: bool = False


_WELL: Final = "Metadata_Well"

# A treated well against its replicates on any plate of the configuration, its own included, among the
# controls of its own plate.
REPLICABILITY: Final = Rules((SAMPLE,), (), ("Metadata_Plate",), ("Metadata_negcon",), "cosine", SAMPLE)
# Compounds of a target, among the compounds that share no target; the direction of an effect does not count.
COMPOUND_MATCHING: Final = Rules((TARGET,), (), (), (TARGET,), "abs_cosine", TARGET, multilabel=True)
# The two guides of a gene, among the guides of other genes.
CRISPR_MATCHING: Final = Rules((TARGET,), (), (), (TARGET,), "cosine", TARGET)


def replicability(variant: str) -> Rules:
    """Return the rules of replicates: any, or only those in the same well of other plates, or in other wells.

    Parameters
    ----------
    variant : {"any", "same-position", "different-position"}
        The last two were published for ORFs, of which each stands in two wells of a plate map: what replicates in one
        well share may be the well.
    """
    if variant == "same-position":
        return replace(REPLICABILITY, pos_sameby=(*REPLICABILITY.pos_sameby, _WELL))
    if variant == "different-position":
        return replace(REPLICABILITY, pos_diffby=(*REPLICABILITY.pos_diffby, _WELL))
    return REPLICABILITY


def gene_compound_matching(preset: Preset) -> Rules:
    """Return the rules of compounds against the guides or ORFs of their targets, and back.

    Parameters
    ----------
    preset : Preset
        With ``negatives_contain_positives`` every pair of a compound and a gene is a negative.
    """
    excluded = (MODALITY,) if preset.negatives_contain_positives else (TARGET, MODALITY)
    return Rules(
        (TARGET,),
        (MODALITY,),
        (),
        excluded,
        "abs_cosine",
        TARGET,
        multilabel=True,
    )
