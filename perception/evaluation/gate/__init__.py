"""Is it still as good, does it still see the same? For CI."""
