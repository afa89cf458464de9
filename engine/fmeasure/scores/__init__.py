"""Scores from confusion counts: flat and hierarchical metrics, calibration, intervals, tables."""
