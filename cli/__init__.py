"""The command line: one module a command; it parses, calls the engine and shows. No arithmetic, no formats."""
