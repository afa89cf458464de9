"""The job of ``fastbench perturb audit``: games made from the truth, and where they land."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ...command.job import Job
from ...devices import backend_of
from ...results.tables import Column, Table, frame_of
from ..baselines.predict import baselines
from ..comparison import MEAN_RESPONSE, NO_CHANGE
from ..inputs.assembly import Inputs
from ..inputs.reading import read_screens
from ..job import prepared
from ..presets import preset_of
from ..scores.assessing import assess
from ..scores.competition import competition_scores
from ..scores.summary import shown_context
from ..screens.screen import COUNTS
from .games import GAMES
from .options import AuditOptions

__all__ = ["GAME_COLUMNS", "METRIC_COLUMNS", "AuditResult", "run_audit"]

#: A mean score up to which a game has gained nothing: what chance and few perturbations may give.
NOTHING = 0.05

GAME_COLUMNS = (
    Column("game", "text", "What was predicted."),
    Column("meaning", "text", "How it is made."),
    Column("preset", "text", "Under which metrics and settings."),
    Column(
        "score",
        "number",
        "Mean score, each limited to -1 .. 2: 0 is the mean response, 1 half of the true cells against the other.",
    ),
    Column("competition", "number", "The number that the competition of the preset would give; bounds can hide much."),
    Column("gamed", "integer", "Metrics with a score above 0.2."),
    Column("n_metrics", "integer", "Metrics with a score."),
    Column("highest", "text", "The metric with the highest score."),
    Column("highest_score", "number", "That score."),
    Column("gains", "boolean", "Whether the mean score is above 0.05: the game would pay."),
)
METRIC_COLUMNS = (
    Column("game", "text", "What was predicted."),
    Column("preset", "text", "Under which metrics and settings."),
    Column("metric_type", "text", "Metric."),
    Column("value", "number", "Value of the metric."),
    Column("baseline", "number", "The metric of a prediction that knows the mean response alone."),
    Column("replicate", "number", "The metric of the truth against itself."),
    Column("score", "number", "The value between these."),
    Column("status", "text", "Why there is no value or score; else 'ok'."),
)


@dataclass(frozen=True)
class AuditResult:
    """Where games land.

    Attributes
    ----------
    options : AuditOptions
        What was asked for.
    games : polars.DataFrame
        One row a game and preset.
    metrics : polars.DataFrame
        One row a game, preset and metric.
    inputs : Inputs
        What was read.
    notes_found : tuple of str
        What was left out.
    timings : mapping of str to float
        Seconds by stage.
    """

    options: AuditOptions
    games: pl.DataFrame
    metrics: pl.DataFrame
    inputs: Inputs
    notes_found: tuple[str, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)

    def tables(self) -> dict[str, Table | pl.DataFrame]:
        """Return games and metrics, with their columns declared."""
        return {"audit.csv": Table(self.games, GAME_COLUMNS), "audit_metrics.csv": Table(self.metrics, METRIC_COLUMNS)}

    def draw(self, path: Callable[[str], Path]) -> None:
        """Draw the mean score of each game under each preset."""
        from ..figures.games import draw_games

        places = path("figures/audit.png"), path("figures/audit.svg")
        draw_games(self.games, *places, self.subtitle(), not self.options.screens)

    def subtitle(self) -> str:
        """Return what the games were made from, in words."""
        panel = self.inputs.truth.panel
        return f"{len(self.inputs.truth):,} cells, {len(panel.genes):,} genes, {len(panel.conditions):,} perturbations"

    def verdict(self) -> list[str]:
        """Return one sentence a preset: which games would pay."""
        said = []
        for (preset,), rows in self.games.group_by("preset", maintain_order=True):
            paid = rows.filter("gains")["game"].to_list()
            what = (
                f"{len(paid)} of {len(rows)} games score: {', '.join(paid)}"
                if paid
                else f"none of {len(rows)} games scores"
            )
            said.append(f"{preset}: {what}.")
        return said

    def notes(self) -> list[str]:
        """Return what was left out."""
        return [*self.inputs.notes, *self.notes_found]

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
        return {"games": self.games.to_dicts(), "verdicts": self.verdict()}


def run_audit(options: AuditOptions, job: Job | None = None, inputs: Inputs | None = None) -> AuditResult:
    """Make games from the truth and judge them under each preset.

    Parameters
    ----------
    options : AuditOptions
        What to do.
    job : Job, optional
        Shows progress, and keeps what was found.
    inputs : Inputs, optional
        What is in memory, in the place of the files.
    """
    job = job or Job()
    with job.stage("reading the truth", "read"):
        inputs = inputs or read_screens(options)
    rng = np.random.default_rng(options.seed)
    made = [replace(game.make(inputs.truth, rng), name=game.name) for game in GAMES]
    backend, digests = backend_of(options.device), [source.sha256 for source in inputs.sources]
    names = (MEAN_RESPONSE, NO_CHANGE)
    games: list[dict[str, Any]] = []
    metrics: list[dict[str, Any]] = []
    notes = []
    for name in options.presets:
        if preset_of(name).needs_counts and inputs.truth.values != COUNTS:
            notes.append(f"The preset {name!r} is left out: it needs counts, but the values are log1p.")
            continue
        asked = replace(options, preset=name)
        held, preset = prepared(asked, replace(inputs, predictions=tuple(made)))
        beside = baselines(held.truth, held.training, backend, names=names, seed=options.seed, threads=options.threads)
        screens = [each.screen for each in beside]
        found = assess(held.truth, held.predictions, screens, preset, asked, job, digests=[*digests, name])
        table = shown_context(found.summary)
        totals = competition_scores(name, found.summary)
        for game in GAMES:
            rows = table.filter(pl.col("prediction") == game.name)
            games.append(_row(game.name, game.meaning, name, rows, totals.get(game.name)))
            metrics += [
                {"game": game.name, "preset": name} | {column.name: row[column.name] for column in METRIC_COLUMNS[2:]}
                for row in rows.iter_rows(named=True)
            ]
    return AuditResult(
        options,
        frame_of(games, GAME_COLUMNS),
        frame_of(metrics, METRIC_COLUMNS),
        inputs,
        tuple(notes),
        dict(job.timings),
    )


def _row(game: str, meaning: str, preset: str, rows: pl.DataFrame, total: float | None) -> dict[str, Any]:
    """Return where a game lands under a preset."""
    scored = rows.filter(pl.col("score").is_not_null()).sort("score", descending=True)
    mean = scored["score"].mean()
    return {
        "game": game,
        "meaning": meaning,
        "preset": preset,
        "score": mean,
        "competition": total,
        "gamed": int((scored["score"] > 0.2).sum()),
        "n_metrics": len(scored),
        "highest": scored["metric_type"][0] if len(scored) else None,
        "highest_score": scored["score"][0] if len(scored) else None,
        "gains": None if mean is None else bool(mean > NOTHING),  # type: ignore[operator]
    }
