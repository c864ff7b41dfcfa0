"""What an attacker gains who knows the weights: `perception evaluate --attack`. docs/robustness.md."""
