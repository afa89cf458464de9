"""``fastbench map``: profile files and pair rules in, mAP with p-values out.

options        what can be asked
columns        column rules as the command line writes them
preparation    profiles as read become profiles to score
job            read, prepare, score, test (`run_map`); write the result folder (`write_map`)
figures        the picture of a result
"""
