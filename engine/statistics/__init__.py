"""Statistics that commands share: false discovery rates, resampling, paired comparison."""
