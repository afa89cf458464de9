"""Result folders that are complete or not there: staged, renamed at the end, described by their manifest.

Called from outside
-------------------
`folder.ResultFolder`    what a command writes its tables, figures and manifest into
`folder.read_manifest`    what the manifest of a result says
`earlier.manifest_of`, `earlier.check_unchanged`    a result that was written before, and whether it was changed since
`files.write_atomic`, `files.write_csv`, `files.write_parquet`, `files.write_json`    single files that are never seen
    half-written
`files.write_error`    why a file could not be written: a full disk, no permission
`progress.progress`    a bar on a terminal while long work runs
"""
