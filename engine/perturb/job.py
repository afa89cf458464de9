"""The job of ``fastbench perturb``: true and predicted cells in, every metric between mean and replicate out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from ..command.job import Job
from ..devices import backend_of
from ..errors import InputError, examples
from ..results.folder import ResultFolder
from ..results.tables import Table
from .baselines.predict import Baseline, baselines
from .comparison import HIGHER, NO_CHANGE
from .differential.given import Given, read_given
from .differential.settings import CELL_EVAL, CELL_EVAL2
from .effects import chosen_condition, effects_of, refuse_unknown
from .inputs.assembly import Inputs
from .inputs.reading import read_screens
from .options import PREDICTION, PerturbOptions
from .presets import Preset, preset_of
from .run_options import RunOptions
from .scores.assessing import Assessment, assess
from .scores.headline import better_on, headline
from .scores.leaderboard import leaders, verdict
from .scores.summary import shown_context
from .scores.tables import DIFFERENCE_COLUMNS, LEADER_COLUMNS, RESULT_COLUMNS, STRATUM_COLUMNS, SUMMARY_COLUMNS
from .screens.screen import COUNTS, Later, Screen
from .writing import prefixes_of, write_cell_eval, write_cell_eval2, write_differential

__all__ = ["PerturbResult", "prepared", "run_perturb"]


@dataclass(frozen=True)
class PerturbResult:
    """Tables and account of one run.

    Attributes
    ----------
    options : RunOptions
        What was asked for.
    found : Assessment
        Tables of predictions and baselines.
    board : polars.DataFrame
        One row a prediction, the best first.
    inputs : Inputs
        What was read.
    preset : Preset
        Metrics and their settings.
    baselines : tuple of Baseline
        What is judged beside the predictions, the mean response first.
    given : Given
        Differential expression that was found elsewhere.
    timings : mapping of str to float
        Seconds by stage.
    """

    options: RunOptions
    found: Assessment
    board: pl.DataFrame
    inputs: Inputs
    preset: Preset
    baselines: tuple[Baseline, ...] = ()
    given: Given = field(default_factory=Given)
    timings: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_simulated(self) -> bool:
        """Whether nothing was named, and the screen is the simulated one."""
        return not self.options.screens

    def tables(self) -> dict[str, Table | pl.DataFrame]:
        """Return all tables, with their columns declared."""
        found = self.found
        return {
            "results.csv": Table(found.results, RESULT_COLUMNS),
            "summary.csv": Table(found.summary, SUMMARY_COLUMNS),
            "leaderboard.csv": Table(self.board, LEADER_COLUMNS),
            "differences.csv": Table(found.differences, DIFFERENCE_COLUMNS),
            "strata.csv": Table(found.strata, STRATUM_COLUMNS),
        }

    def write_files(self, folder: ResultFolder) -> dict[str, Any]:
        """Write differential expression where asked for, and the forms of cell-eval and cell-eval2."""
        options, inputs = self.options, self.inputs
        names = [screen.name for screen in inputs.predictions]
        prefixes = prefixes_of(inputs.truth.panel.contexts, bool(options.context_col))
        as_cell_eval = self.preset.name in ("cell-eval", "vcc2025")
        if as_cell_eval:
            write_cell_eval(folder, self.found, names, prefixes)
        if self.preset.name == "vcc2026":
            write_cell_eval2(folder, self.found, names, prefixes)
        if not as_cell_eval and not options.de_tables:
            return {}
        return write_differential(
            folder,
            inputs.truth,
            inputs.predictions,
            self.preset,
            backend_of(options.device),
            options.threads,
            self.given,
            tables=options.de_tables,
            prefixes=list(prefixes.values()) if as_cell_eval else (),
        )

    def draw(self, path: Callable[[str], Path]) -> None:
        """Draw the scores, the perturbations, the effects of one, and which metrics can tell anything."""
        from .figures.calibration import draw_calibration
        from .figures.effects import MOST, draw_effects
        from .figures.perturbations import draw_perturbations
        from .figures.scores import draw_scores

        names, said, simulated = [each.name for each in self.inputs.predictions], self.subtitle(), self.is_simulated
        title = self.verdicts()[0].rstrip(".") if self.verdicts() else "Predictions beside the mean response"
        places = path("figures/scores.png"), path("figures/scores.svg")
        nothing = [name for name in self.board["prediction"].to_list() if NO_CHANGE in name]
        draw_scores(self.found.summary, [*names, *nothing], *places, title, said, simulated)
        places = path("figures/calibration.png"), path("figures/calibration.svg")
        draw_calibration(self.found.summary, *places, said, simulated)
        metric = headline(self.found.summary)
        if metric is not None:
            places = path("figures/perturbations.png"), path("figures/perturbations.svg")
            draw_perturbations(self.found.results, metric, names, *places, said, simulated)
        screens = [*self.inputs.predictions, *(each.screen.make() for each in self.baselines[:1])]
        first, asked = screens[0].name, self.options.show
        shown = chosen_condition(self.found.results, metric, first, asked)
        if shown is not None:
            if len(screens) > MOST:  # then the mean response has no room beside the predictions
                screens = list(self.inputs.predictions)
            backend, threads = backend_of(self.options.device), self.options.threads
            effects = effects_of(*shown, self.inputs.truth, screens, self.preset, backend, threads, self.given)
            places = path("figures/effects.png"), path("figures/effects.svg")
            why = "as chosen" if asked else f"the median score in {metric}" if metric else "the first"
            draw_effects(effects, *places, f"{said}; {why}", simulated)

    def subtitle(self) -> str:
        """Return what was judged, in words."""
        truth = self.inputs.truth
        contexts = len(truth.panel.contexts)
        return (
            f"{len(truth):,} cells, {len(truth.panel.genes):,} genes, {len(truth.panel.conditions):,} perturbations"
            f"{f' in {contexts} contexts' if contexts > 1 else ''}, metrics of the preset {self.preset.name}"
        )

    def verdicts(self) -> list[str]:
        """Return one sentence a prediction: whether it is better than the mean response."""
        return verdict(self.board)

    def counts(self) -> list[str]:
        """Return one sentence a prediction: on how many perturbations it is better than the mean response."""
        metric = headline(self.found.summary)
        if metric is None:
            return []
        better = self.found.summary.filter(metric_type=metric)["better"][0]
        table = better_on(self.found.results, metric, better == HIGHER, self.baselines[0].screen.name)
        names = {each.name for each in self.inputs.predictions}
        return [
            f"{name} is better than the mean response on {n} of {of} perturbations ({metric})."
            for name, n, of in table.iter_rows()
            if name in names
        ]

    def notes(self) -> list[str]:
        """Return what was left out, found or taken for granted."""
        names = [each.name for each in self.inputs.predictions]
        mine = shown_context(self.found.summary).filter(pl.col("prediction").is_in(names))
        whole = mine.group_by("metric_type", maintain_order=True).agg(pl.col("value").count(), pl.first("status"))
        without = whole.filter(value=0).group_by("status", maintain_order=True).agg("metric_type")
        said = [f"Without a value: {', '.join(metrics)}. {why}" for why, metrics in without.iter_rows()]
        return [*self.inputs.notes, *self.given.notes, *said]

    def account(self) -> dict[str, Any]:
        """Return the entries of the manifest."""
        return {
            "inputs": [source.as_dict() for source in self.inputs.sources],
            "dropped": dict(self.inputs.dropped),
            "notes": self.notes(),
            "statistic": {
                "interval": f"bootstrap over perturbations, {self.options.level:g}",
                "baseline": "mean response",
                "replicate": f"{self.options.splits} halvings of the true cells",
                "scaled_to": self.preset.total,
            },
            "device": self.options.device,
        }

    def summary(self) -> Mapping[str, Any]:
        """Return what ``--json`` prints."""
        return {
            "perturbations": len(self.inputs.truth.panel.conditions),
            "simulated": self.is_simulated,
            "leaderboard": self.board.to_dicts(),
            "verdicts": self.verdicts(),
            "summary": self.found.summary.to_dicts(),
        }


def prepared(options: PerturbOptions, inputs: Inputs) -> tuple[Inputs, Preset]:
    """Return the screens and metrics as the preset wants them.

    Raises
    ------
    InputError
        When the preset needs counts and the screens hold none.
    """
    preset = preset_of(options.preset)
    if options.total is not None:
        preset = replace(preset, total=options.total)
    if options.control_source == PREDICTION:
        preset = replace(preset, own_controls=True)
    if preset.needs_counts and inputs.truth.values != COUNTS:
        raise InputError(
            f"The preset {preset.name!r} is defined on counts, but the values of the truth are log1p; give counts "
            "(a layer of them: FILE@layer:counts), or another --preset."
        )
    return inputs.literal() if preset.literal else inputs, preset


def _given(options: RunOptions, inputs: Inputs, preset: Preset) -> Given:
    """Read differential expression that was found elsewhere, and check what is to be shown."""
    refuse_unknown(options.show, inputs.truth.panel)
    if (options.de_true or options.de) and preset.tested not in (CELL_EVAL, CELL_EVAL2):
        raise InputError(
            f"--de-true and --de: the preset {preset.name!r} orders genes by a statistic of its own, which tables of "
            "differential expression lack; give --preset default, vcc2026, vcc2025 or cell-eval."
        )
    truth, names = inputs.truth, [screen.name for screen in inputs.predictions]
    return read_given((truth.name, options.de_true), names, options.de, truth.panel, preset.tested, options.context_col)


def run_perturb(options: RunOptions, job: Job | None = None, inputs: Inputs | None = None) -> PerturbResult:
    """Read, judge, and compare with the mean response and a replicate.

    Parameters
    ----------
    options : RunOptions
        What to do.
    job : Job, optional
        Shows progress, and keeps what was found of each prediction and metric.
    inputs : Inputs, optional
        What is in memory, in the place of the files.

    Returns
    -------
    PerturbResult
        Nothing is written, but what `job` keeps.
    """
    job = job or Job()
    with job.stage("reading screens", "read"):
        inputs, preset = prepared(options, inputs or read_screens(options))
        given = _given(options, inputs, preset)
        inputs = replace(inputs, sources=(*inputs.sources, *given.sources))
    with job.stage("making baselines", "baselines"):
        backend = backend_of(options.device)
        made = baselines(inputs.truth, inputs.training, backend, seed=options.seed, threads=options.threads)
    beside = [each.screen for each in made]
    _refuse_names(inputs.predictions, beside)
    found = assess(
        inputs.truth,
        inputs.predictions,
        beside,
        preset,
        options,
        job,
        digests=[source.sha256 for source in inputs.sources],
        seen=inputs.seen,
        given=given,
    )
    board = leaders(found.summary, found.differences, beside[0].name, preset.name)
    return PerturbResult(options, found, board, inputs, preset, tuple(made), given, dict(job.timings))


def _refuse_names(predictions: tuple[Screen, ...], baselines: list[Later]) -> None:
    taken = sorted({each.name for each in predictions} & {each.name for each in baselines})
    if taken:
        raise InputError(f"A prediction is called {examples(taken)}, as a baseline; give another name: NAME=FILE.")
