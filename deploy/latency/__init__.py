"""How long a network takes in INT8, foretold from its blocks, which are timed once on a machine."""
