"""``fastbench cpjump fetch``: the published profiles from the Cell Painting Gallery."""
