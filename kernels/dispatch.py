"""Picks the backend whose kernels run: is it there, and is it usable? No arithmetic here."""

from __future__ import annotations

from typing import Any

from .backend import Backend, bound

__all__ = ["available", "describe", "get_backend", "name"]


def available(device: str) -> bool:
    """Return whether a device of `names.DEVICES` is there; only asking for ``gpu`` loads JAX."""
    if device != "gpu":
        return True
    from . import xla

    return xla.available("gpu")


def get_backend(device: str = "auto", precision: str = "auto") -> Backend[Any]:
    """Return the kernels that serve a device.

    Parameters
    ----------
    device : {"auto", "cpu", "reference", "cpu-xla", "gpu"}, default "auto"
        ``auto`` and ``cpu`` are the compiled kernels, ``reference`` the NumPy definitions (slow, n x n memory),
        ``gpu`` and ``cpu-xla`` the JAX programs on all local GPUs or on the CPU.
    precision : {"auto", "float32", "tf32", "bf16x3", "fp16x3"}, default "auto"
        For ``gpu`` and ``cpu-xla`` only, see `names.PRECISIONS`.

    Returns
    -------
    Backend
        The functions of the contract.
    """
    if device == "reference":
        from . import reference

        return reference
    if device in ("gpu", "cpu-xla"):
        from . import xla

        return bound(xla, platform="gpu" if device == "gpu" else "cpu", precision=precision)
    from . import cpu

    return cpu


def name(chosen: Backend[Any]) -> str:
    """Return the short name of a backend."""
    return chosen.__name__.rsplit(".", 1)[-1]


def describe() -> dict[str, str]:
    """Return what would run here for each of `names.DEVICES`; loads JAX."""
    import numpy as np
    from threadpoolctl import threadpool_info

    from .cores import usable_cores
    from .xla.context import free_bytes, local_devices
    from .xla.rank.usable import has_fused_kernel

    np.ones((2, 2)) @ np.ones((2, 2))  # so that the BLAS is loaded and can be asked
    loaded = [each for each in threadpool_info() if each["user_api"] == "blas"]
    blas = ", ".join(sorted({f"{each['internal_api']} ({each.get('architecture', '')})" for each in loaded}))
    found = [
        f"{gpu.device_kind} ({(free_bytes(gpu) or 0) / 2**30:.0f} GiB free"
        f"{', fused kernel' if has_fused_kernel(gpu) else ''})"
        for gpu in local_devices("gpu")
    ]
    return {
        "auto": "as cpu; a GPU runs when it is asked for with --device gpu",
        "cpu": f"Numba and {blas or 'BLAS'} on {usable_cores()} cores",
        "reference": "NumPy float64 by definition: slow, memory n x n",
        "cpu-xla": f"JAX programs on {len(local_devices('cpu'))} CPU device(s)",
        "gpu": ", ".join(found) if found else "not here: JAX finds no GPU",
    }
