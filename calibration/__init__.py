"""Calibration, of cameras and of INT8 networks."""
