"""The entry of the ``fastbench`` command: whatever goes wrong ends in one sentence and an exit code.

Exit codes: 0 done, 2 bad usage or input, or the system does not let it be done, 130 after Ctrl-C, 143 after a
termination request, 141 when who reads the output has gone, 1 on an internal error, which shows its traceback.
Nothing is imported here that takes time, so that an interrupt is heard from the start.
"""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING, Any

from . import faults

if TYPE_CHECKING:
    from .app import app as app

__all__ = ["app", "main"]


def __getattr__(name: str) -> Any:
    if name == "app":
        from .app import app

        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def main() -> None:
    """Run the command line, see the exit codes above."""
    with faults.told():
        faults.check_process()
        # Arrow's own allocator keeps what is freed, file after file; the system's gives it back.
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
        # What is imported is no garbage, and is looked through again and again while more is imported.
        gc.set_threshold(50_000, 20, 100)
        from .app import app

        faults.begin()
        app()
