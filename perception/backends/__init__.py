"""Who runs a network: onnxruntime (`ort`) or OpenVINO (`openvino`) on the CPU, TensorRT (`trt`) on a GPU, or
a script for tests (`scripted`).

`CPU_RUNTIMES` is the table of those for the CPU, by the package they need. To add one: a file here with a
class that is made as `ort.OrtBackend` is, and a line in the table. `runtimes` chooses among them.
"""

CPU_RUNTIMES = {  # name -> "file:class" in this folder; the first is always installed
    "onnxruntime": "ort:OrtBackend",
    "openvino": "openvino:OpenVinoBackend",
}
FOR_ANOTHER_DEVICE = ("trt.int8", "fp16")  # precisions of files that the CPU computes as they are written
SIMULATED = "simulated:SimulatedBackend"  # and what does that
