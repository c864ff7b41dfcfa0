"""Pages of what was measured: one file each, with charts and pictures in it, that need nothing else."""
