"""Plates of CPJUMP1: their tables, files, wells, embeddings and simulated features."""
