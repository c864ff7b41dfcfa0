"""Calibration, of cameras and of INT8 networks."""

import perception  # noqa: F401 (before onnxruntime: its telemetry is off)
