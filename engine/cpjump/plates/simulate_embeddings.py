"""Simulated embeddings on the real CPJUMP1 plates, in files as CellCLIP writes them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from ...readers.vector_table import SAMPLE, WELL
from .metadata import Plate
from .simulate import simulate_plates

__all__ = ["write_simulated_embeddings"]


def write_simulated_embeddings(
    directory: Path,
    *,
    seed: int = 0,
    n_features: int = 500,
    plates: Iterable[Plate] | None = None,
    batch: str | None = None,
) -> list[Path]:
    """Write the vectors that `simulate.write_simulated` writes as profiles, one CellCLIP file a plate.

    Parameters
    ----------
    directory : Path
        Files go to ``<directory>/<batch>/<plate>.h5``.
    seed, n_features, plates
        As in `simulate.simulate_plates`; ``n_features`` is the length of a vector, D.
    batch : str, optional
        Name of the batch level; None, the default, leaves it out, as CellCLIP does.

    Returns
    -------
    list of Path
        The files, in the order of the plates: ``embeddings`` (384, 1, D) float32, extendable, and the texts
        ``well_position`` and ``broad_sample`` (``NaN`` where missing).
    """
    import h5py

    folder = Path(directory) / (batch or "")
    folder.mkdir(parents=True, exist_ok=True)
    text = h5py.string_dtype("utf-8")
    paths = []
    for plate, profiles in simulate_plates(seed, n_features, plates):
        path = folder / f"{plate.name}.h5"
        wells = profiles.metadata.select(pl.col(WELL), pl.col(SAMPLE).fill_null("NaN"))
        with h5py.File(path, "w") as file:
            file.create_dataset(
                "embeddings", data=profiles.features[:, None], maxshape=(None, 1, n_features), chunks=True
            )
            for name, column in (("well_position", WELL), ("broad_sample", SAMPLE)):
                file.create_dataset(name, data=wells[column].to_list(), maxshape=(None,), dtype=text)
        paths.append(path)
    return paths
