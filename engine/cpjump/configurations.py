"""The configurations of a benchmark: their wells as they are scored, and what was left out on the way."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..command.job import Job
from ..errors import InputError, examples
from ..readers.digests import source_of
from ..tables.profiles import Profiles, Source, consensus
from .names import MODALITY, SAMPLE, TARGET
from .planning import Plan
from .plates.corrected import Correction
from .plates.files import ReaderMemory
from .plates.metadata import Plate
from .plates.wells import Wells, files_of, no_controls, plate_reader, read_wells

__all__ = ["Configuration", "Configurations", "Findings"]

_KEPT_OF_WELLS: Final = (SAMPLE, "Metadata_Plate", "Metadata_Well", MODALITY, "Metadata_negcon")


@dataclass(frozen=True)
class Configuration:
    """One configuration: its wells, and the consensus of its treated perturbations before the gate."""

    wells: Wells
    consensus: Profiles


@dataclass(frozen=True)
class Findings:
    """What reading a configuration found, without its profiles.

    Attributes
    ----------
    left_out : dict of str to int
        What was left out, as the account of the configuration has it; empty when nothing is left to score.
    warnings : list of str
        Sentences.
    sources : list of Source
        Files.
    seconds : float
        Time that it took.
    """

    left_out: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    seconds: float = 0.0

    def as_tree(self) -> dict[str, Any]:
        """Return plain values, as a step keeps them."""
        return vars(self) | {"sources": [list(vars(source).values()) for source in self.sources]}

    @classmethod
    def from_tree(cls, tree: dict[str, Any]) -> Findings:
        """Return what `as_tree` was made of."""
        return cls(**tree | {"sources": [Source(*values) for values in tree["sources"]]})


class Configurations:
    """Reads each configuration once, and not at all where a stopped run has finished all that needs it.

    Parameters
    ----------
    plan : Plan
        The benchmark.
    job : Job
        Keeps what reading found, and the fitted batch correction.

    Attributes
    ----------
    correction : Correction or None
        The batch correction.
    seconds_again : float
        Time that went into reading plates whose findings were kept by a stopped run.
    """

    def __init__(self, plan: Plan, job: Job) -> None:
        self._plan, self._job = plan, job
        self._memory = ReaderMemory()
        self._read = plate_reader(plan.options, self._memory)
        self._digests: dict[Path, str] = {}
        self._prepared: dict[str, Configuration | None] = {}
        self._findings: dict[str, Findings] = {}
        self.seconds_again = 0.0
        self.correction: Correction | None = None
        if plan.options.batch_correction != "none":
            every = list(plan.experiments.configurations().values())

            def keep(compute: Any) -> Any:
                return job.steps.do("batch correction", compute, self.depends(*every))

            self.correction = Correction(plan.options, self._read, every, keep)
            self._read = self.correction.raw if plan.options.corrects_consensus else self.correction.read

    def depends(self, *configurations: Sequence[Plate]) -> list[str]:
        """Return what the scores of configurations depend on beside the options: files, by name and digest.

        A batch correction is fitted on all plates, so that everything depends on all of them. Where no steps are kept,
        nothing is digested.
        """
        if not self._job.steps.keeps:
            return []
        options = self._plan.options
        if options.batch_correction != "none" and options.load_correction is None:
            configurations = tuple(self._plan.experiments.configurations().values())
        found = [f"{source.path} {source.sha256}" for source in self._plan.sources]
        for path in (path for plates in configurations for path in files_of(plates, options)):
            if path not in self._digests:
                self._digests[path] = source_of(path, 0).sha256
            found.append(f"{path} {self._digests[path]}")
        return found

    def findings(self, plates: tuple[Plate, ...]) -> tuple[Findings, bool]:
        """Return what reading a configuration found, and whether this is the first time that it is asked for."""
        description = plates[0].description
        if description in self._findings:
            return self._findings[description], False

        def look() -> dict[str, Any]:
            found = self._look(plates)
            return {"findings": found.as_tree(), "memory": self._memory.as_tree()}

        tree = self._job.steps.do(f"wells of {description}", look, self.depends(plates))
        self._memory.restore(tree["memory"])
        self._findings[description] = Findings.from_tree(tree["findings"])
        return self._findings[description], True

    def __getitem__(self, plates: tuple[Plate, ...]) -> Configuration | None:
        """Return a configuration; None when all its plates are missing, or no well of it is to be scored."""
        description = plates[0].description
        if description not in self._prepared:
            self.seconds_again += self._look(plates).seconds
        return self._prepared[description]

    def _look(self, plates: tuple[Plate, ...]) -> Findings:
        """Read a configuration, and keep its profiles for the runs that need them."""
        started = time.perf_counter()
        description = plates[0].description
        wells = read_wells(plates, self._read)
        warnings: list[str] = []
        chosen = None if wells is None else self._chosen(wells, plates, warnings)
        if wells is None or chosen is None:
            self._prepared[description] = None
            return Findings(warnings=warnings, seconds=time.perf_counter() - started)
        self._prepared[description] = self._configuration(chosen)
        warnings += chosen.warnings
        if chosen.plates_without_controls:
            warnings.append(f"{description}: {no_controls(chosen.plates_without_controls)}.")
        left_out = {
            "wells_empty": chosen.empty,
            "wells_absent": chosen.absent,
            "wells_off_map": chosen.off_map,
            "wells_filtered": len(wells.profiles) - len(chosen.profiles),
        }
        return Findings(left_out, warnings, list(chosen.profiles.sources), time.perf_counter() - started)

    def _chosen(self, wells: Wells, plates: tuple[Plate, ...], warnings: list[str]) -> Wells | None:
        """Leave out the wells that are not to be scored."""
        filters = self._plan.filters
        said = [*filters.absent(wells.profiles), *filters.unlisted_controls(wells.profiles)]
        warnings += [f"{plates[0].description}: {each}" for each in said]
        keep = filters.keep(wells.profiles, plates)
        if not keep.any():
            return None
        return wells if keep.all() else replace(wells, profiles=wells.profiles.take(keep))

    def _configuration(self, wells: Wells) -> Configuration:
        metadata = wells.profiles.metadata
        keep = [*_KEPT_OF_WELLS]
        if "Metadata_gene" in metadata.columns:
            metadata = metadata.rename({"Metadata_gene": TARGET})
            keep.append(TARGET)
        metadata = metadata.select(keep) if metadata[MODALITY][0] != "compound" else metadata.select(_KEPT_OF_WELLS)
        profiles = wells.profiles.with_metadata(metadata)
        treated = wells.treated
        if not treated.any():
            raise InputError(
                f"Every well of plates {examples(metadata['Metadata_Plate'].unique().sort())} is a "
                "negative control: check the column Metadata_control_type."
            )
        found = consensus(profiles.take(np.flatnonzero(treated)), SAMPLE)
        if self.correction is not None and self._plan.options.corrects_consensus:
            profiles, found = self.correction.apply(profiles), self.correction.apply(found)
        return Configuration(replace(wells, profiles=profiles), found)
