"""The confusions of a group as the figure needs them: kind, way through the ontology, and what is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import polars as pl

from ...errors import InputError, examples
from ...figures.style import GREY, OKABE_ITO
from .outline import ways_up

__all__ = ["KINDS", "DrawnConfusion", "listed_confusions", "percent", "terms_of", "written_names"]

NO_PREDICTION = "no prediction"
#: Kinds of confusions: what the legend says, and colour, in the order of the legend.
KINDS = {
    "ancestor": ("too general (ancestor)", OKABE_ITO[0]),
    "descendant": ("too specific (descendant)", OKABE_ITO[1]),
    "other": ("beside (another branch)", OKABE_ITO[2]),
    "apart": ("no common ancestor", OKABE_ITO[3]),
    "wrong": ("another label", OKABE_ITO[0]),
    "none": (NO_PREDICTION, GREY),
    "rest": ("rarer confusions", "#C9C9C9"),
}


@dataclass(frozen=True)
class DrawnConfusion:
    """One confusion of the figure.

    Attributes
    ----------
    truth : str
        The true label.
    predicted : str or None
        The predicted label; None for no prediction.
    cells : int
        Cells of this truth with this prediction.
    share : float
        Their share of the cells of the truth, 0 to 1.
    kind : str
        A key of `KINDS`.
    up, down : sequence of str
        Terms from the truth, and from the prediction, to their lowest common ancestor; both ends included.
    """

    truth: str
    predicted: str | None
    cells: int
    share: float
    kind: str
    up: Sequence[str] = ()
    down: Sequence[str] = ()

    @property
    def colour(self) -> str:
        """Colour of its kind."""
        return KINDS[self.kind][1]

    @property
    def steps(self) -> str:
        """Steps from the truth to the prediction."""
        counts = ((len(self.up) - 1, "up"), (len(self.down) - 1, "down"))
        return ", ".join(f"{n} {way}" for n, way in counts if n > 0) or "–"


def percent(part: float, whole: float = 1.0) -> str:
    """Return a share as text; only nothing is 0 %, and only all is 100 %."""
    share = 100 * part / whole if whole else 0.0
    text = f"{share:.0f}" if share >= 9.95 and not 99.5 <= share < 100 else f"{share:.1f}"
    return {"0.0": "< 0.1" if part else "0", "100.0": "> 99.9"}.get(text, text) + " %"


def listed_confusions(table: pl.DataFrame, parents: Mapping[str, Sequence[str]]) -> list[DrawnConfusion]:
    """Return the confusions of a table, most cells first; see `draw_confusions` for its columns."""
    twice = table.filter(table.select("truth", "predicted").is_duplicated()).select("truth", "predicted").unique()
    if not twice.is_empty():
        raise InputError(
            f"The figure of confusions got {examples(sorted(twice.rows(), key=str))} (truth, predicted) more than "
            "once; give it the confusions of one group."
        )
    found = []
    way = cache(lambda term: ways_up(term, parents))
    table = table.filter(pl.col("cells") > 0)
    for row in table.sort("cells", "truth", "predicted", descending=[True, False, False]).iter_rows(named=True):
        truth, predicted, up, down = row["truth"], row["predicted"], [], []
        kind = row.get("relation") or "wrong"
        if predicted is None:
            kind = "none"
        elif parents:
            met = {"ancestor": predicted, "descendant": truth}.get(kind, row["lowest_common_ancestor"])
            up, down = (way(term).get(met, []) for term in (truth, predicted))
            if kind == "other" and not (up and down):
                kind = "apart"
        found.append(
            DrawnConfusion(
                truth=truth,
                predicted=predicted,
                cells=row["cells"],
                share=row["share_of_truth"],
                kind=kind,
                up=up,
                down=down,
            )
        )
    return found


def terms_of(confusions: Sequence[DrawnConfusion]) -> list[str]:
    """Return terms of confusions in order, each once, without "no prediction"."""
    found = dict.fromkeys(term for one in confusions for term in (one.truth, one.predicted))
    return [term for term in found if term is not None]


def written_names(table: pl.DataFrame, names: Mapping[str, str], terms: Sequence[str]) -> dict[str | None, str]:
    """Return the text for each term: its name, and its id where names are the same."""
    known = dict(names)
    for side in ("truth", "predicted"):
        pairs = table.select(side, f"{side}_name").drop_nulls()
        known |= dict(pairs.iter_rows())
    found = {term: known.get(term) or term for term in terms}
    count = Counter(found.values())
    labels: dict[str | None, str] = {None: NO_PREDICTION}
    for term, name in found.items():
        labels[term] = f"{name} ({term})" if count[name] > 1 and name != term else name
    return labels
