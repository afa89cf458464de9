"""Picks the backend whose kernels run: is it there, and is it usable? No arithmetic here."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

__all__ = ["available", "describe", "get_backend", "name"]


Backend = ModuleType | SimpleNamespace


def available(device: str) -> bool:
    """Say whether a device of `DEVICES` is there; only asking for ``gpu`` loads JAX."""
    if device != "gpu":
        return True
    from . import xla

    return xla.available("gpu")


def get_backend(device: str = "auto", precision: str = "auto") -> Backend:
    """Return the kernels that serve a device.

    Parameters
    ----------
    device : one of `DEVICES`
        ``auto`` and ``cpu`` are the compiled kernels, ``reference`` the NumPy definitions (slow, n x n memory),
        ``gpu`` and ``cpu-xla`` the JAX programs on all local GPUs or on the CPU.
    precision : one of `PRECISIONS`
        For ``gpu`` and ``cpu-xla`` only.

    Returns
    -------
    module or namespace
        It has ``count_partners, partners, label_partners, prepare, count_outranking, average_precision`` for retrieval
        and ``count_confusion, node_counts, overlaps, best_predictions, path_lengths, ancestor_bits, ancestor_hops``
        for labels.
    """
    if device == "reference":
        from . import reference

        return reference
    if device in ("gpu", "cpu-xla"):
        from . import xla

        return xla.get_backend("gpu" if device == "gpu" else "cpu", precision)
    from . import cpu

    return cpu


def name(chosen: Backend) -> str:
    """Return the short name of a backend."""
    return chosen.__name__.rsplit(".", 1)[-1]


def describe() -> dict[str, str]:
    """Say for each of `DEVICES` what would run here; loads JAX."""
    import numpy as np
    from threadpoolctl import threadpool_info

    from .cores import usable_cores
    from .xla.context import free_bytes, local_devices
    from .xla.rank.fused import knows

    np.ones((2, 2)) @ np.ones((2, 2))  # so that the BLAS is loaded and can be asked
    loaded = [each for each in threadpool_info() if each["user_api"] == "blas"]
    blas = ", ".join(sorted({f"{each['internal_api']} ({each.get('architecture', '')})" for each in loaded}))
    gpus = local_devices("gpu")
    found = [
        f"{device.device_kind} ({(free_bytes(device) or 0) / 2**30:.0f} GiB free{', fused kernel' * knows(device)})"
        for device in gpus
    ]
    return {
        "auto": "as cpu; a GPU runs when it is asked for with --device gpu",
        "cpu": f"Numba and {blas or 'BLAS'} on {usable_cores()} cores",
        "reference": "NumPy float64 by definition: slow, memory n x n",
        "cpu-xla": f"JAX programs on {len(local_devices('cpu'))} CPU device(s)",
        "gpu": ", ".join(found) if found else "not here: JAX finds no GPU",
    }
