"""``fastbench fmeasure``: flat and ontology-aware F-measure of cell-type annotation; with no arguments, an example."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import listed, note_compilation, refuse_options_before
from .fmeasure_azimuth import azimuth
from .fmeasure_compare import compare
from .fmeasure_view import show

if TYPE_CHECKING:
    from ..engine.fmeasure.pipeline import Outcome
    from ..engine.fmeasure.runs.options import ScoreOptions
    from ..engine.fmeasure.scores.options import ReportOptions
    from ..engine.results.folder import ResultFolder

__all__ = ["app"]

app = typer.Typer(
    help="Flat and ontology-aware F-measure of cell-type annotation. Without arguments: an example with simulated calls.",
    invoke_without_command=True,
    rich_markup_mode=None,
    add_completion=False,
)

AnnotateDirs = Annotated[str, typer.Option(help="Folder of annotate directories, or a .txt file that lists them.")]
OutputDir = Annotated[Path, typer.Option(help="Result folder.")]
Workspace = Annotated[Path, typer.Option(help="Result folder of the steps before; it is brought up to date.")]
GtLabel = Annotated[str, typer.Option(help="Column of the true labels in obs of the ground truth.")]
InferredLabel = Annotated[str, typer.Option(help="Column of rank 1 in inferred_labels.csv, e.g. cas_cell_type_name_1.")]
TopK = Annotated[int, typer.Option(help="Score the top 1 to k: columns ..._1 to ..._k.")]
Truth = Annotated[
    str, typer.Option(help="Without directories: the truth, FILE:COLUMN (h5ad, zarr, csv, tsv, parquet, arrow).")
]
Pred = Annotated[
    list[str] | None,
    typer.Option(help="Without directories: predictions, [NAME=]FILE:COLUMN[,COLUMN...] by rank; may be repeated."),
]
OntologyFile = Annotated[
    str,
    typer.Option(
        "--ontology",
        help="Ontology for all runs: ontology_resource.json, OBO or OBO-graph JSON. Left out: each directory's own.",
    ),
]
Root = Annotated[str, typer.Option(help="Root of the ontology; it does not count as an ancestor.")]
Relations = Annotated[str, typer.Option(help="Relations of an OBO file that lead to ancestors: is_a or is_a,part_of.")]
Score = Annotated[
    str, typer.Option(help="Column of the score of rank 1. Left out: the one beside the label, if there is one.")
]
Align = Annotated[str, typer.Option(help="Cells are joined by id, or taken by position.")]
Unknown = Annotated[
    str,
    typer.Option(
        help="Labels outside the ontology, or none: error, drop (leave the cell out), miss (no prediction: a false negative) or root."
    ),
]
RootPredictions = Annotated[
    str, typer.Option(help="Predictions of the root: keep (a label like any other), miss or drop.")
]
Match = Annotated[str, typer.Option(help="Labels are ids, or names of the ontology: id or name.")]
Map = Annotated[str, typer.Option("--map", help="Crosswalk, a CSV file of two columns: label, replacement.")]
NoCells = Annotated[bool, typer.Option("--no-cells", help="Do not keep the calls of every cell in the result folder.")]
GroupBy = Annotated[str, typer.Option(help="What groups are made of: metadata keys or obs columns, A,B.")]
Bootstrap = Annotated[int, typer.Option(help="Draws for intervals; 0 for none.")]
BootstrapBy = Annotated[str, typer.Option(help="What is drawn: cell, sample, or an obs column such as donor_id.")]
Seed = Annotated[int, typer.Option(help="Seed of the bootstrap, and of the example.")]
ZeroDivision = Annotated[float, typer.Option(help="What a ratio without a denominator is worth.")]
ZeroDivisionRule = Annotated[str, typer.Option(help="cellarium (F1 undefined where P + R = 0) or sklearn.")]
Macro = Annotated[str, typer.Option(help="Classes of flat macro means: active (seen as truth or prediction) or true.")]
Beta = Annotated[float, typer.Option(help="Also report the F-beta of this beta.")]
NoFigures = Annotated[bool, typer.Option("--no-figures", help="Draw no figures.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cpu-xla, gpu or reference; the numbers are the same.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an older result in the output folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON summary for machines.")]


def _score_options(given: dict[str, Any]) -> ScoreOptions:
    """Return how runs are found, read and counted."""
    from ..engine.fmeasure.runs.options import ScoreOptions

    return ScoreOptions(
        annotate_dirs=given["annotate_dirs"],
        gt_label=given["gt_label"],
        inferred_label=given["inferred_label"],
        f_measure_top_k=given["f_measure_top_k"],
        truth=given["truth"],
        pred=tuple(given["pred"] or ()),
        ontology=given["ontology"],
        root=given["root"],
        relations=listed(given["relations"]),
        score=given["score"],
        align=given["align"],
        unknown=given["unknown"],
        root_predictions=given["root_predictions"],
        match=given["match"],
        map=given["map_"],
        cells=not given["no_cells"],
        device=given["device"],
    )


def _report_options(given: dict[str, Any]) -> ReportOptions:
    """Return how counts become tables; a step that lacks an option takes its default."""
    from ..engine.fmeasure.scores.options import ReportOptions

    names = ("bootstrap", "bootstrap_by", "seed", "zero_division", "zero_division_rule", "macro", "beta", "device")
    chosen = {name: given[name] for name in names if name in given}
    if "group_by" in given:
        chosen["group_by"] = listed(given["group_by"])
    return ReportOptions(figures=not given.get("no_figures"), **chosen)


@app.callback()
def fmeasure(
    ctx: typer.Context,
    annotate_dirs: AnnotateDirs = "",
    output_dir: OutputDir = Path("results/fmeasure"),
    gt_label: GtLabel = "",
    inferred_label: InferredLabel = "",
    f_measure_top_k: TopK = 1,
    truth: Truth = "",
    pred: Pred = None,
    ontology: OntologyFile = "",
    root: Root = "CL:0000000",
    relations: Relations = "is_a",
    score: Score = "",
    align: Align = "id",
    unknown: Unknown = "error",
    root_predictions: RootPredictions = "keep",
    match: Match = "id",
    map_: Map = "",
    no_cells: NoCells = False,
    group_by: GroupBy = "model_name",
    bootstrap: Bootstrap = 200,
    bootstrap_by: BootstrapBy = "cell",
    seed: Seed = 0,
    zero_division: ZeroDivision = 0.0,
    zero_division_rule: ZeroDivisionRule = "cellarium",
    macro: Macro = "active",
    beta: Beta = 1.0,
    no_figures: NoFigures = False,
    device: Device = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Score cell-type annotation: confusion matrices, flat and hierarchical F-measure, tables and figures."""
    given = {name: value for name, value in locals().items() if name != "ctx"}
    if ctx.invoked_subcommand is not None:
        refuse_options_before(ctx)
        return
    from ..engine.errors import InputError
    from ..engine.fmeasure.pipeline import as_options, run_all
    from ..engine.results.progress import Terminal

    if not (annotate_dirs or truth or pred):
        if gt_label or inferred_label or ontology:
            raise InputError("Say what to score: --annotate-dirs, or --truth with --pred.")
        _run_example(given)
        return
    options, report = _score_options(given), _report_options(given)
    with _result(output_dir, "fmeasure", as_options(options, report), overwrite) as folder:
        with Terminal("fastbench fmeasure").stage("reading and counting") as advance:
            outcome = run_all(options, report, folder, advance)
        note_compilation(folder)
    show(outcome, output_dir, as_json)


