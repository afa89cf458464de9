"""The jobs of the command line as Python functions: `fastbench.map`, `cpjump`, `fmeasure` and `compare`."""
