"""JSON that others wrote: read within bounds, so that whatever it holds can be put into tables and printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

__all__ = ["parse_json", "read_json"]

_LARGEST: Final = 2**28  # bytes; a manifest has kilobytes
_DEEPEST: Final = 100
_LEAST, _MOST = -(2**63), 2**64 - 1


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    object
        Whole numbers beyond 64 bits are floats; what no text can hold (half of a pair of surrogates) is written as its
        escape.

    Raises
    ------
    OSError
        When it cannot be read.
    ValueError
        When it is no JSON, larger than 256 MiB, or nested more than 100 deep.
    """
    with path.open("rb") as handle:
        content = handle.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"more than {_LARGEST} bytes")
    return _plain(parse_json(content), 0)


def parse_json(content: bytes) -> Any:
    """Parse JSON; what is nested too deeply for Python is a `ValueError`, whole numbers beyond 64 bits are floats."""
    try:
        return json.loads(content, parse_int=_integer)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _integer(text: str) -> int | float:
    if len(text) > 21:
        return float(text)
    value = int(text)
    return value if _LEAST <= value <= _MOST else float(value)


def _plain(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list):
        return [_plain(each, depth + 1) for each in value]
    if isinstance(value, dict):
        return {_plain(key, depth): _plain(each, depth + 1) for key, each in value.items()}
    return value
