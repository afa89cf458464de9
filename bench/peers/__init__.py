"""Jobs as users write them with other tools, each in a process, or a Python, of its own."""
