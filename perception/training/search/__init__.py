"""Search for a network under a latency budget: what to share, how wide and deep, at which input."""
