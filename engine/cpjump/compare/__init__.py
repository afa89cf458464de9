"""``fastbench cpjump compare``: result folders side by side, with intervals and tests.

============  =======================================================================================================
`runs`        result folders read as `ScoredRun`, and in what their options differ
`families`    families of perturbations, the clusters of the cluster bootstrap
`pairs`       two runs: differences, intervals and tests; groups gained and lost
`comparison`  all runs: `CompareOptions`, `compare_runs`, verdicts and notes, `write_comparison`
============  =======================================================================================================

Called from outside: `runs.named_folders`, `runs.read_run`, `comparison.CompareOptions`, `comparison.compare_runs`,
`comparison.write_comparison`.
"""
