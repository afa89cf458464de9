"""Figures of an annotation result, each from tables, as PNG and SVG.

    draw                all figures of a result folder
    scores              F-measure of each group
    coverage            accuracy against coverage and against score
    differences         differences between models with their intervals
    confusions          the most frequent confusions, and where they lie in the ontology
    confusion_list      the confusions as that figure needs them
    confusion_blocks    the blocks that it is made of
    outline             the part of an ontology that some terms lie in, as a tree

May be called from outside: `draw.draw_all` and `draw.draw_comparison`. Matplotlib is imported where something is drawn.
"""
