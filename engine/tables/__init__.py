"""Tables in memory: data frames of every library, feature matrices, profiles, groups of rows, filters.

Called from outside
-------------------
`frames.metadata_frame`, `frames.to_kind`, `frames.with_columns_like`    data frames of pandas, Polars and PyArrow in,
    and back as they came
`frames.require_columns`, `frames.check_one`, `frames.did_you_mean`    checks of names, with near misses
`frames.near_duplicate_labels`    notes on labels that differ only by space, case or Unicode form
`matrix.feature_matrix`, `matrix.check_finite`    matrices of features, checked once before a kernel sees them
`profiles.Profiles`, `profiles.stack`, `profiles.consensus`    a metadata frame and a feature matrix that stay together
`groups.Groups`, `groups.grouped`, `groups.column_codes`    groups of rows, and columns as integer codes
`labels.missing_texts`, `labels.unify_spellings`    text that means missing, spellings of one label: one rule for all
`label_lists.label_lists`    several labels in one text
`wells.column_spelled`, `wells.plain_wells`    columns of plates and wells, and wells, in any usual spelling
`keys.comparable`    columns of two tables that are compared by value
`dominance.dominant_feature`    a feature that decides most similarities
`feature_spread.feature_notes`    features of one value, or of too few digits
`copies.equal_rows`    rows that equal an earlier one
`filters.parse_filter`, `filters.apply_derive`    ``"Metadata_x == 'a'"`` and ``"Metadata_new = Metadata_x == 'a'"``

`filter_grammar` parses the text of a filter, and only `filters` calls it.
"""
