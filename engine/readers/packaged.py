"""Sample data shipped with the package, named ``sample:NAME`` where a path is expected."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError

__all__ = ["data_folder", "resolve"]

_SAMPLES = {"lincs": "lincs/SQ00015054_normalized_feature_select.csv.gz"}


def data_folder() -> Path:
    """Return the folder of the packaged data."""
    return Path(__file__).parent.parent / "data"


def resolve(path: str) -> Path:
    """Turn ``sample:NAME`` into the packaged file; leave any other path alone.

    Parameters
    ----------
    path : str
        As given by the user.

    Returns
    -------
    pathlib.Path
        The file.
    """
    if not path.startswith("sample:"):
        return Path(path)
    name = path.removeprefix("sample:")
    if name not in _SAMPLES:
        raise InputError(f"There is no sample {name!r}; the samples are {', '.join(_SAMPLES)}.")
    return data_folder() / _SAMPLES[name]
