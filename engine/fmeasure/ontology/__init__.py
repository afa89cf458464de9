"""Cell ontologies: the resource of cellarium-cas, OBO and OBO-graph JSON; read, asked, written."""
