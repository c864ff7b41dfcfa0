"""Noise that a camera would add, written into a network."""

import shutil

import numpy as np
import onnx
import onnxruntime as ort

from deploy.noise import with_noise
from perception.bundle import MAIN, SHIPPED, read
from perception.convention import SCALE


def test_each_frame_gets_noise_of_its_own_of_the_level_asked_for(tmp_path):
    path = tmp_path / "network.onnx"
    shutil.copy(SHIPPED / read(SHIPPED).files["fp32"][MAIN], path)
    clean = onnx.load(str(path)).graph.node[0].output[0]
    with_noise(path, 2.0, seed=3)
    model = onnx.load(str(path))
    onnx.checker.check_model(model)
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in (clean, f"{clean}.noisy"))
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    image = np.full((1, 384, 640, 3), 90, np.uint8)
    first, second = (session.run([clean, f"{clean}.noisy"], {"image": image}) for _ in range(2))
    for plain, noisy in (first, second):
        assert abs((noisy - plain).std() * SCALE - 2.0) < 0.01
        assert abs((noisy - plain).mean() * SCALE) < 0.01
    assert abs(np.corrcoef(first[1].ravel(), second[1].ravel())[0, 1]) < 0.01
