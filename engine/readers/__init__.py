"""From files to tables in memory: every format, every refusal, every digest.

Called from outside
-------------------
`profiles.read_profiles`    one or many files of profiles, whatever their format
`embeddings.described.read_described`    the same, and arrays, columns of vectors, tables of metadata that are joined
`embeddings.sparse.read_sparse`    cells by genes of AnnData, which stay sparse, with what is known of the cells
`embeddings.reference.Reference`    how a user writes which matrix of which file
`cells.read_cells`, `cells.column_names`    cell ids, label columns and score columns of a table of cells
`vectors.open_table`    tables of vectors, of which only the rows asked for are read
`small_table.read_table`    experiment tables, targets, test labels, manifests, crosswalks: all columns as text
`digests.source_of`    what was read, for the manifest
`packaged.resolve`, `packaged.data_folder`    the data that come with the package
`formats.existing_path`, `formats.format_of`    the checks before anything of a file is read
`errors`    what is said of a file that is missing, damaged or a Git LFS pointer: each sentence once

Below them
----------
text_table      the one reader of CSV and TSV; a row that does not fit the header is refused in every table
text, arrow, anndata    the formats of profiles, and from text to types
column_roles    which columns are metadata, features, or left out as bookkeeping
obs             `obs` of AnnData files, alone
vector_table    the keys of vectors, and rows read a block at a time
"""
