"""Average precision of profiles and mean average precision of groups: the job of copairs.

From outside, call `average_precision.score`, and the functions under the names of copairs in `copairs_api`,
`mean_average_precision` and `multilabel`.

    pair_rules      columns to pair rules: who is a positive of whom, who a negative
    given           AnnData, Profiles and one table in the place of metadata and features
    average_precision    queries, kernels, counts, AP
    report          the result, and what was counted on the way
    degenerate      rows that have no similarity under a distance
    mean_average_precision    groups, p-values, corrected p-values
    copairs_api, multilabel    copairs' signatures
"""
