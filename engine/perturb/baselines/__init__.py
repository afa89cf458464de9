"""Baselines: predictions made of training cells without a model, judged as any other.

`predict.baselines` makes them all: `responses` is what training cells tell, `models` what each baseline makes of it,
and `cells` gives them as cells.
"""
