"""Flat and ontology-aware F-measure of cell-type annotation: ``fastbench fmeasure``.

Calls of an annotator and the true labels of the same cells become sparse confusion matrices (one for each of top-1 to
top-k), and these, summed over samples, become tables and figures. Labels may be terms of an ontology: then they count
together with their ancestors. Files, columns and functions have the names of cellarium-cas.

    command      the declarations of the command and of its steps
    options      what can be asked
    plan         what would be done, and its cost
    pipeline     the steps, together or each on the folder of the one before
    result       what was found: tables, files, figures, account
    tables       declared columns
    api          the functions of cellarium-cas' benchmarking, under their names
    runs/        files become cell ids and label codes, codes become confusion counts; samples and groups
    ontology/    the ontologies that labels belong to
    confusion    confusion matrices, their entries, counts by class
    scores/      counts become metrics, intervals, curves and rows of tables
    compare/     models side by side, on the cells that all of them scored
    report       samples and groups become the tables of a result folder
    workspace/   matrices, cells and ontologies written and read as cellarium-cas does
    figures/     pictures of the tables
    azimuth/     calls of Azimuth become an annotate directory
    example      the example that comes with the package
    names        names and phrases that all of these share

Data flow one way: runs -> confusion -> scores -> report -> figures; `pipeline` calls each in turn.

May be called from outside: `api` (public in ``fastbench``); for commands what `command` and `azimuth.command` declare,
`compare.results.compare_results` and `example.write_example`; for other packages `ontology.read.read_ontology`.
"""
