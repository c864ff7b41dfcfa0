"""From a checkpoint to a bundle: fuse, export, quantise, check."""
