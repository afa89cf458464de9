"""One file a family of metrics: each is a function of a `space.Space` that returns a `finding.Finding`."""
