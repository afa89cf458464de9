"""Which wells are scored: those of a split, and those that a file of test labels names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from ...errors import InputError, examples
from ...readers.small_table import read_table
from ...tables.profiles import Profiles, Source
from ..options import Options
from ..plates.files import is_control
from ..plates.metadata import Plate
from .manifest import WellFilter, filter_wells, read_manifest
from .wells import tidy_wells

__all__ = ["TestLabels", "WellFilters", "read_test_labels", "well_filters"]

KEY: Final = "SAMPLE_KEY"


@dataclass(frozen=True)
class TestLabels:
    """Wells that a file of test labels names.

    Attributes
    ----------
    wells : dict of str to frozenset of str
        Plate to its wells.
    source : Source
        The file.
    """

    __test__ = False  # no test case, whatever its name begins with

    wells: dict[str, frozenset[str]]
    source: Source

    def listed(self, profiles: Profiles) -> npt.NDArray[np.bool_]:
        """Return which wells the file names."""
        plates, wells = _keys(profiles)
        return np.array([well in self.wells.get(plate, ()) for plate, well in zip(plates, wells, strict=True)], bool)

    def unlisted_controls(self, profiles: Profiles) -> npt.NDArray[np.bool_]:
        """Return which wells it does not name, but are negative controls of a plate that it names."""
        on_plate = np.array([plate in self.wells for plate in _keys(profiles)[0]], bool)
        return on_plate & is_control(profiles) & ~self.listed(profiles)

    def keep(self, profiles: Profiles, controls: str = "plates") -> npt.NDArray[np.bool_]:
        """Return which wells the file names, and, unless `controls` is "listed", negative controls of its plates."""
        listed = self.listed(profiles)
        return listed if controls == "listed" else listed | self.unlisted_controls(profiles)

    def keep_accumulated(self, profiles: Profiles, order: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Return which wells the published evaluator keeps.

        After each plate it filters all wells read so far by the well names that the file lists for that plate: a well
        stays if every plate from its own on lists its name. Controls that are not listed go too.
        """
        left: dict[str, frozenset[str]] = {}
        for i, plate in enumerate(order):
            names = [self.wells.get(later, frozenset()) for later in order[i:]]
            left[plate] = frozenset.intersection(*names)
        plates, wells = _keys(profiles)
        return np.array([well in left.get(plate, ()) for plate, well in zip(plates, wells, strict=True)], bool)


