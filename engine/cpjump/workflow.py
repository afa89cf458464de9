"""The benchmark itself: the runs of a plan, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from ..errors import InputError, examples
from ..tables.profiles import Profiles, Source, consensus, stack
from .names import MODALITY, SAMPLE, TARGET
from .planning import Plan, Run
from .plates.corrected import Correction
from .plates.metadata import Plate
from .plates.wells import Wells, no_controls, plate_reader, read_wells
from .replicating import percent_score
from .results import CpjumpResult, RunResult
from .score import Scored, score_run
from .tasks import COMPOUND_MATCHING, CRISPR_MATCHING, gene_compound_matching, replicability

__all__ = ["Listener", "Progress", "run"]

_KEPT_OF_WELLS = (SAMPLE, "Metadata_Plate", "Metadata_Well", MODALITY, "Metadata_negcon")


@dataclass(frozen=True)
class Progress:
    """What a listener hears after each run.

    Parameters
    ----------
    done, total : int
        Runs done, and runs in the plan.
    task, description : str
        The run.
    outcome : str
        ``scored``, or why not.
    fraction_retrieved : float or None
        Its fraction of groups retrieved.
    """

    done: int
    total: int
    task: str
    description: str
    outcome: str
    fraction_retrieved: float | None


Listener = Callable[[Progress], None]


@dataclass(frozen=True)
class _Configuration:
    """One configuration: its wells, and the consensus of its treated perturbations before the gate."""

    wells: Wells
    consensus: Profiles


def run(plan: Plan, listener: Listener | None = None) -> CpjumpResult:
    """Score every run of a plan.

    Parameters
    ----------
    plan : Plan
        What `planning.plan` returned.
    listener : callable, optional
        Called with a `Progress` after each run.

    Returns
    -------
    CpjumpResult
        All tables.

    Raises
    ------
    InputError
        When profiles cannot be used, or no run had anything to score.
    """
    benchmark = _Benchmark(plan)
    for step in plan.runs:
        result = benchmark.perform(step)
        if listener is not None:
            listener(
                Progress(
                    len(benchmark.results),
                    len(plan.runs),
                    step.task,
                    step.description,
                    result.scored.outcome,
                    result.scored.fraction_retrieved,
                )
            )
    results = benchmark.results
    reported = [result for result in results if result.run.reported]
    if not any(result.scored.outcome == "scored" for result in reported):
        first = f"{reported[0].run.task} of {reported[0].run.description}: {reported[0].scored.outcome}"
        raise InputError(
            f"Nothing could be scored in {len(reported)} runs ({first}): check the profiles, the plates chosen and "
            "the gate."
        )
    sources = tuple(dict.fromkeys((*plan.sources, *benchmark.sources)))  # one file may serve several configurations
    warnings = tuple(dict.fromkeys(benchmark.warnings + benchmark.not_scored()))
    corrected = None if benchmark.correction is None else benchmark.correction.account()
    return CpjumpResult(plan, tuple(results), warnings, sources, benchmark.timings, benchmark.accounts, corrected)


class _Benchmark:
    """The state that runs share: configurations read once, and what their gate let through."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.read = plate_reader(plan.options)
        self.correction: Correction | None = None
        fitting: dict[str, float] = {}
        if plan.options.batch_correction != "none":
            started = time.perf_counter()
            configurations = list(plan.experiments.configurations().values())
            self.correction = Correction(plan.options, self.read, configurations)
            self.read = self.correction.raw if plan.options.corrects_consensus else self.correction.read
            fitting = {"reading and fitting the batch correction": time.perf_counter() - started}
        self.results: list[RunResult] = []
        self.warnings: list[str] = [] if self.correction is None else [f"{n}." for n in self.correction.notes]
        self.sources: list[Source] = []
        self.timings = {"reading": 0.0, "replicability": 0.0, "matching": 0.0, "gene_compound_matching": 0.0} | fitting
        self.accounts: dict[str, dict[str, int]] = {}  # what was dropped, once a configuration
        self.filtered: dict[str, int] = {}  # wells that are not to be scored
        self._configurations: dict[str, _Configuration | None] = {}
        self._replicable: dict[str, set[str]] = {}

    def perform(self, step: Run) -> RunResult:
        started = time.perf_counter()
        reading = self.timings["reading"]
        score = {
            "replicability": self._replicability,
            "matching": self._matching,
            "gene_compound_matching": self._gene_compound_matching,
        }[step.task]
        scored, account = score(step)
        seconds = time.perf_counter() - started
        self.timings[step.task] += seconds - (self.timings["reading"] - reading)
        plates = step.plates + step.genetic
        absent = sum(plate.name in self.plan.missing for plate in plates)
        account = {"plates": len(plates) - absent, "plates_missing": absent} | account | scored.counts
        result = RunResult(step, scored, account, seconds)
        self.results.append(result)
        return result

    def not_scored(self) -> list[str]:
        """Return which runs were not scored, one sentence a reason."""
        reasons: dict[str, list[str]] = {}
        n_without_plates = 0
        for result in self.results:
            if not self.plan.has_plates(result.run):
                n_without_plates += 1
            elif result.scored.outcome != "scored":
                named = f"{result.run.task} of {result.run.description}"
                reasons.setdefault(result.scored.outcome, []).append(named)
        some = [f"{n_without_plates} of {len(self.results)} runs have no plate and were not scored."]
        return (some if n_without_plates else []) + [
            f"{len(names)} of {len(self.results)} runs were not scored ({reason}): {examples(names, 3)}."
            for reason, names in reasons.items()
        ]

    def _replicability(self, step: Run) -> tuple[Scored, dict[str, int]]:
        found = self._configuration(step.plates)
        if found is None:
            return _skipped("no plate of the configuration has profiles"), {}
        wells = found.wells
        treated = wells.treated
        variant = self.plan.options.orf_replicates if step.plates[0].modality == "orf" else "any"
        scored = score_run(replicability(variant), wells.profiles, treated, self.plan.options)
        scored = replace(scored, percent=percent_score(wells.profiles.take(treated), SAMPLE))
        self._replicable[step.description] = scored.retrieved
        without_controls = wells.plates_without_controls
        if without_controls and scored.outcome != "scored":
            reason = "no negative control wells" if treated.all() else no_controls(without_controls)
            scored = replace(scored, outcome=f"skipped: {reason}")
        account = {
            "wells_read": wells.read,
            "wells_empty": wells.empty,
            "wells_absent": wells.absent,
            "wells_off_map": wells.off_map,
            "wells_filtered": self.filtered.get(step.description, 0),
            "wells_named_dmso": wells.filled,
            "wells": len(wells.profiles),
            "control_wells": int((~treated).sum()),
        }
        return scored, account

    def _matching(self, step: Run) -> tuple[Scored, dict[str, int]]:
        profiles, account = self._matchable(step.plates)
        if profiles is None:
            return _skipped("no plate of the configuration has profiles"), account
        rules = COMPOUND_MATCHING
        if step.plates[0].modality != "compound":
            # a guide whose gene has no other guide left is no query and no negative
            rules = CRISPR_MATCHING
            paired = profiles.metadata.select(pl.len().over(TARGET) >= 2).to_series().to_numpy()
            account["dropped_no_sister_guide"] = int((~paired).sum())
            profiles = profiles.take(paired)
        if len(profiles) < 2:
            return _skipped(f"{len(profiles)} perturbations are left to match"), account
        scored = score_run(rules, profiles, None, self.plan.options)
        return replace(scored, percent=percent_score(profiles, TARGET)), account

    def _gene_compound_matching(self, step: Run) -> tuple[Scored, dict[str, int]]:
        compounds, left = self._matchable(step.plates)
        genes, right = self._matchable(step.genetic)
        account = {name: left.get(name, 0) + right.get(name, 0) for name in left | right}
        if compounds is None or genes is None:
            return _skipped("no plate of one of the configurations has profiles"), account
        perturbed = genes.metadata[TARGET].unique().to_list()
        lists = compounds.metadata[TARGET].list.set_intersection(perturbed)
        # an intersection has no stated order: sort, so that results do not depend on it
        compounds = compounds.with_metadata(compounds.metadata.with_columns(lists.list.sort()))
        partnered = (lists.list.len() > 0).to_numpy()
        account["dropped_no_shared_target"] = int((~partnered).sum())
        if not partnered.any():
            return _skipped("no compound targets a perturbed gene"), account
        genes = genes.with_metadata(genes.metadata.with_columns(pl.concat_list(TARGET).alias(TARGET)))
        both = stack([compounds.take(partnered), genes])
        lost = [note for note in both.notes if note not in compounds.notes + genes.notes]
        self.warnings += [f"{step.description}: {note}." for note in lost]
        return score_run(gene_compound_matching(self.plan.options.rules), both, None, self.plan.options), account

    def _matchable(self, plates: tuple[Plate, ...]) -> tuple[Profiles | None, dict[str, int]]:
        """Consensus of the perturbations that pass the gate and have a label, and what was dropped."""
        found = self._configuration(plates)
        if found is None:
            return None, {}
        profiles = found.consensus
        account = {"perturbations": len(profiles)}
        modality, description = plates[0].modality, plates[0].description
        if self.plan.options.gated(modality):
            passing = profiles.metadata[SAMPLE].is_in(self._replicable.get(description, set())).to_numpy()
            account["dropped_by_gate"] = int((~passing).sum())
            profiles = profiles.take(passing)
        metadata = profiles.metadata
        if modality == "compound":
            metadata = metadata.join(self.plan.targets, on=SAMPLE, how="left", maintain_order="left")
        labelled = metadata[TARGET].is_not_null().to_numpy()
        account["dropped_no_target"] = int((~labelled).sum())
        metadata = metadata.select(SAMPLE, MODALITY, TARGET)
        self.accounts[description] |= account
        return profiles.with_metadata(metadata).take(labelled), account

    def _configuration(self, plates: tuple[Plate, ...]) -> _Configuration | None:
        """Read a configuration once; None when all its plates are missing."""
        description = plates[0].description
        if description not in self._configurations:
            started = time.perf_counter()
            wells = self._chosen(read_wells(plates, self.read), plates)
            self._configurations[description] = None if wells is None else self._prepared(wells)
            if wells is not None:
                self.accounts[description] = {
                    "wells_empty": wells.empty,
                    "wells_absent": wells.absent,
                    "wells_off_map": wells.off_map,
                    "wells_filtered": self.filtered.get(description, 0),
                }
                if wells.plates_without_controls:
                    self.warnings.append(f"{description}: {no_controls(wells.plates_without_controls)}.")
            self.timings["reading"] += time.perf_counter() - started
        return self._configurations[description]

    def _chosen(self, wells: Wells | None, plates: tuple[Plate, ...]) -> Wells | None:
        """Leave out the wells that are not to be scored."""
        if wells is None:
            return None
        self.warnings += [f"{plates[0].description}: {said}" for said in self.plan.filters.absent(wells.profiles)]
        keep = self.plan.filters.keep(wells.profiles, plates)
        if not keep.any():
            return None
        self.filtered[plates[0].description] = int((~keep).sum())
        return wells if keep.all() else replace(wells, profiles=wells.profiles.take(keep))

    def _prepared(self, wells: Wells) -> _Configuration:
        self.warnings += wells.warnings
        self.sources += wells.profiles.sources
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
        if self.correction is not None and self.plan.options.corrects_consensus:
            profiles, found = self.correction.apply(profiles), self.correction.apply(found)
        return _Configuration(replace(wells, profiles=profiles), found)


def _skipped(reason: str) -> Scored:
    return Scored(pl.DataFrame(), pl.DataFrame(), {}, f"skipped: {reason}")
