"""``fastbench map``: profile files and pair rules in, mAP with p-values out.

options        what can be asked
columns        column rules as the command line writes them, and which columns options name
controls       what ``--controls`` stands for
active         groups that an earlier result found active (``--active-only``)
preparation    profiles as read become profiles to score
job            read, prepare, score, test (`run_map`); write the result folder (`write_map`)
figures        the picture of a result; doses: that of mAP by dose
dose_values    doses as tables write them, with units
"""
