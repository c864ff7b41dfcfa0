"""`perception mtl prune`: a bundle of smaller widths, or a refusal."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import onnxruntime as ort
import pytest
import torch

from deploy.build import FILES
from deploy.export import export_frames
from deploy.pruned import command
from deploy.pruned.choose import BY, Looked, chosen, shares_of, widths_of
from deploy.pruned.prune import Wanted, looked_at, prune
from perception import Frame, bundle, load
from perception.errors import BundleError, DataError
from perception.explain.parts.channels import worth
from perception.model.network import Network
from perception.model.pruned import STEM, cut_blocks
from perception.model.stored import stored
from tests.batches import SIZE, smooth

QUICK = {
    "pictures": 4,
    "calibrated": 4,
    "settings": ("batch=2", "crops=2", "rendered=1", "stand=0"),
}


@pytest.fixture
def folder(folder):
    """With pictures that 8 bits can tell apart."""
    for path in (*folder.rglob("images/*.png"), *folder.glob("signs/*.png")):
        cv2.imwrite(str(path), smooth(1, (96, 64), len(path.name))[0])
    return folder


@pytest.fixture
def looked(small, folder) -> Looked:
    return looked_at(small, bundle.read(small), Wanted([str(folder)], pictures=2))


def answers(path):
    session = ort.InferenceSession(str(path / FILES["fp32"]["main"]), providers=["CPUExecutionProvider"])
    return session.run(None, {"image": smooth(1, SIZE, 5)})


def test_the_command_writes_a_smaller_bundle_that_sees(small, folder, tmp_path, capsys):
    out = tmp_path / "out"
    command.prune(Wanted([str(folder)], "1,0.9,0.75,0.5", "norm", 1, **QUICK), small, out)
    assert "32, 64, 128, 144 before, 32, 56, 96, 72 now" in capsys.readouterr().out
    assert stored(out).frames.network.trunk.shape.widths == (32, 56, 96, 72)
    assert load(out, runtime="onnxruntime")(Frame(smooth(1, SIZE)[0], 0, 0)).drivable is not None
    assert bundle.read(out).info["pruned"]["from"] == "small 1"
    assert "made from small 1" in (out / "README.md").read_text()


def test_a_bundle_that_keeps_all_answers_the_same(small, folder, tmp_path):
    prune(Wanted([str(folder)], "1", "random", 0, **QUICK), small, tmp_path / "out")
    for before, after in zip(answers(small), answers(tmp_path / "out"), strict=True):
        assert np.abs(after - before).max() < 0.005 * np.abs(before).max(), "but for float16"


@pytest.mark.parametrize("by", BY)
def test_each_rule_has_a_score_for_every_channel(by, looked):
    scores = BY[by](looked)
    for name, (_, block) in cut_blocks(looked.network).items():
        assert scores[name].shape == (block.conv.out_channels,), name
        assert np.isfinite(scores[name]).all()


@pytest.mark.parametrize("by", ["importance", "norm"])
def test_a_silent_channel_goes_first(by, looked):
    for part in (looked.stored.frames.network.trunk.encoder.stem[0], looked.stored.crops.front[0][0]):
        part.weight[3], part.bias[3] = 0, -1
    looked.network.trunk.encoder.stem.conv.weight.data[3] = 0
    kept = chosen(looked.network, BY[by](looked), (31, 63, 127, 143))
    assert [k for k in range(32) if k not in kept[STEM]] == [3]


def test_a_channel_is_worth_what_it_is_to_its_best_task():
    shares = {"lanes": np.array([0.0, 0.9, 0.1]), "drivable": np.array([0.5, 0.2, 0.3])}
    np.testing.assert_array_equal(worth(shares), [0.5, 0.9, 0.3])


def test_widths_are_multiples_of_eight():
    assert widths_of((32, 64, 128, 144), shares_of("0.7")) == (24, 48, 88, 104)
    assert widths_of((12, 64, 128, 144), shares_of("0.01,1,1,1")) == (8, 64, 128, 144)


@pytest.mark.parametrize("keep", ["0", "1.01", "-0.5", "half", "", "0.5,0.5", "nan"])
def test_a_share_that_is_none_is_refused(keep, small, folder, tmp_path):
    with pytest.raises(DataError, match="expected a share above 0 and up to 1"):
        prune(Wanted([str(folder)], keep), small, tmp_path / "out")


def test_a_rule_that_is_none_is_refused(small, folder, tmp_path):
    with pytest.raises(DataError, match="importance, norm, random"):
        prune(Wanted([str(folder)], by="luck"), small, tmp_path / "out")


def test_a_bundle_without_float_weights_is_refused(tiny_bundle, folder, tmp_path):
    spec = bundle.read(tiny_bundle)
    bundle.write(tiny_bundle, replace(spec, files={"int8": spec.files["int8"]}))
    with pytest.raises(BundleError, match="expected fp32 files"):
        prune(Wanted([str(folder)]), tiny_bundle, tmp_path / "out")


def test_a_bundle_whose_tasks_share_otherwise_is_refused(small, folder, tmp_path):
    spec = bundle.read(small)
    tasks = {name: spec.tasks[name] for name in ("lanes", "drivable")}
    main, network = FILES["fp32"]["main"], Network(tuple(tasks), "branch2")
    for values in network.parameters():
        values.data += 0.01 * torch.randn(values.shape)  # the exporter makes equal ones one
    export_frames(network, SIZE, small / main)
    bundle.write(small, replace(spec, tasks=tasks, files={"fp32": {"main": main}}))
    with pytest.raises(BundleError, match=r"sharing=hard.*branch2"):
        prune(Wanted([str(folder)]), small, tmp_path / "out")


def test_a_bundle_with_an_added_task_is_refused(small, folder, tmp_path):
    spec = bundle.read(small)
    added = bundle.TaskSpec("level", ("a", "b"), ("level.scores",), kind="image")
    shapes = {"level.scores": (1, 2, 16, 24)}
    bundle.write(small, replace(spec, tasks={**spec.tasks, "level": added}, shapes=shapes))
    with pytest.raises(BundleError, match="without added tasks, got level"):
        prune(Wanted([str(folder)]), small, tmp_path / "out")
