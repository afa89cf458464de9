"""Commands by name. Each is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..choices import did_you_mean
from ..errors import InputError
from .command import Command

__all__ = ["COMMANDS", "find_command"]

#: Where the declaration of each command lives, as ``module:name`` below ``engine``.
COMMANDS = {
    "map": "map.command:MAP",
    "cpjump": "cpjump.command:CPJUMP",
    "embed": "embed.command:EMBED",
    "fmeasure": "fmeasure.command:FMEASURE",
    "fmeasure azimuth": "fmeasure.azimuth.command:AZIMUTH",
    "perturb": "perturb.command:PERTURB",
    "perturb audit": "perturb.command:AUDIT",
    "perturb calibrate": "perturb.command:CALIBRATE",
}


def find_command(name: str, source: str) -> Command[Any, Any]:
    """Return a command by its name.

    Parameters
    ----------
    name : str
        As in a manifest.
    source : str
        Where the name is from, for the sentence of an error.

    Raises
    ------
    InputError
        When there is no such command.
    """
    if name not in COMMANDS:
        hint = did_you_mean(name, COMMANDS) or f"; those that are known are {', '.join(COMMANDS)}."
        raise InputError(f"{source} is a result of 'fastbench {name}', which cannot be used here{hint}")
    module, _, variable = COMMANDS[name].partition(":")
    found: Command[Any, Any] = getattr(import_module(f"..{module}", __package__), variable)
    return found
