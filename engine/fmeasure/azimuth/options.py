"""Options of the conversion of Azimuth calls."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import InputError
from ...options import check_choices, option

__all__ = ["DUPLICATES", "EMPTY_IDS", "ID_FORMS", "UNMAPPED", "AzimuthOptions"]

#: What a call without a term may become; see `AzimuthOptions`.
UNMAPPED = ("unknown", "error", "empty", "root")

#: Rows of one label that do not agree; rows without an id; how ids are taken. The first is the default, and the last
#: what cellarium-cas does.
DUPLICATES = ("error", "last")
EMPTY_IDS = ("error", "leave-out", "nan")
ID_FORMS = ("one", "as-written")


@dataclass(frozen=True, kw_only=True)
class AzimuthOptions:
    """Which files are converted, and how.

    The metadata are what Seurat wrote (``write.csv(object@meta.data)``), or the TSV file of the Azimuth app. A call
    without a term is a label that the crosswalk lacks, an id that the ontology lacks, or no label at all. With
    ``unmapped="unknown"`` its name is ``unknown``, or the id as it is, or empty where there is no label; so nothing is
    lost, and the benchmark decides (by its own ``--unknown``). ``error``: refuse. ``empty``: no name. ``root``: the
    root of the ontology.

    Raises
    ------
    InputError
        On a value that is not a choice, or an empty name of the reference.
    """

    azimuth_csv: str = option(
        "Metadata written by Seurat: barcode first, then predicted.<level> and predicted.<level>.score.", reads=True
    )
    h5ad: str = option("The cells and later the truth, .h5ad or .zarr; only cell ids are read.", reads=True)
    crosswalk_csv: str = option("CSV or TSV file: Azimuth label to Cell Ontology id, for all levels.", reads=True)
    crosswalk_azimuth_col: str = option("Column of the Azimuth labels in the crosswalk.")
    crosswalk_cl_id_col: str = option("Column of the ids: CL:0000084, CL_0000084 or an address.")
    azimuth_ref_name: str = option("Azimuth reference, e.g. pbmcref; the model is called azimuth_<name>.")
    crosswalk_cl_label_col: str = option("Column of the labels of terms. Left out: the Azimuth label is the label.", "")
    crosswalk_duplicates: str = option(
        "Labels that the crosswalk gives two meanings; last: the last row counts, as in cellarium-cas.",
        "error",
        choices=DUPLICATES,
    )
    crosswalk_empty_id: str = option(
        "Rows of the crosswalk without an id; leave-out: labels that it lacks; nan: the id is the text nan, as in "
        "cellarium-cas.",
        "error",
        choices=EMPTY_IDS,
    )
    crosswalk_id_form: str = option(
        "How ids are taken; one: CL_0000084, cl:0000084 and the address of a term are CL:0000084; as-written: as they "
        "are, as in cellarium-cas.",
        "one",
        choices=ID_FORMS,
    )
    ontology: str = option(
        "ontology_resource.json, OBO or OBO-graph JSON; sample:cl (the packaged Cell Ontology); or NAME[@RELEASE] of "
        "'fastbench ontology fetch'; goes into the directory.",
        "",
        reads=True,
    )
    levels: tuple[str, ...] = option(
        "Columns of labels, most granular first, LABEL[:SCORE],...; the score is LABEL.score. Left out: all "
        "predicted.<level> with a score, the last first.",
        (),
        many="comma",
    )
    unmapped: str = option(
        "What calls that are no term become; unknown leaves it to the benchmark.", "unknown", choices=UNMAPPED
    )
    relations: tuple[str, ...] = option(
        "Relations of an OBO file that lead to ancestors: is_a or is_a,part_of.", ("is_a",), many="comma"
    )
    response: bool = option(
        "Write ontology_response.json in full (about 1.5 kB a cell), not {}; no benchmark reads it.",
        False,
        flag="--response/--no-response",
    )

    def __post_init__(self) -> None:
        """Refuse bad values before anything is read."""
        check_choices(self)
        if not self.azimuth_ref_name.strip():
            raise InputError("The name of the Azimuth reference is empty; give one, such as pbmcref.")

    @property
    def model_name(self) -> str:
        """Name of the model."""
        return f"azimuth_{self.azimuth_ref_name}"
