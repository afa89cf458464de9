"""Statistics that the commands share.

===================  =====================================================================================
`false_discovery`    Benjamini-Hochberg adjustment (`benjamini_hochberg`) and the check of a level
`paired_bootstrap`   the difference of two runs with interval and p-value (`paired_difference`): a cluster
                     bootstrap, where rows of one unit are drawn together
`resampling`         percentile intervals and p-values from bootstrap replicates; McNemar's exact test
===================  =====================================================================================

All of it takes and returns NumPy arrays and may be called from anywhere in `engine`.
"""
