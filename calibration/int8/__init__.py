"""INT8 calibration: which images to look at, and the ranges they give."""
