"""Scores from confusion counts.

    metrics         precision, recall, F-measure and single scores, from counts by class
    hierarchical    counts and distances on the ontology
    tables          rows and tables of scores: `Rules`, by group, by class, by node, most frequent confusions
    calibration     coverage and calibration of the scores of predictions
    resample        metrics of resampled cells or clusters
    intervals       percentile intervals of all metrics
    summary         the summary tables of a result
    options         how counts become tables

All of these take counts (`confusion.Entries`, `confusion.ClassCounts`) and read no file. May be called from outside:
all that a module lists in ``__all__``.
"""