@dataclass(frozen=True)
class WellFilters:
    """What the options say of wells.

    Attributes
    ----------
    split : WellFilter or None
        The wells of a subset of a split.
    labels : TestLabels or None
        The wells of a file of test labels.
    accumulated : bool
        Whether test labels are applied as the published evaluator does.
    sources : tuple of Source
        The files.
    controls : {"plates", "listed"}
        Negative controls that stay with test labels: all of their plates, or those that are listed.
    """

    split: WellFilter | None
    labels: TestLabels | None
    accumulated: bool
    sources: tuple[Source, ...]
    controls: str = "plates"

    def plates(self, plates: Sequence[Plate]) -> tuple[tuple[Plate, ...], dict[str, int]]:
        """Return the plates that have a well left, and how many each filter dropped."""
        dropped: dict[str, int] = {}
        kept = tuple(plates)
        for reason, wells in (
            ("not in the split subset", None if self.split is None else self.split.wells),
            ("not in the test labels", None if self.labels is None or self.accumulated else self.labels.wells),
        ):
            if wells is not None:
                some = tuple(plate for plate in kept if plate.name in wells)
                dropped[reason] = len(kept) - len(some)
                kept = some
        return kept, {reason: count for reason, count in dropped.items() if count}

    def keep(self, profiles: Profiles, plates: Sequence[Plate]) -> npt.NDArray[np.bool_]:
        """Return which wells of a configuration are scored, bool (n,); `plates` in the order in which they are read."""
        keep = np.ones(len(profiles), bool)
        if self.split is not None:
            keep &= self.split.keep(profiles.metadata)
        if self.labels is not None:
            present = set(profiles.metadata["Metadata_Plate"].unique())
            order = [plate.name for plate in plates if plate.name in present]
            labels = self.labels
            keep &= (
                labels.keep_accumulated(profiles, order) if self.accumulated else labels.keep(profiles, self.controls)
            )
        return keep

    def unlisted_controls(self, profiles: Profiles) -> list[str]:
        """Return what becomes of negative controls that test labels do not list, of plates that they name."""
        if self.labels is None or self.accumulated:
            return []
        count = int(self.labels.unlisted_controls(profiles).sum())
        if not count:
            return []
        if self.controls == "listed":
            return [f"{count} negative controls that the test labels do not list were left out."]
        return [
            f"{count} negative controls that the test labels do not list are kept, as all controls of their plates are "
            "(--test-labels-controls listed leaves them out)."
        ]

    def absent(self, profiles: Profiles) -> list[str]:
        """Return which wells are asked for on the plates of these profiles and have none."""
        filters = (("the split subset", self.split), ("the test labels", self.labels))
        given = [(what, each.wells) for what, each in filters if each is not None]
        if not given:
            return []
        there = set(zip(*_keys(profiles), strict=True))
        plates = {plate for plate, _ in there}
        said = []
        for what, wells in given:
            asked = {(plate, well) for plate in plates & wells.keys() for well in wells[plate]}
            if lost := sorted(asked - there):
                named = examples([f"{plate} {well}" for plate, well in lost], 3)
                said.append(f"{len(lost)} of {len(asked)} wells of {what} have no profile of a perturbation: {named}.")
        return said


def _keys(profiles: Profiles) -> tuple[list[str], list[str]]:
    tidy = tidy_wells(profiles.metadata.select("Metadata_Plate", "Metadata_Well"))
    return tidy["Metadata_Plate"].to_list(), tidy["Metadata_Well"].to_list()


def read_test_labels(path: Path) -> TestLabels:
    """Read the wells of a file of test labels.

    Parameters
    ----------
    path : Path
        CSV with a column ``SAMPLE_KEY``: ``PLATE-WELL-...``, one row an image or a well; the rest of a key does not
        count.

    Raises
    ------
    InputError
        It cannot be read, lacks the column, or has a key that is none.
    """
    table, source = read_table(path, (KEY,), separator=",", what="table of test labels")
    tokens = table[KEY].str.split("-")
    odd = table[KEY].filter(tokens.is_null() | (tokens.list.len() < 2))
    if len(odd):
        raise InputError(
            f"The test labels '{path}' have {len(odd)} keys that are not PLATE-WELL-... ({examples(odd, 3)}): "
            f"correct the column {KEY}."
        )
    if not len(table):
        raise InputError(f"The test labels '{path}' have no rows: give one row a well.")
    wells = tidy_wells(pl.DataFrame({"Metadata_Plate": tokens.list.get(0), "Metadata_Well": tokens.list.get(1)}))
    by_plate = wells.group_by("Metadata_Plate", maintain_order=True).agg("Metadata_Well")
    return TestLabels({plate: frozenset(found) for plate, found in by_plate.iter_rows()}, source)


def well_filters(options: Options) -> WellFilters:
    """Read the files that the options name."""
    split = labels = None
    sources: list[Source] = []
    if options.split_manifest is not None and options.split_subset is not None:
        manifest = read_manifest(options.split_manifest)
        split = filter_wells(manifest, options.split_subset)
        sources.append(manifest.source)
    if options.test_labels is not None:
        labels = read_test_labels(options.test_labels)
        sources.append(labels.source)
    accumulated = options.rules.accumulated_test_filter
    return WellFilters(split, labels, accumulated, tuple(sources), options.test_labels_controls)
