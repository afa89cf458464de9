"""The figures of a benchmark run and of a comparison."""
