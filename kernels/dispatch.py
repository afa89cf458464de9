"""Picks the room whose kernels run: is it there, and is it usable? No arithmetic here."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

__all__ = ["DEVICES", "available", "name", "room"]

#: What ``device`` may be.
DEVICES = ("auto", "cpu", "reference", "cpu-xla", "gpu")

Room = ModuleType | SimpleNamespace


def available(device: str) -> bool:
    """Say whether a device of `DEVICES` is there; only asking for ``gpu`` loads JAX."""
    if device != "gpu":
        return True
    from . import xla

    return xla.available("gpu")


def room(device: str = "auto") -> Room:
    """Return the kernels that serve a device.

    Parameters
    ----------
    device : one of `DEVICES`
        ``auto`` and ``cpu`` are the compiled kernels, ``reference`` the NumPy definitions (slow, n x n memory),
        ``gpu`` and ``cpu-xla`` the JAX programs on all local GPUs or on the CPU.

    Returns
    -------
    module or namespace
        It has ``count_partners, partners, label_partners, prepare, count_outranking, average_precision``.
    """
    if device == "reference":
        from . import reference

        return reference
    if device in ("gpu", "cpu-xla"):
        from . import xla

        return xla.room("gpu" if device == "gpu" else "cpu")
    from . import cpu

    return cpu


def name(chosen: Room) -> str:
    """Return the short name of a room."""
    return chosen.__name__.rsplit(".", 1)[-1]
