"""The job of ``fastbench perturb calibrate``: which metrics can tell anything on a data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from ...command.job import Job
from ...devices import backend_of
from ...errors import InputError
from ...results.tables import Column, Table, frame_of
from ..baselines.predict import baselines
from ..comparison import MEAN_RESPONSE, NO_CHANGE
from ..inputs.assembly import Inputs
from ..inputs.reading import read_screens
from ..job import prepared
from ..metrics.structure import systematic_variation
from ..options import PerturbOptions
from ..presets import Preset
from ..scores.assessing import assess
from ..scores.tables import SUMMARY_COLUMNS
from ..screens.side import Side

__all__ = ["CALIBRATION_COLUMNS", "VARIATION_COLUMNS", "CalibrationResult", "run_calibration"]

_TAKEN = (
    "context",
    "subset",
    "metric_type",
    "family",
    "better",
    "baseline",
    "replicate",
    "replicate_sd",
    "drf",
    "bds",
    "n_conditions",
)
CALIBRATION_COLUMNS = tuple(column for column in SUMMARY_COLUMNS if column.name in _TAKEN)
VARIATION_COLUMNS = (
    Column("context", "text", "Cell type or other context; all: there is one."),
    Column("to_mean", "number", "Mean cosine of an effect with the mean effect: at 1 the mean response is right."),
    Column("pairwise", "number", "Mean cosine of two effects."),
    Column("n_conditions", "integer", "Perturbations with cells."),
)


@dataclass(frozen=True)
class CalibrationResult:
    """Which metrics tell a replicate of the truth from the mean response.

    Attributes
    ----------
    options : PerturbOptions
        What was asked for.
    metrics : polars.DataFrame
        One row a metric and context.
    variation : polars.DataFrame
        One row a context: how alike responses are.
    inputs : Inputs
        What was read.
    preset : Preset
        Metrics and their settings.
    timings : mapping of str to float
        Seconds by stage.
    """

    options: PerturbOptions
    metrics: pl.DataFrame
    variation: pl.DataFrame
    inputs: Inputs
    preset: Preset
    timings: Mapping[str, float] = field(default_factory=dict)

    def tables(self) -> dict[str, Table | pl.DataFrame]:
        """Return metrics and variation, with their columns declared."""
        return {
            "calibration.csv": Table(self.metrics, CALIBRATION_COLUMNS),
            "variation.csv": Table(self.variation, VARIATION_COLUMNS),
        }

    def draw(self, path: Callable[[str], Path]) -> None:
        """Draw the dynamic range of each metric."""
        from ..figures.calibration import draw_calibration

        places = path("figures/calibration.png"), path("figures/calibration.svg")
        draw_calibration(self.metrics, *places, self.subtitle(), not self.options.screens)

    def subtitle(self) -> str:
        """Return what was looked at, in words."""
        panel = self.inputs.truth.panel
        return f"{len(self.inputs.truth):,} cells, {len(panel.genes):,} genes, {len(panel.conditions):,} perturbations"

    def notes(self) -> list[str]:
        """Return what was left out, found or taken for granted."""
        return list(self.inputs.notes)

    def account(self) -> dict[str, Any]:
        """Return the entries of the manifest."""
        return {
            "inputs": [source.as_dict() for source in self.inputs.sources],
            "dropped": dict(self.inputs.dropped),
            "notes": self.notes(),
            "device": self.options.device,
        }

    def summary(self) -> Mapping[str, Any]:
        """Return what ``--json`` prints."""
        return {"systematic_variation": self.variation.to_dicts(), "metrics": self.metrics.to_dicts()}


def run_calibration(options: PerturbOptions, job: Job | None = None, inputs: Inputs | None = None) -> CalibrationResult:
    """Judge the mean response and halves of the truth.

    Parameters
    ----------
    options : PerturbOptions
        What to do; the truth alone.
    job : Job, optional
        Shows progress, and keeps what was found.
    inputs : Inputs, optional
        What is in memory, in the place of the files.

    Raises
    ------
    InputError
        When predictions are given, no halvings, or the truth has no cells.
    """
    if len(options.screens) > 1:
        raise InputError("A calibration looks at the truth alone; give no predictions.")
    if not options.splits:
        raise InputError("--splits 0 leaves out the halvings of the truth, which a calibration is about.")
    job = job or Job()
    with job.stage("reading the truth", "read"):
        inputs, preset = prepared(options, inputs or read_screens(options))
    if not inputs.truth.of_cells:
        raise InputError("The rows of the truth are means of conditions, and have no halves; give cells.")
    backend = backend_of(options.device)
    names = (MEAN_RESPONSE, NO_CHANGE)
    made = baselines(inputs.truth, inputs.training, backend, names=names, seed=options.seed, threads=options.threads)
    screens = [each.screen for each in made]
    digests = [source.sha256 for source in inputs.sources]
    found = assess(inputs.truth, (), screens, preset, options, job, digests=digests).summary
    mine = found.filter(pl.col("prediction") == screens[0].name).select([column.name for column in CALIBRATION_COLUMNS])
    panel, rows = inputs.truth.panel, []
    for context, name in enumerate(panel.contexts):
        side = Side(inputs.truth, context, preset.total, backend, options.threads)
        to_mean, pairwise = (None if value != value else value for value in systematic_variation(side))
        present = int((side.sizes[:-1] > 0).sum())
        rows.append({"context": name, "to_mean": to_mean, "pairwise": pairwise, "n_conditions": present})
    variation = frame_of(rows, VARIATION_COLUMNS)
    return CalibrationResult(options, mine, variation, inputs, preset, dict(job.timings))
