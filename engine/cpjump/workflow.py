"""The benchmark itself: the runs of a plan, one after the other."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from ..command.job import Job
from ..errors import InputError, examples
from ..tables.profiles import Profiles, Source, stack
from .configurations import Configurations
from .names import MODALITY, SAMPLE, TARGET, TASKS
from .planning import Plan, Run
from .plates.metadata import Plate
from .plates.wells import no_controls
from .replicating import percent_score
from .results import CpjumpResult, RunResult
from .score import Scored, score_run
from .tasks import COMPOUND_MATCHING, CRISPR_MATCHING, gene_compound_matching, replicability

__all__ = ["run"]

#: What reading the plates of the whole benchmark, to fit a batch correction on, is called among the timings.
_FITTING = "reading and fitting the batch correction"


def run(plan: Plan, job: Job | None = None) -> CpjumpResult:
    """Score every run of a plan.

    Parameters
    ----------
    plan : Plan
        What `planning.plan` returned.
    job : Job, optional
        Shows progress, and keeps what each configuration and each run found.

    Returns
    -------
    CpjumpResult
        All tables. A batch correction that is to be saved is saved at the end.

    Raises
    ------
    InputError
        When profiles cannot be used, or no run had anything to score.
    """
    job = job or Job()
    benchmark = _Benchmark(plan, job)
    with job.stage(f"scoring {len(plan.runs)} runs", "runs") as advance:
        for number, step in enumerate(plan.runs, 1):
            benchmark.perform(step)
            advance(number, len(plan.runs))
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
    correction = benchmark.configurations.correction
    if correction is not None:
        correction.save()
    corrected = None if correction is None else correction.account()
    return CpjumpResult(plan, tuple(results), warnings, sources, benchmark.timings, benchmark.accounts, corrected)


@dataclass(frozen=True)
class _Outcome:
    """What one run found: scores, its account, what each configuration left out for it, and sentences."""

    scored: Scored
    account: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, dict[str, int]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class _Benchmark:
    """The state that runs share: configurations read once, and what their gate let through."""

    def __init__(self, plan: Plan, job: Job) -> None:
        self.plan, self.job = plan, job
        self.timings = dict.fromkeys(("reading", *TASKS), 0.0)
        if plan.options.batch_correction == "none":
            self.configurations = Configurations(plan, job)
        else:
            with job.stage("reading plates and fitting the batch correction", _FITTING):
                self.configurations = Configurations(plan, job)
        correction = self.configurations.correction
        self.results: list[RunResult] = []
        self.warnings: list[str] = [] if correction is None else [f"{note}." for note in correction.notes]
        self.sources: list[Source] = []
        self.accounts: dict[str, dict[str, int]] = {}  # what was dropped, once a configuration
        self._replicable: dict[str, set[str]] = {}

    def perform(self, step: Run) -> None:
        """Take or compute the result of a run, and of reading what it is the first to need."""
        sides = [plates for plates in (step.plates, step.genetic) if plates]
        reading = sum(self._read(plates) for plates in sides)
        depends = self.configurations.depends(*sides)
        if self.job.steps.keeps and step.task != "replicability":
            depends += [self._passing(plates[0]) for plates in sides]
        tree = self.job.steps.do(f"{step.task} of {step.description}", lambda: self._score(step), depends)
        self.warnings += tree["warnings"]
        for description, left_out in tree["left_out"].items():
            self.accounts[description] |= left_out
        scored = Scored.from_tree(tree["scored"])
        if step.task == "replicability":
            self._replicable[step.description] = scored.retrieved
        self.timings["reading"] += reading
        self.timings[step.task] += tree["seconds"]
        plates = step.plates + step.genetic
        absent = sum(plate.name in self.plan.missing for plate in plates)
        account = {"plates": len(plates) - absent, "plates_missing": absent} | tree["account"] | scored.counts
        self.results.append(RunResult(step, scored, account, reading + tree["seconds"]))

    def _read(self, plates: tuple[Plate, ...]) -> float:
        """Take account of a configuration where it is asked for first; return the seconds that reading it took."""
        found, first = self.configurations.findings(plates)
        if not first:
            return 0.0
        self.warnings += found.warnings
        self.sources += found.sources
        if found.left_out:
            self.accounts[plates[0].description] = dict(found.left_out)
        return found.seconds

    def _passing(self, plate: Plate) -> str:
        """Return what the gate lets through of a configuration, as a step depends on it."""
        if not self.plan.options.gated(plate.modality):
            return "all"
        return "|".join(sorted(self._replicable.get(plate.description, ())))

    def _score(self, step: Run) -> dict[str, Any]:
        """Perform a run; return plain values and frames, as a step keeps them."""
        started, again = time.perf_counter(), self.configurations.seconds_again
        perform = {
            "replicability": self._replicability,
            "matching": self._matching,
            "gene_compound_matching": self._gene_compound_matching,
        }[step.task]
        found = perform(step)
        seconds = time.perf_counter() - started - (self.configurations.seconds_again - again)
        return vars(found) | {"scored": found.scored.as_tree(), "seconds": seconds}

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

    def _replicability(self, step: Run) -> _Outcome:
        found = self.configurations[step.plates]
        if found is None:
            return _Outcome(_skipped("no plate of the configuration has profiles"))
        wells = found.wells
        treated = wells.treated
        variant = self.plan.options.orf_replicates if step.plates[0].modality == "orf" else "any"
        scored = score_run(replicability(variant), wells.profiles, treated, self.plan.options)
        scored = replace(scored, percent=percent_score(wells.profiles.take(treated), SAMPLE))
        without_controls = wells.plates_without_controls
        if without_controls and scored.outcome != "scored":
            reason = "no negative control wells" if treated.all() else no_controls(without_controls)
            scored = replace(scored, outcome=f"skipped: {reason}")
        account = {
            "wells_read": wells.read,
            **self.configurations.findings(step.plates)[0].left_out,
            "wells_named_dmso": wells.filled,
            "wells": len(wells.profiles),
            "control_wells": int((~treated).sum()),
        }
        return _Outcome(scored, account)

    def _matching(self, step: Run) -> _Outcome:
        profiles, left_out = self._matchable(step.plates)
        if profiles is None:
            return _Outcome(_skipped("no plate of the configuration has profiles"))
        account, of_configuration = dict(left_out), {step.description: left_out}
        rules = COMPOUND_MATCHING
        if step.plates[0].modality != "compound":
            # a guide whose gene has no other guide left is no query and no negative
            rules = CRISPR_MATCHING
            paired = profiles.metadata.select(pl.len().over(TARGET) >= 2).to_series().to_numpy()
            account["dropped_no_sister_guide"] = int((~paired).sum())
            profiles = profiles.take(paired)
        if len(profiles) < 2:
            return _Outcome(_skipped(f"{len(profiles)} perturbations are left to match"), account, of_configuration)
        scored = score_run(rules, profiles, None, self.plan.options)
        return _Outcome(replace(scored, percent=percent_score(profiles, TARGET)), account, of_configuration)

    def _gene_compound_matching(self, step: Run) -> _Outcome:
        compounds, left = self._matchable(step.plates)
        genes, right = self._matchable(step.genetic)
        account = {name: left.get(name, 0) + right.get(name, 0) for name in left | right}
        sides = ((step.plates[0].description, left), (step.genetic[0].description, right))
        left_out = {description: found for description, found in sides if found}
        if compounds is None or genes is None:
            return _Outcome(_skipped("no plate of one of the configurations has profiles"), account, left_out)
        perturbed = genes.metadata[TARGET].unique().to_list()
        lists = compounds.metadata[TARGET].list.set_intersection(perturbed)
        # an intersection has no stated order: sort, so that results do not depend on it
        compounds = compounds.with_metadata(compounds.metadata.with_columns(lists.list.sort()))
        partnered = (lists.list.len() > 0).to_numpy()
        account["dropped_no_shared_target"] = int((~partnered).sum())
        if not partnered.any():
            return _Outcome(_skipped("no compound targets a perturbed gene"), account, left_out)
        genes = genes.with_metadata(genes.metadata.with_columns(pl.concat_list(TARGET).alias(TARGET)))
        both = stack([compounds.take(partnered), genes])
        lost = [note for note in both.notes if note not in compounds.notes + genes.notes]
        warnings = tuple(f"{step.description}: {note}." for note in lost)
        scored = score_run(gene_compound_matching(self.plan.options.rules), both, None, self.plan.options)
        return _Outcome(scored, account, left_out, warnings)

    def _matchable(self, plates: tuple[Plate, ...]) -> tuple[Profiles | None, dict[str, int]]:
        """Consensus of the perturbations that pass the gate and have a label, and what was dropped."""
        found = self.configurations[plates]
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
        return profiles.with_metadata(metadata).take(labelled), account


def _skipped(reason: str) -> Scored:
    return Scored(pl.DataFrame(), pl.DataFrame(), {}, f"skipped: {reason}")
