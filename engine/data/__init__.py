"""Small real data shipped with the package; each folder's README gives source and licence."""
