"""Options from a file: YAML, JSON, or the manifest of a result."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..results.json_files import parse_json

__all__ = ["read_config"]

#: Characters; a manifest has kilobytes.
_LARGEST = 2**26
_LARGEST_YAML, _DEEPEST = 2**20, 50


def read_config(path: Path, *commands: str) -> dict[str, Any]:
    """Return the options that a file gives.

    Parameters
    ----------
    path : Path
        A YAML or JSON file of options by name; or a manifest, or a result folder with one, whose options are taken.
    *commands : str
        The command that is to run, or those that it may be; a manifest of another is refused.

    Returns
    -------
    dict
        Plain values by name, see `options.from_mapping`.

    Raises
    ------
    InputError
        When it cannot be read, or is something else.
    """
    import yaml

    path = path.expanduser()
    if path.is_dir():
        if not (path / "manifest.json").is_file():
            raise InputError(f"The folder '{path}' is no result of fastbench (it has no manifest.json).")
        path = path / "manifest.json"
    try:
        text = path.read_text("utf-8")
        if len(text) > _LARGEST:
            raise InputError(f"The config file '{path}' is too large to hold options.")
        content = _parsed(text, path)
    except FileNotFoundError:
        raise InputError(f"There is no config file '{path}'.") from None
    except InputError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The config file '{path}' cannot be read: {error}.") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" (line {where.line + 1})" if where is not None else ""
        raise InputError(f"The config file '{path}' is neither YAML nor JSON{line}.") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(f"The config file '{path}' must hold options by name, such as 'seed: 1'.")
    if "fastbench_version" not in content:
        return content
    if content.get("command") not in commands:
        wanted = " or ".join(f"'fastbench {command}'" for command in commands)
        raise InputError(f"'{path}' is the manifest of 'fastbench {content.get('command')}', not of {wanted}.")
    options = content.get("options")
    return options if isinstance(options, dict) else {}


def _parsed(text: str, path: Path) -> Any:
    import yaml

    if text.lstrip().startswith("{"):
        with contextlib.suppress(ValueError):  # YAML has braces too
            return parse_json(text.encode())
    if len(text) > _LARGEST_YAML or _depth(text) > _DEEPEST:  # PyYAML takes hours over either
        raise InputError(f"The config file '{path}' is too large or nested too deeply to hold options.")
    # What refers to itself again and again grows beyond all memory when it is shown.
    if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
        raise InputError(f"The config file '{path}' uses aliases ('*name'), which are not read; write values out.")
    return yaml.safe_load(text)


def _depth(text: str) -> int:
    """Return how many brackets are open at most, those in quotes included."""
    depth = most = 0
    for mark in re.findall(r"[][{}]", text):
        depth += 1 if mark in "[{" else -1
        most = max(most, depth)
    return most
