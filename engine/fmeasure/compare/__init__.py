"""Models compared on the cells that all of them scored: differences, intervals, p-values, gains and losses by class.

    paired     the cells that all models scored, and the paired comparison of metrics and classes
    swaps      p-values where clusters of cells are drawn: the models swap sides cluster by cluster
    groups     which groups of one result can be compared, and their comparison
    results    the models of several results, in a result folder of their own

May be called from outside: `groups.compare_groups` (part of every result) and `results.compare_results` (the command
``fastbench fmeasure compare``).
"""
