"""Definitions of what is counted and added up of the expression of groups of cells."""
