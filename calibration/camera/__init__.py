"""Camera calibration: intrinsics of a camera from pictures of a board."""
