"""Learned embeddings as the features of the benchmark: vectors joined to wells by plate and well, never by position.

Two layouts: a folder with one CellCLIP file a plate (``<plate>.h5`` or ``<batch>/<plate>.h5``), or one file with the
vectors of many plates (`readers.vectors`). What lies in the wells is said by the packaged plate maps, or by the
metadata columns of a folder of profiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from ...choices import check_one
from ...errors import InputError, examples
from ...readers.vector_table import PLATE, SAMPLE, WELL, Vectors, VectorTable
from ...tables.labels import DEFAULT, MISSING_TEXT
from ...tables.profiles import Profiles, consensus
from ..names import BATCH, SUFFIX, WELL_AGGREGATES
from .embedding_files import OneFile, PlateFolder, is_one_file, open_embeddings
from .files import ReaderMemory, plate_files
from .metadata import Plate
from .well_metadata import profile_wells, wells_on_maps

if TYPE_CHECKING:
    from .metadata import PlateReader

__all__ = ["embedding_files", "embedding_reader", "plates_without_embeddings"]

# Text that stands for a well without a sample: CellCLIP's two converters write NaN and control.
_UNNAMED: Final = (*MISSING_TEXT, "control", "DMSO", "empty")
# Columns of the keys beside the names: row in the file, row in the metadata, and the sample that lies in the well.
_ROW, _PLACE, _MAPPED = "row", "place", "mapped"


def embedding_reader(
    path: str | Path,
    *,
    keys: str | Path | None = None,
    obsm: str | None = None,
    key: Sequence[str] = (),
    embedding: str = "",
    zarr_fill: bool = False,
    well_aggregate: str | None = None,
    batch: str = BATCH,
    profiles: Path | None = None,
    suffix: str = SUFFIX,
    missing_text: Sequence[str] = (DEFAULT,),
    memory: ReaderMemory | None = None,
) -> PlateReader:
    """Return what reads the embeddings of plates, in the place of `wells.plate_reader`.

    Parameters
    ----------
    path : path
        A folder with ``<plate>.h5`` or ``<batch>/<plate>.h5``, or one file of any format of `readers.vectors`.
    keys : path, optional
        For ``.npy`` and ``.npz``: CSV, TSV or Parquet with ``Metadata_Plate`` and ``Metadata_Well``, its rows in the
        order of the vectors.
    obsm : str, optional
        For AnnData: the entry of `obsm`. Default: `X`.
    key : sequence of 2 str, optional
        Columns of plates and of wells, where their names do not say it.
    embedding : str, optional
        The column of vectors of Parquet, or the array of a ``.npz``; needed where there are several.
    zarr_fill : bool, default False
        Whether chunks that a zarr folder does not store are read as their fill value; they are refused otherwise.
    well_aggregate : {"mean", "median", "error"}, optional
        What to do about several vectors of a well (sites, crops, cells): take their mean or median, or refuse
        them. By default their mean is taken and told where most wells of the configuration have several, and
        they are refused where most have one, and always in a file of one plate, which holds a well once: there, a
        second vector is a copy.
    batch : str, default "2020_11_04_CPJUMP1"
        Name of the batch level of folders.
    profiles : Path, optional
        Folder of profiles whose metadata columns say what lies in the wells. Default: the packaged plate maps.
    suffix : str
        How the profile files of a plate end.
    missing_text : sequence of str, default ("default",)
        Texts of those metadata columns that mean missing, see `labels.missing_texts`.
    memory : ReaderMemory, optional
        What was read before; filled with what is read now.

    Returns
    -------
    callable
        From the plates of one configuration to `Profiles` of n wells and D features, named ``Embedding_0001`` and so
        on, in the order of the plates and their maps; or to None when no plate has embeddings. Only the vectors of
        these plates are read. `Source.n_rows` counts all rows of a file: where a file serves several configurations,
        its source is the same each time.

        Wells without a vector are left out, for `wells.read_wells` to count and name. Dropped and told in
        `notes`, with examples by plate: vectors of wells that are not on the plate, vectors with NaN or infinite
        values, and wells whose vector is of zeros and has no direction. Kept and told: samples named otherwise than
        on the plate map, whose name counts.

    Raises
    ------
    InputError
        From here: when there is nothing at `path` or it cannot be used. From the reader: for a damaged file; vectors
        of different D; two plates with the same content; several vectors of a well where they are refused; and a
        plate of which no vector is of a well on it, more than half of the samples are not those that lie in the
        wells, or more than half of the vectors are not finite or are zeros.
    """
    if well_aggregate is not None:
        check_one("well_aggregate", well_aggregate, WELL_AGGREGATES)
    files = open_embeddings(path, keys, obsm, batch, zarr_fill, key=key, embedding=embedding)
    known = memory or ReaderMemory()
    read_metadata = wells_on_maps if profiles is None else profile_wells(profiles, batch, suffix, known, missing_text)

    def read(plates: Sequence[Plate]) -> Profiles | None:
        present = [plate for plate in plates if _is_there(plate, files, batch, profiles, suffix)]
        if not present:
            return None
        labelled = read_metadata(present)
        wells = _with_row_numbers(labelled.metadata)
        noted = _WellNotes()
        tables = files.tables([plate.name for plate in present])
        features = np.empty((len(labelled), 0), np.float32)
        filled = np.zeros(len(labelled), bool)
        for table in tables:
            _check_copies(table, known.vector_files)
            places, vectors = _of_wells(table, wells, well_aggregate, noted)
            _check_dimension(table, vectors.shape[1], known.dimensions)
            if not features.shape[1]:
                features = np.empty((len(labelled), vectors.shape[1]), np.float32)
            features[places] = vectors
            filled[places] = True
        if not filled.all():
            features = features[filled]
        names = tuple(f"Embedding_{i:04d}" for i in range(1, features.shape[1] + 1))
        sources = (*labelled.sources, *(source for table in tables for source in table.sources))
        new = [note for table in tables for note in table.notes if note not in known.told]
        known.told.update(dict.fromkeys(new))
        notes = (*labelled.notes, *new, *noted.notes())
        return Profiles(labelled.metadata.filter(pl.Series(filled)), features, names, sources, notes)

    return read


def plates_without_embeddings(
    plates: Sequence[Plate],
    path: str | Path,
    *,
    keys: str | Path | None = None,
    obsm: str | None = None,
    key: Sequence[str] = (),
    embedding: str = "",
    zarr_fill: bool = False,
    batch: str = BATCH,
    profiles: Path | None = None,
    suffix: str = SUFFIX,
) -> tuple[str, ...]:
    """List the plates that have no embeddings (or, where a folder of profiles is given, no profile file).

    Parameters
    ----------
    plates : sequence of Plate
    path, keys, obsm, key, embedding, zarr_fill, batch, profiles, suffix
        As in `embedding_reader`. Of a file, plates and wells are read; of a folder, the names of its files.

    Returns
    -------
    tuple of str
        In the order of `plates`.
    """
    files = open_embeddings(path, keys, obsm, batch, zarr_fill, key=key, embedding=embedding)
    return tuple(plate.name for plate in plates if not _is_there(plate, files, batch, profiles, suffix))


def embedding_files(
    plates: Sequence[Plate],
    path: str | Path,
    *,
    keys: str | Path | None = None,
    obsm: str | None = None,
    key: Sequence[str] = (),
    embedding: str = "",
    zarr_fill: bool = False,
    batch: str = BATCH,
    profiles: Path | None = None,
    suffix: str = SUFFIX,
) -> list[Path]:
    """List the files that are read for plates; the parameters are those of `plates_without_embeddings`."""
    place = Path(path).expanduser()
    if is_one_file(place):
        found = [place, *([] if keys is None else [Path(keys).expanduser()])]
    else:
        by_plate = PlateFolder(place, batch)
        found = [file for file in (by_plate.file(plate.name) for plate in plates) if file is not None]
    if profiles is not None:
        found += [each for plate in plates for each in plate_files(profiles, batch, plate.name, suffix)]
    return found


def _is_there(plate: Plate, files: PlateFolder | OneFile, batch: str, profiles: Path | None, suffix: str) -> bool:
    return plate.name in files and (profiles is None or bool(plate_files(profiles, batch, plate.name, suffix)))


def _check_copies(table: VectorTable, digests: dict[str, str]) -> None:
    """Refuse a plate that is a copy of another."""
    for source in table.sources:
        other = digests.setdefault(source.sha256, source.path)
        if other != source.path:
            raise InputError(
                f"'{other}' and '{source.path}' have identical content: give each plate its own embeddings."
            )


def _check_dimension(table: VectorTable, dimension: int, dimensions: dict[str, str]) -> None:
    dimensions.setdefault(str(dimension), table.shown)
    if len(dimensions) > 1:
        one, other = dimensions.items()
        raise InputError(
            f"The vectors of '{one[1]}' have {one[0]} numbers and those of '{other[1]}' have {other[0]}: give "
            "embeddings of one model."
        )


# --- rows to wells ---


class _WellNotes:
    """What was noticed about single wells, by what and by plate."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, list[str]]] = {}
        self._said: list[str] = []

    def count(self, text: str, wells: pl.DataFrame) -> None:
        for plate, well in wells.select(PLATE, pl.col(WELL).fill_null("blank")).iter_rows():
            self._found.setdefault(text, {}).setdefault(str(plate), []).append(well)

    def say(self, sentence: str) -> None:
        self._said.append(sentence)

    def notes(self) -> list[str]:
        notes = []
        for text, plates in self._found.items():
            listed = [f"plate {plate}: {len(wells)} ({examples(wells, 3)})" for plate, wells in plates.items()]
            notes.append(f"{sum(map(len, plates.values()))} {text}; {'; '.join(listed)}")
        return notes + self._said


