"""Results of one command side by side: which is better, by how much, and whether that is significant.

options     baseline, draws, clusters
runs        result folders, read; what of them is compared is `command.measure.Measure`
compare     differences with intervals, p-values and q-values; what is gained and lost (`compare_runs`)
figures     differences, and each group in one run against the other

`engine.cpjump.compare` and `engine.fmeasure.compare` know more of their results than one table says, and stand on the
same statistics (`engine.statistics`).
"""
