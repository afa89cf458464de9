"""``fastbench cpjump split``: train, validate and test wells, what leaks between them, and which wells are scored."""
