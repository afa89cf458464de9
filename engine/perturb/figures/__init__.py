"""Figures of predicted responses: scores, perturbations, which metrics can tell anything."""
