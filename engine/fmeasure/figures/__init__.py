"""The figures of an annotation result."""
