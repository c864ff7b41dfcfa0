"""How much worse each task gets when pictures do: `perception evaluate --corrupt`. docs/robustness.md."""
