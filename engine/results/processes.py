"""Who wrote a file that lies beside a result: a process that lives, or one that is dead."""

from __future__ import annotations

import os
import re
import socket

__all__ = ["alive", "host_name"]


def host_name() -> str:
    """Return the name of this computer, as names of files hold it."""
    return re.sub(r"[^A-Za-z0-9]", "_", socket.gethostname())


def alive(pid: int) -> bool:
    """Return whether a process of this computer lives."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it lives, and belongs to someone else
        return True
    return True
