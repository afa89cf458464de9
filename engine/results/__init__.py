"""Result folders that are complete or not there: staged, renamed at the end, told by their manifest.

`folder.ResultFolder` is what a command writes into, `folder.read_manifest` reads one back; `files` writes single files
atomically; `progress` shows how far the work is.
"""
