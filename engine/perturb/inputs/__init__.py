"""From files, or what is in memory, to screens of one panel.

`files` and `held` read cells by genes with whatever is known of the cells, through the readers of the package;
`labels` tells what the condition of each is, `alignment` brings genes into the order of the truth, `scale` proves
what the values are, `sameness` finds cells that are in two files, `assembly` puts them together. Called from outside
are `reading.read_screens` and `reading.held_screens`.
"""
