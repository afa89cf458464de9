"""Fitted transforms in files: ``.npz`` of arrays and a JSON text, with a checksum over all of it.

A correction decides every number that comes after it, and one that was damaged still gives numbers. So nothing of a
file is taken before its checksum is right, and every shape fits the features, plates and components that it names.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...errors import InputError
from ...readers.errors import missing_file_error
from ...readers.integrity.arrays import read_archive
from ...results.files import write_atomic
from ..names import KERNELS, METHODS
from .fingerprint import AXES, KNOWN, MEAN
from .transforms import SCALERS, Fitted

__all__ = ["load_fitted", "save_fitted"]

#: A correction of 10,000 features with as many controls has 2.4 GiB.
_MOST_BYTES: Final = 8 * 2**30
_ABOUT: Final = "about"


def save_fitted(fitted: Fitted, path: Path) -> None:
    """Write a fitted transform as ``.npz``: its arrays, and ``about``, JSON as bytes, with their checksum."""
    about: dict[str, Any] = {
        "method": fitted.method,
        "feature_names": list(fitted.feature_names),
        "parameters": dict(fitted.parameters),
    }
    arrays = {name: np.asarray(values, "<f8") for name, values in fitted.arrays.items()}
    about["sha256"] = _checksum(about, arrays)
    buffer = io.BytesIO()
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(buffer, **{_ABOUT: text}, **arrays)  # type: ignore[arg-type]
    write_atomic(path, lambda handle: handle.write(buffer.getbuffer()))


def _checksum(about: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[np.float64]]) -> str:
    """Return the SHA-256 over what is said and the arrays, by name, with their shapes."""
    said = {name: value for name, value in about.items() if name != "sha256"}
    total = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for name in sorted(arrays):
        total.update(f"\0{name}\0{arrays[name].shape}\0".encode())
        total.update(np.ascontiguousarray(arrays[name], "<f8").data)
    return total.hexdigest()


def load_fitted(path: Path) -> Fitted:
    """Read what `save_fitted` wrote.

    Raises
    ------
    InputError
        The file is not there, damaged, was changed, or is something else.
    """
    shown = str(path)
    if not path.is_file():
        raise missing_file_error(path, "batch correction")
    try:
        arrays = read_archive(path, shown, _MOST_BYTES)
        about = json.loads(arrays.pop(_ABOUT).tobytes())
        method, names, parameters = about["method"], about["feature_names"], about["parameters"]
        said = about.get("sha256")
        found = _checksum(about, arrays)
    except InputError:
        raise
    except Exception as error:  # zipfile, zlib, NumPy and JSON raise many types over a damaged file
        raise InputError(
            f"'{shown}' is damaged or not a batch correction: give a file that --save-correction wrote."
        ) from error
    if method not in METHODS[1:]:
        raise InputError(f"'{shown}' is a batch correction of the unknown kind {method!r}.")
    if said is None:
        raise InputError(f"'{shown}' has no checksum, as an older version wrote it: fit the correction anew.")
    if said != found:
        raise InputError(f"'{shown}' was changed after it was written (its checksum differs): get or fit it again.")
    if not _fits(method, names, parameters, arrays):
        raise InputError(f"'{shown}' is damaged: its arrays do not fit its features and options; fit it again.")
    return Fitted(method, tuple(names), parameters, arrays)


def _fits(method: str, names: Any, parameters: Any, arrays: Mapping[str, npt.NDArray[Any]]) -> bool:
    """Return whether names, options and arrays are those of one transform."""
    if not isinstance(parameters, dict) or not _distinct_texts(names):
        return False
    wanted = _shapes(method, len(names), parameters, arrays)
    if wanted is None or any(name not in arrays or arrays[name].shape != shape for name, shape in wanted.items()):
        return False
    if not all(values.dtype == np.float64 for values in arrays.values()):
        return False
    if not all(np.isfinite(arrays[name]).all() for name in wanted) or not _is_fingerprint(len(names), arrays):
        return False
    least = 0.0 if method == "mad" else np.finfo(np.float64).tiny  # the MAD of what does not vary is 0
    return "scale" not in wanted or bool((arrays["scale"] >= least).all())


def _shapes(
    method: str, d: int, parameters: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]
) -> dict[str, tuple[int, ...]] | None:
    """Return the shape of each array that a transform needs; None: its options are none."""
    if method == "mad":
        plates = parameters.get("plates")
        if not isinstance(plates, list) or not _distinct_texts(plates):
            return None
        return {name: (len(plates), d) for name in ("median", "scale")}
    if method == "sphering":
        return {"mean": (d,), "scale": (d,), "weights": (d, d)}
    k, kernel, scaler = (parameters.get(name) for name in ("components", "kernel", "scaler"))
    if type(k) is not int or k < 1 or kernel not in KERNELS or scaler not in SCALERS:
        return None
    scaling = {"mean": (k,), "scale": (k,)} if scaler == "controls" else {}
    if kernel == "linear":
        return {"centre": (d,), "weights": (d, k), **scaling}
    controls, gamma = arrays.get("controls"), parameters.get("gamma")
    if controls is None or not controls.ndim or not isinstance(gamma, float) or not gamma > 0:
        return None
    n = controls.shape[0]
    return {"controls": (n, d), "vectors": (n, k), "kernel_rows": (n,), "kernel_all": (), **scaling}


def _is_fingerprint(d: int, arrays: Mapping[str, npt.NDArray[Any]]) -> bool:
    """Return whether what is said of the controls has the shapes of a fingerprint, or is not there."""
    mean, axes, known = (arrays.get(name) for name in (MEAN, AXES, KNOWN))
    if mean is None or axes is None or known is None:
        return mean is axes is known is None
    return mean.shape == (d,) and axes.ndim == 2 and axes.shape[1] == d and known.shape == (2,)


def _distinct_texts(values: Any) -> bool:
    texts = isinstance(values, list) and all(isinstance(value, str) for value in values)
    return texts and 0 < len(set(values)) == len(values)
