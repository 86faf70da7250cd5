"""Every speed figure of the README, one module each; ratios side by side in one run."""
