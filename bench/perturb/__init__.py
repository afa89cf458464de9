"""Screens of perturbations that the suites share, and the tools that are timed on them."""
