"""Each job beside the tool it replaces: what ``fastbench bench`` runs."""
