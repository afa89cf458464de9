"""The worked example of a command in CONTRIBUTING.md, as a module."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path
from typing import Any

import fastbench

__all__ = ["SOURCE", "spread_command"]

PAGE = Path(fastbench.__file__).parent / "CONTRIBUTING.md"
SOURCE = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[0]


def spread_command() -> Any:
    """Return the command of the page."""
    module = types.ModuleType("spread_of_the_page")
    sys.modules[module.__name__] = module  # where dataclasses look their annotations up
    exec(compile(SOURCE, str(PAGE), "exec"), module.__dict__)
    return module
