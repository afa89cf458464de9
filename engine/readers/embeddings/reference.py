"""Where a matrix is: a file, and which matrix of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...errors import InputError
from .. import packaged

__all__ = ["Reference"]


@dataclass(frozen=True)
class Reference:
    """Where a matrix is: ``[NAME=]FILE[@X]``, ``[NAME=]FILE@obsm:KEY``, ``[NAME=]FILE@layer:KEY``.

    Attributes
    ----------
    name : str
        What it is called.
    path : str
        The file.
    obsm : str
        Entry of obsm; empty: the features of the file.
    layer : str
        Layer, of cells by genes.
    """

    name: str
    path: str
    obsm: str
    layer: str = ""

    @classmethod
    def of(cls, text: str) -> Reference:
        """Read the spelling of a user."""
        name, equals, rest = text.partition("=")
        if not equals or "/" in name or "@" in name:
            name, rest = "", text
        path, at, part = rest.rpartition("@")
        if not at or Path(rest).exists():
            path, part = rest, "X"
        kind, _, key = part.partition(":")
        if kind not in ("X", "obsm", "layer") or (kind != "X") != bool(key):
            raise InputError(f"'{text}': write @X, @obsm:KEY or @layer:KEY after the file, not @{part}.")
        stem = Path(path.removeprefix("sample:")).name.split(".")[0]
        obsm, layer = (key, "") if kind == "obsm" else ("", key)
        return cls(name or obsm or stem, path, obsm, layer)

    @property
    def file(self) -> Path:
        """The file, or that of the sample."""
        return packaged.resolve(self.path, "cells") if self.path.startswith("sample:") else Path(self.path)
