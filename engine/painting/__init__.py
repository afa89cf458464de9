"""Metrics of Cell Painting beside mAP: replicates against other profiles, known relations, signal against controls."""
