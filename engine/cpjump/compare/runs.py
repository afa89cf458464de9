"""Result folders of the CPJUMP1 benchmark, read to be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from ....kernels.dispatch import get_backend
from ...errors import InputError, examples
from ...readers.errors import damaged_file_as_input_error
from ...readers.small_table import read_table
from ...results.earlier import check_unchanged, manifest_of
from ..names import ALL, BATCH, CONFIGURATION, GROUP, GROUPED_BY, LEVEL, MODALITIES, SAMPLE, TARGET, TASKS, TIMELINES
from ..plates.metadata import PUBLISHED_KEYS, published
from ..presets import PRESETS

__all__ = ["ScoredRun", "differing_options", "lost_at_gate", "ordered", "part_of_wells", "read_run", "with_published"]

# Options that decide what a number means; where the profiles came from is what a comparison is about.
_MEANING: Final = (
    "preset",
    "batch",
    "gate",
    "q_threshold",
    "p_values",
    "null_size",
    "ties",
    "limit_plates",
    "orf_replicates",
    "split_subset",
    "test_labels_controls",
)
#: Those of the published table.
_PAPER: Final[Mapping[str, Any]] = {
    "preset": "paper",
    "batch": BATCH,
    "gate": "q",
    "q_threshold": LEVEL,
    "p_values": "paper",
    "null_size": 100_000,
    "limit_plates": None,
}
#: The scores of the queries.
QUERIES: Final = "average_precision.parquet"
_SCORES: Final = {"mean_average_precision": "map", "q_value": "q_value"}


@dataclass(frozen=True)
class ScoredRun:
    """One result folder of ``fastbench cpjump``.

    Parameters
    ----------
    name : str
        What it is called in tables and figures.
    folder : Path
        Where it lies.
    options : dict
        The options it was made with.
    tables : tuple of str
        Digests of the tables of plates and of compound targets that it read.
    simulated : bool
        Whether its features were simulated.
    groups : polars.DataFrame
        One row a group of each configuration: `CONFIGURATION`, ``group``, ``map`` (mean AP), ``above_chance`` (mean of
        (AP - c) / (1 - c), c the mean AP of a random ranking of as many candidates; both may be missing), ``q_value``
        and ``retrieved``, sorted by configuration and group.
    members : polars.DataFrame
        One row a group and perturbation of its queries: `GROUP` and ``sample``.
    """

    name: str
    folder: Path
    options: Mapping[str, Any]
    tables: tuple[str, ...]
    simulated: bool
    groups: pl.DataFrame
    members: pl.DataFrame


def read_run(name: str, folder: Path) -> ScoredRun:
    """Read the groups of a result folder.

    Parameters
    ----------
    name : str
        What to call it.
    folder : Path
        A result folder of ``fastbench cpjump``.

    Returns
    -------
    ScoredRun

    Raises
    ------
    InputError
        It is no such folder, or its tables are damaged.
    """
    manifest = manifest_of(folder, "cpjump")
    with damaged_file_as_input_error(str(folder), "a result of fastbench cpjump"):
        return _read_run(name, folder, manifest)


def _read_run(name: str, folder: Path, manifest: Mapping[str, Any]) -> ScoredRun:
    tables = [_groups(folder / f"{task}_map.csv", task) for task in TASKS if (folder / f"{task}_map.csv").is_file()]
    check_unchanged(folder, manifest, "*_map.csv")
    check_unchanged(folder, manifest, QUERIES)
    if not any(map(len, tables)):
        raise InputError(f"'{folder}' has no table of groups ({TASKS[0]}_map.csv): run 'fastbench cpjump' again.")
    queries = _queries(folder / QUERIES)
    above = _above_chance(queries).group_by(GROUP, maintain_order=True).agg(pl.col("above_chance").mean())
    groups = pl.concat(tables).join(above, on=GROUP, how="left")
    options, inputs = (manifest.get(name) for name in ("options", "inputs"))
    if not isinstance(options, dict) or not isinstance(inputs, list):
        raise InputError(f"The manifest.json of '{folder}' is damaged: run 'fastbench cpjump' again.")
    digests = tuple(sorted(str(entry["sha256"]) for entry in inputs if str(entry["path"]).endswith(".tsv")))
    return ScoredRun(
        name,
        folder,
        options,
        digests,
        manifest.get("simulated") is True,
        ordered(groups.sort("group")),
        queries.select(*GROUP, "sample").unique().sort(*GROUP, "sample"),
    )


def ordered(frame: pl.DataFrame) -> pl.DataFrame:
    """Sort rows by task, modality, cell line and time, as people list them.

    Rows over all configurations come first in their task; rows of one configuration stay in their order.
    """

    def place(column: str, known: Sequence[str]) -> pl.Expr:
        return pl.col(column).replace_strict(known, range(len(known)), default=len(known), return_dtype=pl.Int64)

    return frame.sort(
        place("task", TASKS),
        pl.col("Description") != ALL,
        place("Modality1", MODALITIES),
        "Modality1",
        place("Modality2", MODALITIES),
        "Modality2",
        "Cell",
        place("time1", TIMELINES),
        "time1",
        place("time2", TIMELINES),
        "time2",
        "Description",
        maintain_order=True,
    )


def lost_at_gate(run: ScoredRun, other: ScoredRun) -> pl.DataFrame:
    """Return the groups that another run scored and this one did not because of its gate.

    Those are groups of perturbations that this run has measured: all of them stand in its replicability. Where a run
    did not report replicability, a group that it lacks counts as lost at the gate.

    Parameters
    ----------
    run, other : ScoredRun
        The run with the gate, and the one that scored the groups.

    Returns
    -------
    polars.DataFrame
        `GROUP`, sorted. Empty where the run has no gate.
    """
    matched = other.groups.filter(pl.col("task") != TASKS[0])
    if run.options.get("gate") == "none":
        return matched.select(GROUP).clear()
    preset = PRESETS.get(str(run.options.get("preset")))
    if preset is not None and not preset.gate_genes:  # compounds alone pass a gate
        matched = matched.filter(Modality1="compound")
    measured = run.groups.filter(task=TASKS[0]).select(part="Description", sample="group", measured=True)
    known = measured["part"].unique().to_list()
    # A configuration of gene-compound matching is made of two, "compound_A549_long-crispr_A549_long".
    part = pl.col("Description").str.split("-")
    keys = list(GROUP[:2])
    scored = run.groups.select(keys).unique().with_columns(scored=True)
    missing = matched.select(GROUP).join(run.groups, on=list(GROUP), how="anti").join(scored, on=keys, how="left")
    # Where nothing passes the gate, a configuration that was asked for has no group at all.
    asked = (
        pl.col("task").is_in(list(run.options.get("tasks") or []))
        & part.list.eval(pl.element().is_in(known)).list.all()
    )
    missing = missing.filter(pl.col("scored").fill_null(value=False) | asked)
    needed = other.members.join(missing, on=list(GROUP), how="semi").with_columns(part=part).explode("part")
    needed = needed.join(measured, on=["part", "sample"], how="left")
    found = pl.col("measured").any().fill_null(value=False) | ~pl.col("part").is_in(known).any()
    by_sample = needed.group_by(*GROUP, "sample").agg(found.alias("measured"))
    by_group = by_sample.group_by(GROUP).agg(pl.col("measured").all())
    return by_group.filter("measured").select(GROUP).sort(GROUP)


def differing_options(runs: Sequence[ScoredRun], *, published: bool) -> list[str]:
    """Return one sentence for each thing but their profiles in which the runs differ.

    Parameters
    ----------
    runs : sequence of ScoredRun
        The runs.
    published : bool
        Whether the published table stands beside them.
    """
    options = {run.name: run.options for run in runs}
    if published:
        options["the published table"] = _PAPER
    notes = []
    for option in _MEANING:
        values = {name: given[option] for name, given in options.items() if option in given}
        named = {value: [name for name in values if values[name] == value] for value in values.values()}
        if len(named) > 1:
            shown = "; ".join(f"{value} in {', '.join(names)}" for value, names in named.items())
            notes.append(f"The option {option} differs ({shown}): differences between runs may come from it.")
    others = [run.name for run in runs if run.tables != runs[0].tables]
    if others:
        notes.append(f"{', '.join(others)} read other tables of plates or compound targets than {runs[0].name}.")
    simulated = [run.name for run in runs if run.simulated]
    if published and all(map(part_of_wells, runs)):
        notes.append(
            "The published fractions are of all wells and plates, and are left out: every run scored a part of them "
            f"({', '.join(sorted({name for run in runs for name in part_of_wells(run)}))})."
        )
    if simulated and published:
        notes.append("The published fractions are of real features, and stand beside simulated ones for scale only.")
    if simulated and len(simulated) < len(runs):
        notes.append(f"The features of {', '.join(simulated)} are simulated, those of the other runs are not.")
    return notes


def part_of_wells(run: ScoredRun) -> list[str]:
    """Return the options by which a run scored a part of the wells that the published fractions are of."""
    return [name for name in ("limit_plates", "split_subset", "test_labels") if run.options.get(name) is not None]


def with_published(configurations: pl.DataFrame) -> pl.DataFrame:
    """Add the fraction retrieved that was published for CellProfiler profiles; missing where there is none."""
    return configurations.join(
        published(), on=list(PUBLISHED_KEYS), how="left", nulls_equal=True, maintain_order="left"
    )


def _groups(path: Path, task: str) -> pl.DataFrame:
    """Read the groups of a task, all configurations under one set of columns."""
    by = GROUPED_BY[task]
    frame, _ = read_table(path, separator=",", what="table of groups")
    frame = frame.rename({name: f"{name}1" for name in ("Modality", "time", "timepoint") if name in frame.columns})
    genetic = [pl.lit(None, pl.String).alias(f"{name}2") for name in ("Modality", "time", "timepoint")]
    frame = frame.with_columns(each for each in genetic if each.meta.output_name() not in frame.columns)
    needed = [by, *_SCORES, "above_q_threshold", *CONFIGURATION[1:]]
    if missing := [name for name in needed if name not in frame.columns]:
        raise InputError(f"The table '{path}' has no column {examples(missing)}: run 'fastbench cpjump' again.")
    try:
        frame = frame.select(
            pl.lit(task).alias("task"),
            *(pl.col(name).cast(pl.Int64 if name.startswith("timepoint") else pl.String) for name in CONFIGURATION[1:]),
            pl.col(by).alias("group"),
            *(pl.col(name).cast(pl.Float64).fill_nan(None).alias(short) for name, short in _SCORES.items()),
            pl.col("above_q_threshold").replace_strict(["true", "false"], [True, False]).alias("retrieved"),
        )
    except pl.exceptions.PolarsError as error:
        raise _unusable(path, "is damaged", error) from error
    twice = frame.filter(frame.select(GROUP).is_duplicated())["group"].unique().sort()
    if len(twice) or frame.select(GROUP).null_count().sum_horizontal().item():
        raise InputError(f"The table '{path}' is damaged: groups without a name or twice ({examples(twice, 3)}).")
    return frame


def _unusable(path: Path, how: str, error: Exception) -> InputError:
    return InputError(f"The table '{path}' {how}: {str(error).splitlines()[0].rstrip('.')}.")


def _queries(path: Path) -> pl.DataFrame:
    """Return each query of each group: `GROUP`, ``sample``, its AP and numbers of pairs."""
    try:
        frame = pl.read_parquet(path)
        if TARGET not in frame.columns:  # of replicability alone
            frame = frame.with_columns(pl.lit(None, pl.String).alias(TARGET))
        by = pl.when(task=TASKS[0]).then(SAMPLE).otherwise(TARGET)
        sample = pl.col(SAMPLE).alias("sample")
        columns = ("average_precision", "n_pos_pairs", "n_total_pairs")
        frame = frame.select(*GROUP[:2], by.alias(GROUP[2]), sample, *columns)
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise _unusable(path, "cannot be read", error) from error
    return frame.drop_nulls(["group", "sample"])


def _above_chance(queries: pl.DataFrame) -> pl.DataFrame:
    """Return the AP above chance of each query that has an AP.

    Chance is better in a short list: where another gate lets fewer candidates through, the same features have a higher
    mean AP. This takes it out.
    """
    frame = queries.filter(pl.col("n_pos_pairs") < pl.col("n_total_pairs")).drop_nulls("average_precision")
    chance = pl.Series(get_backend().expected_ap(frame["n_pos_pairs"].to_numpy(), frame["n_total_pairs"].to_numpy()))
    scaled = ((frame["average_precision"] - chance) / (1 - chance)).clip(-1.0, 1.0)
    return frame.select(*GROUP, scaled.alias("above_chance"))
