"""What people who work on the project run: comparisons, metrics, house checks. Nobody imports it."""
