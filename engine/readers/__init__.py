"""From files to tables in memory: every format, every refusal, every digest.

From outside, call `profiles.read_profiles` (profiles of any format), `cells.read_cells` (cell ids and label columns),
`vectors.open_table` (tables of vectors), `small_table.read_table` and `digests.source_of`.

    profiles        one or many files of profiles, whatever their format
    text, arrow, anndata    the formats
    column_roles    which columns are metadata, features, or left out
    cells, obs, text_columns    chosen columns of a table of cells
    vectors, vector_table    tables of vectors: CellCLIP files, HDF5, arrays, tables, AnnData
    small_table     experiment tables, targets, labels
    digests         what was read: size, rows, SHA-256
    packaged        the data that come with the package
"""
