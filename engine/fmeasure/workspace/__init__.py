"""The folder of a result as cellarium-cas writes it: written, and read back.

    write    matrices, cells and ontologies of samples and groups; names of folders
    read     the same, of fastbench or of cellarium-cas; what does not fit together is refused

May be called from outside: `write.write_samples`, `write.write_groups`, `write.is_workspace_file`,
`read.read_samples`, `read.read_groups`.
"""
