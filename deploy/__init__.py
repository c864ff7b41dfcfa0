"""From a checkpoint to a bundle: fuse, export, quantise, check."""

import perception  # noqa: F401 (before onnxruntime: its telemetry is off)
