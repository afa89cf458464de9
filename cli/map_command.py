"""``fastbench map``: mAP with p-values for any profile files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["map_"]


def map_(
    profiles: Annotated[
        list[str],
        typer.Argument(help="Profile files (csv, csv.gz, tsv, parquet, arrow, h5ad, zarr), or sample:lincs."),
    ],
    pos_sameby: Annotated[str, typer.Option(help="Columns in which positives agree: A,B or any(A,B).")],
    output: Annotated[Path, typer.Option(help="Result folder.")],
    neg_diffby: Annotated[str, typer.Option(help="Columns in which negatives differ.")] = "",
    pos_diffby: Annotated[str, typer.Option(help="Columns in which positives differ.")] = "",
    neg_sameby: Annotated[str, typer.Option(help="Columns in which negatives agree.")] = "",
    filter_: Annotated[
        list[str] | None,
        typer.Option("--filter", help="Keep rows that meet this, e.g. \"Metadata_x == 'a'\"; may be repeated."),
    ] = None,
    derive: Annotated[
        list[str] | None,
        typer.Option(help="Make a column: \"Metadata_negcon = Metadata_broad_sample == 'DMSO'\"; may be repeated."),
    ] = None,
    queries: Annotated[str, typer.Option(help="Score only rows that meet this; the others stay candidates.")] = "",
    reference_index: Annotated[
        str,
        typer.Option(
            help="Number the rows that meet this in Metadata_Reference_Index (others -1); with that column in --pos-sameby, controls do not pair with each other."
        ),
    ] = "",
    consensus: Annotated[str, typer.Option(help="First take the median profile of each value of this column.")] = "",
    multilabel: Annotated[str, typer.Option(help="Column of lists, or of text split at '|'.")] = "",
    group_by: Annotated[str, typer.Option(help="Columns to average over; default: the pos-sameby columns.")] = "",
    distance: Annotated[
        str,
        typer.Option(
            help="cosine, abs_cosine, correlation, euclidean, manhattan, chebyshev, or a name of scipy.spatial.distance."
        ),
    ] = "cosine",
    ties: Annotated[str, typer.Option(help="expected, optimistic (copairs) or pessimistic.")] = "expected",
    p_values: Annotated[str, typer.Option(help="exact, sampled, or copairs (reproduces copairs 0.5.5).")] = "exact",
    tail: Annotated[str, typer.Option(help="'>=' or '>'; default >= (copairs: >).")] = "",
    null: Annotated[str, typer.Option(help="shared or independent draws within a group.")] = "shared",
    aggregate: Annotated[str, typer.Option(help="mean or median AP of a group.")] = "mean",
    hierarchical_by: Annotated[str, typer.Option(help="Two-stage correction: outer columns, a part of group-by.")] = "",
    null_size: Annotated[int, typer.Option(help="Draws of a sampled null.")] = 100_000,
    seed: Annotated[int, typer.Option(help="Seed of a sampled null.")] = 0,
    threshold: Annotated[float, typer.Option(help="Significance threshold.")] = 0.05,
    features: Annotated[str, typer.Option(help="Regular expression of the feature columns.")] = "",
    obsm: Annotated[str, typer.Option(help="AnnData: take features from this obsm key instead of X.")] = "",
    missing: Annotated[str, typer.Option(help="error, or drop-features (columns with NaN or infinity).")] = "error",
    device: Annotated[
        str, typer.Option(help="auto, cpu, cpu-xla, gpu or reference; the numbers are the same.")
    ] = "auto",
    precision: Annotated[
        str,
        typer.Option(
            help="What gpu and cpu-xla multiply in: auto, float32, tf32, bf16x3 or fp16x3; the numbers are the same."
        ),
    ] = "auto",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an older result in the output folder.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON summary for machines.")] = False,
) -> None:
    """Score how well profiles retrieve their positives: average precision, mAP, p- and q-values."""
    from dataclasses import asdict

    from ..engine.map.job import run_map, write_map
    from ..engine.map.options import MapOptions
    from ..engine.results.folder import ResultFolder
    from ..engine.results.progress import progress
    from .console import note_compilation, show_map

    options = MapOptions(
        profiles=tuple(profiles),
        pos_sameby=pos_sameby,
        neg_diffby=neg_diffby,
        pos_diffby=pos_diffby,
        neg_sameby=neg_sameby,
        filter=tuple(filter_ or ()),
        derive=tuple(derive or ()),
        queries=queries,
        reference_index=reference_index,
        consensus=consensus,
        multilabel=multilabel,
        group_by=group_by,
        distance=distance,
        ties=ties,
        p_values=p_values,
        tail=tail,
        null=null,
        aggregate=aggregate,
        hierarchical_by=hierarchical_by,
        null_size=null_size,
        seed=seed,
        threshold=threshold,
        features=features,
        obsm=obsm,
        missing=missing,
        device=device,
        precision=precision,
    )
    with ResultFolder(output, "map", asdict(options), overwrite) as folder:
        with progress("average precision") as advance:
            result = run_map(options, advance=advance)
        write_map(result, options, folder)
        note_compilation(folder)
    show_map(result, options, output, as_json)
