"""What lies near a row, on XLA devices."""
