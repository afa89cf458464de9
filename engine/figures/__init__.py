"""Figures of the results, drawn with matplotlib's Agg and SVG canvases and no global state."""
