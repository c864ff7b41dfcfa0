"""Adding a task to a bundle, and taking one out: the old networks stay as they are, to the bit."""
