"""Runs of annotation: what is read of each, how its cells and labels are matched, and its confusion counts.

    options          how runs are found, read and counted
    annotate_dirs    the output folders of an annotator, checked before any is read
    align            the prediction of each cell, found by cell id or by position
    row_numbers      cell ids that are only numbers of rows
    universe         the labels that count, and the spellings of each
    exchanged        calls that would be right with other names
    crosswalks       labels to be replaced, of all runs, of a model, of the truth
    labels           labels as codes of one universe; policies for labels outside it
    runs             where a set of predictions and its truth lie
    reader           a run read, aligned, coded and counted
    samples          scored runs as later steps see them, and their groups

May be called from outside: `options.ScoreOptions`, `reader.Reader`, `samples.make_groups`, `align.align`; the others
serve these. A run in memory and one read back from a folder are both a `samples.Sample`.
"""
