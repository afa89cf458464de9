"""The three published ways of running the CPJUMP1 benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["PRESETS", "Preset"]


@dataclass(frozen=True)
class Preset:
    """One published way of running the benchmark.

    Parameters
    ----------
    name : str
        The name it is asked by.
    negatives_contain_positives : bool
        Whether the negatives of gene-compound matching are every pair of a compound and a gene, the true
        pairs included. The published scripts do this: their list of a gene is a plain string, whose set of
        labels is the set of its letters, so no true pair is ever left out.
    unpaired_are_retrieved : bool
        Whether a well that has no replicate keeps its place with the smallest p-value there is and no AP.
        The published scripts do this, because a comparison with NaN is false.
    gate_genes : bool
        Whether guides and ORFs must be replicable to be matched, as compounds must.
    ties : str
        The rule for a positive and a negative of equal similarity, which matters where every true pair is a
        negative too. The published rule is the reversed order of an unstable sort, which puts the positive before
        its own copy in one to nine of ten lists, depending on the build of NumPy and the processor. The mean over
        the orders stands in the middle, as the expected value of a random null does for its p-value;
        "optimistic" is nearer to old builds of NumPy.
    plate_scaler : bool
        How the branch of CellCLIP corrects: embeddings are standardised plate by plate on all wells after the
        projection, and profiles are projected after the consensus and not standardised. Otherwise wells are
        corrected before anything else, and standardised by the projected controls.
    accumulated_test_filter : bool
        Whether test labels filter all wells read so far by the well names of each plate, as that branch does.
    """

    name: str
    negatives_contain_positives: bool
    unpaired_are_retrieved: bool
    gate_genes: bool
    ties: str = "expected"
    plate_scaler: bool = False
    accumulated_test_filter: bool = False

    @property
    def corrections(self) -> tuple[str, ...]:
        """One sentence for each way in which this preset departs from the published scripts on purpose."""
        sentences = []
        if not self.negatives_contain_positives:
            sentences.append(
                "Gene-compound matching: a true compound-gene pair is never a negative "
                "(the published scripts count every true pair as a negative too)."
            )
        if not self.unpaired_are_retrieved:
            sentences.append(
                "A query with no positive or no negative is dropped and counted "
                "(the published scripts give it the smallest p-value and call its group retrieved)."
            )
        sentences += [
            "A run with nothing to score is reported and stops no other run "
            "(the published scripts stop, or skip the runs that follow it).",
            "The unseeded null is replaced by its expectation, of the null distribution of AP: p-values need no draw.",
        ]
        return tuple(sentences)


PRESETS: Final = {
    preset.name: preset
    for preset in (
        Preset("stable", negatives_contain_positives=False, unpaired_are_retrieved=False, gate_genes=True),
        Preset("paper", negatives_contain_positives=True, unpaired_are_retrieved=True, gate_genes=True),
        Preset(
            "cellclip",
            negatives_contain_positives=True,
            unpaired_are_retrieved=True,
            gate_genes=False,
            plate_scaler=True,
            accumulated_test_filter=True,
        ),
    )
}
