"""Who runs a network: onnxruntime (`ort`), or a script for tests (`scripted`)."""
