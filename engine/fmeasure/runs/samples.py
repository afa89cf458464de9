"""Samples and groups: scored runs as the later steps see them, whether just counted or read back from a folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from ....kernels.backend import Backend
from ...choices import did_you_mean
from ...errors import InputError, examples
from ...tables.labels import Spellings, unify_spellings
from ..confusion import Confusion, add
from ..names import NO_VALUE, is_call_column, safe_name
from ..ontology.ontology import Ontology
from .reader import Scored, count_calls

__all__ = [
    "RUN_KEYS",
    "Group",
    "Member",
    "Sample",
    "check_group",
    "check_one_top_k",
    "make_groups",
    "metadata_value",
    "same_values",
    "sample_of",
    "split_calls",
]

#: Keys that every run has, beside those of its ``metadata.json``.
RUN_KEYS = ("model_name", "test_sample", "annotate_dir", "gt_label", "inferred_label")


@dataclass(frozen=True)
class Sample:
    """One scored run.

    Attributes
    ----------
    name : str
        Its folder in the workspace.
    meta : mapping
        Content of ``confusion_matrix_meta.json``, but for what belongs to one k.
    confusions : tuple of Confusion
        Matrices of top-1 to top-k.
    ontology : Ontology or None
        Its ontology.
    calls : polars.DataFrame or None
        Its cells, see `reader.Scored`; None where they were not kept.
    """

    name: str
    meta: Mapping[str, Any]
    confusions: tuple[Confusion, ...]
    ontology: Ontology | None
    calls: pl.DataFrame | None

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of its matrices."""
        return self.confusions[0].labels


@dataclass(frozen=True)
class Member:
    """A sample in a group, with the cells of it that belong to the group (None: they were not kept)."""

    sample: Sample
    calls: pl.DataFrame | None


