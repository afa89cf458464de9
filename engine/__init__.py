"""The work, without a terminal: files to tables and matrices, to integer codes, to kernels, to result tables."""
