"""Where JAX code runs here: which devices, under which JAX settings, and how work is spread over devices.

Nothing of JAX's global configuration is changed. Each call runs inside `settings`, which turns on what the kernels
need (float64 beside float32, NumPy promotion rules, transfers) for this thread and this call only, whatever the
program around has chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, PartitionSpec

__all__ = ["AXIS", "free_bytes", "local_devices", "settings", "spread"]

#: The mesh axis that query tiles are dealt out along.
AXIS = "tiles"


@contextmanager
def settings() -> Iterator[None]:
    """Run JAX under the settings of these kernels, for this thread and this block only."""
    home: Any = jax if hasattr(jax, "enable_x64") else import_module("jax.experimental")  # older JAX
    with ExitStack() as stack:
        stack.enter_context(home.enable_x64(True))
        stack.enter_context(jax.numpy_dtype_promotion("standard"))
        stack.enter_context(jax.numpy_rank_promotion("allow"))
        stack.enter_context(jax.transfer_guard("allow"))
        yield


def local_devices(platform: str | None = None) -> tuple[jax.Device, ...]:
    """Return this process's devices of a platform.

    Parameters
    ----------
    platform : {"gpu", "cpu"}, optional
        None takes JAX's default platform.

    Returns
    -------
    tuple of jax.Device
        Empty where the platform is not there.
    """
    try:
        return tuple(jax.local_devices(backend=platform))
    except RuntimeError:
        return ()


def free_bytes(device: jax.Device) -> int | None:
    """Return the bytes that the device may still allocate, or None where it does not say (CPU)."""
    stats = device.memory_stats()
    if not stats or "bytes_limit" not in stats:
        return None
    return int(stats["bytes_limit"]) - int(stats.get("bytes_in_use", 0))


def spread(function: Callable[..., Any], devices: tuple[jax.Device, ...]) -> Callable[..., Any]:
    """Compile ``function(resident, tile)`` to run on every device: `resident` on each, `tile` and result split.

    The devices never talk to each other: counts of different queries are independent, so no reduction is needed.
    """
    mesh = Mesh(np.array(devices), (AXIS,))
    specs: dict[str, Any] = {"in_specs": (PartitionSpec(), PartitionSpec(AXIS)), "out_specs": PartitionSpec(AXIS)}
    return jax.jit(jax.shard_map(function, mesh=mesh, check_vma=False, **specs))
