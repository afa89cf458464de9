"""From files, or what is in memory, to embeddings of the same cells: `reading`, then `judged`."""
