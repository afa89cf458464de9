"""The JAX backend: the functions of `kernels.reference` on XLA devices, one GPU, many GPUs, or the CPU.

Importing this package imports JAX. The integer walks (partners, average precision of counts, ancestors and paths of
an ontology graph) stay on the host: they are those of the CPU backend. See `ranking` for the counting, `tiles` for the
program that a device runs, `fused` for the kernel that GPUs run instead of its larger part, `precision` for the bound
that certifies it, `keys` for the rules, `confusion` and `ontology` for labels, `tiling` for sizes, `context` for
devices and JAX settings.
"""

from functools import partial
from types import SimpleNamespace

from ..cpu import (
    ancestor_bits,
    ancestor_hops,
    average_precision,
    count_partners,
    label_partners,
    partners,
    path_lengths,
)
from .confusion import count_confusion
from .context import local_devices
from .ontology import best_predictions, node_counts, overlaps
from .rank.precision import PRECISIONS
from .ranking import count_outranking, prepare

__all__ = [
    "PRECISIONS",
    "ancestor_bits",
    "ancestor_hops",
    "available",
    "average_precision",
    "best_predictions",
    "count_confusion",
    "count_outranking",
    "count_partners",
    "get_backend",
    "label_partners",
    "node_counts",
    "overlaps",
    "partners",
    "path_lengths",
    "prepare",
]


def available(platform: str) -> bool:
    """Say whether this process has a device of the platform ("gpu" or "cpu")."""
    return bool(local_devices(platform))


def get_backend(platform: str, precision: str = "auto") -> SimpleNamespace:
    """Return the functions of this backend, bound to the devices of a platform and to a precision."""
    return SimpleNamespace(
        __name__=__name__,
        ancestor_bits=ancestor_bits,
        ancestor_hops=ancestor_hops,
        average_precision=average_precision,
        best_predictions=partial(best_predictions, platform=platform),
        count_confusion=partial(count_confusion, platform=platform),
        count_outranking=count_outranking,
        count_partners=count_partners,
        label_partners=label_partners,
        node_counts=partial(node_counts, platform=platform),
        overlaps=partial(overlaps, platform=platform),
        partners=partners,
        path_lengths=path_lengths,
        prepare=partial(prepare, platform=platform, precision=precision),
    )