def _with_row_numbers(metadata: pl.DataFrame) -> pl.DataFrame:
    """Number the wells; refuse wells that are listed twice, which would get the same vector twice."""
    wells = metadata.select(PLATE, WELL, pl.col(SAMPLE).alias(_MAPPED)).with_row_index(_PLACE)
    twice = wells.filter(wells.select(PLATE, WELL).is_duplicated())
    if twice.height:
        raise InputError(
            f"The metadata list {twice.height} rows that share plate and well with another row (plate "
            f"{twice[PLATE][0]}, well {twice[WELL][0]}): a vector belongs to one well, so list each well once."
        )
    return wells


def _of_wells(
    table: VectorTable, wells: pl.DataFrame, aggregate: str | None, noted: _WellNotes
) -> tuple[npt.NDArray[np.int64], Vectors]:
    """Read the vectors of wells from one file, one a well.

    Returns
    -------
    places : numpy.ndarray of int64, (k,)
        Rows of the metadata that have a vector.
    vectors : numpy.ndarray of float32, (k, D)
        Their vectors.
    """
    plates = [plate for plate in wells[PLATE].unique(maintain_order=True) if plate in table.plates]
    rows = table.keys.with_row_index(_ROW).filter(pl.col(PLATE).is_in(plates))
    rows = rows.join(wells, on=[PLATE, WELL], how="left", maintain_order="left")
    off_plate = rows.filter(pl.col(_PLACE).is_null())
    rows = rows.filter(pl.col(_PLACE).is_not_null())
    unmatched = [plate for plate in plates if plate not in set(rows[PLATE])]
    if unmatched:
        named = examples(off_plate.filter(pl.col(PLATE) == unmatched[0])[WELL].fill_null("blank"), 3)
        raise InputError(
            f"'{table.shown}': no vector of plate {unmatched[0]} is of a well that is on it: they say {named}."
        )
    noted.count("vectors are of wells that are not on the plate, and were dropped", off_plate)
    if SAMPLE in rows.columns:
        _check_samples(rows, table, noted)
    _check_duplicate_wells(rows, table, aggregate)
    vectors = table.fetch(rows[_ROW].cast(pl.Int64).to_numpy())
    # In float64 no sum of float32 overflows: it is finite when all of them are.
    finite = np.isfinite(vectors.sum(axis=1, dtype=np.float64))
    if not finite.all():
        _check_share(rows, finite, "hold NaN or infinite values", table)
        noted.count("vectors hold NaN or infinite values and were dropped", rows.filter(pl.Series(~finite)))
        rows, vectors = rows.filter(pl.Series(finite)), vectors[finite]
    places, vectors = _one_a_well(rows, vectors, aggregate or "mean", table, noted)
    some = np.asarray(vectors.any(axis=1))
    if not some.all():
        scored = wells[places]
        _check_share(scored, some, "are zeros, which have no direction,", table)
        unusable = scored.filter(pl.Series(~some))
        noted.count("wells have a vector of zeros, which has no direction, and were dropped", unusable)
        places, vectors = places[some], vectors[some]
    return places, vectors


