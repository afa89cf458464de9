"""Which metrics can be gamed: predictions that know nothing of single perturbations, judged under every preset."""
