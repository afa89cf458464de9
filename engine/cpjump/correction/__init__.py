"""Batch correction fitted on negative controls: kernel PCA, sphering, MAD; kept in a file and used again."""
