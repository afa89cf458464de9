"""The plan of a benchmark: its runs in order, with what each will cost, made before any profile is read."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from ..command.command import Work
from ..errors import InputError
from ..readers.digests import source_of
from ..tables.profiles import Source
from .counts import expected_counts
from .options import Options
from .plates.metadata import Experiments, Plate, experiments, target_lists
from .plates.wells import missing_plates
from .split.filters import WellFilters, well_filters

__all__ = ["Plan", "Run", "plan"]

# Measured on two cores: to read one plate of 800 features, to score a run, and a million pairs of one.
_READ_SECONDS = 0.15
_RUN_SECONDS = 0.15
_SECONDS_PER_MILLION_PAIRS = 2.0
_ASSUMED_FEATURES = 800


@dataclass(frozen=True)
class Run:
    """One scoring of one configuration (or of two, in gene-compound matching).

    Parameters
    ----------
    task : str
        Its task.
    plates : tuple of Plate
        Plates of its configuration.
    genetic : tuple of Plate
        Plates of the genetic configuration in gene-compound matching, else empty.
    reported : bool
        False for a replicability that only the gate needs.
    expected : dict
        See `counts.expected_counts`.
    """

    task: str
    plates: tuple[Plate, ...]
    genetic: tuple[Plate, ...]
    reported: bool
    expected: dict[str, int]

    @property
    def description(self) -> str:
        """``compound_A549_short``, or ``compound_A549_short-crispr_A549_long``."""
        names = [plates[0].description for plates in (self.plates, self.genetic) if plates]
        return "-".join(names)


@dataclass(frozen=True)
class Plan:
    """Everything that is known before profiles are read.

    Parameters
    ----------
    options : Options
        What was asked.
    experiments : Experiments
        The plates.
    targets : polars.DataFrame
        Targets of compounds (``Metadata_broad_sample``, ``Metadata_matching_target``).
    sources : tuple of Source
        The tables read.
    runs : tuple of Run
        In the order in which they run and are reported.
    missing : tuple of str
        Plates that have no profile file.
    filters : WellFilters
        Which wells are scored.
    """

    options: Options
    experiments: Experiments
    targets: pl.DataFrame
    sources: tuple[Source, ...]
    runs: tuple[Run, ...]
    missing: tuple[str, ...]
    filters: WellFilters

    def has_plates(self, run: Run) -> bool:
        """Return whether each configuration of a run has a plate with profiles."""
        absent = set(self.missing)
        sides = [plates for plates in (run.plates, run.genetic) if plates]
        return all(any(plate.name not in absent for plate in plates) for plates in sides)

    def frame(self) -> pl.DataFrame:
        """Return the runs as a table, with upper bounds of what each scores.

        Returns
        -------
        polars.DataFrame
            One row a run: ``task``, ``Description``, ``reported`` (false: only the gate needs it), ``plates``,
            ``plates_missing``, ``has_plates`` (false: a configuration has none, nothing will be scored),
            ``profiles``, ``queries``, ``groups``, ``positive_pairs``, ``negative_pairs``.
        """
        absent = set(self.missing)
        return pl.DataFrame(
            [
                {
                    "task": run.task,
                    "Description": run.description,
                    "reported": run.reported,
                    "plates": len(run.plates) + len(run.genetic),
                    "plates_missing": sum(plate.name in absent for plate in run.plates + run.genetic),
                    "has_plates": self.has_plates(run),
                    **run.expected,
                }
                for run in self.runs
            ]
        )

    def cost(self) -> dict[str, float]:
        """Estimate the work of the runs that have plates.

        Returns
        -------
        dict
            ``runs``, ``plates``, ``queries``, ``positive_pairs``, ``negative_pairs`` (upper bounds: every
            perturbation passes the gate), ``seconds`` (two cores, without figures) and ``peak_megabytes``.
        """
        frame = self.frame().filter("has_plates")
        totals = frame.select("queries", "positive_pairs", "negative_pairs").sum().row(0, named=True)
        plates = {plate.name for plate in self.experiments.plates}.difference(self.missing)
        widest = max(frame["profiles"], default=0)
        million_pairs = (totals["positive_pairs"] + totals["negative_pairs"]) / 1e6
        features = self.options.simulated_features if self.options.simulated else _ASSUMED_FEATURES
        seconds = (
            _READ_SECONDS * len(plates) * features / _ASSUMED_FEATURES
            + _RUN_SECONDS * frame.height
            + _SECONDS_PER_MILLION_PAIRS * million_pairs
        )
        return {
            "runs": frame.height,
            "plates": len(plates),
            **totals,
            "seconds": round(seconds, 1),
            # float32 profiles: as read, stacked, in working order, and as unit vectors
            "peak_megabytes": round(300 + widest * 4 * features * 4 / 1e6),
        }

    def notes(self) -> list[str]:
        """Sentences about the plan: where features come from, plates dropped and missing, corrections."""
        options = self.options
        source = f"profiles under '{options.profiles}'"
        if options.simulated:
            drawn = f"{options.simulated_features}, seed {options.seed}"
            source = f"SIMULATED features ({drawn}) on the real plates and targets"
        if options.features == "emb":
            source = f"embeddings in '{options.embeddings}'"
        if options.batch_correction != "none":
            source += f", batch correction {options.batch_correction}"
        dropped = _counted(self.experiments.dropped)
        sentences = [
            f"Preset {options.preset}, p-values {options.p_values}, {source}.",
            f"{len(self.experiments.plates)} of {self.experiments.n_table} plates of batch {options.batch}"
            + (f" (left out: {dropped})." if dropped else "."),
            *self._missing_note(),
            *options.rules.corrections,
            *options.published_faults,
        ]
        return sentences

    def work(self) -> Work:
        """Return runs, cost and notes for ``--dry-run``, with what is to be known of their counts."""
        frame, cost = self.frame(), self.cost()
        sentences = [*self.notes(), "Counts of the runs are upper bounds: every perturbation passes the gate."]
        without = frame.height - int(cost["runs"])
        if without:
            sentences.append(
                f"{without} of {frame.height} runs have no plate (has_plates: no) and are not in the totals."
            )
        return Work(frame, cost, sentences, "runs")

    def _missing_note(self) -> list[str]:
        if not self.missing:
            return []
        some, rest = ", ".join(self.missing[:3]), len(self.missing) - 3
        what = f"profile file *{self.options.suffix}"
        if self.options.features == "emb":
            what = "embeddings" if self.options.profiles is None else f"embeddings with a {what}"
        return [
            f"{len(self.missing)} of {len(self.experiments.plates)} plates have no {what}: "
            f"{some}{f' and {rest} more' if rest > 0 else ''}."
        ]


def _absent_everywhere(options: Options) -> str:
    """Return what no plate has, and what to check."""
    if options.features == "emb":
        also = f", with {_profile_files(options)}" if options.profiles is not None else ""
        return f"embeddings in '{options.embeddings}'{also}: check the paths, and how their plates are called"
    return f"{_profile_files(options)}: check the folder, batch and suffix"


def _profile_files(options: Options) -> str:
    return f"a file *{options.suffix} under '{options.profiles}' or '{options.profiles}/{options.batch}'"


def _counted(dropped: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in dropped.items())


def plan(options: Options) -> Plan:
    """Lay out the benchmark without reading a profile.

    Parameters
    ----------
    options : Options
        What is asked.

    Returns
    -------
    Plan
        Runs in order: cells in order of appearance; in each, compound times in order of appearance, and
        inside each its genetic modalities and times.

    Raises
    ------
    InputError
        When metadata are missing or no plate with profiles is left.
    """
    chosen = experiments(options)
    filters = well_filters(options)
    plates, dropped = filters.plates(chosen.plates)
    if not plates:
        raise InputError(f"No plate is left: of {len(chosen.plates)} plates, {_counted(dropped)}; choose other wells.")
    chosen = replace(chosen, plates=plates, dropped=chosen.dropped | dropped)
    targets, source = target_lists(options.metadata)
    missing = missing_plates(chosen.plates, options)
    if len(missing) == len(chosen.plates):
        raise InputError(
            f"None of the {len(missing)} plates has {_absent_everywhere(options)} (looked for {missing[0]} first)."
        )
    runs = _runs(chosen, targets, options)
    if not runs:
        raise InputError(
            f"Nothing to score: the tasks {', '.join(options.tasks)} have no run on the chosen plates; "
            "choose other tasks, cells or timelines."
        )
    loaded = () if options.load_correction is None else (source_of(options.load_correction, 0),)
    sources = (chosen.source, source, *filters.sources, *loaded)
    return Plan(options, chosen, targets, sources, tuple(runs), missing, filters)


def _runs(chosen: Experiments, targets: pl.DataFrame, options: Options) -> list[Run]:
    configurations = chosen.configurations()
    counted: dict[tuple[object, ...], dict[str, int]] = {}
    runs: dict[tuple[str, str], Run] = {}

    def add(task: str, first: tuple[Plate, ...], second: tuple[Plate, ...] = (), reported: bool = True) -> None:
        # plates of one modality have one plate map, so most runs repeat the counts of another
        key = (task, *((plates[0].modality, len(plates)) for plates in (first, second) if plates))
        if key not in counted:
            counted[key] = expected_counts(task, first, second, targets, options.rules)
        run = Run(task, first, second, reported, counted[key])
        runs.setdefault((task, run.description), run)

    def add_configuration(plates: tuple[Plate, ...], partnered: bool) -> None:
        modality = plates[0].modality
        matched = modality != "orf" and "matching" in options.tasks
        reported = "replicability" in options.tasks
        if reported or (options.gated(modality) and (matched or partnered)):
            add("replicability", plates, reported=reported)
        if matched:
            add("matching", plates)

    cross = "gene_compound_matching" in options.tasks
    for cell in dict.fromkeys(plate.cell for plate in chosen.plates):
        here = [plates for plates in configurations.values() if plates[0].cell == cell]
        compounds = [plates for plates in here if plates[0].modality == "compound"]
        genetic = [plates for plates in here if plates[0].modality != "compound"]
        # all times of one modality before the next, modalities in order of appearance
        order = list(dict.fromkeys(plates[0].modality for plates in genetic))
        genetic.sort(key=lambda plates: order.index(plates[0].modality))
        for first in compounds:
            add_configuration(first, cross and bool(genetic))
            for second in genetic:
                add_configuration(second, cross)
                if cross:
                    add("gene_compound_matching", first, second)
        for second in genetic:  # not reached above without compounds
            add_configuration(second, False)
    return list(runs.values())
