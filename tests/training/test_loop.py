"""The training loop: one step, many steps, and steps after an interruption."""

from __future__ import annotations

import csv
import multiprocessing
import sys
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen

import pytest
import torch
from torch import nn

from perception.cli import INTERRUPTED
from perception.errors import DataError, SinkError
from perception.model.shape import DEFAULT, Shape
from perception.training.checkpoint import CHECKPOINT, load_checkpoint, load_network
from perception.training.command import train
from perception.training.config import Config
from perception.training.loop import Trainer
from perception.training.optimise import Ema, learning_rate, optimizer
from tests.disks import files_end_at

ROOT = Path(__file__).parents[2]
TINY = Config(
    sources={"camvid": 1.0, "gtsdb": 1.0, "lums": 1.0},
    steps=4,
    batch=3,
    crops=3,
    size=(64, 32),
    sizes={"96x64": 0.3},
    blank=0.1,
    paste=0.5,
    threads=1,
    workers=0,
)


@pytest.fixture(autouse=True)
def _threads():
    """A trainer sets torch's number of threads for its whole process."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def weights(path):
    state = load_checkpoint(path / "checkpoint.pt")
    return {**state["network"], **{f"ema.{name}": x for name, x in state["ema"].items()}}


@pytest.mark.parametrize("tasks", [["detection"], ["lanes"], ["signs", "drivable"]])
def test_the_frames_of_a_run_do_not_depend_on_its_tasks(folder, tmp_path, tasks):
    """Signs are pasted also where nobody reads them, or networks of fewer tasks would see other pictures."""
    chosen = replace(TINY, tasks=tuple(tasks), weights={}, paste=1.0)
    every = islice(Trainer(folder, tmp_path / "every", replace(TINY, paste=1.0))._batches(), 6)
    fewer = islice(Trainer(folder, tmp_path / "fewer", chosen)._batches(), 6)
    for one, other in zip(every, fewer, strict=True):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.boxes, other.boxes)
        assert torch.equal(one.crops, other.crops) or "signs" not in tasks


@pytest.mark.parametrize("qat", [False, True])
def test_a_resumed_run_ends_as_one_that_was_not_interrupted(folder, tmp_path, qat):
    whole, parts, config = tmp_path / "whole", tmp_path / "parts", replace(TINY, qat=qat)
    Trainer(folder, whole, config).run()
    first = Trainer(folder, parts, config)
    with pytest.raises(KeyboardInterrupt):
        interrupted(first, after=2)
    assert load_checkpoint(parts / "checkpoint.pt")["step"] == 2
    second = Trainer(folder, parts, config)
    second.resume()
    second.run()
    assert second.step == 4
    expected = weights(whole)
    assert all(torch.equal(x, expected[name]) for name, x in weights(parts).items())


def interrupted(trainer, after):
    """Ctrl-C while batch `after` is being made."""
    batches = trainer._batches()

    def stop():
        for _ in range(after):
            yield next(batches)
        raise KeyboardInterrupt

    trainer._batches = stop
    trainer.run()


def test_a_run_writes_what_it_did(folder, tmp_path):
    train([str(folder)], tmp_path, "quick", [f"{k}={v}" for k, v in SETTINGS.items()])
    assert {p.name for p in tmp_path.iterdir()} >= {"config.json", "log.csv", "checkpoint.pt"}
    assert not (tmp_path / "checkpoint.pt.part").exists()
    rows = list(csv.reader((tmp_path / "log.csv").read_text().splitlines()))
    assert {"loss.detection", "loss.lanes", "loss.drivable", "lr"} <= {row[1] for row in rows}
    assert {row[0] for row in rows} == {"50"}
    assert not load_network(tmp_path / "checkpoint.pt").training


SETTINGS = {
    "steps": 50,
    "batch": 2,
    "crops": 2,
    "size": [64, 32],
    "sizes": {},
    "threads": 1,
    "workers": 0,
    "sources.synthetic": 0,
}


def test_a_step_lowers_the_loss_of_its_batch(folder, tmp_path):
    trainer = Trainer(folder, tmp_path, replace(TINY, lr=1e-3, warmup=0.0, steps=30))
    batch = next(iter(trainer._batches()))
    losses = [sum(v for k, v in trainer._train(batch).items() if k.startswith("loss")) for _ in range(8)]
    assert losses[-1] < 0.8 * losses[0]


def test_the_checkpoint_is_replaced_whole_or_not_at_all(folder, tmp_path):
    trainer = Trainer(folder, tmp_path, TINY)
    trainer.save()
    before = (tmp_path / "checkpoint.pt").read_bytes()
    (tmp_path / "checkpoint.pt.part").mkdir()  # nothing can be written there
    with pytest.raises(SinkError):
        trainer.save()
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


class Harmful:
    def __reduce__(self):
        return (print, ("unpickled",))


@pytest.mark.parametrize("harm", ["truncated", "empty", "text", "code", "other", "list", "missing"])
def test_what_is_no_checkpoint_is_named(folder, tmp_path, harm, capsys):
    path = tmp_path / "checkpoint.pt"
    Trainer(folder, tmp_path, TINY).save()
    whole = path.read_bytes()
    contents = {"truncated": whole[: len(whole) // 2], "empty": b"", "text": b"no checkpoint\n" * 9}
    if harm in contents:
        path.write_bytes(contents[harm])
    elif harm == "missing":
        path.unlink()
    else:
        torch.save({"code": Harmful(), "other": {"weights": 1}, "list": [1, 2]}[harm], path)
    with pytest.raises(DataError, match=r"checkpoint\.pt: expected a checkpoint of this project"):
        load_network(path)
    assert "unpickled" not in capsys.readouterr().out


def test_the_learning_rate_rises_then_falls():
    config = Config(steps=1000, lr=1.0, warmup=0.1)
    rates = [learning_rate(step / 1000, config) for step in range(1001)]
    assert rates[0] == pytest.approx(0.02)
    assert rates[100] == max(rates) == pytest.approx(1.0)
    assert rates[:101] == sorted(rates[:101])
    assert rates[100:] == sorted(rates[100:], reverse=True)
    assert rates[550] == pytest.approx(0.505, abs=1e-3)
    assert rates[1000] == pytest.approx(0.01)


def test_with_a_cooldown_the_learning_rate_stands_still_before_it_falls():
    config = Config(lr=1.0, warmup=0.1, cooldown=0.2)
    assert {learning_rate(x, config) for x in (0.1, 0.5, 0.8)} == {1.0}
    assert learning_rate(0.9, config) == pytest.approx(0.505, abs=1e-3)
    assert learning_rate(1.0, config) == pytest.approx(0.01)


# Torch tells of it in a signal handler, at whatever moment: a file that is being opened then is never closed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_killed_worker_ends_the_run_with_what_was_learnt_saved(folder, tmp_path):
    trainer = Trainer(folder, tmp_path, replace(TINY, workers=1, steps=10**6))

    def kill(trainer, batch):
        for worker in multiprocessing.active_children():
            worker.kill()
        return {}

    with pytest.raises(DataError, match="go on with --resume"):
        trainer.run(kill)
    assert load_checkpoint(tmp_path / CHECKPOINT)["step"] == trainer.step > 0


@pytest.mark.parametrize("workers", [0, 1])
def test_pictures_that_cannot_be_read_end_the_run_with_what_was_learnt_saved(roads, tmp_path, workers):
    own = {"tasks": ("drivable",), "sources": {}, "data": (f"masks:{roads}",), "weights": {}}
    trainer = Trainer(None, tmp_path / "run", replace(TINY, workers=workers, steps=10**6, **own))

    def harm(trainer, batch):
        for path in (roads / "images").glob("*"):
            path.write_bytes(b"none")
        return {}

    with pytest.raises(DataError, match=r"^\S+/p0\d\.png: expected an image, [^\n]*$"):
        trainer.run(harm)
    assert load_checkpoint(tmp_path / "run" / CHECKPOINT)["step"] == trainer.step > 0


def test_too_little_memory_ends_the_run_with_what_was_learnt_saved(folder, tmp_path):
    def fill(trainer, batch):
        raise torch.OutOfMemoryError("tried to allocate 2 GiB")

    with pytest.raises(DataError, match=r"step 1: .*go on with --resume and a smaller batch or size"):
        Trainer(folder, tmp_path, TINY).run(fill)
    assert load_checkpoint(tmp_path / CHECKPOINT)["step"] == 1


def test_the_average_follows_quickly_at_first_and_slowly_later():
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    ema = Ema(network, 0.99)
    nn.init.ones_(network.weight)
    ema.update(network, 0)
    assert ema.network.weight.item() == pytest.approx(0.9)
    ema.update(network, 10_000)
    assert ema.network.weight.item() == pytest.approx(0.9 + 0.1 * 0.01)


def test_the_average_takes_counts_as_they_are():
    network = nn.BatchNorm1d(2)
    ema = Ema(network, 0.99)
    network(torch.randn(4, 2))
    ema.update(network, 5)
    assert ema.network.num_batches_tracked == 1
    assert ema.network.running_mean.any()


def test_only_matrices_decay():
    decaying, free = optimizer(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)), Config()).param_groups
    assert [p.ndim for p in decaying["params"]] == [4]
    assert decaying["weight_decay"] == Config().weight_decay
    assert [p.ndim for p in free["params"]] == [1, 1, 1]
    assert free["weight_decay"] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tasks": ("lanes", "depth")}, "tasks: expected of detection.*got depth"),
        ({"sharing": "none"}, "sharing: expected of hard"),
        ({"balance": "fair"}, "balance: expected of equal"),
        ({"balance_at": "heads"}, "balance_at: expected of features, parameters"),
        ({"frozen": {"trunk": (0.0, 1.0)}}, "frozen: expected schedule=staged"),
        ({"groups": (("lanes",),)}, "groups: expected schedule=grouped"),
        ({"balance": "upgrad", "weights": {"lanes": 6.0}}, "weights: expected balance=static"),
        ({"sources": {"kitti": 1.0}}, r"unknown data sets \['kitti'\]"),
        ({"sources": {"idd": 1.0}}, "expected training data of idd, found none"),
    ],
)
def test_a_configuration_that_cannot_be_trained_is_named(tmp_path, change, message):
    with pytest.raises(DataError, match=message):
        Trainer(tmp_path, tmp_path / "out", replace(TINY, **change)).run()


def poisoned(trainer, after):
    """Weights that are no numbers after some steps, as from labels that are none."""
    step = trainer._train

    def train(batch):
        if trainer.step == after:
            trainer.network.heads["drivable"].map.weight.data.fill_(float("nan"))
        return step(batch)

    trainer._train = train
    return trainer


@pytest.mark.parametrize("saved", [True, False])
def test_a_loss_that_is_no_number_ends_the_run_and_keeps_sound_weights(folder, tmp_path, saved):
    trainer = poisoned(Trainer(folder, tmp_path, replace(TINY, save_every=0.0 if saved else 1e9)), after=2)
    message = r"--resume --set lr=0\.001" if saved else "Nothing was saved yet.*--set lr=0.001"
    with pytest.raises(DataError, match=rf"step 2: .* NaN or infinity of drivable\. .*{message}"):
        trainer.run()
    assert (tmp_path / "checkpoint.pt").exists() == saved
    if saved:
        assert all(x.isfinite().all() for x in weights(tmp_path).values())


def test_a_run_ends_when_its_time_is_up(folder, tmp_path):
    trainer = Trainer(folder, tmp_path, replace(TINY, minutes=1e-6))
    trainer.run()
    assert (trainer.step, trainer.progress) == (1, 1.0)
    assert load_checkpoint(tmp_path / "checkpoint.pt")["step"] == 1


def test_what_stands_still_is_told_by_the_time_of_a_run_that_time_ends(folder, tmp_path):
    staged = {"schedule": "staged", "frozen": {"trunk": (0.0, 0.5)}}
    trainer = Trainer(folder, tmp_path, replace(TINY, steps=10**6, minutes=60.0, **staged))
    trainer.progress = 0.6
    trainer._train(next(iter(trainer._batches())))
    assert all(p.requires_grad for p in trainer.network.trunk.parameters())


@pytest.mark.parametrize("change", [{"balance": "upgrad"}, {"sharing": "soft"}])
def test_a_run_goes_on_where_a_head_and_the_trunk_stand_still(folder, tmp_path, change):
    frozen = {"trunk": (0.0, 0.9), "heads.signs": (0.0, 1.0)}
    Trainer(folder, tmp_path, replace(TINY, steps=2, schedule="staged", frozen=frozen, **change)).run()
    assert load_checkpoint(tmp_path / CHECKPOINT)["step"] == 2


def test_a_resumed_run_has_the_settings_of_now(folder, tmp_path):
    Trainer(folder, tmp_path, TINY).save()
    trainer = Trainer(folder, tmp_path, replace(TINY, weight_decay=0.5))
    trainer.resume()
    assert [group["weight_decay"] for group in trainer.optimizer.param_groups] == [0.5, 0.0]


def test_time_spent_before_an_interruption_counts(folder, tmp_path):
    first = Trainer(folder, tmp_path, replace(TINY, minutes=60.0))
    first.spent = 1800.0  # half an hour
    first.save()
    second = Trainer(folder, tmp_path, replace(TINY, minutes=60.0))
    second.resume()
    assert second.progress == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("change", [{"device": "tpu"}, {"sizes": {"100x64": 0.2}}, {"sizes": {"big": 0.2}}])
def test_a_device_or_size_that_cannot_be_is_named(folder, tmp_path, change):
    with pytest.raises(DataError, match=r"expected auto, cpu or cuda|in multiples of 32"):
        Trainer(folder, tmp_path, replace(TINY, **change)).run()


@pytest.mark.parametrize("start", ["shipped", "checkpoint"])
def test_a_run_may_start_from_other_weights_and_round_as_int8(folder, tmp_path, start):
    if start == "checkpoint":
        Trainer(folder, tmp_path / "first", replace(TINY, steps=1)).run()
        start = str(tmp_path / "first/checkpoint.pt")
    trainer = Trainer(folder, tmp_path / "second", replace(TINY, steps=1, init=start, qat=True, lr=0.0))
    trainer.run()
    expected = weights(tmp_path / "first") if "first" in start else {}
    kept = weights(tmp_path / "second")
    assert all(torch.equal(kept[name], x) for name, x in expected.items() if name.startswith("ema."))


def test_a_run_may_start_from_a_narrower_network(folder, tmp_path):
    Trainer(folder, tmp_path / "narrow", replace(TINY, steps=1)).run()
    start, shape = str(tmp_path / "narrow" / CHECKPOINT), asdict(replace(DEFAULT, neck=80))
    Trainer(folder, tmp_path / "wide", replace(TINY, steps=1, init=start, lr=0.0, shape=shape)).run()
    kept = weights(tmp_path / "wide")
    for name, x in load_network(tmp_path / "narrow" / CHECKPOINT).named_parameters():
        if name.endswith("conv.weight"):
            assert torch.equal(kept[name][tuple(slice(n) for n in x.shape)], x)
    assert kept["ema.trunk.neck.fuse.0.conv.weight"].shape[:2] == (80, 80)


SMALL = Shape((16, 16, 32, 32), (1, 1, 1, 1), 16)


def test_a_run_of_another_shape_is_kept_and_mixes_with_no_other(folder, tmp_path):
    small = replace(TINY, steps=1, shape=asdict(SMALL))
    Trainer(folder, tmp_path, small).run()
    assert load_network(tmp_path / CHECKPOINT).trunk.shape == SMALL
    with pytest.raises(DataError, match=r"got one of .*'widths': \[16, 16, 32, 32\].* Resume with"):
        Trainer(folder, tmp_path, replace(small, shape=asdict(DEFAULT))).resume()
    other = replace(TINY, init=str(tmp_path / CHECKPOINT))
    with pytest.raises(DataError, match=r"init: expected weights .*Train with its shape: --set 'shape="):
        Trainer(folder, tmp_path / "other", other).run()


@pytest.mark.parametrize("balance", ["dwa", "stch", "uncertainty"])
def test_a_run_goes_on_with_another_balance_from_its_beginning(tmp_path, capsys, balance):
    before = Trainer(None, tmp_path, replace(TINY, balance="famo"))
    before.balance.observe({"lanes": 1.0})
    before.save()
    trainer = Trainer(None, tmp_path, replace(TINY, balance=balance))
    fresh = trainer.balance.state()
    trainer.resume()
    assert trainer.balance.state() == fresh
    assert f"resumed with another balance: {balance}, before famo" in capsys.readouterr().err


def test_sigterm_saves_what_was_learnt(folder, tmp_path):
    settings = {**SETTINGS, "steps": 100_000}
    options = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    code = "from perception.cli import main; main()"
    command = ["train", "--data", str(folder), "--out", str(tmp_path / "run"), "--preset", "quick", *options]
    child = Popen([sys.executable, "-c", code, *command], cwd=ROOT, stdout=PIPE, stderr=STDOUT)
    while child.poll() is None and b"step 50," not in child.stdout.readline():
        pass
    child.terminate()
    child.communicate(timeout=120)
    assert child.returncode == INTERRUPTED
    assert load_checkpoint(tmp_path / "run" / "checkpoint.pt")["step"] >= 50


def test_a_disk_that_is_full_is_named_and_the_older_checkpoint_stays(folder, tmp_path):
    trainer = Trainer(folder, tmp_path, TINY)
    trainer.save()
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with files_end_at(100_000), pytest.raises(SinkError, match=r"checkpoint\.pt: expected to write it"):
        trainer.save()
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    assert not (tmp_path / "checkpoint.pt.part").exists()
