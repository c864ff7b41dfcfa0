"""A checkpoint to ONNX: uint8 NHWC BGR in, float32 logits by name out.

The graph begins with DequantizeLinear (scale 1/58, zero point 116), which is the normalisation, and a
transpose. In the INT8 file a QuantizeLinear of the same scale follows, and onnxruntime folds the three.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from perception.convention import MEAN, SCALE
from perception.model.fuse import CropNetwork, FrameNetwork
from perception.model.network import Network
from perception.model.specs import FRAME_TASKS, OUTPUTS
from perception.types import Size

OPSET = 17
INPUT = {"main": "image", "signs": "crops"}
CROP = 64


def export_frames(network: Network, size: Size, path: Path) -> None:
    """The network over whole frames, batch 1, with those of its tasks that read frames."""
    module, names = _frames(network)
    _export(module, (1, 3, size[1], size[0]), INPUT["main"], names, path, free_batch=False)


def _frames(network: Network) -> tuple[FrameNetwork, list[str]]:
    tasks = [task for task in FRAME_TASKS if task in network.heads]
    names = [name for task in tasks for name in OUTPUTS[task]]
    return FrameNetwork(network, tasks, names), names


def export_crops(network: Network, path: Path) -> None:
    """The network over sign crops, any number of them."""
    _export(CropNetwork(network), (2, 3, CROP, CROP), INPUT["signs"], OUTPUTS["signs"], path, free_batch=True)


def _export(
    module: nn.Module, shape: tuple[int, ...], name: str, outputs: Sequence[str], path: Path, free_batch: bool
) -> None:
    module = module.eval().to(memory_format=torch.contiguous_format)
    axes = {key: {0: "n"} for key in (name, *outputs)} if free_batch else None
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # the exporter that traces is called legacy; it writes the plainer graph
        torch.onnx.export(
            module,
            (torch.zeros(shape),),
            str(path),
            opset_version=OPSET,
            dynamo=False,
            input_names=[name],
            output_names=list(outputs),
            dynamic_axes=axes,
        )
    model = onnx.load(str(path))
    _take_bytes(model.graph)
    del model.graph.value_info[:]
    model.producer_name, model.producer_version = "perception", ""
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))


def _take_bytes(graph: onnx.GraphProto) -> None:
    """Replace the normalised float NCHW input by the camera's own bytes, NHWC."""
    old = graph.input[0]
    sizes = [d.dim_value or d.dim_param for d in old.type.tensor_type.shape.dim]
    name, normal = old.name, f"{old.name}.normal"
    for node in graph.node:
        node.input[:] = [normal if value == name else value for value in node.input]
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.array(1 / SCALE, np.float32), f"{name}.scale"),
            numpy_helper.from_array(np.array(MEAN, np.uint8), f"{name}.zero"),
        ]
    )
    front = [
        helper.make_node("DequantizeLinear", [name, f"{name}.scale", f"{name}.zero"], [f"{name}.float"]),
        helper.make_node("Transpose", [f"{name}.float"], [normal], perm=[0, 3, 1, 2]),
    ]
    nodes = [*front, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    n, c, h, w = sizes
    graph.input[0].CopyFrom(helper.make_tensor_value_info(name, TensorProto.UINT8, [n, h, w, c]))
