"""Predicted responses to perturbations against true ones: the job of ``fastbench perturb``.

A `screen.Screen` is a file: cells by genes, with conditions. A `side.Side` is what is summed up of it in one context, a
`comparison.Comparison` the truth and a prediction side by side; a metric is a function of the latter.
"""
