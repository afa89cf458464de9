"""Null distributions of AP and of mAP under random ranking, and p-values from them.

From outside, call `ap_null.ap_p_values` (one query), `map_null.group_p_values` (groups) and
`ap_null.average_precision_null` (the distribution itself).

    distribution    what a null distribution answers: p-values with bounds, mean, variance
    method          which way is taken for a shape (positives, list length), and what it costs
    ap_null         the null distribution of AP: enumerated, bracketed, inverted or sampled
    bracket         the bracket by a sweep over ranks
    split_bracket   the same with the best ranks apart, where p-values are small
    inversion       by the characteristic function, where lists are long
    scaled          by octaves, where few positives stand in long lists
    floor           the smallest p-value that a relabelling of the data could give
    map_null        the null distribution of the mean AP of a group
    convolution     of few queries: their distributions are convolved
    transforms      the same for many groups at once, whose parts are transformed once
    map_inversion   of many queries: their characteristic functions are multiplied
    copairs         the draws of copairs, as it makes them
"""
