"""Flat and ontology-aware F-measure of cell-type annotation.

`pipeline` runs it all; `api` has the functions under the names of cellarium-cas.

    runs/        files become cell ids and label codes, codes become sparse confusion counts
    ontology/    the ontologies that labels belong to
    confusion    confusion matrices, their entries, counts by class
    scores/      counts become metrics, intervals and curves
    compare/     models side by side, on the cells that both scored
    report       metrics become the tables of a result folder
    workspace/   matrices written and read as cellarium-cas does
    figures/     pictures of the tables
    azimuth/     calls of Azimuth become an annotate directory
    example      the example that comes with the package
"""
