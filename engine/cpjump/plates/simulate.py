"""Simulated features on the real CPJUMP1 plates: for the demo, for tests and for measuring speed.

The plates, wells, perturbations and targets are the real ones; only the numbers are drawn. A well is

    strength(perturbation, configuration) x direction(perturbation) + plate effect + noise

with every direction of about the length of the noise. The direction of a perturbation has a part of its own
and parts that it shares: compounds of one target share one, guides of one gene share another, and the two
have a little in common. Each piece is drawn from its own generator, seeded by its name, so that a plate is
the same whichever other plates are drawn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from math import sqrt
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from ...errors import InputError
from ...tables.profiles import Profiles
from ..names import BATCH, SUFFIX
from ..options import Options
from .metadata import Plate, experiments, plate_map, target_lists

__all__ = ["Simulator", "simulate_plates", "write_simulated"]

Vector = npt.NDArray[np.float64]

# Scale of the strengths and weight of the shared target (compounds) or gene (guides, ORFs) in each
# configuration: chosen so that the fractions retrieved of the demo resemble those of CellProfiler profiles.
_SCALES: Final = {
    "compound_A549_short": (0.486, 0.21),
    "compound_A549_long": (0.93, 0.155),
    "compound_U2OS_short": (0.486, 0.118),
    "compound_U2OS_long": (0.392, 0.256),
    "crispr_A549_short": (0.366, 0.145),
    "crispr_A549_long": (0.365, 0.147),
    "crispr_U2OS_short": (0.354, 0.111),
    "crispr_U2OS_long": (0.266, 0.124),
    "orf_A549_short": (0.115, 0.15),
    "orf_A549_long": (0.1, 0.15),
    "orf_U2OS_short": (0.213, 0.15),
    "orf_U2OS_long": (0.179, 0.15),
}
_SPREAD: Final = 0.7  # of the logarithm of strengths, over perturbations
_LASTING: Final = 0.8  # part of that spread that a perturbation keeps in all configurations
_LABEL_SPREAD: Final = 1.0  # of the logarithm of the shared weight, over labels
_CROSS: Final = 0.25  # correlation of the direction of a target in compounds and in genes
_PLATE: Final = 0.15  # length of the plate effect, in lengths of the noise


class Simulator:
    """Draws the features of plates.

    Parameters
    ----------
    seed : int
        Everything drawn follows from it.
    n_features : int
        Number of features, d.
    """

    def __init__(self, seed: int = 0, n_features: int = 500) -> None:
        self.seed = seed
        self.n_features = n_features
        self.feature_names = tuple(f"Simulated_{i:04d}" for i in range(1, n_features + 1))
        self._effects: dict[tuple[str, str, str | None], Vector] = {}

    def plate(self, plate: Plate) -> Profiles:
        """Draw one plate of 384 wells.

        Parameters
        ----------
        plate : Plate
            Its name, modality, cells and time decide the draw.

        Returns
        -------
        Profiles
            384 rows, with the metadata columns that real profile files have and the benchmark reads.
        """
        wells = plate_map(plate.modality)
        rng = self._rng("plate", plate.name)
        values = rng.standard_normal((wells.height, self.n_features))
        values += _PLATE * rng.standard_normal(self.n_features)
        group = "gene" if plate.modality != "compound" else "pert_iname"
        treated = wells["Metadata_control_type"].fill_null("") != "negcon"
        samples = wells["Metadata_broad_sample"]
        names, groups = samples.to_list(), wells[f"Metadata_{group}"].to_list()
        for row in np.flatnonzero((treated & samples.is_not_null()).to_numpy()):
            values[row] += self._effect(plate, names[row], groups[row])
        metadata = wells.select(pl.lit(plate.name).alias("Metadata_Plate"), pl.all())
        return Profiles(metadata, values.astype(np.float32), self.feature_names)

    def _effect(self, plate: Plate, sample: str, name: str | None) -> Vector:
        """Return the effect of a perturbation, which all plates of a configuration share."""
        key = plate.description, sample, name
        if key not in self._effects:
            self._effects[key] = self._make_effect(plate, sample, name)
        return self._effects[key]

    def _make_effect(self, plate: Plate, sample: str, name: str | None) -> Vector:
        scale, weight = _SCALES.get(plate.description, (0.4, 0.4))
        spread = _LASTING * self._number("strength", sample)
        spread += sqrt(1 - _LASTING**2) * self._number("strength", sample, plate.description)
        shared = self._shared(plate.modality, sample, name, weight)
        direction = (self._direction("own", sample) + shared) / sqrt(1 + float(shared @ shared) / self.n_features)
        effect: Vector = scale * np.exp(_SPREAD * spread) * direction
        return effect

    def _shared(self, modality: str, sample: str, name: str | None, weight: float) -> Vector:
        """Sum what a perturbation shares by each of its labels; labels differ in how much they share."""
        genes = [] if name is None else [name]
        labels = self._targets.get(sample, []) if modality == "compound" else genes
        total = np.zeros(self.n_features)
        for label in labels:
            share = weight * np.exp(_LABEL_SPREAD * self._number("share", modality, label))
            total += share * (self._target(label) if modality == "compound" else self._gene(modality, label))
        return total / sqrt(max(1, len(labels)))

    def _target(self, target: str) -> Vector:
        return self._direction("target", target)

    def _gene(self, modality: str, gene: str) -> Vector:
        own = self._direction("gene", modality, gene)
        return _CROSS * self._target(gene) + sqrt(1 - _CROSS**2) * own

    def _direction(self, *words: str) -> Vector:
        return _drawn(self.seed, words, self.n_features)

    def _number(self, *words: str) -> float:
        return _drawn_number(self.seed, words)

    def _rng(self, *words: str) -> np.random.Generator:
        return _generator(self.seed, words)

    @cached_property
    def _targets(self) -> dict[str, list[str]]:
        lists, _ = target_lists(None)
        return dict(lists.iter_rows())


def _generator(seed: int, words: tuple[str, ...]) -> np.random.Generator:
    """Return the generator of one piece of what is drawn."""
    digest = hashlib.blake2b("\0".join(words).encode(), digest_size=16).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest, dtype="<u4").tolist()])


# Making a generator takes longer than drawing from it, and several simulations of a process mostly draw the same.
@lru_cache(maxsize=1 << 12)
def _drawn(seed: int, words: tuple[str, ...], size: int) -> Vector:
    vector = _generator(seed, words).standard_normal(size)
    vector.flags.writeable = False
    return vector


@lru_cache(maxsize=1 << 15)
def _drawn_number(seed: int, words: tuple[str, ...]) -> float:
    return float(_generator(seed, words).standard_normal())


def simulate_plates(
    seed: int = 0, n_features: int = 500, plates: Iterable[Plate] | None = None
) -> Iterator[tuple[Plate, Profiles]]:
    """Draw plates one after the other.

    Parameters
    ----------
    seed : int, default 0
        Seed of all draws.
    n_features : int, default 500
        Number of features.
    plates : iterable of Plate, optional
        None draws the 40 plates of the benchmark.

    Yields
    ------
    plate : Plate
        The plate.
    profiles : Profiles
        Its 384 wells.
    """
    simulator = Simulator(seed, n_features)
    for plate in experiments(Options()).plates if plates is None else plates:
        yield plate, simulator.plate(plate)


def write_simulated(
    directory: Path,
    *,
    seed: int = 0,
    n_features: int = 500,
    plates: Iterable[Plate] | None = None,
    batch: str | None = BATCH,
    suffix: str = SUFFIX,
) -> list[Path]:
    """Write simulated plates as files laid out like the published profiles.

    Parameters
    ----------
    directory : Path
        Files go to ``<directory>/<batch>/<plate>/<plate><suffix>``.
    seed, n_features, plates
        As in `simulate_plates`.
    batch : str, optional
        Name of the batch level; None leaves it out.
    suffix : str
        Ends in ``.csv``, ``.csv.gz`` or ``.parquet`` and decides the format.

    Returns
    -------
    list of Path
        The files, in the order of the plates.
    """
    import gzip

    paths = []
    for plate, profiles in simulate_plates(seed, n_features, plates):
        folder = Path(directory) / (batch or "") / plate.name
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{plate.name}{suffix}"
        frame = pl.concat(
            [profiles.metadata, pl.DataFrame(profiles.features, schema=list(profiles.feature_names))],
            how="horizontal",
        )
        if suffix.endswith(".parquet"):
            frame.write_parquet(path)
        elif suffix.endswith(".csv.gz"):
            # mtime 0: the same plates give the same bytes
            path.write_bytes(gzip.compress(frame.write_csv().encode(), compresslevel=1, mtime=0))
        elif suffix.endswith(".csv"):
            frame.write_csv(path)
        else:
            raise InputError(f"Profiles cannot be written as '{suffix}': end it in .csv, .csv.gz or .parquet.")
        paths.append(path)
    return paths
