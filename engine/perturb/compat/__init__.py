"""Results in the forms of cell-eval and cell-eval2, for what reads these."""