def _check_samples(rows: pl.DataFrame, table: VectorTable, noted: _WellNotes) -> None:
    """Compare the samples that the file names with those of the plate map."""
    stored, mapped = (pl.when(~pl.col(name).is_in(_UNNAMED)).then(pl.col(name)) for name in (SAMPLE, _MAPPED))
    differ = rows.filter(stored.ne_missing(mapped))
    for (plate,), wells in differ.group_by(PLATE, maintain_order=True):
        n_rows = rows.filter(pl.col(PLATE) == plate).height
        if 2 * wells.height > n_rows:
            well, named, meant = wells.select(WELL, SAMPLE, _MAPPED).row(0)
            raise InputError(
                f"'{table.shown}': the broad_sample of {wells.height} of {n_rows} rows of plate {plate} is not what "
                f"lies in the well (at {well} {named!r} instead of {meant!r}): they are of another plate, or the "
                "wells are out of order."
            )
    noted.count("rows name another broad_sample than lies in the well, which counts", differ)


def _check_duplicate_wells(rows: pl.DataFrame, table: VectorTable, aggregate: str | None) -> None:
    """Refuse several vectors of a well, where that is asked for or they can only be copies."""
    sizes = rows.group_by(PLATE, WELL, maintain_order=True).len()
    duplicates = sizes.filter(pl.col("len") > 1)
    single = table.one_row_a_well or 2 * duplicates.height <= sizes.height
    if duplicates.height and (aggregate == "error" or (aggregate is None and single)):
        said = _WellNotes()
        said.count(f"wells have more than one vector in '{table.shown}'", duplicates)
        raise InputError(
            f"{said.notes()[0]}: take the copies out, or ask for their mean or median (--well-aggregate mean)."
        )


