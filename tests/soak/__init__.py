"""Runs of many minutes that look for faults: mutated files of every kind, and commands that are killed at any moment.

    make soak                  # both, ten minutes each
    make soak MINUTES=2 SEED=7
    python -m tests.soak.fuzz --minutes 10 --seed 0 --only h5ad
    python -m tests.soak.kills --minutes 10 --seed 0

What is found is kept in a folder, with the seed that finds it again, and the exit code is 1. `test_soak.py` runs both
for some seconds.
"""
