"""From values of metrics to scores between the mean response and a replicate, and the tables of them."""
