"""Models compared on the cells that both scored: differences, intervals, p-values, gains and losses by class."""
