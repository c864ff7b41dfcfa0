"""What people who work on the project run: comparisons, figures, house checks. Nobody imports it."""
