"""The steps of ``fastbench fmeasure``: count, add up, score; together, or each on the folder of the one before."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ...kernels.cores import run_jobs
from ..devices import backend_of
from ..errors import InputError, examples
from ..results.folder import ResultFolder, read_manifest
from .figures.draw import draw_all
from .names import CALL_COLUMNS, CELL, SAMPLE, is_call_column
from .report import write_flat, write_hierarchical, write_report
from .runs.annotate_dirs import find_annotate_dirs
from .runs.options import ScoreOptions
from .runs.runs import Reader, Run, Scored, runs_of_directories, runs_of_files
from .runs.samples import RUN_KEYS, Group, Sample, make_groups, sample_of
from .scores.options import ReportOptions
from .scores.summary import Report
from .workspace.read import kept_files, read_groups, read_samples
from .workspace.write import folder_names, write_groups, write_samples

__all__ = ["Outcome", "aggregate_step", "confusion_step", "flat_step", "hierarchical_step", "run_all"]

#: Outputs of the steps, by how their names begin.
_FLAT = ("f_measure_per_", "per_class.csv")
_HIERARCHICAL = ("hierarchical_f_measure_per_", "per_node.csv")
_REPORT = (
    "summary_per_",
    "top_confusions.csv",
    "coverage.csv",
    "calibration.csv",
    "intervals.csv",
    "comparison",
    "figures/",
)

Advance = Callable[[int, int], None]


@dataclass(frozen=True)
class Outcome:
    """Outcome of a command, as it is shown.

    Attributes
    ----------
    samples : list of Sample
        Scored runs.
    groups : list of Group
        Their sums; empty after the first step.
    report : Report or None
        Tables, after the steps that make them.
    notes : list of str
        Everything dropped or noticed.
    """

    samples: list[Sample]
    groups: list[Group] = field(default_factory=list)
    report: Report | None = None
    notes: list[str] = field(default_factory=list)


@contextmanager
def timed(folder: ResultFolder, name: str) -> Iterator[None]:
    """Write the seconds of a block into the manifest."""
    start = time.perf_counter()
    yield
    folder.manifest["timings"][name] = time.perf_counter() - start


def find_runs(options: ScoreOptions, shown: Callable[[Path], str]) -> list[Run]:
    """Find the runs that the options name; `shown` gives a path as it is shown to the user."""
    ontology = Path(options.ontology).expanduser() if options.ontology else None
    if options.annotate_dirs:
        found = find_annotate_dirs(Path(options.annotate_dirs).expanduser())
        runs = runs_of_directories(
            found, options.gt_label, options.inferred_label, options.f_measure_top_k, shown, score=options.score
        )
        runs = runs if ontology is None else [replace(run, ontology=ontology) for run in runs]
    else:
        runs = runs_of_files(options.truth, options.pred, options.f_measure_top_k, ontology, shown, score=options.score)
    folder_names([run.name for run in runs], "sample name")
    return runs


def obs_columns(runs: Sequence[Run], report: ReportOptions) -> list[str]:
    """Return the columns of the files of truth that groups or bootstrap units are made of."""
    wanted = [*report.group_by, *([] if report.bootstrap_by in (CELL, SAMPLE) else [report.bootstrap_by])]
    found = [
        key
        for key in dict.fromkeys(wanted)
        if key not in RUN_KEYS and not all(run.metadata.get(key) is not None for run in runs)
    ]
    for key in found:
        if is_call_column(key):
            raise InputError(
                f"The obs column {key!r} cannot group cells: {', '.join(CALL_COLUMNS)} have another meaning here."
            )
    return found


def score_runs(
    runs: Sequence[Run], options: ScoreOptions, report: ReportOptions, advance: Advance | None = None
) -> list[Scored]:
    """Read and count all runs, several at a time."""
    reader = Reader(
        options.policy(),
        options.align,
        obs_columns(runs, report),
        {"root": options.root, "relations": options.relations},
        backend_of(options.device),
    )

    def job(run: Run) -> Callable[[], Scored]:
        return lambda: reader.read(run)

    tell = None if advance is None else (lambda share: advance(round(share * len(runs)), len(runs)))
    return run_jobs([(1, job(run)) for run in runs], progress=tell)


def _record(folder: ResultFolder, scored: Sequence[Scored], crosswalk: bool) -> list[str]:
    """Put inputs, counts and notes into the manifest; return the notes."""
    notes = [note for each in scored for note in each.notes]
    for name, what in (
        ("dropped", "cells left out"),
        ("without_prediction", "cells without a prediction, false negatives of their truth"),
        ("predicted_root", "predictions of the root"),
        ("replaced", "labels replaced by the ontology (alternative or obsolete ids)"),
        ("mapped", "labels replaced by the crosswalk"),
        ("later_unknown", "labels of ranks 2 and up are outside the label universe, and match no truth"),
    ):
        some = {each.run.name: getattr(each.label_counts, name) for each in scored if getattr(each.label_counts, name)}
        if some:
            most = max(some, key=lambda run: (some[run], run))
            where = f"{most}" if len(some) == 1 else f"{len(some)} runs, most in {most}: {some[most]}"
            notes.append(f"{sum(some.values())} {what} ({where}).")
    if crosswalk and not any(each.label_counts.mapped for each in scored):
        notes.append(
            "The crosswalk replaced no label: check that its first column holds labels as the files have them."
        )
    sources: dict[tuple[str, str], dict[str, Any]] = {}  # several columns of a file may have been read
    for each in scored:
        for source in each.sources:
            where = folder.final(source["path"])
            sources.setdefault((where, source["sha256"]), {**source, "path": where})
    folder.manifest["inputs"] = list(sources.values())
    folder.manifest["unknown_labels"] = {each.run.name: each.unknown for each in scored if any(each.unknown.values())}
    folder.manifest["dropped"] = {each.run.name: each.label_counts.as_dict() for each in scored}
    folder.manifest["ontologies"] = {
        each.run.name: {
            "fingerprint": ontology.fingerprint,
            "source": folder.final(ontology.source),
            "terms": len(ontology.terms),
        }
        for each in scored
        if (ontology := each.universe.ontology)
    }
    folder.manifest["notes"] = notes
    return notes


def confusion_step(
    options: ScoreOptions,
    folder: ResultFolder,
    report: ReportOptions | None = None,
    advance: Advance | None = None,
) -> Outcome:
    """Write the confusion matrices of all runs.

    Parameters
    ----------
    options : ScoreOptions
        What to read.
    folder : ResultFolder
        Open result folder.
    report : ReportOptions, optional
        Names the columns of ``obs`` that later steps need.
    advance : callable, optional
        Called with (runs done, runs in all).
    """
    with timed(folder, "read and count"):
        runs = find_runs(options, folder.final)
        scored = score_runs(runs, options, report or ReportOptions(), advance)
    notes = _record(folder, scored, bool(options.map))
    samples = [sample_of(each) for each in scored]
    with timed(folder, "write matrices"):
        write_samples(folder, samples, options.cells)
    folder.manifest["device"] = options.device
    return Outcome(samples, notes=notes)


def run_all(
    options: ScoreOptions,
    report: ReportOptions,
    folder: ResultFolder,
    advance: Advance | None = None,
    *,
    simulated: bool = False,
) -> Outcome:
    """Do all steps; arguments as in `confusion_step`."""
    first = confusion_step(options, folder, report, advance)
    backend = backend_of(report.device)
    with timed(folder, "aggregate"):
        groups = make_groups(first.samples, report.group_by, backend)
        write_groups(folder, groups)
    with timed(folder, "tables"):
        write_flat(folder, first.samples, groups, report.rules)
        if all(sample.ontology is not None for sample in first.samples):
            write_hierarchical(folder, first.samples, groups, report.rules, backend)
        else:
            first.notes.append("No ontology was given: hierarchical metrics were left out (--ontology FILE).")
    found = write_report(folder, first.samples, groups, report, backend)
    if report.figures:
        draw_all(folder, found, groups, backend, simulated)
    first.notes.extend(found.notes)
    folder.manifest["notes"] = first.notes
    return Outcome(first.samples, groups, found, first.notes)


def carry_over(workspace: Path, folder: ResultFolder, redone: Sequence[str]) -> None:
    """Take over what a step does not make anew: files, by hard links where possible, and their manifest entries."""
    for name in kept_files(workspace, redone):
        target = folder.path(name)
        try:
            os.link(workspace / name, target)
        except OSError:
            shutil.copyfile(workspace / name, target)
    before = read_manifest(workspace)
    kept = ("inputs", "dropped", "unknown_labels", "ontologies", "simulated")
    folder.manifest |= {key: before[key] for key in kept if key in before}
    step = {key: before[key] for key in ("command", "argv", "options", "started", "finished", "notes") if key in before}
    folder.manifest["steps_before"] = [*before.get("steps_before", []), *([step] if step else [])]
    if not before:  # a workspace of cellarium-cas
        folder.manifest["inputs"] = [{"path": str(workspace)}]


def aggregate_step(workspace: Path, report: ReportOptions, folder: ResultFolder) -> Outcome:
    """Add the matrices of samples up to groups; what was made of older groups is taken away."""
    samples = read_samples(workspace)
    groups = make_groups(samples, report.group_by, backend_of(report.device))
    carry_over(workspace, folder, ("cm_aggregate_k", *_FLAT, *_HIERARCHICAL, *_REPORT))
    write_groups(folder, groups)
    return Outcome(samples, groups)


def _groups_again(workspace: Path, samples: list[Sample], report: ReportOptions) -> list[Group]:
    """Make the groups of a workspace again, with their cells; refuse them if they are not those that were written."""
    written = read_groups(workspace)
    if not written:
        raise InputError(f"{workspace} holds no groups; run 'fastbench fmeasure aggregate' first.")
    keys = written[0].keys or ["model_name"]
    groups = make_groups(samples, keys, backend_of(report.device))
    stored = {group.name: group.confusions for group in written}
    for group in groups:
        same = (
            group.name in stored
            and len(stored[group.name]) == len(group.confusions)
            and all(a.equals(b) for a, b in zip(stored[group.name], group.confusions, strict=True))
        )
        if not same:
            raise InputError(
                f"{workspace}: cm_aggregate does not hold the sums of cm_raw for group {group.name!r}; run "
                "'fastbench fmeasure aggregate' again."
            )
    if len(stored) > len(groups):
        extra = sorted(stored.keys() - {group.name for group in groups})
        raise InputError(
            f"{workspace}: cm_aggregate holds groups of no sample ({examples(extra)}); run 'aggregate' again."
        )
    return groups


def flat_step(workspace: Path, report: ReportOptions, folder: ResultFolder) -> Outcome:
    """Write the flat metrics of a workspace; ontologies give the names of classes."""
    samples = read_samples(workspace, with_ontology=True, optional=True)
    groups = _groups_again(workspace, samples, report)
    carry_over(workspace, folder, _FLAT)
    write_flat(folder, samples, groups, report.rules)
    return Outcome(samples, groups)


def hierarchical_step(
    workspace: Path, report: ReportOptions, folder: ResultFolder, ontology: Path | None = None
) -> Outcome:
    """Write the hierarchical metrics of a workspace, the summary tables and the figures."""
    samples = read_samples(workspace, ontology=ontology, with_ontology=True)
    without = [sample.name for sample in samples if sample.ontology is None]
    if without:
        raise InputError(f"Samples {examples(without)} were scored without an ontology; pass one with --ontology FILE.")
    groups = _groups_again(workspace, samples, report)
    carry_over(workspace, folder, (*_HIERARCHICAL, *_REPORT))
    backend = backend_of(report.device)
    write_hierarchical(folder, samples, groups, report.rules, backend)
    other = [
        sample.name
        for sample in samples
        if sample.calls is not None and len(sample.meta["columns"]) > 1 and "nearest_2" not in sample.calls.columns
    ]
    found = write_report(folder, samples, groups, report, backend)
    if report.figures:
        draw_all(folder, found, groups, backend, read_manifest(workspace).get("simulated") is True)
    notes = list(found.notes)
    if other:
        notes.append(
            f"Hierarchical metrics of more than one rank were left out: {examples(other)} were counted with another "
            "ontology, which chose the best of the ranks; score the runs anew with this one."
        )
    folder.manifest["notes"] = notes
    return Outcome(samples, groups, found, notes)


def as_options(score: ScoreOptions | None, report: ReportOptions | None) -> dict[str, Any]:
    """Return all options for the manifest."""
    return (asdict(score) if score else {}) | (asdict(report) if report else {})
