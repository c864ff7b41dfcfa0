"""The INT8 files: close to the float ones, in the form that each device runs fast, and of one calibration."""

from __future__ import annotations

from itertools import islice

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from calibration.int8.scales import Scales
from deploy import parity, precisions
from deploy.build import FILES
from deploy.quantize import for_cpu
from perception.backends.ort import exact_integers
from perception.bundle import SHIPPED, read
from perception.errors import BundleError
from perception.sources import open_source
from tests.batches import SIZE

ALL_FILES = precisions.file_names(FILES["fp32"], precisions.MADE)


def values(graph):
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def scaled(source, target, output, factor):
    """`source` with another scale for one of its outputs."""
    model = onnx.load(str(source))
    last = next(node for node in model.graph.node if output in node.output)
    stored = next(tensor for tensor in model.graph.initializer if tensor.name == last.input[1])
    copy = numpy_helper.from_array(numpy_helper.to_array(stored) * np.float32(factor), "another.scale")
    model.graph.initializer.append(copy)
    last.input[1] = "another.scale"
    onnx.save(model, str(target))


@pytest.fixture
def files(exported, tmp_path):
    """A copy of the exported files, free to be damaged."""
    for path in exported.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_every_output_agrees_with_the_float_network(exported, pictures):
    agreement = parity.check(exported, FILES, pictures)
    assert len(agreement) == 10
    assert min(agreement.values()) > 15


@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_one_calibration_serves_every_size(factor):
    spec = read(SHIPPED)
    frames = [frame.image[::2, ::2] for frame in islice(open_source("synthetic:7"), 2)]
    images = np.pad(np.stack(frames), ((0, 0), (12, 12), (0, 0), (0, 0)), "edge")
    agreement = parity.check(SHIPPED, spec.files, {"main": parity.scaled(images, factor)})
    assert min(agreement.values()) > 15


def test_a_network_that_holds_a_size_is_refused(files, pictures):
    for precision in FILES.values():
        model = onnx.load(str(files / precision["main"]))
        output = model.graph.output[-1]
        (last,) = (node for node in model.graph.node if output.name in node.output)
        last.output[0] = "flexible"
        dims = [dim.dim_value for dim in output.type.tensor_type.shape.dim]
        model.graph.initializer.append(numpy_helper.from_array(np.array(dims), "held"))
        model.graph.node.append(helper.make_node("Reshape", ["flexible", "held"], [output.name]))
        onnx.save(model, str(files / precision["main"]))
    parity.check(files, FILES, pictures)
    with pytest.raises(BundleError, match="expected a network for any input size, got one that is not for"):
        parity.check(files, FILES, {"main": parity.scaled(pictures["main"], 3.0)})


@pytest.mark.parametrize("output", ["lanes.map", "detection.boxes16", "signs.logits"])
def test_an_output_that_lost_its_scale_is_named(files, pictures, output):
    path = files / FILES["int8"]["signs" if output.startswith("signs") else "main"]
    scaled(path, path, output, 3.0)
    with pytest.raises(BundleError, match=f"within {parity.LIMIT} dB of the float ones, got {{'{output}'"):
        parity.check(files, FILES, pictures)


@pytest.mark.parametrize("kind", ["main", "signs"])
def test_the_input_quantiser_is_the_normalisation(exported, kind):
    graph = onnx.load(str(exported / FILES["int8"][kind])).graph
    found = values(graph)
    name = graph.input[0].name
    (front,) = (node for node in graph.node if name in node.input)
    (back,) = (node for node in graph.node if f"{name}.normal" in node.input)
    assert (front.op_type, back.op_type) == ("DequantizeLinear", "QuantizeLinear")
    for node in (front, back):
        scale, zero = found[node.input[1]], found[node.input[2]]
        assert (scale, zero, zero.dtype) == (np.float32(1 / 58), 116, np.uint8)


@pytest.mark.parametrize("kind", ["main", "signs"])
def test_the_bytes_enter_the_first_convolution_as_they_are(exported, kind, tmp_path):
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.log_severity_level = 3
    ort.InferenceSession(str(exported / FILES["int8"][kind]), options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(str(tmp_path / "optimised.onnx")).graph.node]
    before = kinds[: kinds.index("QLinearConv")]
    assert set(before) <= {"Transpose"}
    assert "Conv" not in kinds


def test_weights_are_signed_and_activations_are_not(exported):
    graph = onnx.load(str(exported / FILES["int8"]["main"])).graph
    found = values(graph)
    kernels = [value for value in found.values() if value.ndim == 4]
    assert {kernel.dtype for kernel in kernels} == {np.dtype(np.int8)}
    activations = [node for node in graph.node if node.op_type == "QuantizeLinear"]
    assert {found[node.input[2]].dtype for node in activations} == {np.dtype(np.uint8)}
    channels = {len(found[n.input[1]].reshape(-1)) for n in graph.node if n.name.endswith(".weight.read")}
    assert {32, 64, 128, 144} <= channels  # a scale a channel


def by_layer(path, part):
    """What is stored for each layer under `.weight.<part>`."""
    found = values(onnx.load(str(path)).graph)
    return {
        name.removesuffix(part): value for name, value in found.items() if name.endswith(f".weight.{part}")
    }


@pytest.mark.parametrize("kind", ["main", "signs"])
@pytest.mark.parametrize("part", ["codes", "scale"])
def test_both_files_have_the_same_weights(exported, kind, part):
    cpu, trt = (by_layer(exported / ALL_FILES[p][kind], part) for p in ("int8", "trt.int8"))
    assert cpu.keys() == trt.keys()
    assert len(cpu) == {"main": 32, "signs": 8}[kind]
    for name, value in cpu.items():
        np.testing.assert_array_equal(value, trt[name])


