"""The options of ``fastbench map``."""

from __future__ import annotations

from dataclasses import dataclass

from ...kernels.names import DEVICES, PRECISIONS, TIES
from ..choices import check_one
from ..retrieval.average_precision import DISTANCE_NAMES

__all__ = ["MapOptions"]


@dataclass(frozen=True)
class MapOptions:
    """What ``fastbench map`` was asked to do; field names are the option names.

    Column rules are texts such as ``"Metadata_a,any(Metadata_b,Metadata_c)"``, see `parse_columns`.
    """

    profiles: tuple[str, ...]
    pos_sameby: str
    neg_diffby: str = ""
    pos_diffby: str = ""
    neg_sameby: str = ""
    filter: tuple[str, ...] = ()
    derive: tuple[str, ...] = ()
    queries: str = ""
    reference_index: str = ""
    consensus: str = ""
    multilabel: str = ""
    group_by: str = ""
    distance: str = "cosine"
    ties: str = "expected"
    p_values: str = "exact"
    tail: str = ""
    null: str = "shared"
    aggregate: str = "mean"
    hierarchical_by: str = ""
    null_size: int = 100_000
    seed: int = 0
    threshold: float = 0.05
    features: str = ""
    obsm: str = ""
    missing: str = "error"
    device: str = "auto"
    precision: str = "auto"

    def __post_init__(self) -> None:
        """Refuse bad values before anything is read."""
        from ..retrieval.mean_average_precision import check_arguments

        check_one("distance", self.distance, DISTANCE_NAMES)
        check_one("ties", self.ties, TIES)
        check_one("device", self.device, DEVICES)
        check_one("precision", self.precision, PRECISIONS)
        check_one("missing", self.missing, ("error", "drop-features"))
        check_arguments(
            self.null_size, self.threshold, self.seed, self.p_values, self.tail or None, self.null, self.aggregate
        )