@dataclass(frozen=True)
class Group:
    """Samples, or parts of samples, whose cells are scored together.

    Attributes
    ----------
    name : str
        Values of the keys, joined by `` | ``.
    members : tuple of Member
        What was added up.
    confusions : tuple of Confusion
        Matrices of top-1 to top-k, summed over the members.
    keys : mapping of str to str
        What it was grouped by.
    """

    name: str
    members: tuple[Member, ...]
    confusions: tuple[Confusion, ...]
    keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of its matrices."""
        return self.confusions[0].labels

    @property
    def ontology(self) -> Ontology | None:
        """The ontology that all members share."""
        return self.members[0].sample.ontology


def sample_of(scored: Scored) -> Sample:
    """Make a sample of a run that was just read."""
    run = scored.run
    ontology = scored.universe.ontology
    meta: dict[str, Any] = {
        "model_name": run.model_name,
        "test_sample": run.test_sample,
        "annotate_dir": run.directory,
        "gt_label": run.gt_label,
        "inferred_label": run.inferred_label,
        "columns": list(run.columns),
        "ontology_fingerprint": ontology.fingerprint if ontology else None,
        "ontology_root": ontology.root if ontology else None,
        "tally": scored.label_counts.as_dict(),
        "metadata": dict(run.metadata),
    }
    return Sample(run.name, meta, scored.confusions, ontology, scored.calls)


def split_calls(calls: pl.DataFrame, columns: Sequence[str]) -> Iterator[tuple[tuple[str, ...], pl.DataFrame]]:
    """Split cells by the values of columns, in sorted order."""
    filled = calls.with_columns(pl.col(list(columns)).fill_null(NO_VALUE))
    for values, part in sorted(filled.partition_by(list(columns), as_dict=True).items()):
        yield tuple(map(str, values)), part


def metadata_value(sample: Sample, key: str) -> str | None:
    """Return the value of a key that holds for a whole sample; None where its cells may differ."""
    value = sample.meta.get(key) if key in RUN_KEYS else sample.meta.get("metadata", {}).get(key)
    return None if value is None else str(value)


class SameValues(NamedTuple):
    """Numbers among the values of a key that are one value, to the spelling that stands for it, and notes."""

    chosen: dict[str, str]
    notes: list[str]


def same_values(samples: Sequence[Sample], key: str) -> SameValues:
    """Find values of a column of obs that are written in several ways, as donors ``1`` and ``1.0`` in two files.

    Numbers and booleans are one value; texts that differ only by space, case or Unicode form are told.
    """

    def values(sample: Sample) -> tuple[str, ...]:
        value = metadata_value(sample, key)
        if value is not None or sample.calls is None or key not in sample.calls.columns:
            return () if value is None else (value,)
        return tuple(sample.calls[key].cast(pl.String).drop_nulls().unique().sort())

    if key in RUN_KEYS:
        return SameValues({}, [])
    found = unify_spellings([values(sample) for sample in samples])
    notes = Spellings({}, found.numbers, {}, found.apart).sentences()
    notes += [f"{examples(group)} differ only by space, case or Unicode form." for group in found.texts.values()]
    chosen = {value: first for first, group in found.numbers.items() for value in group}
    return SameValues(chosen, [f"Values of {key}: {note}" for note in notes])


def make_groups(samples: Sequence[Sample], by: Sequence[str], backend: Backend[Any]) -> list[Group]:
    """Add samples up by keys: entries of their metadata, or columns of ``obs`` kept with their cells.

    Parameters
    ----------
    samples : sequence of Sample
        In any order.
    by : sequence of str
        Keys, such as ``model_name`` or ``donor_id``.
    backend : Backend
        Kernels.

    Returns
    -------
    list of Group
        In the order of their folders, which is that of their names but for characters that no folder's name may hold.

    Raises
    ------
    InputError
        An unknown key, or members that were made with different ontologies or labels.
    """
    metadata_keys = [key for key in by if all(metadata_value(sample, key) is not None for sample in samples)]
    columns = [key for key in by if key not in metadata_keys]
    _refuse_unknown_keys(samples, columns)
    parts: dict[tuple[str, ...], list[tuple[Member, Sequence[Confusion]]]] = {}
    same = {key: same_values(samples, key).chosen for key in by}
    for sample in samples:
        fixed = {key: metadata_value(sample, key) or "" for key in metadata_keys}
        if not columns:
            member = (Member(sample, sample.calls), sample.confusions)
            parts.setdefault(tuple(same[key].get(fixed[key], fixed[key]) for key in by), []).append(member)
            continue
        assert sample.calls is not None
        for values, calls in split_calls(sample.calls, columns):
            named = fixed | dict(zip(columns, values, strict=True))
            counted = count_calls(calls, sample.labels, len(sample.confusions), backend)
            group = tuple(same[key].get(named[key], named[key]) for key in by)
            parts.setdefault(group, []).append((Member(sample, calls), counted))
    groups = []
    for values, members in sorted(parts.items(), key=lambda part: (safe_name(" | ".join(part[0])), part[0])):
        name = " | ".join(values)
        _refuse_mixed(name, [member.sample for member, _ in members])
        by_k = zip(*(confusions for _, confusions in members), strict=True)
        summed = tuple(add(confusions, f"group {name!r}") for confusions in by_k)
        groups.append(Group(name, tuple(member for member, _ in members), summed, dict(zip(by, values, strict=True))))
    return groups


def _refuse_unknown_keys(samples: Sequence[Sample], columns: Sequence[str]) -> None:
    for key in columns:
        for sample in samples:
            if sample.calls is None:
                raise InputError(
                    f"--group-by {key}: It is no metadata key of sample {sample.name!r}, and its cells were not kept, "
                    "so they cannot be grouped by an obs column; score it again without --no-cells."
                )
            if key not in sample.calls.columns:
                columns = [column for column in sample.calls.columns if not is_call_column(column)]
                known = [*RUN_KEYS, *sample.meta.get("metadata", {}), *columns]
                raise InputError(
                    f"--group-by {key}: Sample {sample.name!r} has no such metadata key, and no obs column of that "
                    f"name was kept with its cells{did_you_mean(key, known) or '.'} It has "
                    f"{examples(dict.fromkeys(known), 12)}. Columns of obs are named when the cells are counted."
                )


def _refuse_mixed(name: str, samples: Sequence[Sample]) -> None:
    """Refuse members that were scored with different ontologies, or with different numbers of ranks."""
    prints = {sample.meta.get("ontology_fingerprint"): sample for sample in samples}
    if len(prints) > 1:
        one, other = list(prints.values())[:2]
        raise InputError(
            f"Group {name!r}: samples {one.name!r} and {other.name!r} were scored with different ontologies (versions "
            "that differ in terms or edges), and cannot be added up; annotate them with one, or group them apart."
        )
    ranks = {len(sample.confusions): sample for sample in samples}
    if len(ranks) > 1:
        raise InputError(
            f"Group {name!r}: sample {ranks[min(ranks)].name!r} has matrices for the top {min(ranks)} and "
            f"{ranks[max(ranks)].name!r} for the top {max(ranks)}; score all with one --f-measure-top-k."
        )


def check_group(groups: Sequence[Group], name: str) -> None:
    """Refuse a name for ``--confusions-of`` that no group has; an empty one means the best."""
    known = [group.name for group in groups]
    if name and name not in known:
        raise InputError(
            f"--confusions-of names the group {name!r}, which is not there{did_you_mean(name, known) or '.'} "
            f"Groups: {examples(known, 12)}."
        )


def check_one_top_k(samples: Sequence[Sample]) -> int:
    """Return the k that all samples have."""
    counts = np.unique([len(sample.confusions) for sample in samples])
    if len(counts) > 1:
        raise InputError(f"Samples have matrices for different numbers of ranks ({examples(counts.tolist())}).")
    return int(counts[0])
