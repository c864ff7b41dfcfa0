"""How fast, on this machine: `perception bench`."""
