"""The replicability task of CPJUMP1 by the copairs that its scripts pin: 0.0.3, commit 880f22a of cytomining/copairs.

Run by the Python that has it, which need not have fastbench:

    python copairs_older.py FOLDER

FOLDER holds ``0.csv`` (metadata) and ``0.npy`` (features) and so on, one pair a configuration. With ``--wait`` it says
that it is loaded and does the task for each line that comes in.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from copairs.map import aggregate, run_pipeline


def score(folder: Path) -> None:
    """Score all configurations as the scripts do: controls are queries too, and dropped after."""
    for table in sorted(folder.glob("*.csv")):
        rules = ["Metadata_broad_sample"], [], ["Metadata_Plate"], ["Metadata_negcon"]
        scored = run_pipeline(
            pd.read_csv(table), np.load(table.with_suffix(".npy")), *rules, null_size=100_000, batch_size=100_000
        )
        aggregate(scored[scored["Metadata_negcon"] == 0], "Metadata_broad_sample", threshold=0.05)


def main() -> None:
    """Do the task at once, or when asked."""
    folder = Path(sys.argv[1])
    if "--wait" not in sys.argv:
        score(folder)
        return
    print("loaded", flush=True)
    for _ in sys.stdin:
        score(folder)
        print("done", flush=True)


if __name__ == "__main__":
    main()
