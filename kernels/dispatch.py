"""Picks the room whose kernels run: is it there, and is it usable? No arithmetic here."""

from __future__ import annotations

from types import ModuleType

__all__ = ["DEVICES", "name", "room"]

#: What ``device`` may be.
DEVICES = ("auto", "cpu", "reference")


def room(device: str = "auto") -> ModuleType:
    """Return the package whose kernels serve a device.

    Parameters
    ----------
    device : one of `DEVICES`
        ``auto`` and ``cpu`` are the compiled kernels, ``reference`` the NumPy definitions (slow, n x n memory).

    Returns
    -------
    module
        It has ``count_partners, partners, label_partners, prepare, count_outranking, average_precision``.
    """
    if device == "reference":
        from . import reference

        return reference
    from . import cpu

    return cpu


def name(chosen: ModuleType) -> str:
    """Return the short name of a room."""
    return chosen.__name__.rsplit(".", 1)[-1]
