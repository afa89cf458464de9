"""Files from the network: resumed over several attempts, checked, and only then given their names.

===========  ================================================================================================
`store`      a server that holds files, by way of obstore; how long to wait for it, and how it can fail
`download`   one file: resumed, checked against what was listed, renamed
`several`    several files at a time; one run at a time in a folder
===========  ================================================================================================

Called from outside: the names that each lists in ``__all__``. obstore is an extra: nothing else needs it.
"""
