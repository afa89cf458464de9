"""The benchmark suites: each job beside the tool it replaces. Run them with ``fastbench bench``."""
