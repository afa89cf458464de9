"""``fastbench cpjump compare``: result folders side by side, with intervals and tests.

============  =======================================================================================================
`runs`        result folders read as `ScoredRun`, and in what their options differ
`clusters`    clusters of groups that share perturbations, the units of the randomisation test
`pairs`       two runs: differences, intervals and tests; groups gained and lost
`verdict`     how each run stands to the baseline, and which difference that is about
`comparison`  all runs: `compare_runs`, what a `Comparison` writes, notes
============  =======================================================================================================

Called from outside: `command.COMPARE`, `options.CompareOptions`, `runs.read_run`, `comparison.compare_runs`.
"""