def _run_example(given: dict[str, Any]) -> None:
    """Score the packaged example, written into the result folder."""
    from ..engine.fmeasure.example import GT_LABEL, INFERRED_LABEL, RANKS, write_example
    from ..engine.fmeasure.pipeline import as_options, run_all
    from ..engine.results.progress import Terminal

    output_dir: Path = given["output_dir"]
    typer.echo("Example: real Cell Ontology terms, SIMULATED calls of two models on three donors.", err=True)
    ranks = RANKS if given["f_measure_top_k"] == 1 else given["f_measure_top_k"]
    example = {"gt_label": GT_LABEL, "inferred_label": INFERRED_LABEL, "f_measure_top_k": ranks}
    report = _report_options(given)
    options = _score_options(given | example | {"annotate_dirs": "example_input/annotate"})
    with _result(output_dir, "fmeasure", as_options(options, report), given["overwrite"]) as folder:
        staged = folder.path("example_input/annotate").parent
        write_example(staged, given["seed"])
        real = _score_options(given | example | {"annotate_dirs": str(staged / "annotate")})
        with Terminal("fastbench fmeasure").stage("reading and counting") as advance:
            outcome = run_all(real, report, folder, advance, simulated=True)
        folder.manifest["simulated"] = True
        note_compilation(folder)
    show(outcome, output_dir, given["as_json"])


