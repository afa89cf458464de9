"""Definitions of what lies near a row: its nearest neighbours, labels around it, distances to those of a label."""
