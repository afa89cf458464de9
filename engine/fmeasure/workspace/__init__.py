"""The folder of a result as cellarium-cas writes it: written, and read back."""
