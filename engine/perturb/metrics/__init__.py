"""Metrics of predicted responses: functions of a `comparison.Comparison`, one value a perturbation or one in all."""
