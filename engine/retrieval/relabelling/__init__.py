"""P-values from relabelling the data: rows that the pair rules make exchangeable change places, and mAP is taken again.

The other null distributions (`engine.nulls`) draw the list of each query at random. Here the similarities stay as they
are and the labels move, so that the queries of a group depend on each other as they do in the data, whatever the length
of their lists.

    data        the profiles and rules behind a table of queries (`Relabelling`)
    permutation `permutation_p_values`: which exchange a rule has, and p-values
    exchanger   what both ways of exchanging have in common
    negatives   the rows of a group change places with its negatives: replicates and controls of a block
    labels      a label is given to other rows of its block: all labels of one size share their draws
    ranks       lists that stay as they are, ranked once for all draws
    sequential  how many draws: more only where the answer is near the threshold
"""
