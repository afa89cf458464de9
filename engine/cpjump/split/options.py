"""The options of ``fastbench cpjump split``. Imports nothing heavy: ``--help`` reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ...choices import check_one
from ...errors import InputError
from ...options import check_choices, option
from ..checks import check_at_least
from ..names import SUBSETS

__all__ = ["ORDERS", "TAKES", "TARGET_RULES", "SplitOptions"]

ORDERS: Final = ("radix", "first-appearance")
#: Which targets of a compound bind it to others; see `components.target_labels`.
TARGET_RULES: Final = ("all", "perturbed", "primary")
#: Strategies, and the options that only they take, with their defaults.
TAKES: Final[Mapping[str, Mapping[str, Any]]] = {
    "leak_free": {"fractions": (0.6, 0.2, 0.2), "targets": "all", "seed": 0},
    "cpjump1_official_representation": {},
    "cpjump1_official_gene_compound": {"order": "radix"},
    "cellclip_cpjump_style": {},
}


@dataclass(frozen=True)
class SplitOptions:
    """How to split.

    With `targets` "all" the largest group that cannot be parted has 66.9 % of all wells, so that the default fractions
    end as 0.669, 0.169 and 0.163; with "perturbed" it has 39.4 %, with "primary" 1.2 %, and the fractions are met to
    the well. Positive controls are 46 compounds, 58 guides and 30 ORFs, on 30 genes.

    Raises
    ------
    InputError
        For a value that is not known or out of range, and for one that the strategy does not take.
    """

    strategy: str = option("How wells are split.", "leak_free", choices=(*TAKES,))
    exclude_poscon: bool = option("Leave positive controls out; they are treated wells otherwise.", False)
    order: str | None = option(
        "Targets of cpjump1_official_gene_compound: radix (published rank, the default) or first-appearance (the "
        "released example).",
        None,
        choices=ORDERS,
    )
    fractions: tuple[float, ...] | None = option(
        "leak_free: wells in train,validate,test; default: 0.6,0.2,0.2.", None, many="comma"
    )
    targets: str | None = option(
        "leak_free: what compounds may not share over subsets: all targets of their lists (default; two thirds of the "
        "wells are then one group), perturbed (those that a guide or ORF has) or primary.",
        None,
        choices=TARGET_RULES,
    )
    seed: int | None = option("leak_free: order of groups of equal size; default: 0.", None)

    def __post_init__(self) -> None:
        """Refuse bad values, and fill in the defaults of the strategy."""
        check_one("strategy", self.strategy, TAKES)
        taken = TAKES[self.strategy]
        for name in ("order", "fractions", "targets", "seed"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, taken.get(name))
            elif name not in taken:
                others = " or ".join(strategy for strategy, takes in TAKES.items() if name in takes)
                raise InputError(f"{name} is for the strategy {others}, not for {self.strategy}: leave it out.")
        check_choices(self)
        if self.seed is not None:
            check_at_least("seed", self.seed, 0)
        shares = self.fractions
        if shares is not None and not (
            len(shares) == len(SUBSETS) and all(0 <= share <= 1 for share in shares) and abs(sum(shares) - 1) < 1e-9
        ):
            given = ", ".join(f"{share:g}" for share in shares)
            raise InputError(f"fractions are {given}: give three, of train, validate and test, that add up to 1.")

    def as_dict(self) -> dict[str, object]:
        """Every option that the strategy takes, as plain values."""
        return {name: value for name, value in vars(self).items() if value is not None}
