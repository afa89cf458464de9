"""Runs of annotation: what is read of each, how its cells and labels are matched, and its confusion counts."""
