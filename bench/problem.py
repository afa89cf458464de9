"""The retrieval problems that the suites share: simulated profiles in groups, and the pair rule that scores them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["Job", "Problem", "all_against_all", "build", "plates", "small_one_like"]

#: A problem by the name of its function and the arguments: what another process can be told on its command line.
Job = tuple[str, int, int, int]
#: pos_sameby, pos_diffby, neg_sameby, neg_diffby
Rule = tuple[list[str], list[str], list[str], list[str]]

WELLS, CONTROLS, REPLICATES = 384, 64, 8


class Problem(NamedTuple):
    """Profiles and a rule, as a user has them; and the same rule as codes, for tools that know no metadata."""

    meta: pd.DataFrame
    features: npt.NDArray[np.float32]  # (n, d)
    rule: Rule
    group: npt.NDArray[np.int64]  # (n,) positives of a query are its group; -1 for controls, which are no queries
    plate: npt.NDArray[np.int64]  # (n,) candidates of a query are on its plate

    def size(self) -> dict[str, int | float]:
        """Return n, d, P (positives of a query), L (its candidates) and the flops of the products that are needed."""
        n, d = self.features.shape
        queries = int((self.group >= 0).sum())
        positives = int(np.bincount(self.group[self.group >= 0])[0]) - 1
        on_plate = int(np.bincount(self.plate)[0])
        candidates = positives + CONTROLS if queries < n else on_plate - 1
        return {
            "n": n,
            "queries": queries,
            "d": d,
            "P": positives,
            "L": candidates,
            "flops": 2.0 * queries * candidates * d,
        }


def all_against_all(n: int, d: int, replicates: int) -> Problem:
    """Make groups of replicates; the negatives of a query are all other groups."""
    group = np.arange(n) // replicates
    meta = pd.DataFrame({"Metadata_group": group.astype(str)})
    rule: Rule = (["Metadata_group"], [], [], ["Metadata_group"])
    return Problem(meta, _features(group, d), rule, group, np.zeros(n, np.int64))


def plates(n_plates: int, d: int, replicates: int = REPLICATES) -> Problem:
    """Make plates of 384 wells, 64 of them controls; replicates stand on one plate, its controls are the negatives."""
    n = n_plates * WELLS
    plate, well = np.divmod(np.arange(n), WELLS)
    control = well >= WELLS - CONTROLS
    group = np.where(control, -1, plate * ((WELLS - CONTROLS) // replicates) + well // replicates)
    meta = pd.DataFrame(
        {
            "Metadata_plate": plate.astype(str),
            "Metadata_compound": np.where(control, "DMSO", group.astype(str)),
            "Metadata_control": control,
            # Each control has a number of its own, so that controls are nobody's positive.
            "Metadata_reference": np.where(control, np.arange(n), -1),
        }
    )
    rule: Rule = (
        ["Metadata_plate", "Metadata_compound", "Metadata_reference"],
        [],
        ["Metadata_plate"],
        ["Metadata_control"],
    )
    return Problem(meta, _features(group, d), rule, group, plate)


def _features(group: npt.NDArray[np.int64], d: int) -> npt.NDArray[np.float32]:
    """Make noise around a centre for each group; group -1 is noise alone."""
    rng = np.random.default_rng(0)
    centre = rng.standard_normal((group.max() + 2, d), dtype=np.float32)
    centre[-1] = 0
    return rng.standard_normal((len(group), d), dtype=np.float32) + np.float32(0.3) * centre[group]


_PROBLEMS = {function.__name__: function for function in (all_against_all, plates)}


def build(job: Job) -> Problem:
    """Make the problem of a job."""
    name, *arguments = job
    return _PROBLEMS[name](*arguments)


def small_one_like(job: Job) -> Job:
    """Return a small job that takes the same paths, to load and compile everything before the clock runs."""
    name, n, d, replicates = job
    if name == "plates":
        return name, 1, min(d, 32), replicates
    return name, min(n, 512), min(d, 32), min(replicates, 64)
