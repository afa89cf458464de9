"""Kernels: arrays in, arrays out. No files, no data frames, no strings, no printing.

A kernel does the heavy arithmetic of a benchmark on integer codes and float matrices. Each exists in up to three
backends, under the same module and function names, with the same leading arguments and returned layout::

    engine (tables, rules, results)
        |
    dispatch.get_backend(device)            which backend? no arithmetic; `backend.Backend` is what it returns
        |
        +-- reference/               the definitions: NumPy float64, written to be read, slow on purpose
        +-- cpu/                     Numba loops and BLAS tiles, rows shared out among threads
        +-- xla/                     JAX programs: one GPU, many GPUs, or the CPU

    similarity          ranking value of two rows, in one fixed order of float64 operations
    pairs               partners of a row under a pair rule (codes.PairCodes), never an n x n table
    ranking             how many negatives outrank, and tie with, each positive of a query
    average_precision   counts to average precision, under a tie policy
    null                null distribution of average precision: AP under random ranking
    means               means of groups, rounded once
    confusion           cells by truth, prediction and rank of the truth, as sparse counts
    ontology            ancestors as bit rows, counts by node, distances on an ontology graph

What every kernel keeps to:

- It states its shapes with letters: n rows, d features, q queries, m positives, k keys.
- It is a total function: it never raises and never divides by zero. What can be wrong is checked before, in the
  engine; what only the arithmetic shows (a covariance without an inverse) comes back as a `backend.Status`.
- It maps, then something small reduces: what comes out are counts that add up, so any tiling, thread count or
  device gives the same answer.
- Compiled backends equal the reference bit for bit where ranks are decided; the tests say so on ties, duplicates,
  near-ties, one row, tiles of one column.
- Flags and cache policy live in `compile`; tile sizes stand at the top of the module that tiles.
"""
