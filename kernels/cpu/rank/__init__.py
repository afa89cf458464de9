"""How the negatives that outrank each positive are counted on the CPU, in bands certified by float64.

A walk from a query to its counts. `cpu.ranking` calls what follows, in this order; arrays are numbered by row of the
caller or by place in the working order, and each docstring says which.

1. **rows/order**: where a row goes.
   `order.work_order` sorts the rows by the blocks and segments of the rule of negative pairs, so that the candidates of
   a query are one or two ranges of places (`order.Order.bounds`). `rows.describe_rows` visits each row once: its shift
   and norm, and the first row that it equals (`rows.Rows.duplicate_of`).
2. **operands**: what is multiplied.
   `operands.operands` chooses the float32 rows whose product approximates the ranking value, and the scale that makes a
   similarity of it; None where the distance is no function of a product. `operands.error_bound` says how far an
   approximation can be from the float64 value that decides a rank. These two steps are `cpu.ranking.prepare`.
3. **thresholds**: what the entries are compared with.
   `thresholds.positive_values` computes the ranking value of each positive in float64 (`cpu.similarity.pair_value`; the
   sums over features are those of `cpu.lanes`); a pair whose two rows are both queries is computed once
   (`thresholds.mirrors`, `thresholds.copy_values`). `thresholds.sort_values` sorts those of a query,
   `thresholds.band_edges` puts a band around each that is as wide as the error bound, and `counting.fill_tables` makes
   the table by which many thresholds are searched.
4. **tiles**: the similarities of some queries to some candidates.
   `pieces.pieces` cuts the queries of a call into runs that share their candidates. A product by BLAS becomes
   similarities in `tiles.finish`; a product of float64 is then rounded by `tiles.narrow`; without operands,
   `tiles.fill_values` computes float64 values. `tiles.blank` sets to minus infinity what is no negative of its query.
   Where all rows of a block are queries, the tile serves both sides: it is counted again with its columns as queries.
5. **counting**: the counts themselves.
   `counting.count_tile` adds to each threshold the entries that lie above its band: few thresholds are compared one by
   one (`counting._count_few`), many are searched (`counting._count_many`). Blocks that are too small for a tile are
   counted pair by pair in float64 (`counting.count_direct`). `counting.gather_counts` brings the counts to the caller's
   order.
6. **recheck in float64**: what lies inside a band.
   The same two functions compute such an entry again with `cpu.similarity.pair_value`, and count it above or as tied.
   So the counts are those of float64 arithmetic; how many entries were rechecked is returned beside them.
"""
