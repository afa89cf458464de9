"""The fast half of the tests leaves out what it says."""

from __future__ import annotations

from .conftest import HERE, SLOW


def test_slow_modules_are_there():
    assert [each for each in sorted(SLOW) if not (HERE / each).exists()] == []
