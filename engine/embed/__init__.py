"""``fastbench embed``: how good an embedding of cells or wells is, every metric from one plan.

`inputs` reads embeddings and labels into `cells.Cells`, a `space.Space` holds one embedding with what metrics share
(neighbours, sums of distances; found once, when first needed), `metrics` has one file a family of metrics, `registry`
says which there are and to which task they belong, `anchors` what they give where the answer is known, `job` puts them
together.
"""
