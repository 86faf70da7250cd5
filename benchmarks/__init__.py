"""The benchmarks behind the figures in the README, one module each; both sides of a ratio run in turn."""
