"""Options of batch correction: what goes together, and what a saved correction says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from ...errors import InputError

__all__ = ["correction_options"]

#: Options that bear on one method only: the method, and what they are when they are left out.
_OF_METHOD: Final[dict[str, tuple[str, str | float]]] = {
    "pca_kernel": ("kernel-pca", "linear"),
    "pca_n_components": ("kernel-pca", 500),
    "sphering_epsilon": ("sphering", 1e-6),
}
#: What a saved correction calls them.
_STORED: Final = {"pca_kernel": "kernel", "pca_n_components": "components", "sphering_epsilon": "epsilon"}


def correction_options(
    method: str, given: dict[str, Any], load: Path | None, save: Path | None, overwrite: bool
) -> dict[str, Any]:
    """Fill in what was left out, from a saved correction or by default, and refuse what would not count.

    Parameters
    ----------
    method : str
        One of `names.METHODS`; ``none`` with `load` stands for that of the file.
    given : dict
        ``pca_kernel``, ``pca_n_components`` and ``sphering_epsilon``; None where they were left out.
    load, save : Path, optional
        File to take the correction from, file to keep it in.
    overwrite : bool
        Whether an older correction in `save` is replaced. Nothing else ever is.

    Returns
    -------
    dict
        ``batch_correction`` and what was given; None stays for what the method does not use.

    Raises
    ------
    InputError
        An option that the method does not use; a saved correction that was fitted with others; a file that is none.
    """
    if load is not None:
        if save is not None:
            raise InputError("A correction is either loaded or fitted and saved: leave one of the two options out.")
        return _of_file(method, given, load)
    if save is not None:
        _check_place(method, save, overwrite)
    for name, value in given.items():
        needed, default = _OF_METHOD[name]
        if method == needed:
            given = given | {name: default if value is None else value}
        elif value is not None:
            option = name.replace("_", "-")
            raise InputError(
                f"--{option} is for --batch-correction {needed} and has no effect with {method}: leave it out, or "
                f"choose {needed}."
            )
    return {"batch_correction": method, **given}


def _of_file(method: str, given: dict[str, Any], path: Path) -> dict[str, Any]:
    from .files import load_fitted

    fitted = load_fitted(path)
    stored = {name: fitted.parameters.get(key) for name, key in _STORED.items()}
    for name, value, own in (
        ("batch-correction", None if method == "none" else method, fitted.method),
        *((name.replace("_", "-"), value, stored[name]) for name, value in given.items()),
    ):
        if value is not None and value != own:
            raise InputError(
                f"--{name} is {value}, but the correction in '{path}' ({fitted.method}) "
                f"{'has no such option' if own is None else f'was fitted with {own}'}: leave the option out, or fit "
                "a correction anew."
            )
    return {"batch_correction": fitted.method, **stored}


def _check_place(method: str, path: Path, overwrite: bool) -> None:
    from .files import load_fitted

    if method == "none":
        raise InputError("--save-correction needs --batch-correction: give it too.")
    if path.suffix != ".npz":
        raise InputError(f"--save-correction is '{path}': give the name of a file that ends in .npz.")
    if path.is_dir() or not path.expanduser().absolute().parent.is_dir():
        raise InputError(f"--save-correction '{path}' cannot be written: give the name of a file in a folder.")
    if not path.exists():
        return
    if not overwrite:
        raise InputError(f"--save-correction '{path}' exists: choose another, or pass --overwrite to replace it.")
    try:
        load_fitted(path)
    except InputError as error:
        raise InputError(
            f"--save-correction '{path}' is not a batch correction and is not replaced: choose another."
        ) from error