def codes(path):
    """Tensor -> (scale, zero) of its pair."""
    graph = onnx.load(str(path)).graph
    found = values(graph)
    pairs = [node for node in graph.node if node.op_type == "QuantizeLinear"]
    return {node.output[0]: (found[node.input[1]], found[node.input[2]]) for node in pairs}


@pytest.mark.parametrize("kind", ["main", "signs"])
def test_both_files_keep_the_same_spans(exported, kind):
    """127 int8 steps above zero are 255 uint8 steps where nothing is negative, and 127 elsewhere."""
    cpu, trt = (codes(exported / ALL_FILES[p][kind]) for p in ("int8", "trt.int8"))
    assert trt.keys() < cpu.keys()
    for name in trt.keys() - {f"{'image' if kind == 'main' else 'crops'}.normal.codes"}:
        (scale, zero), (wide, none) = cpu[name], trt[name]
        assert (none, none.dtype) == (0, np.int8)
        assert (255 - zero) * scale == pytest.approx(127 * wide, rel=1e-6)
        assert zero in (0, 128)


def test_tensorrt_rounds_no_output_and_takes_floats(exported):
    graph = onnx.load(str(exported / ALL_FILES["trt.int8"]["main"])).graph
    makers = {name: node.op_type for node in graph.node for name in node.output}
    assert {makers[value.name] for value in graph.output} == {"Conv"}
    assert sum(node.op_type == "Relu" for node in graph.node) == 22
    assert [d.dim_value for d in graph.input[0].type.tensor_type.shape.dim] == [1, 3, SIZE[1], SIZE[0]]
    signs = onnx.load(str(exported / ALL_FILES["trt.int8"]["signs"])).graph
    assert [d.dim_value for d in signs.input[0].type.tensor_type.shape.dim] == [16, 3, 64, 64]


@pytest.mark.parametrize("precision", ["trt.int8", "fp16"])
def test_files_for_tensorrt_say_what_the_float_ones_say(exported, pictures, precision):
    agreement = parity.check(exported, ALL_FILES, pictures, precision)
    assert min(agreement.values()) > {"trt.int8": 15, "fp16": 50}[precision]
    assert max(agreement.values()) < {"trt.int8": 50, "fp16": 90}[precision]


def with_codes_out(path):
    """The network with the codes of every layer as its outputs, and their names."""
    model = onnx.load(str(path))
    names = [node.output[0] for node in model.graph.node if node.op_type == "QuantizeLinear"]
    del model.graph.output[:]
    model.graph.output.extend(helper.make_tensor_value_info(n, TensorProto.UINT8, None) for n in names)
    return model, names


def with_codes_in(path):
    """The same, but every layer reads codes that it is given instead of those that the layer before made."""
    model, names = with_codes_out(path)
    given = {name: f"{name}.given" for name in names}
    for node in model.graph.node:
        node.input[:] = [given.get(name, name) for name in node.input]
    model.graph.input.extend(
        helper.make_tensor_value_info(n, TensorProto.UINT8, None) for n in given.values()
    )
    return model


def session(model, level):
    options = ort.SessionOptions()
    options.graph_optimization_level, options.log_severity_level = level, 3
    exact_integers(options)
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def layers_that_differ(written, computed, images):
    """Codes that a CPU computes from given ones otherwise than the file `written` says in floats."""
    model, names = with_codes_out(written)
    floats = session(model, ort.GraphOptimizationLevel.ORT_DISABLE_ALL)
    integers = session(with_codes_in(computed), ort.GraphOptimizationLevel.ORT_ENABLE_ALL)
    image, *read = (value.name for value in integers.get_inputs())
    steps = {name: [] for name in names}
    for picture in images:
        truth = dict(zip(names, floats.run(names, {image: picture[None]}), strict=True))
        given = {name: truth[name.removesuffix(".given")] for name in read}
        seen = integers.run(names, {image: picture[None], **given})
        for name, codes in zip(names, seen, strict=True):
            steps[name].append(np.abs(codes.astype(int) - truth[name]))
    return {name for name, found in steps.items() if np.max(found) > 1 or np.mean(found) > 0.02}


@pytest.mark.parametrize("kind", ["main", "signs"])
def test_a_cpu_computes_each_layer_in_integers_as_it_is_written_in_floats(exported, pictures, kind):
    """One step apart at most, where a sum lies so near a rounding edge that float32 falls to either side.

    That is about one cell in 400 000; 2 % lets one cell of the smallest layer go. Each layer gets the same
    codes, because in a whole network of random weights one such cell changes half of all outputs, by up to
    12 steps, and in which pictures there is one depends on the processor.
    """
    path = exported / FILES["int8"][kind]
    assert layers_that_differ(path, path, pictures[kind]) == set()


@pytest.mark.parametrize("layer", ["detection.scores32", "/network/trunk/neck/Add_1_output_0"])
def test_a_layer_whose_scale_is_one_percent_off_would_be_found(exported, pictures, tmp_path, layer):
    path = exported / FILES["int8"]["main"]
    scaled(path, tmp_path / "off.onnx", f"{layer}.codes", 1.01)
    assert layers_that_differ(path, tmp_path / "off.onnx", pictures["main"]) == {f"{layer}.codes"}


def test_scales_of_another_network_are_refused(exported, tmp_path):
    scales = Scales.read(exported / "signs.scales.json")
    with pytest.raises(BundleError, match="expected the network that was calibrated"):
        for_cpu(exported / FILES["fp32"]["main"], scales, tmp_path / "wrong.onnx")
    assert not list(tmp_path.iterdir())
