"""Differential expression of each perturbation: tests, fold changes and false discovery rates of all genes at once."""