def _check_share(rows: pl.DataFrame, usable: npt.NDArray[np.bool_], fault: str, table: VectorTable) -> None:
    """Refuse a plate when more than half of its vectors cannot be used."""
    odd = rows.filter(pl.Series(~usable))
    for (plate,), wells in odd.group_by(PLATE, maintain_order=True):
        n_rows = rows.filter(pl.col(PLATE) == plate).height
        if 2 * wells.height > n_rows:
            raise InputError(
                f"'{table.shown}': {wells.height} of {n_rows} vectors of plate {plate} {fault} "
                f"(wells {examples(wells[WELL], 3)}): make the embeddings again."
            )


def _one_a_well(
    rows: pl.DataFrame, vectors: Vectors, aggregate: str, table: VectorTable, noted: _WellNotes
) -> tuple[npt.NDArray[np.int64], Vectors]:
    """Take the mean (in float64) or the median of the vectors of each well."""
    places = rows[_PLACE].cast(pl.Int64).to_numpy()
    wells, sizes = np.unique(places, return_counts=True)
    if len(wells) == len(places):
        return places, vectors
    spread = f"{sizes.min()}" if sizes.min() == sizes.max() else f"{sizes.min()} to {sizes.max()}"
    noted.say(
        f"'{table.shown}': the {aggregate} of {spread} vectors a well was taken ({len(places):,} vectors of "
        f"{len(wells):,} wells)"
    )
    if aggregate == "median":
        names = tuple(map(str, range(vectors.shape[1])))
        medians = consensus(Profiles(pl.DataFrame({_PLACE: places}), vectors, names), _PLACE)
        return medians.metadata[_PLACE].to_numpy(), medians.features
    order = np.argsort(places, kind="stable")
    starts = np.cumsum(sizes) - sizes
    means = np.empty((len(wells), vectors.shape[1]), np.float32)
    for place, (start, size) in enumerate(zip(starts, sizes, strict=True)):
        means[place] = vectors[order[start : start + size]].mean(axis=0, dtype=np.float64)
    return wells, means