@app.command("confusion-matrix")
def confusion_matrix(
    annotate_dirs: AnnotateDirs = "",
    output_dir: OutputDir = Path("results/fmeasure"),
    gt_label: GtLabel = "",
    inferred_label: InferredLabel = "",
    f_measure_top_k: TopK = 1,
    truth: Truth = "",
    pred: Pred = None,
    ontology: OntologyFile = "",
    root: Root = "CL:0000000",
    relations: Relations = "is_a",
    score: Score = "",
    align: Align = "id",
    unknown: Unknown = "error",
    root_predictions: RootPredictions = "keep",
    match: Match = "id",
    map_: Map = "",
    no_cells: NoCells = False,
    group_by: GroupBy = "model_name",
    bootstrap_by: BootstrapBy = "cell",
    device: Device = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Step 1: count truth and prediction of every run (cm_raw_k1 ...); obs columns of later steps are named here."""
    given = dict(locals())
    from ..engine.fmeasure.pipeline import as_options, confusion_step
    from ..engine.results.progress import Terminal

    options, report = _score_options(given), _report_options(given)
    with _result(output_dir, "fmeasure confusion-matrix", as_options(options, report), overwrite) as folder:
        with Terminal("fastbench fmeasure").stage("reading and counting") as advance:
            outcome = confusion_step(options, folder, report, advance)
        note_compilation(folder)
    show(outcome, output_dir, as_json)


@app.command("aggregate")
def aggregate(
    output_dir: Workspace,
    group_by: GroupBy = "model_name",
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Step 2: add the matrices of runs up to groups (cm_aggregate_k1 ...)."""
    given = dict(locals())
    from ..engine.fmeasure.pipeline import aggregate_step

    report = _report_options(given)
    _step("aggregate", output_dir, report, as_json, lambda folder: aggregate_step(output_dir, report, folder))


@app.command("flat")
@app.command("f-measure", hidden=True)
def flat(
    output_dir: Workspace,
    zero_division: ZeroDivision = 0.0,
    zero_division_rule: ZeroDivisionRule = "cellarium",
    macro: Macro = "active",
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Step 3: flat F-measure of runs and groups."""
    given = dict(locals())
    from ..engine.fmeasure.pipeline import flat_step

    report = _report_options(given)
    _step("flat", output_dir, report, as_json, lambda folder: flat_step(output_dir, report, folder))


@app.command("hierarchical")
def hierarchical(
    output_dir: Workspace,
    ontology: OntologyFile = "",
    bootstrap: Bootstrap = 200,
    bootstrap_by: BootstrapBy = "cell",
    seed: Seed = 0,
    zero_division: ZeroDivision = 0.0,
    zero_division_rule: ZeroDivisionRule = "cellarium",
    macro: Macro = "active",
    beta: Beta = 1.0,
    no_figures: NoFigures = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Step 4: hierarchical F-measure of runs and groups, summary tables and figures."""
    given = dict(locals())
    from ..engine.fmeasure.pipeline import hierarchical_step

    report = _report_options(given)
    file = Path(ontology).expanduser() if ontology else None
    _step(
        "hierarchical", output_dir, report, as_json, lambda folder: hierarchical_step(output_dir, report, folder, file)
    )


app.command("azimuth")(azimuth)
app.command("compare")(compare)


@contextmanager
def _result(output: Path, command: str, options: dict[str, Any], overwrite: bool) -> Iterator[ResultFolder]:
    """Open a result folder; a workspace of cellarium-cas counts as an older result."""
    from ..engine.fmeasure.workspace.write import is_workspace_file
    from ..engine.results.folder import ResultFolder

    with ResultFolder(output, command, options, overwrite, known=is_workspace_file) as folder:
        yield folder


def _step(
    name: str, output: Path, report: ReportOptions, as_json: bool, run: Callable[[ResultFolder], Outcome]
) -> None:
    """Bring a workspace up to date: the new folder takes the place of the old one when all is written."""
    from ..engine.errors import InputError
    from ..engine.fmeasure.pipeline import as_options

    if not output.is_dir():
        raise InputError(f"There is no folder {output}; run 'fastbench fmeasure confusion-matrix' first.")
    with _result(output, f"fmeasure {name}", as_options(None, report), True) as folder:
        outcome = run(folder)
        note_compilation(folder)
    show(outcome, output, as_json)
