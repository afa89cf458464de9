"""Truth, predictions and training cells, as screens of the same genes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...errors import InputError, examples
from ...readers.embeddings.reference import Reference
from ...tables.profiles import Source
from ..example import screens as simulated
from ..options import PREDICTION, PerturbOptions
from ..screen import Panel, Screen, joined
from .alignment import Targets, aligned, encoded, panel_of, shared_genes, wider_panel
from .files import Found, read_file
from .held import held
from .kinds import brought_to, common_kind, kinds_of
from .labels import Key, Labelled, Names, conditions_of, controls_of, labelled
from .sameness import digests_of, refuse_shared, shared_ids, truth_among
from .scale import Kind
from .splitting import parted

__all__ = ["Inputs", "held_screens", "read_screens"]

_TRUTH, _TRAINING = "truth", "training"


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


def read_screens(options: PerturbOptions) -> Inputs:
    """Read truth, predictions and training cells from files.

    Parameters
    ----------
    options : PerturbOptions
        Files and columns. Without files, the simulated screen.

    Returns
    -------
    Inputs

    Raises
    ------
    InputError
        When a file is damaged; conditions, controls or genes do not go together; it is not sure what values are; or
        cells of training are judged.
    """
    if not options.screens:
        truth, *predictions = simulated()
        note = "No file was named: this is a simulated screen, and says nothing of biology."
        return Inputs(truth, tuple(predictions), notes=(note,))
    first, *others = (Reference.of(text) for text in options.screens)
    names = [reference.name for reference in others]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or _TRUTH in names:
        said = f"Two predictions are called {examples(twice)}" if twice else f"A prediction is called {_TRUTH!r}"
        raise InputError(f"{said}; give another name: NAME=FILE.")
    judged = read_file(replace(first, name=_TRUTH), options)
    read = [read_file(reference, options, judged.genes) for reference in others]
    training = None
    if options.train:
        training = read_file(replace(Reference.of(options.train), name=_TRAINING), options, judged.genes)
    return _inputs(judged, read, training, options)


def held_screens(
    truth: Any, predictions: Mapping[str, Any], options: PerturbOptions, *, training: Any = None
) -> Inputs:
    """Take truth, predictions and training cells of what is in memory.

    Parameters
    ----------
    truth : AnnData, table, tuple or path
        See `held.held`.
    predictions : mapping of str to the same
        By name.
    options : PerturbOptions
        Columns; `screens` and `train` are not looked at.
    training : the same, optional
        Training cells.

    Returns
    -------
    Inputs

    Raises
    ------
    InputError
        As `read_screens`.
    """
    if not options.condition:
        raise InputError("condition is needed: the column that says how each cell was perturbed.")
    if _TRUTH in predictions:
        raise InputError(f"A prediction is called {_TRUTH!r}; give it another name.")
    first = held(_TRUTH, truth, options)
    others = [held(name, given, options, first.genes) for name, given in predictions.items()]
    learned = None if training is None else held(_TRAINING, training, options, first.genes)
    return _inputs(first, others, learned, options)


def _inputs(truth: Found, predictions: Sequence[Found], training: Found | None, options: PerturbOptions) -> Inputs:
    """Bring files to one panel and one kind of values."""
    others = [*predictions, *([training] if training is not None else [])]
    controls = controls_of(options, set(conditions_of(truth, options).drop_nulls().unique().to_list()))
    genes, gene_notes = shared_genes(truth, others, options.genes)
    names = Names(set(truth.genes), controls.all)
    cells = labelled(truth, options, names, controls)
    dropped, notes = dict(cells.dropped), [*controls.notes, *gene_notes, *_merged(cells)]
    learned = None
    if options.split_col:
        cells, learned, said, left = parted(cells, options.split_col)
        learned = replace(learned, found=replace(learned.found, name=_TRAINING))
        notes, dropped = [*notes, *said], dropped | left
    elif training is not None:
        learned = labelled(training, options, names, controls, _only(cells))
        dropped |= learned.dropped
    targets = Targets(options, genes, names)
    panel, keys = panel_of(cells, controls, genes, targets)
    _check(cells, panel, options)
    kinds = kinds_of(truth, others, options)
    if options.split_col:
        kinds[_TRAINING] = kinds[_TRUTH]
    shown = {found.name: found.shown for found in (truth, *others)} | {
        _TRAINING: learned.found.shown if learned else ""
    }
    values, kind_notes = common_kind(kinds, shown, options)
    notes += [note for kind in dict.fromkeys(kinds.values()) for note in kind.notes] + kind_notes

    def screen(labels: Labelled, panel: Panel, keys: Sequence[Key]) -> Screen:
        found = labels.found
        matrix = brought_to(values, kinds[found.name], found.matrix, options.total)
        made, said, left = encoded(labels, panel, keys, values, aligned(replace(found, matrix=matrix), genes))
        notes.extend(said)
        dropped.update(left)
        if not made.of_cells:
            notes.append(f"'{found.shown}' has one row a condition: rows are taken as means, not as cells.")
        return made

    judged = screen(cells, panel, keys)
    digests = digests_of(judged) if judged.of_cells else None
    learning = None
    if learned is not None:
        learning = screen(learned, *wider_panel(panel, keys, learned, targets))
        if digests is not None:
            notes += refuse_shared(judged, learning, digests, learned.found.shown)
        if not options.split_col:
            notes += shared_ids(_ids(cells), _ids(learned), learned.found.shown)
    predicted = []
    for each in predictions:
        labels = labelled(each, options, names, controls, _only(cells))
        dropped |= labels.dropped
        made = screen(labels, panel, keys)
        notes += _missing(judged, made, each.shown)
        if digests is not None and made.of_cells:
            notes += truth_among(judged, made, digests, each.shown)
        made, said = _with_controls(judged, made, each.shown, options)
        predicted.append(made)
        notes += said
    notes += [f"{count:,} rows were left out: {why}." for why, count in dropped.items() if why.startswith("no ")]
    notes += [*targets.notes, *_without_targets(panel, options)]
    sources = [source for found in (truth, *others) for source in found.sources]
    reading = [note for found in (truth, *others) for note in found.notes]
    said_once = tuple(dict.fromkeys([*reading, *notes]))
    every = tuple(dict.fromkeys([*sources, *controls.sources, *targets.sources]))
    return Inputs(judged, tuple(predicted), learning, kinds, every, said_once, dropped)


def _only(cells: Labelled) -> str:
    """Return the one context of the truth; empty where there are several."""
    return cells.contexts[0] if len(cells.contexts) == 1 else ""


def _merged(cells: Labelled) -> list[str]:
    several = [sorted(spelled) for spelled in cells.spelled.values() if len(spelled) > 1]
    if not several:
        return []
    shown = "; ".join(" and ".join(map(repr, names)) for names in several[:3])
    return [f"{len(several)} conditions of the truth are written in several ways and count as one each: {shown}."]


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
    return [f"{len(bare)} of {len(panel.conditions)} conditions act on no gene that is judged: {examples(bare)}."]


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
            notes.append(f"'{shown}' lacks {len(absent)} of {len(mine)} conditions{where}: {examples(absent)}.")
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
