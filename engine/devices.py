"""From the device that a user asks for to the kernels that serve it."""

from __future__ import annotations

from typing import Any

from ..kernels import dispatch
from ..kernels.backend import Backend
from .errors import InputError

__all__ = ["backend_of"]


def backend_of(device: str, precision: str = "auto") -> Backend[Any]:
    """Return the kernels of a device, see `kernels.dispatch.get_backend`.

    Raises
    ------
    InputError
        The device is not available here.
    """
    if not dispatch.available(device):
        raise InputError(
            f"Device {device!r} is not available: JAX finds none; use 'auto', or install JAX for your GPU."
        )
    return dispatch.get_backend(device, precision)
