"""Which part of the network serves which task: what a gradient foretells, and what a knock-out shows."""
