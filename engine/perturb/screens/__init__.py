"""Cells of perturbation screens, and what is summed up of them in one context."""
