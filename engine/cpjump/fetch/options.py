"""The options of ``fastbench cpjump fetch``. Imports nothing heavy: ``--help`` reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ...choices import did_you_mean
from ...errors import InputError, examples
from ...options import option
from ..checks import check_at_least
from ..names import BATCH, SUFFIX
from ..options import Options
from .gallery import Patience

__all__ = ["FetchOptions"]


@dataclass(frozen=True)
class FetchOptions:
    """What to fetch, from where and to where, and how long to wait for the server.

    Files go to ``<output>/<batch>/<plate>/<plate><suffix>``, where ``fastbench cpjump --profiles`` finds them.

    Raises
    ------
    InputError
        On a plate that is not one of the batch, a suffix that cannot end a name, or no connections.
    """

    output: Path = option("Folder of profiles; files go to <batch>/<plate>/ in it.")
    plates: tuple[str, ...] | None = option(
        "Plates, e.g. BR00116991,BR00116992. Left out: the 40 of the benchmark.", None, many="comma"
    )
    suffix: str = option("How the files end that are fetched, one a plate.", SUFFIX)
    endpoint: str | None = option("Address of a mirror: an S3 service with a bucket cellpainting-gallery.", None)
    connections: int = option("Files fetched at a time.", 8)
    verify: bool = option("Hash the files that are here again; else their size and record are compared.", False)
    overwrite: bool = option("Replace files of these names that fastbench did not fetch.", False)
    patience: Patience = field(default_factory=Patience)

    def __post_init__(self) -> None:
        """Refuse bad values, and name the plates."""
        if not self.suffix or any(sign in self.suffix for sign in '/\\\0<>:"|?*'):
            raise InputError(f"No file can end in {self.suffix!r}: give a suffix such as '{SUFFIX}'.")
        check_at_least("connections", self.connections, 1)
        object.__setattr__(self, "output", Path(self.output).expanduser())
        object.__setattr__(self, "plates", _plates_of_the_batch(self.plates))


def _plates_of_the_batch(asked: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return plates, each once; the 40 of the benchmark when none are asked for."""
    from ...readers.small_table import read_table
    from ..plates.metadata import EXPERIMENT_TABLE, experiments, packaged

    if asked is None:
        return tuple(plate.name for plate in experiments(Options()).plates)
    names = tuple(dict.fromkeys(asked))
    table, _ = read_table(packaged() / EXPERIMENT_TABLE)
    known = set(table.filter(table["Batch"] == BATCH)["Assay_Plate_Barcode"])
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        named = examples(unknown) or "of no name"
        near = did_you_mean(unknown[0], sorted(known)) if unknown else ""
        raise InputError(f"Batch {BATCH} has no plate {named}: give plates of its experiment table{near or '.'}")
    return names
