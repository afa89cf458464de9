"""The JAX room: the functions of `kernels.reference` on XLA devices, one GPU, many GPUs, or the CPU.

Importing this package imports JAX. The integer walks (partners, average precision of counts) stay on the host: they
are those of the CPU room. See `ranking` for the counting, `tiles` for the program that a device runs, `precision` for
the bound that certifies it, `keys` for the rules, `tiling` for sizes, `context` for devices and JAX settings.
"""

from functools import partial
from types import SimpleNamespace

from ..cpu import average_precision, count_partners, label_partners, partners
from .context import local_devices
from .precision import PRECISIONS
from .ranking import count_outranking, prepare

__all__ = [
    "PRECISIONS",
    "available",
    "average_precision",
    "count_outranking",
    "count_partners",
    "label_partners",
    "partners",
    "prepare",
    "room",
]


def available(platform: str) -> bool:
    """Say whether this process has a device of the platform ("gpu" or "cpu")."""
    return bool(local_devices(platform))


def room(platform: str, precision: str = "float32") -> SimpleNamespace:
    """Return the functions of this room, bound to the devices of a platform and to a precision of `PRECISIONS`."""
    return SimpleNamespace(
        __name__=__name__,
        average_precision=average_precision,
        count_outranking=count_outranking,
        count_partners=count_partners,
        label_partners=label_partners,
        partners=partners,
        prepare=partial(prepare, platform=platform, precision=precision),
    )
