"""The options of ``fastbench map``."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError
from ..options import option
from ..painting.names import METRIC_NAMES, NEED_CONTROLS
from ..retrieval.options import NullModel, Scoring
from ..tables.options import MissingOptions

__all__ = ["MapOptions"]


@dataclass(frozen=True, kw_only=True)
class MapOptions(NullModel, Scoring, MissingOptions):
    """What ``fastbench map`` was asked to do.

    Column rules are texts such as ``"Metadata_a,any(Metadata_b,Metadata_c)"``, see `columns.parse_columns`.

    Raises
    ------
    InputError
        On a value that is not a choice or out of range.
    """

    profiles: tuple[str, ...] = option(
        "Profile files (csv, csv.gz, tsv, parquet, arrow, h5ad, zarr, npy, npz), or sample:lincs.",
        positional=True,
        reads=True,
    )
    pos_sameby: str = option("Columns in which positives agree: A,B or any(A,B).")
    neg_diffby: str = option("Columns in which negatives differ.", "")
    pos_diffby: str = option("Columns in which positives differ.", "")
    neg_sameby: str = option("Columns in which negatives agree.", "")
    controls: str = option(
        "The controls, e.g. \"Metadata_broad_sample == 'DMSO'\": they are never a query, but negatives of every query. "
        "Short for --derive, --queries and --neg-diffby.",
        "",
    )
    filter: tuple[str, ...] = option(
        "Keep rows that meet this, e.g. \"Metadata_x == 'a'\"; may be repeated.", (), many="repeat"
    )
    derive: tuple[str, ...] = option(
        "Make a column: \"Metadata_negcon = Metadata_broad_sample == 'DMSO'\"; may be repeated.", (), many="repeat"
    )
    fill: tuple[str, ...] = option(
        "COLUMN=VALUE: put a value where the metadata column has none; may be repeated.", (), many="repeat"
    )
    active_only: str = option(
        "Result folder of an earlier map: keep the rows of its groups that are below the corrected p (and --controls).",
        "",
        reads=True,
    )
    queries: str = option("Score only rows that meet this; the others stay candidates.", "")
    reference_index: str = option(
        "Number the rows that meet this in Metadata_Reference_Index (others -1); with that column in --pos-sameby, "
        "controls do not pair with each other.",
        "",
    )
    consensus: str = option("First take the median profile of each value of this column.", "")
    multilabel: str = option("Column of lists, or of text that holds several labels.", "")
    label_separator: str = option(
        "What separates the labels of --multilabel text; found from the values when left out (| ; , or printed lists).",
        "",
    )
    group_by: str = option("Columns to average over; the pos-sameby columns when left out.", "")
    hierarchical_by: str = option("Two-stage correction: outer columns, a part of group-by.", "")
    dose: str = option(
        "Column of --group-by that holds doses, for the figure of mAP by dose; found by its name when left out.",
        "",
        decides=False,
    )
    features: str = option(
        "Feature columns: all, cellprofiler (Cells_, Cytoplasm_, Nuclei_ ...), or a regular expression. Left out: "
        "all but row numbers and bookkeeping.",
        "",
    )
    metadata: str = option(
        "Table (csv, tsv, parquet, arrow) of the metadata of .npy and .npz, row for row in their order; or "
        "joined by --key, to files of every format.",
        "",
        reads=True,
    )
    key: str = option("Columns by which rows of --metadata are joined.", "")
    embedding: str = option(
        "Column of vectors (lists) in Parquet or Arrow, or array of .npz; found when there is one alone.", ""
    )
    obsm: str = option("AnnData: take features from this obsm key instead of X.", "")
    zarr_fill: bool = option(
        "zarr: read chunks that are not stored, as zarr 3 leaves out zeros, as the fill value; else they are refused.",
        False,
    )

    metrics: tuple[str, ...] = option(
        "Metrics of replicates beside mAP, separated by commas: metrics.csv and metrics_by_group.csv. Replicates are "
        "the profiles of a group, similarity is correlation; grit and mp-value need --controls.",
        (),
        many="comma",
        choices=METRIC_NAMES,
    )
    metrics_k: int = option("--metrics precision-at-k: how many nearest profiles are looked at.", 10)
    metrics_draws: int = option("--metrics mp-value: permutations.", 1000)

    def __post_init__(self) -> None:
        """Refuse bad values before anything is read."""
        Scoring.__post_init__(self)
        NullModel.__post_init__(self)
        self._check_metrics()
        if self.key and not self.metadata:
            raise InputError("--key names columns of --metadata; give that table as well.")

    def _check_metrics(self) -> None:
        """Refuse metrics of replicates that cannot be found."""
        for name in ("metrics_k", "metrics_draws"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be 1 or more, but it is {getattr(self, name)}.")
        without = [name for name in self.metrics if name in NEED_CONTROLS and not self.controls]
        if without:
            raise InputError(f"--metrics {','.join(without)} needs --controls: which profiles are the controls.")
        if self.metrics and self.multilabel:
            raise InputError("--metrics needs one group a profile, so it does not go with --multilabel.")
        if self.metrics and self.degenerate != "refuse":
            raise InputError("--metrics needs finite features, so it does not go with --degenerate drop or last.")

    @property
    def missing_policy(self) -> str:
        """What to do about missing features when they are read; kept, where `degenerate` is about their rows."""
        if self.degenerate == "refuse":
            return self.missing
        return "keep" if self.missing == "error" else "keep-empty-rows"
