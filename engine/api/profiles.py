"""`fastbench.read_profiles`: the reader of profiles, whose messages are for Python."""

from __future__ import annotations

from ..map.options import MapOptions
from ..readers.profiles import read_profiles as read
from ..spelling import spelled_in_python

__all__ = ["read_profiles"]

read_profiles = spelled_in_python(MapOptions)(read)
