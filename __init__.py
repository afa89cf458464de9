"""fastbench."""
