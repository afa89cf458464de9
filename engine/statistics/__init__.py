"""Statistics that the commands share.

====================  ====================================================================================
`components`          principal components of cells by genes (`components_of`)
`false_discovery`     Benjamini-Hochberg adjustment (`benjamini_hochberg`) and the check of a level
`paired_comparison`   the difference of two runs (`paired_difference`), with the p-value of a randomisation
                      test that swaps the runs by cluster, and an interval
`resampling`          percentile intervals and p-values from bootstrap replicates; McNemar's exact test
====================  ====================================================================================

All of it takes and returns NumPy arrays and may be called from anywhere in `engine`.
"""
