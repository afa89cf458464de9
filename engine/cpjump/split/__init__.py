"""``fastbench cpjump split``: subsets of wells to train, validate and test with, and what a split lets leak.

============  =======================================================================================================
`wells`       what lies in every well of the 40 plates: the table that is split
`options`     what a user can ask (`SplitOptions`)
`strategies`  the ways to split (`make_split`)
`components`  perturbations that must stay together, and their distribution over subsets
`leakage`     what crosses subsets, rule by rule (`check_leakage`)
`manifest`    split manifests written, read, and used to choose wells
`filters`     which wells a benchmark scores: those of a split, and those of a file of test labels
============  =======================================================================================================

Called from outside: `options.SplitOptions`, `strategies.make_split`, `leakage.check_leakage`,
`manifest.read_manifest`, `manifest.write_split`.
"""
