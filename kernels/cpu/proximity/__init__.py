"""Compiled forms of what lies near a row; see `reference.proximity`."""
