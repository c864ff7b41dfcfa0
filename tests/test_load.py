"""Loading: the right tasks, only the networks they need, and clear words for a wish that cannot be met."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import numpy as np
import onnx
import pytest

import perception
from perception import BackendUnavailable, BundleError, Frame, FrameError, PerceptionError
from perception.backends.ort import OrtBackend
from perception.backends.runtimes import installed
from perception.bundle import SHIPPED, read
from perception.letterbox import Letterbox
from perception.pipeline import Pipeline
from perception.preprocess.cpu import CpuPreprocess
from perception.sinks.scenes import scene_to_json
from perception.sources import open_source
from tests.conftest import SHAPES
from tests.networks import main_network, sign_network


def edit(path, **fields):
    model = json.loads((path / "model.json").read_text())
    (path / "model.json").write_text(json.dumps({**model, "checksum": "", **fields}))


def edit_checksum(path, file):
    sha256 = json.loads((path / "model.json").read_text())["sha256"]
    edit(path, sha256={**sha256, file: hashlib.sha256((path / file).read_bytes()).hexdigest()})


@pytest.fixture
def frame() -> Frame:
    return Frame(np.random.default_rng(0).integers(0, 256, (360, 640, 3), np.uint8), 0, 0)


def pictures(count: int) -> list[np.ndarray]:
    """Rendered roads that differ."""
    return [next(iter(open_source(f"synthetic:{seed}:1"))).image for seed in range(count)]


def content(scene) -> tuple:
    boxes, signs = (found.xyxy.tolist() for found in (scene.detections, scene.signs))
    lanes = [line.image.tolist() for line in scene.lanes]
    return scene.seq, boxes, signs, lanes, scene.drivable.labels.tolist()


FIELDS = {"detection": "detections", "lanes": "lanes", "signs": "signs", "drivable": "drivable"}


def filled(scene) -> set[str]:
    return {task for task, field in FIELDS.items() if getattr(scene, field) is not None}


def test_all_tasks_by_default_in_decode_order(tiny_bundle, frame):
    pipeline = perception.load(tiny_bundle, threads=1)
    assert [task.name for task in pipeline.tasks] == list(FIELDS)
    assert filled(pipeline(frame)) == set(FIELDS)


@pytest.mark.parametrize(
    ("asked", "run"),
    [
        (["lanes"], {"lanes"}),
        (["drivable", "detection"], {"drivable", "detection"}),
        (["signs"], {"signs", "detection"}),  # signs are read in the boxes that detection finds
    ],
)
def test_a_subset_runs_with_what_it_needs_and_no_more(tiny_bundle, frame, asked, run):
    pipeline = perception.load(tiny_bundle, tasks=asked, threads=1)
    scene = pipeline(frame)
    assert filled(scene) == run
    assert set(scene.timing_ms) == {"preprocess", "network", *run}


def test_a_network_that_is_not_needed_is_not_opened(tiny_bundle, frame):
    text = (tiny_bundle / "model.json").read_text().replace('"signs.onnx"', '"sings.onnx"')
    (tiny_bundle / "model.json").write_text(text)
    (tiny_bundle / "signs.onnx").rename(tiny_bundle / "sings.onnx").write_bytes(b"")
    edit_checksum(tiny_bundle, "sings.onnx")
    assert filled(perception.load(tiny_bundle, tasks=["lanes"])(frame)) == {"lanes"}
    with pytest.raises(BundleError, match=r"sings\.onnx"):
        perception.load(tiny_bundle)


@pytest.mark.parametrize(
    ("wish", "error", "message"),
    [
        (
            {"tasks": ["lane"]},
            PerceptionError,
            "expected tasks of detection, lanes, signs, drivable, got 'lane'",
        ),
        ({"tasks": "lanes"}, PerceptionError, "expected a list of tasks, got the text 'lanes'"),
        ({"tasks": []}, PerceptionError, "at least one task"),
        ({"precision": "int4"}, PerceptionError, "expected a precision of int8, fp32, got 'int4'"),
        ({"device": "tpu"}, BackendUnavailable, "expected a device of auto, cuda, cpu, got 'tpu'"),
        ({"runtime": "ncnn"}, BackendUnavailable, "expected a runtime of auto, onnxruntime, openvino, got"),
        (
            {"device": "cuda", "runtime": "onnxruntime"},
            BackendUnavailable,
            "got: the runtime onnxruntime, which was asked for, runs on the CPU",
        ),
    ],
)
def test_a_wish_that_cannot_be_met(tiny_bundle, wish, error, message):
    with pytest.raises(error, match=message):
        perception.load(tiny_bundle, **wish)


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_a_named_runtime_computes_every_network(tiny_bundle, frame, runtime):
    if runtime not in installed():
        pytest.skip(f"needs {runtime}: pip install 'perception[{runtime}]'")
    pipeline = perception.load(tiny_bundle, threads=1, runtime=runtime)
    assert pipeline.runtimes == {"main": runtime, "signs": runtime}
    assert filled(pipeline(frame)) == set(FIELDS)


def test_a_file_for_another_device_has_one_runtime():
    with pytest.raises(
        BackendUnavailable, match=r"expected the runtime onnxruntime for a file .* 'openvino'"
    ):
        perception.load(precision="trt.int8", runtime="openvino", device="cpu")
    assert perception.load(precision="trt.int8", device="cpu").runtimes["main"] == "onnxruntime"


def test_a_task_network_that_answers_nan_fails_the_frame(tiny_bundle, frame):
    sign_network(tiny_bundle / "signs.onnx", 43, weight=np.nan)
    edit_checksum(tiny_bundle, "signs.onnx")
    with pytest.raises(FrameError, match=r"NaN or infinity in signs\.logits"):
        perception.load(tiny_bundle)(frame)


def test_a_task_this_version_does_not_know(tiny_bundle):
    model = json.loads((tiny_bundle / "model.json").read_text())
    model["tasks"]["depth"] = {"name": "depth", "classes": ["far"], "outputs": ["lanes.map"]}
    edit(tiny_bundle, **{**model, "checksum": ""})
    with pytest.raises(BundleError, match=r"expected tasks of .*, got depth\. Install"):
        perception.load(tiny_bundle)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 12, 96, 160), "expected output lanes.map to be float32"),
        (None, "expected network outputs .*lanes.map"),
    ],
)
def test_a_network_with_other_outputs_than_the_bundle_says(tiny_bundle, shape, message):
    outputs = {name: s for name, s in {**SHAPES, "lanes.map": shape}.items() if s}
    main_network(tiny_bundle / "network.onnx", (640, 384), outputs)
    edit_checksum(tiny_bundle, "network.onnx")
    with pytest.raises(BundleError, match=message):
        perception.load(tiny_bundle)


def changed(folder, name, **fields):
    model = json.loads((folder / "model.json").read_text())
    model["tasks"][name] |= fields
    edit(folder, tasks=model["tasks"], checksum="")


@pytest.mark.parametrize("value", ["x", [], {}, None, True])
@pytest.mark.parametrize(
    ("task", "setting"),
    [
        ("detection", "nms_iou"),
        ("detection", "max_objects"),
        ("lanes", "min_length"),
        ("signs", "sign_id"),
        ("drivable", "threshold"),
    ],
)
def test_a_setting_of_another_kind(tiny_bundle, task, setting, value):
    settings = read(tiny_bundle).tasks[task].settings
    changed(tiny_bundle, task, settings={**settings, setting: value})
    with pytest.raises(BundleError, match=rf"{task}: expected a number as settings\.{setting}, got"):
        perception.load(tiny_bundle)


@pytest.mark.parametrize("task", ["detection", "lanes", "signs", "drivable"])
def test_a_task_without_its_outputs(tiny_bundle, task):
    changed(tiny_bundle, task, outputs=[])
    with pytest.raises(BundleError, match=rf"expected the outputs {task}\..* for the task {task}, got none"):
        perception.load(tiny_bundle)


def test_no_task_of_the_main_network(tiny_bundle):
    changed(tiny_bundle, "signs", needs=[])
    with pytest.raises(BundleError, match="expected a task that reads the network 'main', got signs only"):
        perception.load(tiny_bundle, tasks=["signs"])


def test_a_network_for_another_input_size_than_the_bundle_says(tiny_bundle):
    main_network(
        tiny_bundle / "network.onnx", (320, 384), {"lanes.map": (1, 8, 96, 80), "lanes.edges": (1, 4, 96, 80)}
    )
    edit_checksum(tiny_bundle, "network.onnx")
    edit(tiny_bundle, shapes={})
    with pytest.raises(BundleError, match=r"expected a network for \(640, 384\) .* got one for \(320, 384\)"):
        perception.load(tiny_bundle, tasks=["lanes"])


def picture(width: int, height: int) -> Frame:
    return Frame(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8), 0, 0)


@pytest.mark.parametrize(
    ("wish", "camera", "size"),
    [
        ("auto", (1280, 720), (640, 384)),
        ("auto", (1242, 375), (864, 288)),
        ("0.5x", (640, 480), (384, 320)),
        ((96, 160), (1280, 720), (96, 160)),
    ],
)
def test_the_network_sees_the_size_that_was_asked_for(tiny_bundle, wish, camera, size):
    pipeline = perception.load(tiny_bundle, tasks=["drivable"], threads=1, input_size=wish)
    scene = pipeline(picture(*camera))
    inside = Letterbox.fit(camera, size).inner
    assert scene.drivable.labels.shape == (inside[1], inside[0])


def test_a_camera_that_changes_its_size_is_seen_as_if_it_had_been_alone(tiny_bundle):
    frames = [picture(640, 360), picture(620, 188), picture(320, 240), picture(640, 360)]
    pipeline = perception.load(tiny_bundle, threads=1)
    for frame in frames:
        alone = perception.load(tiny_bundle, threads=1)(frame)
        assert told(pipeline(frame), frame, pipeline) == told(alone, frame, pipeline)


def told(scene, frame, pipeline):
    return scene_to_json(replace(scene, timing_ms={}), frame, pipeline.tasks)


def test_a_wide_screen_camera_is_seen_as_by_the_file_as_it_is():
    frame = next(iter(open_source("synthetic:7")))
    pipeline, spec = perception.load(threads=1, runtime="onnxruntime"), read(SHIPPED)
    outputs = [name for task in spec.tasks.values() if task.network == "main" for name in task.outputs]
    backend = OrtBackend(SHIPPED / spec.files["int8"]["main"], outputs, threads=1)
    plain = Pipeline(backend, CpuPreprocess(), pipeline.tasks)
    scene = pipeline(frame)
    assert len(scene.detections)
    assert told(scene, frame, pipeline) == told(plain(frame), frame, pipeline)
    np.testing.assert_array_equal(scene.drivable.labels, plain(frame).drivable.labels)


def test_a_size_that_a_network_cannot_take(tiny_bundle):
    network = onnx.load(tiny_bundle / "network.onnx")
    output = network.graph.output[-1].name
    network.graph.node[-1].output[0] = "flexible"
    network.graph.node.append(onnx.helper.make_node("Reshape", ["flexible", "shape"], [output]))
    shape = np.array(SHAPES[output], np.int64)
    network.graph.initializer.append(onnx.numpy_helper.from_array(shape, "shape"))
    onnx.save(network, tiny_bundle / "network.onnx")
    edit_checksum(tiny_bundle, "network.onnx")
    perception.load(tiny_bundle)
    with pytest.raises(BundleError, match=r"network\.onnx: expected .*drivable\.map"):
        perception.load(tiny_bundle, input_size="96x64")


def test_the_public_names_are_there():
    assert [name for name in perception.__all__ if not hasattr(perception, name)] == []
    with pytest.raises(AttributeError, match="Scenery"):
        _ = perception.Scenery


def test_the_shipped_bundle_is_whole_and_runs_everything(frame):
    assert list(read(SHIPPED).tasks) == list(FIELDS)
    for precision in ("int8", "fp32"):
        assert filled(perception.load(precision=precision, threads=1)(frame)) == set(FIELDS)


def test_threads_that_share_a_pipeline_get_their_own_results():
    frames = [Frame(image, 0, seq) for seq, image in enumerate(pictures(4))]
    with closing(perception.load(threads=1)) as pipeline:
        expected = [content(pipeline(frame)) for frame in frames]
        with ThreadPoolExecutor(4) as threads:
            scenes = list(threads.map(pipeline, frames * 40))
    assert len(set(map(str, expected))) == 4
    assert [content(scene) for scene in scenes] == expected * 40
