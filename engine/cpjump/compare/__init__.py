"""``fastbench cpjump compare``: result folders side by side, with intervals and tests.

============  =======================================================================================================
`runs`        result folders read as `ScoredRun`, and in what their options differ
`clusters`    clusters of groups that share perturbations, the units of the randomisation test
`pairs`       two runs: differences, intervals and tests; groups gained and lost
`verdict`     how each run stands to the baseline, and which difference that is about
`comparison`  all runs: `CompareOptions`, `compare_runs`, notes, `write_comparison`
============  =======================================================================================================

Called from outside: `runs.named_folders`, `runs.read_run`, `comparison.CompareOptions`, `comparison.compare_runs`,
`comparison.write_comparison`.
"""
