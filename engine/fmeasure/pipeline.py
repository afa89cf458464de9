"""The steps of ``fastbench fmeasure``: count, add up, score; together, or each on the folder of the one before."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

from ...kernels.cores import run_jobs
from ..command.job import Job
from ..devices import backend_of
from ..errors import InputError, examples
from ..options import as_mapping
from ..results.digests import file_sha256
from ..results.folder import ResultFolder
from ..results.manifest import read_manifest
from .example import GT_LABEL, INFERRED_LABEL, RANKS, write_example
from .figures.draw import draw_all
from .names import CALL_COLUMNS, CELL, SAMPLE, counted, is_call_column
from .ontology.kept import find_ontology
from .options import EXAMPLE, FmeasureOptions, HierarchicalOptions
from .report import flat_tables, hierarchical_tables, make_report
from .result import FmeasureResult
from .runs.annotate_dirs import find_annotate_dirs
from .runs.crosswalks import read_crosswalks
from .runs.options import ScoreOptions
from .runs.reader import Reader, Scored
from .runs.runs import Run, runs_of_directories, runs_of_files
from .runs.samples import RUN_KEYS, Group, Sample, check_group, make_groups, same_values, sample_of
from .scores.options import ReportOptions
from .scores.summary import Report
from .workspace.read import kept_files, read_groups, read_samples
from .workspace.write import folder_names, write_groups, write_samples

__all__ = ["aggregate_step", "confusion_step", "find_runs", "flat_step", "hierarchical_step", "run_fmeasure"]

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


def find_runs(options: ScoreOptions, shown: Callable[[Path], str]) -> list[Run]:
    """Find the runs that the options name; `shown` gives a path as it is shown to the user."""
    ontology = find_ontology(options.ontology) if options.ontology else None
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


def score_runs(runs: Sequence[Run], options: FmeasureOptions, job: Job) -> list[Scored]:
    """Read and count all runs, several at a time; each is a step of the job."""
    crosswalks = read_crosswalks(options.map)
    crosswalks.check([name for run in runs for name in (run.name, run.model_name)])
    reader = Reader(
        options.policy(),
        options.align,
        obs_columns(runs, options),
        {"root": options.root, "relations": options.relations},
        backend_of(options.device),
        job.steps,
        crosswalks=crosswalks,
        ids=options.id,
        missing_text=options.missing_text,
        zarr_fill=options.zarr_fill,
        strip_suffix=options.strip_suffix,
    )
    with job.stage(f"reading and counting {counted(len(runs), 'run')}", "read and count") as advance:
        return run_jobs(
            [(1, partial(reader.read, run)) for run in runs],
            progress=lambda share: advance(round(share * len(runs)), len(runs)),
        )


@dataclass(frozen=True)
class _Counted:
    """All runs, counted: samples, their entries of the manifest, and the digests of what they depend on."""

    samples: list[Sample]
    account: dict[str, Any]
    digests: list[str]


def _count(options: FmeasureOptions, job: Job) -> _Counted:
    shown = job.folder.final if job.folder is not None else os.path.abspath
    scored = score_runs(find_runs(options, shown), options, job)
    digests = [digest for each in scored for digest in each.digests]
    return _Counted([sample_of(each) for each in scored], _account(scored, options, shown), digests)


def _account(scored: Sequence[Scored], options: ScoreOptions, shown: Callable[[Any], str]) -> dict[str, Any]:
    """Return inputs, counts and notes for the manifest."""
    notes = list(dict.fromkeys(note for each in scored for note in each.notes))  # runs may share a file of truth
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
    if options.map and not any(each.label_counts.mapped for each in scored):
        notes.append(
            "The crosswalk replaced no label: check that its first column holds labels as the files have them."
        )
    sources: dict[tuple[str, str], dict[str, Any]] = {}  # several columns of a file may have been read
    for each in scored:
        for source in each.sources:
            where = shown(source["path"])
            sources.setdefault((where, source["sha256"]), {**source, "path": where})
    return {
        "inputs": list(sources.values()),
        "unknown_labels": {each.run.name: each.unknown for each in scored if any(each.unknown.values())},
        "dropped": {each.run.name: each.label_counts.as_dict() for each in scored},
        "ontologies": {
            each.run.name: {
                "fingerprint": ontology.fingerprint,
                "source": shown(ontology.source),
                "terms": len(ontology.terms),
            }
            for each in scored
            if (ontology := each.universe.ontology)
        },
        "device": options.device,
        "notes": notes,
    }


def confusion_step(options: FmeasureOptions, job: Job) -> FmeasureResult:
    """Count truth and prediction of all runs."""
    options.require_inputs()
    found = _count(options, job)
    return FmeasureResult(
        found.samples,
        notes=tuple(found.account["notes"]),
        accounts=found.account,
        writing=lambda folder: _write_samples(folder, found.samples, options, job),
    )


def run_fmeasure(options: FmeasureOptions, job: Job) -> FmeasureResult:
    """Do all steps: count, add up, score.

    Parameters
    ----------
    options : FmeasureOptions
        What to do.
    job : Job
        Shows progress, and keeps the counts of each run and the intervals; the example is written into its folder.

    Returns
    -------
    FmeasureResult
        Nothing is written but the example, and what `job` keeps.
    """
    simulated = options.is_example
    if simulated:
        options = _write_example(options, job)
    first = _count(options, job)
    samples, backend = first.samples, backend_of(options.device)
    with job.stage("adding up groups", "aggregate"):
        groups = make_groups(samples, options.group_by, backend)
        folder_names([group.name for group in groups], "group name")
        check_group(groups, options.confusions_of)
    notes: list[str] = list(first.account["notes"])
    for key in dict.fromkeys((*options.group_by, *({options.bootstrap_by} - {CELL, SAMPLE}))):
        notes += same_values(samples, key).notes
    with job.stage("flat and hierarchical metrics", "tables"):
        tables = flat_tables(samples, groups, options.rules)
        if all(sample.ontology is not None for sample in samples):
            tables |= hierarchical_tables(samples, groups, options.rules, backend)
        else:
            notes.append("No ontology was given: hierarchical metrics were left out (--ontology FILE).")
    with job.stage(f"summary tables, {counted(options.bootstrap, 'draw')} for intervals", "report"):
        report = make_report(samples, groups, options, backend, job.steps, first.digests)
    notes += report.notes

    def write(folder: ResultFolder) -> Mapping[str, Any]:
        declared = _write_samples(folder, samples, options, job)
        _write_groups(folder, groups, job)
        return declared

    return FmeasureResult(
        samples,
        groups,
        report,
        tuple(notes),
        found=tables,
        accounts=first.account | {"notes": notes} | ({"simulated": True} if simulated else {}),
        writing=write,
        drawing=_drawing(report, groups, options, simulated),
    )


def _drawing(
    report: Report, groups: Sequence[Group], options: ReportOptions, simulated: bool
) -> Callable[[Callable[[str], Path]], None] | None:
    """Return what draws the figures; None where none are asked for."""
    if not options.figures:
        return None
    backend, chosen = backend_of(options.device), options.confusions_of
    return partial(draw_all, report=report, groups=groups, backend=backend, simulated=simulated, confusions_of=chosen)


def _write_example(options: FmeasureOptions, job: Job) -> FmeasureOptions:
    """Write the packaged example into the result folder; return the options that score it there."""
    if job.folder is None:
        raise InputError("The example is written into a result folder; give one, or say what to score.")
    job.reporter.warn("Example: real Cell Ontology terms, SIMULATED calls of two models on three donors.")
    staged = job.folder.path(EXAMPLE)
    write_example(staged.parent, options.seed)
    example = replace(
        options,
        annotate_dirs=EXAMPLE,
        gt_label=GT_LABEL,
        inferred_label=INFERRED_LABEL,
        f_measure_top_k=RANKS if options.f_measure_top_k == 1 else options.f_measure_top_k,
    )
    job.folder.manifest["options"] = as_mapping(example)
    return replace(example, annotate_dirs=str(staged))


def _write_samples(
    folder: ResultFolder, samples: Sequence[Sample], options: ScoreOptions, job: Job
) -> Mapping[str, Any]:
    with job.stage("writing matrices and cells", "write matrices"):
        return write_samples(folder, samples, options.cells)


def _write_groups(folder: ResultFolder, groups: Sequence[Group], job: Job) -> Mapping[str, Any]:
    with job.stage("writing matrices of groups", "write matrices"):
        write_groups(folder, groups)
    return {}


def _workspace(job: Job) -> tuple[Path, ResultFolder]:
    """Return the folder that a step reads, which is the one that it takes the place of, and that one."""
    assert job.folder is not None, "a step brings a result folder up to date"
    return Path(job.folder.shown), job.folder


def carry_over(workspace: Path, folder: ResultFolder, redone: Sequence[str]) -> None:
    """Take over what a step does not make anew: files, by hard links where possible, and their manifest entries."""
    names = kept_files(workspace, redone)
    for name in names:
        target = folder.path(name)
        try:
            os.link(workspace / name, target)
        except OSError:
            shutil.copyfile(workspace / name, target)
    before = read_manifest(workspace)
    kept = ("inputs", "dropped", "unknown_labels", "ontologies", "simulated")
    folder.manifest |= {key: before[key] for key in kept if key in before}
    declared = before.get("tables", {})
    folder.manifest["tables"] = {
        table: declared[table] for table in declared if any(fnmatch(name, table) for name in names)
    }
    step = {key: before[key] for key in ("command", "argv", "options", "started", "finished", "notes") if key in before}
    folder.manifest["steps_before"] = [*before.get("steps_before", []), *([step] if step else [])]
    if not before:  # a workspace of cellarium-cas
        folder.manifest["inputs"] = [{"path": str(workspace)}]


def aggregate_step(options: ReportOptions, job: Job) -> FmeasureResult:
    """Add the matrices of samples up to groups; what was made of older groups is taken away."""
    workspace, folder = _workspace(job)
    samples = read_samples(workspace)
    groups = make_groups(samples, options.group_by, backend_of(options.device))
    carry_over(workspace, folder, ("cm_aggregate_k", *_FLAT, *_HIERARCHICAL, *_REPORT))
    return FmeasureResult(samples, groups, writing=lambda folder: _write_groups(folder, groups, job))


def _groups_again(workspace: Path, samples: list[Sample], options: ReportOptions) -> list[Group]:
    """Make the groups of a workspace again, with their cells; refuse them if they are not those that were written."""
    written = read_groups(workspace)
    if not written:
        raise InputError(f"{workspace} holds no groups; run 'fastbench fmeasure aggregate' first.")
    keys = written[0].keys or ["model_name"]
    groups = make_groups(samples, keys, backend_of(options.device))
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


def flat_step(options: ReportOptions, job: Job) -> FmeasureResult:
    """Make the flat metrics of a workspace; ontologies give the names of classes."""
    workspace, folder = _workspace(job)
    samples = read_samples(workspace, with_ontology=True, optional=True)
    groups = _groups_again(workspace, samples, options)
    carry_over(workspace, folder, _FLAT)
    return FmeasureResult(samples, groups, found=flat_tables(samples, groups, options.rules))


def hierarchical_step(options: HierarchicalOptions, job: Job) -> FmeasureResult:
    """Make the hierarchical metrics of a workspace, the summary tables and the figures."""
    workspace, folder = _workspace(job)
    ontology = find_ontology(options.ontology) if options.ontology else None
    with job.stage("reading matrices and cells", "read"):
        samples = read_samples(workspace, ontology=ontology, with_ontology=True)
        without = [sample.name for sample in samples if sample.ontology is None]
        if without:
            raise InputError(
                f"Samples {examples(without)} were scored without an ontology; pass one with --ontology FILE."
            )
        groups = _groups_again(workspace, samples, options)
        check_group(groups, options.confusions_of)
        digests = [file_sha256(path) for path in _counts(workspace)] if job.steps.keeps else []
    carry_over(workspace, folder, (*_HIERARCHICAL, *_REPORT))
    backend = backend_of(options.device)
    with job.stage("hierarchical metrics", "tables"):
        tables = hierarchical_tables(samples, groups, options.rules, backend)
    other = [
        sample.name
        for sample in samples
        if sample.calls is not None and len(sample.meta["columns"]) > 1 and "nearest_2" not in sample.calls.columns
    ]
    with job.stage(f"summary tables, {counted(options.bootstrap, 'draw')} for intervals", "report"):
        prints = [str(sample.meta["ontology_fingerprint"]) for sample in samples]
        report = make_report(samples, groups, options, backend, job.steps, digests + prints)
    notes = list(report.notes)
    if other:
        notes.append(
            f"Hierarchical metrics of more than one rank were left out: {examples(other)} were counted with another "
            "ontology, which chose the best of the ranks; score the runs anew with this one."
        )
    simulated = read_manifest(workspace).get("simulated") is True
    return FmeasureResult(
        samples,
        groups,
        report,
        tuple(notes),
        found=tables,
        accounts={"notes": notes},
        drawing=_drawing(report, groups, options, simulated),
    )


def _counts(workspace: Path) -> Iterator[Path]:
    """Find the files of a workspace that scores are made of."""
    for pattern in ("cm_raw_k*/*/*", "cm_aggregate_k*/*/*", "cells/*.parquet"):
        yield from sorted(workspace.glob(pattern))
