"""Options of the conversion of Azimuth calls."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ...choices import check_one
from ...errors import InputError, examples

__all__ = ["UNMAPPED", "AzimuthOptions"]

#: What a call without a term may become; see `AzimuthOptions`.
UNMAPPED = ("unknown", "error", "empty", "root")


@dataclass(frozen=True)
class AzimuthOptions:
    """Which files are converted, and how.

    Attributes
    ----------
    azimuth_csv : str
        Metadata that Seurat wrote (``write.csv(object@meta.data)``, or the TSV file of the Azimuth app): first column
        the barcode, and for each level a column of labels and one of scores.
    h5ad : str
        The cells, in order, and later the ground truth: ``.h5ad`` or ``.zarr``. Only the index of `obs` is read.
    crosswalk_csv : str
        CSV or TSV file with a row for each Azimuth label, of all levels.
    crosswalk_azimuth_col, crosswalk_cl_id_col : str
        Its columns of the Azimuth label and of the id of the term.
    azimuth_ref_name : str
        Name of the Azimuth reference; the model is called ``azimuth_<name>``.
    crosswalk_cl_label_col : str
        Column of the crosswalk with the label of the term; empty for none.
    ontology : str
        ``ontology_resource.json``, OBO or OBO-graph JSON.
    levels : tuple of (label column, score column)
        Most granular first; empty: every ``predicted.X`` that has a ``predicted.X.score``, the last one first.
    unmapped : {"unknown", "error", "empty", "root"}
        What a call without a term becomes: a label that the crosswalk lacks, an id that the ontology lacks, no label
        at all. ``unknown``: the name is ``unknown``, or the id as it is, or empty where there is no label; so nothing
        is lost, and the benchmark decides (by its own ``--unknown``). ``error``: refuse. ``empty``: no name.
        ``root``: the root of the ontology.
    relations : tuple of str
        See `read_ontology`.
    response : bool
        Whether ``ontology_response.json`` is written in full. The benchmark asks only that it is there, and it is
        large (above 1 kB a cell), so by default it is ``{}``.
    """

    azimuth_csv: str
    h5ad: str
    crosswalk_csv: str
    crosswalk_azimuth_col: str
    crosswalk_cl_id_col: str
    azimuth_ref_name: str
    crosswalk_cl_label_col: str = ""
    ontology: str = ""
    levels: tuple[tuple[str, str], ...] = ()
    unmapped: str = "unknown"
    relations: tuple[str, ...] = ("is_a",)
    response: bool = False

    def __post_init__(self) -> None:
        """Refuse bad values before anything is read."""
        check_one("unmapped", self.unmapped, UNMAPPED)
        if not self.azimuth_ref_name.strip():
            raise InputError("The name of the Azimuth reference is empty; give one, such as pbmcref.")
        labels = [label for label, _ in self.levels]
        if len(set(labels)) < len(labels):
            raise InputError(f"The levels ({examples(labels)}) name a column twice; name each once.")

    @property
    def model_name(self) -> str:
        """Name of the model."""
        return f"azimuth_{self.azimuth_ref_name}"

    def as_dict(self) -> dict[str, Any]:
        """Return the options."""
        return asdict(self)
