"""``fastbench info``: what is installed and what would be used."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from ..kernels.cores import usable_cores

__all__ = ["info"]

_PACKAGES = (
    "fastbench", "numpy", "scipy", "numba", "jax", "polars", "pyarrow", "scikit-learn", "anndata", "h5py",
    "matplotlib", "copairs",
)  # fmt: skip


def info(as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False) -> None:
    """Show versions, the machine, and which kernels would run."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    facts: dict[str, object] = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu cores usable": usable_cores(),
        "device": "cpu (Numba and BLAS)",
        "packages": found,
    }
    if as_json:
        import json

        typer.echo(json.dumps(facts, indent=2))
        return
    for key, value in facts.items():
        if not isinstance(value, dict):
            typer.echo(f"{key:18} {value}")
    for name, number in found.items():
        typer.echo(f"{name:18} {number}")
