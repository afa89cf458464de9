"""How results of a command are compared: by one table, or by a comparison of its own."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from ..command.command import Command
from ..command.registry import find_command
from .compare import comparison_command
from .runs import command_of, named_folders

__all__ = ["OF_THEIR_OWN", "comparison_of"]

#: Commands whose comparison knows more than one table says, as ``module:name`` below ``engine``.
OF_THEIR_OWN: dict[str, str] = {
    "cpjump": "cpjump.compare.command:COMPARE",
    "fmeasure": "fmeasure.compare.command:COMPARE",
}


def comparison_of(results: Sequence[str]) -> Command[Any, Any]:
    """Return the command that compares results.

    Parameters
    ----------
    results : sequence of str
        As the user gave them; the first decides.

    Raises
    ------
    InputError
        When it is no result, or one that cannot be compared.
    """
    first = next(iter(named_folders(results, least=1).values()))
    name = command_of(first)
    if name in OF_THEIR_OWN:
        module, _, variable = OF_THEIR_OWN[name].partition(":")
        found: Command[Any, Any] = getattr(import_module(f"..{module}", __package__), variable)
        return found
    return comparison_command(find_command(name, f"'{first}'"))
