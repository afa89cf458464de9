"""``fastbench map``: profile files and pair rules in, mAP with p-values out.

`job` reads, prepares, scores and tests (`run_map`), and writes the result folder (`write_map`); `figures` draws it.
"""
