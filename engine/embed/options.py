"""The options of ``fastbench embed``."""

from __future__ import annotations

from dataclasses import dataclass

from ...kernels.names import DEVICES
from ..errors import InputError
from ..options import check_choices, option
from ..tables.options import MissingOptions

__all__ = ["AGGREGATES", "ANCHORS", "CLASSIFIERS", "COMPARED", "MODES", "UNINTEGRATED_AS", "EmbedOptions"]

#: What embeddings are compared with, see `anchors`.
ANCHORS = ("all", "none")
#: Logistic regression, k nearest neighbours, random forest.
CLASSIFIERS = ("lr", "knn", "rf")
#: How cells of a donor are put together.
AGGREGATES = ("none", "mean", "median")
#: What vectors before integration are taken for.
UNINTEGRATED_AS = ("auto", "counts", "vectors")
#: The definition of a metric, or the number of the tool that it is from.
MODES = ("strict", "compat")
SAMPLE = "sample:pbmc68k@obsm:X_pca"

#: Metrics of ``labels.csv`` by which results are compared, always there, and what they are called.
COMPARED = {
    "silhouette_score": "silhouette of labels",
    "clisi": "cLISI of labels",
    "graph_connectivity": "connectivity of labels",
}


@dataclass(frozen=True, kw_only=True)
class EmbedOptions(MissingOptions):
    """What ``fastbench embed`` was asked to do.

    Raises
    ------
    InputError
        On a value that is not a choice or out of range, or values that do not go together.
    """

    embeddings: tuple[str, ...] = option(
        "Embeddings of the same cells: [NAME=]FILE[@obsm:KEY], [NAME=]FILE[@X] or sample:pbmc68k@obsm:X_pca "
        "(h5ad, zarr, npy, npz, csv, tsv, parquet, arrow). Without any, the packaged sample.",
        (),
        positional=True,
    )
    labels: str = option("Column of labels, such as cell types or compounds.", "")
    batch: str = option("Column of batches, such as plates: adds the metrics of integration.", "")
    donor: str = option("Column of donors: intervals draw donors instead of cells.", "")
    order: str = option("Column of numbers, such as time points: adds the metrics of order.", "")
    species: str = option(
        "Column of species, data sets or tissues: adds label transfer between them, and their integration.", ""
    )
    count_column: str = option(
        "Column of cell counts: adds the embedding cells_per_well, which has nothing else; others should be better.", ""
    )
    unintegrated: str = option(
        "Cells before integration, FILE[@obsm:KEY], FILE@X or FILE@layer:KEY: adds what integration took away, and "
        "their values beside all. Raw counts become 50 principal components of highly variable genes.",
        "",
    )
    unintegrated_as: str = option(
        "What --unintegrated is; auto: raw counts, where all are whole numbers, none below 0, of 200 columns or more.",
        "auto",
        choices=UNINTEGRATED_AS,
    )
    neighbors: str = option(
        "Nearest neighbours of the one embedding that were found before: FILE@obsp:KEY (a graph of distances, as "
        "scanpy writes it), or a .npz with the arrays indices and distances. Metrics that need more have no value.",
        "",
    )
    metadata: str = option(
        "Table (csv, tsv, parquet, arrow) of labels, for bare arrays or joined by --key.", "", reads=True
    )
    key: str = option("Columns by which rows of --metadata are joined.", "")
    tasks: tuple[str, ...] = option(
        "Tasks, separated by commas; all that have what they need when left out.", (), many="comma"
    )
    classifiers: tuple[str, ...] = option(
        "Which predict labels, separated by commas; rf takes most of the time.",
        CLASSIFIERS,
        choices=CLASSIFIERS,
        many="comma",
    )
    aggregate: str = option(
        "How cells of a donor and label become one before labels are transferred.", "none", choices=AGGREGATES
    )
    mode: str = option(
        "Whose numbers; strict: metrics as they are defined, compat: as cz-benchmarks 0.15.1 and scib-metrics 0.5.10 "
        "compute them, where that differs (docs/embed.md).",
        "strict",
        choices=MODES,
    )
    relations: tuple[str, ...] = option(
        "Known relations of labels such as genes: tables with the columns entity1 and entity2, NAME_clusters.tsv, "
        "folders of them, sample:reactome, or efaar (the files of the installed efaar-benchmarking). Adds their recall "
        "and tests of clusters. May be repeated.",
        (),
        many="repeat",
    )
    control_labels: tuple[str, ...] = option(
        "Labels that are controls, separated by commas: adds consistency and magnitude of the other labels.",
        (),
        many="comma",
    )
    retrieval_queries: int = option(
        "Cells that are queries of retrieval_map, drawn by label where there are more; 0 for all.", 5000
    )
    null_size: int = option("Draws of the null distributions of --relations and --control-labels.", 1000)
    anchors: str = option(
        "Whether values are put beside those of random vectors, shuffled labels and perfect vectors.",
        "all",
        choices=ANCHORS,
    )
    subsample: int = option("Judge so many cells, drawn by label in proportion; 0 for all.", 0)
    least_cells: int = option("Labels of fewer cells are left out.", 1)
    bootstrap: int = option("Draws of an interval.", 1000)
    level: float = option("Share of draws inside an interval.", 0.95)
    umap: bool = option(
        "Draw a UMAP of each embedding, coloured by label and batch (umap-learn); of at most 20,000 cells.", False
    )
    per_cell: bool = option("Write what each cell adds (per_cell.parquet).", False)
    seed: int = option("Of draws, of shuffled labels and of random vectors.", 0)
    cache: bool = option(
        "Neither keep neighbours and sums of distances of large embeddings for later runs, nor take those of earlier "
        "ones.",
        True,
        decides=False,
    )
    device: str = option("Whose kernels run.", "auto", choices=DEVICES, decides=False)
    threads: int = option("Threads; 0 takes all cores.", 0, decides=False)

    def __post_init__(self) -> None:
        """Refuse bad values before anything is read."""
        check_choices(self)
        for name, least in (
            ("subsample", 0),
            ("least_cells", 1),
            ("bootstrap", 0),
            ("seed", 0),
            ("null_size", 0),
            ("retrieval_queries", 0),
            ("threads", 0),
        ):
            if getattr(self, name) < least:
                raise InputError(f"{name} must be {least} or more, but it is {getattr(self, name)}.")
        if not 0 < self.level < 1:
            raise InputError(f"level must lie between 0 and 1, but it is {self.level:g}.")
        if not self.classifiers:
            raise InputError(f"classifiers names none; there are {', '.join(CLASSIFIERS)}.")
        if self.aggregate != "none" and not self.donor:
            raise InputError(f"--aggregate {self.aggregate} puts cells of a donor together; give --donor as well.")
        if self.neighbors and len(self.embeddings) > 1:
            raise InputError(f"--neighbors are of one embedding, but {len(self.embeddings)} are judged; give that one.")
        if self.key and not self.metadata:
            raise InputError("--key names columns of --metadata; give that table as well.")
