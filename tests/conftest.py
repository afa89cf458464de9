"""Shared settings of the tests."""

from __future__ import annotations

import os

from hypothesis import settings

# The same examples on every run of the checks, so that a red run can be repeated; locally, new ones each time.
settings.register_profile("ci", derandomize=True, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
