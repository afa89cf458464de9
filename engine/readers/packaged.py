"""Sample data shipped with the package, named ``sample:NAME`` where a path is expected."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError

__all__ = ["data_folder", "resolve"]

_SAMPLES = {
    "profiles": {"lincs": "lincs/SQ00015054_normalized_feature_select.csv.gz"},
    "cells": {"pbmc68k": "pbmc68k/pbmc68k_reduced.h5ad"},
    "relations": {"reactome": "relations/Reactome.csv.gz"},
    "ontology": {"cl": "ontology/cl-basic-2022-12-15.obo.gz"},
}


def data_folder() -> Path:
    """Return the folder of the packaged data."""
    return Path(__file__).parent.parent / "data"


def resolve(path: str, what: str = "profiles") -> Path:
    """Turn ``sample:NAME`` into the packaged file; leave any other path alone.

    Parameters
    ----------
    path : str
        As given by the user.
    what : {"profiles", "cells", "ontology", "relations"}, default "profiles"
        What is to be read.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    InputError
        When there is no sample of that name.
    """
    if not path.startswith("sample:"):
        return Path(path)
    name = path.removeprefix("sample:")
    samples = _SAMPLES[what]
    if name not in samples:
        raise InputError(f"There is no sample {name!r}; the samples are {', '.join(samples)}.")
    return data_folder() / samples[name]
