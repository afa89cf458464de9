"""Embeddings as profiles: bare arrays, columns of vectors, and tables of metadata that are joined to them.

described    files of every format, with a table of metadata where one is given (`read_described`)
arrays       ``.npy`` and ``.npz``, with the columns that stand in the latter
lists        columns of vectors in Parquet, Arrow and tables in memory
joining      rows of a table, by position or by key
"""
