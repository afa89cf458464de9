"""``fastbench info``: what is installed and what would be used."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from ..kernels.cores import usable_cores

__all__ = ["info"]

_PACKAGES = (
    "fastbench",
    "numpy",
    "scipy",
    "numba",
    "jax",
    "polars",
    "pyarrow",
    "scikit-learn",
    "anndata",
    "h5py",
    "matplotlib",
    "copairs",
)


def info(as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False) -> None:
    """Show versions, the machine, and which kernels each device would run."""
    from ..kernels.dispatch import describe

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
        "devices": describe(),
        "packages": found,
    }
    if as_json:
        import json

        typer.echo(json.dumps(facts, indent=2))
        return
    for key, value in facts.items():
        if isinstance(value, dict):
            prefix = "--device " if key == "devices" else ""
            for name, said in value.items():
                typer.echo(f"{prefix + name:20} {said}")
        else:
            typer.echo(f"{key:20} {value}")
