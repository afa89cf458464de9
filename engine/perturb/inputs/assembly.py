"""Cells as they were read, brought to one panel and one kind of values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ...errors import InputError, counted, examples
from ...tables.profiles import Source
from ..options import PREDICTION, PerturbOptions
from ..screens.screen import COUNTS, Panel, Screen, joined
from .alignment import Targets, aligned, encoded, panel_of, shared_genes, wider_panel
from .files import Found
from .kinds import brought_to, common_kind, kinds_of
from .labels import Key, Labelled, Names, conditions_of, controls_of, labelled
from .sameness import digests_of, refuse_shared, shared_ids, truth_among
from .scale import Kind
from .splitting import parted

__all__ = ["TRAINING", "TRUTH", "Inputs", "assembled"]

#: What the screens of the truth and of training cells are called.
TRUTH, TRAINING = "truth", "training"


@dataclass(frozen=True)
class Inputs:
    """Screens of one panel.

    Attributes
    ----------
    truth : Screen
        True cells.
    predictions : tuple of Screen
        In the order given; all of the panel of the truth.
    training : Screen or None
        Cells of which baselines are made, with conditions and contexts of their own: its panel has the genes of the
        truth, the contexts of the truth and then others, and names conditions of the truth as the truth does.
    kinds : dict of str to Kind
        What the values of each file were, by name of the screen (of a split truth that of both).
    sources : tuple of Source
        The files.
    notes : tuple of str
        What was left out, found or taken for granted.
    dropped : dict of str to int
        Rows that were left out, by reason.
    """

    truth: Screen
    predictions: tuple[Screen, ...]
    training: Screen | None = None
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    notes: tuple[str, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)

    @property
    def seen(self) -> set[str] | None:
        """Conditions of the truth that training cells have; None without those."""
        if self.training is None:
            return None
        return set(self.training.panel.conditions) & set(self.truth.panel.conditions)

    def literal(self) -> Inputs:
        """Return them with the gene as target that a condition is called, so that ``A+B`` and ``A+ctrl`` have none."""
        made: dict[int, Panel] = {}

        def of(screen: Screen) -> Screen:
            return replace(screen, panel=made.setdefault(id(screen.panel), _literal(screen.panel)))

        training = None if self.training is None else of(self.training)
        return replace(
            self, truth=of(self.truth), predictions=tuple(of(each) for each in self.predictions), training=training
        )


def _literal(panel: Panel) -> Panel:
    column = {gene: place for place, gene in enumerate(panel.genes)}
    targets = [np.array([column[name]] if name in column else [], np.int64) for name in panel.conditions]
    return replace(panel, targets=tuple(targets))


def assembled(truth: Found, predictions: Sequence[Found], training: Found | None, options: PerturbOptions) -> Inputs:
    """Bring cells to one panel and one kind of values.

    Parameters
    ----------
    truth, predictions, training : Found
        As they were read; called `TRUTH`, by names of their own, and `TRAINING`.
    options : PerturbOptions
        Columns and choices.

    Raises
    ------
    InputError
        See `reading.read_screens`.
    """
    assembly = _Assembly(truth, [*predictions, *([training] if training is not None else [])], options)
    learned = assembly.labelled_training(training)
    judged = assembly.screen(assembly.cells, assembly.panel, assembly.keys)
    digests = digests_of(judged) if judged.of_cells else None
    learning = None
    if learned is not None:
        shown = learned.found.shown
        learning = assembly.screen(learned, *wider_panel(assembly.panel, assembly.keys, learned, assembly.targets))
        if digests is not None:
            assembly.notes += refuse_shared(judged, learning, digests, shown)
        if training is not None:
            assembly.notes += shared_ids(_ids(assembly.cells), _ids(learned), shown)
    predicted = []
    for each in predictions:
        made = assembly.screen(assembly.labelled(each), assembly.panel, assembly.keys)
        assembly.notes += _missing(judged, made, each.shown)
        if digests is not None and made.of_cells:
            assembly.notes += truth_among(judged, made, digests, each.shown)
        made, said = _with_controls(judged, made, each.shown, options)
        assembly.notes += said
        predicted.append(made)
    return Inputs(
        judged,
        tuple(predicted),
        learning,
        assembly.kinds,
        assembly.sources,
        tuple(dict.fromkeys([*assembly.notes, *_without_targets(assembly.panel, options)])),
        assembly.dropped,
    )


class _Assembly:
    """What all files share, found of the truth, and an account of what was left out.

    Parameters
    ----------
    truth : Found
        What is judged, and with a column of a split training cells as well.
    others : sequence of Found
        Predictions and training cells.
    options : PerturbOptions
        Columns and choices.
    """

    def __init__(self, truth: Found, others: Sequence[Found], options: PerturbOptions) -> None:
        self._options = options
        self._controls = controls_of(options, set(conditions_of(truth, options).drop_nulls().unique().to_list()))
        self._names = Names(set(truth.genes), self._controls.all)
        genes, notes = shared_genes(truth, others, options.genes)
        self.notes = [note for found in (truth, *others) for note in found.notes] + [*self._controls.notes, *notes]
        self.dropped: dict[str, int] = {}
        self._only = ""
        self.cells = self.labelled(truth)
        self._only = self.cells.contexts[0] if len(self.cells.contexts) == 1 else ""
        self.notes += _merged(self.cells)
        self._split: Labelled | None = None
        if options.split_col:
            halves = parted(self.cells, options.split_col)
            self.cells = halves.truth
            self._split = replace(halves.training, found=replace(halves.training.found, name=TRAINING))
            self.notes += halves.notes
            self.dropped |= halves.dropped
        self.targets = Targets(options, genes, self._names)
        self.notes += self.targets.notes
        self.panel, self.keys = panel_of(self.cells, self._controls, genes, self.targets)
        _check(self.cells, self.panel, options)
        self.kinds = kinds_of(truth, others, options)
        self._values, said = common_kind(self.kinds, {found.name: found.shown for found in (truth, *others)}, options)
        self.notes += [note for kind in self.kinds.values() for note in kind.notes] + said
        if self._split is not None:
            self.kinds[TRAINING] = self.kinds[TRUTH]
        sources = [source for found in (truth, *others) for source in found.sources]
        self.sources = tuple(dict.fromkeys([*sources, *self._controls.sources, *self.targets.sources]))

    def labelled(self, found: Found) -> Labelled:
        """Tell condition and context of the cells of a file."""
        cells = labelled(found, self._options, self._names, self._controls, self._only)
        self.notes += [f"{counted(count, 'row')} left out: {why}." for why, count in cells.dropped.items()]
        self.dropped |= cells.dropped
        return cells

    def labelled_training(self, training: Found | None) -> Labelled | None:
        """Return the training cells: of a file of their own, or those that a column of the truth tells."""
        return self._split if training is None else self.labelled(training)

    def screen(self, cells: Labelled, panel: Panel, keys: Sequence[Key]) -> Screen:
        """Return cells as a screen of a panel."""
        found = cells.found
        matrix = brought_to(self._values, self.kinds[found.name], found.matrix, self._options.total)
        made, said, left = encoded(
            cells, panel, keys, self._values, aligned(replace(found, matrix=matrix), panel.genes)
        )
        self.notes += said
        self.dropped |= left
        if not made.of_cells:
            if self.kinds[found.name].values == COUNTS:
                raise InputError(
                    f"'{found.shown}' has counts and one row a condition, but log1p of mean counts is not the mean of "
                    "log1p: give more cells, or each condition's mean of log1p values (of cells scaled to one total)."
                )
            self.notes.append(
                f"'{found.shown}' has one row a condition: rows are taken as means, not as cells. Nothing can be "
                "tested: metrics of distances, and of differential genes where no table of them is given, are missing."
            )
        empty = int((np.asarray(made.matrix.sum(axis=1, dtype=np.float64)) == 0).sum())
        if empty:
            self.notes.append(f"'{found.shown}' has {counted(empty, 'row')} of zeros alone.")
        return made


def _merged(cells: Labelled) -> list[str]:
    several = [sorted(spelled) for spelled in cells.spelled.values() if len(spelled) > 1]
    if not several:
        return []
    shown = "; ".join(" and ".join(map(repr, names)) for names in several[:3])
    return [f"Written in several ways in the truth, and one condition each ({len(several)} in all): {shown}."]


def _check(cells: Labelled, panel: Panel, options: PerturbOptions) -> None:
    """Refuse a truth in which nothing can be judged."""
    if not panel.conditions:
        raise InputError(f"'{cells.found.shown}' has no condition but the control {panel.control!r}.")
    controlled = {cells.contexts[code] for code in np.unique(cells.context_codes[cells.codes < 0]).tolist()}
    bare = [context for context in panel.contexts if context not in controlled]
    if bare:
        where = f" in the contexts {examples(bare)}" if options.context_col else ""
        raise InputError(f"'{cells.found.shown}' has no control cells{where}; leave those out, or name others.")
    if options.target_genes and not len(panel.all_targets):
        raise InputError(
            f"No condition is the name of a gene: conditions are {examples(panel.conditions, 3)}, genes "
            f"{examples(panel.genes, 3)}. Give --gene-col or --target-map; or --no-target-genes, where they act on "
            "none of the genes, such as drugs."
        )


def _without_targets(panel: Panel, options: PerturbOptions) -> list[str]:
    bare = [name for name, targets in zip(panel.conditions, panel.targets, strict=True) if not len(targets)]
    if not bare or not options.target_genes:
        return []
    return [
        f"{counted(len(bare), 'condition')} of {len(panel.conditions)} without a target among the genes: "
        f"{examples(bare)}."
    ]


def _missing(truth: Screen, prediction: Screen, shown: str) -> list[str]:
    """Refuse a prediction that has nothing of the truth, and say what it lacks."""
    panel, notes = truth.panel, []
    if (prediction.conditions == panel.control_code).all():
        raise InputError(
            f"'{shown}' has no condition of the truth in a context of it, such as {examples(panel.conditions)}."
        )
    for context, name in enumerate(panel.contexts):
        mine, theirs = (
            set(each.conditions[each.contexts == context].tolist()) - {panel.control_code}
            for each in (truth, prediction)
        )
        absent = [panel.conditions[code] for code in sorted(mine - theirs)]
        if absent:
            where = f" in {name!r}" if len(panel.contexts) > 1 else ""
            notes.append(
                f"'{shown}' lacks {len(absent)} of {len(mine)} conditions{where}: {examples(absent)}. "
                "They count as the mean response."
            )
    return notes


def _with_controls(truth: Screen, prediction: Screen, shown: str, options: PerturbOptions) -> tuple[Screen, list[str]]:
    """Give a prediction the control cells of the truth in contexts where it has none."""
    panel = truth.panel
    code = panel.control_code
    bare = [place for place in range(len(panel.contexts)) if not len(prediction.rows(code, place))]
    if not bare:
        return prediction, []
    if options.control_source == PREDICTION:
        where = f" in {examples(panel.contexts[place] for place in bare)}" if len(panel.contexts) > 1 else ""
        raise InputError(f"--control-source prediction: '{shown}' has no control cells{where}.")
    rows = np.concatenate([truth.rows(code, place) for place in bare])
    made = joined(prediction.name, [prediction, truth.of(np.sort(rows))])
    return made, [f"'{shown}' has no control cells; those of the truth are used."]


def _ids(cells: Labelled) -> set[str]:
    """Return the ids of perturbed cells; empty where they have none."""
    frame = cells.found.frame
    if "obs_names" not in frame.columns:
        return set()
    names = frame["obs_names"].to_list()
    return {str(names[row]) for row in np.flatnonzero(cells.codes >= 0).tolist()}
