"""``fastbench cpjump``: the CPJUMP1 benchmark; with no arguments, its embedded demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import listed, refuse_options_before
from .cpjump_compare import compare
from .cpjump_fetch import fetch
from .cpjump_split import split

__all__ = ["app"]

app = typer.Typer(
    help="The CPJUMP1 benchmark. Without arguments: a demo with simulated features.",
    invoke_without_command=True,
    rich_markup_mode=None,
    add_completion=False,
)


@app.callback()
def cpjump(
    ctx: typer.Context,
    profiles: Annotated[
        Path | None,
        typer.Option(help="Folder of profiles: [<batch>/]<plate>/*<suffix>. Left out: a demo with simulated features."),
    ] = None,
    metadata: Annotated[
        Path | None,
        typer.Option(
            help="Folder with experiment-metadata.tsv and the compound target table. Left out: the packaged copies."
        ),
    ] = None,
    output: Annotated[Path, typer.Option(help="Result folder.")] = Path("results/cpjump"),
    preset: Annotated[
        str, typer.Option(help="stable (faults corrected), paper (published semantics) or cellclip.")
    ] = "stable",
    batch: Annotated[str, typer.Option(help="Batch of the experiment table.")] = "2020_11_04_CPJUMP1",
    cells: Annotated[str, typer.Option(help="Cell lines, e.g. A549,U2OS. Left out: all.")] = "",
    timelines: Annotated[str, typer.Option(help="Time labels.")] = "short,long",
    tasks: Annotated[str, typer.Option(help="Tasks.")] = "replicability,matching,gene_compound_matching",
    gate: Annotated[str, typer.Option(help="q: only replicable perturbations are matched; none: all.")] = "q",
    q_threshold: Annotated[float, typer.Option(help="Threshold of the gate and of 'retrieved'.")] = 0.05,
    p_values: Annotated[
        str, typer.Option(help="paper: mean -log10 p, strict tail; exact: p of the mean AP.")
    ] = "paper",
    ties: Annotated[str, typer.Option(help="expected, optimistic or pessimistic; default: the preset's.")] = "",
    null_size: Annotated[
        int, typer.Option(help="Null size whose expected p-value is reported (its floor: 1/(1+N)).")
    ] = 100_000,
    seed: Annotated[int, typer.Option(help="Seed of the simulated features of the demo.")] = 0,
    limit_plates: Annotated[int | None, typer.Option(help="Keep only the first plates.")] = None,
    suffix: Annotated[
        str, typer.Option(help="How profile files end.")
    ] = "_normalized_feature_select_negcon_batch.csv.gz",
    features: Annotated[str, typer.Option(help="profile, or emb: learned embeddings.")] = "profile",
    embeddings: Annotated[
        Path | None,
        typer.Option(help="Embeddings: folder of <plate>.h5, or one .h5, .npy, .npz, .parquet, .h5ad or .zarr."),
    ] = None,
    embedding_keys: Annotated[
        Path | None,
        typer.Option(
            help="For .npy and .npz: table with Metadata_Plate and Metadata_Well in the order of the vectors."
        ),
    ] = None,
    obsm: Annotated[str, typer.Option(help="For .h5ad and .zarr: entry of obsm. Left out: X.")] = "",
    well_aggregate: Annotated[
        str,
        typer.Option(
            help="Several vectors of a well: mean, median or error. Left out: mean, where most wells have several."
        ),
    ] = "",
    batch_correction: Annotated[
        str, typer.Option(help="none, kernel-pca, sphering or mad, fitted on negative controls.")
    ] = "none",
    pca_kernel: Annotated[
        str, typer.Option(help="kernel-pca: linear (when left out), poly, rbf, sigmoid or cosine.")
    ] = "",
    pca_n_components: Annotated[
        int | None, typer.Option(help="kernel-pca: components, at most; 500 when left out.")
    ] = None,
    sphering_epsilon: Annotated[
        float | None, typer.Option(help="sphering: added to the singular values of the controls; 1e-6 when left out.")
    ] = None,
    save_correction: Annotated[
        Path | None, typer.Option(help="Keep the fitted batch correction in this .npz file.")
    ] = None,
    load_correction: Annotated[
        Path | None, typer.Option(help="Take the batch correction, and its options, from a file instead of fitting it.")
    ] = None,
    orf_replicates: Annotated[
        str,
        typer.Option(
            help="Positives of an ORF: any replicate, or those in the same-position or in a different-position."
        ),
    ] = "any",
    test_labels: Annotated[
        Path | None, typer.Option(help="CSV whose SAMPLE_KEY (PLATE-WELL-...) names the wells to score.")
    ] = None,
    split_manifest: Annotated[
        Path | None, typer.Option(help="Split of 'fastbench cpjump split'; controls of its plates are kept.")
    ] = None,
    split_subset: Annotated[str, typer.Option(help="Its subset to score: train, validate or test.")] = "",
    device: Annotated[
        str, typer.Option(help="auto, cpu, cpu-xla, gpu or reference; the numbers are the same.")
    ] = "auto",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an older result in the output folder.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the runs and their cost, and stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON summary for machines.")] = False,
) -> None:
    """Run the CPJUMP1 benchmark: replicability, target matching and gene-compound matching."""
    if ctx.invoked_subcommand is not None:
        refuse_options_before(ctx)
        return
    from ..engine.cpjump.options import Options
    from ..engine.cpjump.planning import plan
    from .cpjump_view import show_plan, show_result

    options = Options(
        profiles=profiles,
        metadata=metadata,
        preset=preset,
        batch=batch,
        cells=listed(cells) or None,
        timelines=listed(timelines),
        tasks=listed(tasks),
        gate=gate,
        q_threshold=q_threshold,
        null_size=null_size,
        seed=seed,
        limit_plates=limit_plates,
        suffix=suffix,
        p_values=p_values,
        ties=ties or None,
        device=device,
        features=features,
        embeddings=embeddings,
        embedding_keys=embedding_keys,
        obsm=obsm or None,
        well_aggregate=well_aggregate or None,
        batch_correction=batch_correction,
        pca_kernel=pca_kernel or None,
        pca_n_components=pca_n_components,
        sphering_epsilon=sphering_epsilon,
        save_correction=save_correction,
        load_correction=load_correction,
        overwrite=overwrite,
        test_labels=test_labels,
        split_manifest=split_manifest,
        split_subset=split_subset or None,
        orf_replicates=orf_replicates,
    )
    planned = plan(options)
    if dry_run:
        show_plan(planned, as_json)
        return
    from ..engine.cpjump.results import write
    from ..engine.cpjump.workflow import run
    from ..engine.results.folder import ResultFolder
    from .console import note_compilation
    from .cpjump_view import LiveView

    with ResultFolder(output, "cpjump", options.as_dict(), overwrite, reads=options.files) as folder:
        with LiveView(planned, enabled=not as_json) as view:
            result = run(planned, view)
        write(result, folder)
        note_compilation(folder)
    show_result(result, output, as_json)


app.command("split")(split)
app.command("fetch")(fetch)
app.command("compare")(compare)
