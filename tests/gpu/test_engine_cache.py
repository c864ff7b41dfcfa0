"""Whatever happens to disk, builder or process: an engine that is handed out is whole and right."""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from deploy.engine import Progress, Subprocess, engine
from perception.backends.engine_cache import (
    PLAN,
    RECORD,
    DeviceFacts,
    EngineCache,
    EngineOptions,
    RealDisk,
    digest,
    identity,
    l4t,
    options_for,
    user_cache,
)
from perception.backends.trt import TrtRunner
from perception.errors import BackendUnavailable, BundleError, FrameError, SinkError
from tests.conftest import SIZE, TASKS
from tests.gpu.tensorrt_fake import HostMemory, fake_tensorrt, network

ORIN = DeviceFacts("Orin", (8, 7), "12.6", "R36.4.3")
INT8 = EngineOptions()
GOOD = b"engine" * 1000
_, LANES, SIGNS, DRIVABLE = TASKS


class Builder:
    """Writes the next of `plans` (the last one again and again) and counts."""

    def __init__(self, *plans: bytes) -> None:
        self.plans = list(plans or [GOOD])
        self.built = 0

    def __call__(self, onnx, plan, options, timing, report):
        plan.write_bytes(self.plans[min(self.built, len(self.plans) - 1)])
        self.built += 1


def good(plan: Path) -> str:
    return "" if plan.read_bytes() == GOOD else "lanes.map is 3 dB from what it must be"


@pytest.fixture
def onnx_file(tmp_path):
    path = tmp_path / "network.onnx"
    path.write_bytes(b"a network")
    return path


@pytest.fixture
def cache(tmp_path):
    return EngineCache(tmp_path / "cache")


def get(onnx_file, cache, builder, options=INT8, facts=ORIN, version="10.3.0", **more):
    return engine(onnx_file, options, facts, cache, build=builder, version=version, **more)


def left(cache):
    """Names in the cache that are not locks."""
    return sorted(p.name for p in cache.folder.iterdir() if p.suffix != ".lock")


def test_an_engine_is_built_once_and_found_again(onnx_file, cache):
    builder = Builder()
    paths = {get(onnx_file, cache, builder) for _ in range(3)}
    assert [path.read_bytes() for path in paths] == [GOOD]
    assert builder.built == 1
    assert left(cache) == [path.parent.name for path in paths], "and nothing else stays"


OTHERS = {
    "name": {"facts": dataclasses.replace(ORIN, name="Orin Nano")},
    "capability": {"facts": dataclasses.replace(ORIN, capability=(11, 0))},
    "cuda": {"facts": dataclasses.replace(ORIN, cuda="13.0")},
    "l4t": {"facts": dataclasses.replace(ORIN, l4t="R39.2")},
    "no jetson": {"facts": dataclasses.replace(ORIN, l4t=None)},
    "tensorrt": {"version": "10.3.0 libnvinfer.so.10.3.0:1"},
    "precision": {"options": EngineOptions("fp16")},
    "outputs": {"options": EngineOptions(outputs=("lanes.map",))},
    "batch": {"options": EngineOptions(batch=16)},
    "dla": {"options": EngineOptions(dla_core=0)},
    "workspace": {"options": EngineOptions(workspace_mb=64)},
}


@pytest.mark.parametrize("what", OTHERS)
def test_an_engine_for_anything_else_is_another_one(what, onnx_file, cache):
    builder = Builder()
    assert get(onnx_file, cache, builder) != get(onnx_file, cache, builder, **OTHERS[what])
    assert builder.built == 2


def test_an_engine_of_another_network_is_another_one(onnx_file, cache):
    builder = Builder()
    first = get(onnx_file, cache, builder)
    onnx_file.write_bytes(b"A network")
    assert get(onnx_file, cache, builder) != first


def test_the_order_of_outputs_has_no_meaning():
    def key(*outputs):
        return digest(identity(b"", "", EngineOptions(outputs=outputs), ORIN))

    assert key("a", "b") == key("b", "a") != key("a")


def test_the_size_of_the_file_is_no_other(tiny_bundle):
    model = (tiny_bundle / "network.onnx").read_bytes()
    own, asked, other = (
        identity(model, "", EngineOptions(size=size), ORIN) for size in (None, SIZE, (96, 64))
    )
    assert own == asked != other


def test_an_engine_copied_from_another_device_is_not_used(onnx_file, cache):
    """Somebody copies a cache entry over the one of this device."""
    here, other = Builder(b"built here"), Builder(b"built there")
    home = get(onnx_file, cache, here).parent
    there = get(onnx_file, cache, other, **OTHERS["name"]).parent
    for name in (PLAN, RECORD):
        (home / name).write_bytes((there / name).read_bytes())
    assert get(onnx_file, cache, here).read_bytes() == b"built here"
    assert here.built == 2


def damage(home, how):
    plan, record = home / PLAN, home / RECORD
    data = bytearray(plan.read_bytes())
    if how == "flipped bit":
        data[len(data) // 2] ^= 0x10
        plan.write_bytes(data)
    elif how == "cut short":
        plan.write_bytes(data[:-1])
    elif how == "no plan":
        plan.unlink()
    elif how == "no record":
        record.unlink()
    else:
        record.write_text({"empty record": "", "record of nothing": "{}", "record is a list": "[]"}[how])


DAMAGES = ["flipped bit", "cut short", "no plan", "no record", "empty record", "record of nothing"]


@pytest.mark.parametrize("how", [*DAMAGES, "record is a list"])
def test_a_damaged_engine_is_put_aside_and_built_again_once(how, onnx_file, cache):
    builder = Builder()
    home = get(onnx_file, cache, builder).parent
    damage(home, how)
    assert get(onnx_file, cache, builder).read_bytes() == GOOD
    assert get(onnx_file, cache, builder).read_bytes() == GOOD
    assert builder.built == 2
    assert left(cache) == [home.name, home.name + ".bad"]


def test_a_flipped_bit_anywhere_is_seen(onnx_file, cache):
    builder = Builder(b"0123456789abcdef")
    home = get(onnx_file, cache, builder).parent
    for bit in range(0, 8 * 16, 7):
        data = bytearray((home / PLAN).read_bytes())
        data[bit // 8] ^= 1 << bit % 8
        (home / PLAN).write_bytes(data)
        assert get(onnx_file, cache, builder).read_bytes() == b"0123456789abcdef"
    assert builder.built == 1 + len(range(0, 8 * 16, 7))


def test_an_engine_that_says_something_else_is_built_again(onnx_file, cache):
    builder, news = Builder(b"bad", GOOD), []
    path = get(onnx_file, cache, builder, check=good, report=news.append)
    assert (path.read_bytes(), builder.built) == (GOOD, 2)
    assert (cache.folder / (path.parent.name + ".bad") / PLAN).read_bytes() == b"bad"
    assert any("put aside" in progress.phase for progress in news)


def test_the_second_bad_engine_is_the_last(onnx_file, cache):
    builder = Builder(b"bad", b"worse", GOOD)
    with pytest.raises(BundleError, match=r"lanes\.map is 3 dB.*second one in a row"):
        get(onnx_file, cache, builder, check=good)
    assert builder.built == 2
    (bad,) = left(cache)
    assert (cache.folder / bad / PLAN).read_bytes() == b"worse"


def test_after_a_damaged_engine_a_bad_one_is_the_last(onnx_file, cache):
    home = get(onnx_file, cache, Builder()).parent
    damage(home, "flipped bit")
    builder = Builder(b"bad", GOOD)
    with pytest.raises(BundleError, match="second one in a row"):
        get(onnx_file, cache, builder, check=good)
    assert builder.built == 1


def refuses(error):
    def check(plan):
        raise error("it does not run")

    return check


@pytest.mark.parametrize("error", [BundleError, FrameError])
def test_an_engine_that_does_not_run_is_a_bad_one(error, onnx_file, cache):
    builder = Builder()
    with pytest.raises(BundleError, match=r"it does not run.*second one in a row"):
        get(onnx_file, cache, builder, check=refuses(error))
    assert builder.built == 2


def test_a_check_that_cannot_be_made_is_not_the_engine_s_fault(onnx_file, cache):
    builder = Builder()
    with pytest.raises(BackendUnavailable, match="it does not run"):
        get(onnx_file, cache, builder, check=refuses(BackendUnavailable))
    assert (builder.built, left(cache)) == (1, [])


def test_an_engine_kept_unchecked_is_checked_when_somebody_asks_and_once(onnx_file, cache):
    builder, asked = Builder(), []
    get(onnx_file, cache, builder)
    for _ in range(3):
        get(onnx_file, cache, builder, check=lambda plan: asked.append(plan) or good(plan))
    assert (builder.built, len(asked)) == (1, 1)


def test_an_unchecked_engine_that_fails_is_built_again(onnx_file, cache):
    builder = Builder(b"bad", GOOD)
    get(onnx_file, cache, builder)
    assert get(onnx_file, cache, builder, check=good).read_bytes() == GOOD
    assert builder.built == 2


# Power cuts


class PowerCut(BaseException):
    """Not an error that any code could handle."""


class FailingDisk(RealDisk):
    """The power fails at step `steps`; then `lose` takes away what had not reached the disk."""

    def __init__(self, steps: int) -> None:
        self.steps, self.done = steps, 0
        self.safe: set[int] = set()  # inodes
        self.moves: list[tuple[Path, Path]] = []  # not on the disk yet

    def _step(self) -> None:
        if self.done >= self.steps:
            raise PowerCut
        self.done += 1

    def make(self, folder):
        self._step()
        super().make(folder)

    def write(self, path, data):
        path.write_bytes(data[: len(data) // 2])
        self._step()
        super().write(path, data)

    def sync(self, path):
        self._step()
        super().sync(path)
        self.safe.add(path.stat().st_ino)
        self.moves = [(source, target) for source, target in self.moves if target.parent != path]

    def rename(self, source, target):
        self._step()
        super().rename(source, target)
        self.moves.append((source, target))

    def remove(self, path):
        self._step()
        super().remove(path)

    def lose(self, folder: Path, old: set[int], moves: bool) -> None:
        """`old`: inodes from before. `moves`: renames that were not synced are lost as well."""
        for source, target in reversed(self.moves if moves else []):
            target.rename(source)
        for path in folder.rglob("*"):
            if path.is_file() and path.stat().st_ino not in self.safe | old:
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def nothing(onnx_file, cache):
    return Builder()


def damaged(onnx_file, cache):
    builder = Builder()
    damage(get(onnx_file, cache, builder, check=good).parent, "flipped bit")
    return builder


def bad_at_first(onnx_file, cache):
    return Builder(b"bad", GOOD)


def unchecked(onnx_file, cache):
    get(onnx_file, cache, Builder())
    return Builder()


def left_over(onnx_file, cache):
    """A builder was killed, and there is a quarantined engine."""
    home = get(onnx_file, cache, Builder()).parent
    (home.with_name(home.name + ".1.part")).mkdir()
    home.rename(home.with_name(home.name + ".bad"))
    return Builder(b"bad", GOOD)


def cut_at(step, prepare, folder, moves):
    """How many steps were made until the power failed; the cache afterwards."""
    folder.mkdir()
    file, cache = folder / "network.onnx", EngineCache(folder / "cache")
    file.write_bytes(b"a network")
    builder = prepare(file, cache)
    old = {path.stat().st_ino for path in folder.rglob("*")}
    disk = FailingDisk(step)
    with suppress(PowerCut):
        get(file, EngineCache(cache.folder, disk), builder, check=good)
    disk.lose(folder, old, moves)  # at the latest when all is done
    return disk.done, file, cache


@pytest.mark.parametrize("moves", [False, True], ids=["renames kept", "renames lost"])
@pytest.mark.parametrize("prepare", [nothing, damaged, bad_at_first, unchecked, left_over])
def test_after_a_power_cut_at_any_step_the_cache_is_sound(prepare, moves, tmp_path):
    steps, *_ = cut_at(10**6, prepare, tmp_path / "whole", moves)
    assert steps >= 4, "this would not see a fault"
    for step in range(steps):
        _, file, cache = cut_at(step, prepare, tmp_path / str(step), moves)
        of = identity(file.read_bytes(), "10.3.0", INT8, ORIN)
        try:
            entry = cache.find(of)
        except BundleError:  # seen to be bad
            entry = None
        assert entry is None or not entry.checked or entry.plan.read_bytes() == GOOD
        assert get(file, cache, Builder(), check=good).read_bytes() == GOOD
        assert not [name for name in left(cache) if ".part" in name]


@pytest.mark.parametrize("moves", [False, True], ids=["renames kept", "renames lost"])
@pytest.mark.parametrize("prepare", [nothing, damaged, bad_at_first, unchecked, left_over])
def test_an_engine_that_was_handed_out_outlives_a_power_cut(prepare, moves, tmp_path):
    _, file, cache = cut_at(10**6, prepare, tmp_path / "cache", moves)
    entry = cache.find(identity(file.read_bytes(), "10.3.0", INT8, ORIN))
    assert entry.checked
    assert entry.plan.read_bytes() == GOOD


# Full disks


@contextmanager
def files_end_at(size):
    """Like a full disk, also for processes that are started."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 20])
def test_a_full_disk_is_told_and_leaves_nothing(size, onnx_file, cache):
    with files_end_at(size), pytest.raises(SinkError, match=r"expected to write.*File too large.*--cache"):
        get(onnx_file, cache, Builder(b"small"))
    assert left(cache) == []
    assert get(onnx_file, cache, Builder()).read_bytes() == GOOD, "and works again when there is room"


def test_a_full_disk_leaves_an_older_engine_alone(onnx_file, cache):
    home = get(onnx_file, cache, Builder()).parent
    with files_end_at(20), pytest.raises(SinkError):
        get(onnx_file, cache, Builder(b"small"), options=EngineOptions(batch=2))
    assert left(cache) == [home.name]
    assert get(onnx_file, cache, Builder(b"other")).read_bytes() == GOOD


def test_a_cache_that_cannot_be_made_is_told(onnx_file, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SinkError, match=r"File exists|Not a directory"):
        get(onnx_file, EngineCache(tmp_path / "file"), Builder())


def test_a_missing_network_is_told(cache, tmp_path):
    with pytest.raises(BundleError, match="No such file"):
        get(tmp_path / "none.onnx", cache, Builder())


# Processes

CALLER = """
import sys, time
from pathlib import Path
from deploy.engine import engine
from perception.backends.engine_cache import DeviceFacts, EngineCache, EngineOptions

folder = Path(sys.argv[1])

def build(onnx, plan, options, timing, report):
    with (folder / "builds").open("a") as log:
        log.write("x")
    time.sleep(float(sys.argv[2]))
    plan.write_bytes(b"engine")

facts = DeviceFacts("Orin", (8, 7), "12.6", "R36.4.3")
say = lambda progress: print(progress.phase, flush=True)
cache = EngineCache(folder / "cache")
print(engine(folder / "network.onnx", EngineOptions(), facts, cache, report=say, build=build, version="1"))
"""


def caller(folder, seconds):
    command = [sys.executable, "-c", CALLER, str(folder), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_of_several_builders_at_once_one_builds(onnx_file, tmp_path):
    callers = [caller(tmp_path, 1) for _ in range(3)]
    said = [process.communicate(timeout=60) for process in callers]
    assert [process.returncode for process in callers] == [0, 0, 0], said
    assert (tmp_path / "builds").read_text() == "x"
    assert len({out.splitlines()[-1] for out, _ in said}) == 1
    assert sum("building the engine" in out for out, _ in said) == 1


def test_who_waits_takes_over_from_a_builder_that_is_killed(onnx_file, tmp_path):
    first = caller(tmp_path, 60)
    assert first.stdout.readline() == "building the engine\n"
    second = caller(tmp_path, 0)
    assert second.stdout.readline() == "waiting for another builder of this engine\n"
    first.kill()
    out, fault = second.communicate(timeout=60)
    assert second.returncode == 0, fault
    assert Path(out.splitlines()[-1]).read_bytes() == b"engine"
    assert not list((tmp_path / "cache").glob("*.part"))
    first.communicate()


@pytest.fixture
def small(tmp_path):
    return network(tmp_path / "small.onnx")


def test_an_engine_from_the_builder_s_process_runs(small, cache):
    news = []
    with fake_tensorrt():
        path = engine(small, INT8, ORIN, cache, report=news.append, build=Subprocess(60))
        assert TrtRunner(path, HostMemory()).inputs
    assert Progress("Building", 3, 3) in news
    assert {Path(name).suffix for name in left(cache)} == {"", ".timing"}


def test_a_task_subset_from_the_builder_s_process(small, cache):
    with fake_tensorrt():
        path = engine(small, EngineOptions(outputs=("drivable.map",)), ORIN, cache, build=Subprocess(60))
        assert list(TrtRunner(path, HostMemory()).outputs) == ["drivable.map"]


@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [
        ("parse", BundleError, "that TensorRT parses, got no importer for Fault"),
        ("build", BackendUnavailable, "got Could not find any implementation"),
        ("driver", BackendUnavailable, "end by SIGSEGV.*without a CUDA driver"),
    ],
)
def test_a_builder_that_fails_is_told_and_leaves_nothing(fault, error, text, small, cache):
    with fake_tensorrt(fault=fault), pytest.raises(error, match=text):
        engine(small, INT8, ORIN, cache, build=Subprocess(60))
    assert left(cache) == []


def test_an_output_that_is_not_there_is_told(small, cache):
    with fake_tensorrt(), pytest.raises(BundleError, match=r"expected network outputs \['signs'\]"):
        engine(small, EngineOptions(outputs=("signs",)), ORIN, cache, build=Subprocess(60))


def test_the_time_limit_ends_the_builder(small, cache):
    start = time.monotonic()
    slow = pytest.raises(BackendUnavailable, match=r"within 3 s, got none; allow more with --timeout")
    with fake_tensorrt(fault="slow"), slow:
        engine(small, INT8, ORIN, cache, build=Subprocess(3))
    assert time.monotonic() - start < 30
    assert left(cache) == []


def test_a_full_disk_in_the_builder_s_process(small, cache):
    with fake_tensorrt(), files_end_at(1000), pytest.raises(SinkError, match=r"File too large.*--cache"):
        engine(small, INT8, ORIN, cache, build=Subprocess(60))
    assert {Path(name).suffix for name in left(cache)} <= {".timing"}, "which is whole, and small"


def test_a_crash_gives_the_builder_s_last_words(small, cache, tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "tensorrt.py").write_text("raise RuntimeError('no such thing')")
    with fake_tensorrt(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path / "broken"))
        with pytest.raises(BackendUnavailable, match=r"end by exit code 1.*RuntimeError: no such thing"):
            engine(small, INT8, ORIN, cache, build=Subprocess(60))


def test_a_builder_ends_with_its_caller(small, tmp_path):
    job = {"onnx": str(small), "plan": str(tmp_path / "plan"), "options": {}, "timing": None}
    with fake_tensorrt(fault="slow"):
        command = [sys.executable, "-m", "deploy.engine_build", json.dumps(job)]
        builder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ)
    builder.stdout.readline()
    builder.stdin.close()
    assert builder.wait(timeout=30) != 0
    assert not (tmp_path / "plan").exists()
    builder.stdout.close()


def test_an_interrupted_caller_leaves_neither_builder_nor_engine(small, cache):
    def interrupt(progress):
        if progress.steps:
            raise KeyboardInterrupt

    with fake_tensorrt(fault="slow"), pytest.raises(KeyboardInterrupt):
        engine(small, INT8, ORIN, cache, report=interrupt, build=Subprocess(60))
    assert left(cache) == []


def test_a_program_that_cannot_build_takes_what_is_there(onnx_file, cache):
    of = identity(onnx_file.read_bytes(), "10.3.0", INT8, ORIN)
    with pytest.raises(BackendUnavailable, match=r"for Orin and TensorRT 10\.3\.0 .*`perception engine`"):
        cache.ready(of)
    path = get(onnx_file, cache, Builder())
    assert cache.ready(of) == path
    damage(path.parent, "flipped bit")
    with pytest.raises(BackendUnavailable, match=r"a damaged one; build it again"):
        cache.ready(of)


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64", "R36.4.3"),
        ("# R39 (release), REVISION: 2.0, GCID: 1", "R39.2.0"),
        ("something else", "unknown"),
    ],
)
def test_the_release_of_jetson_linux(text, release, tmp_path):
    assert l4t(tmp_path / "none") is None
    (tmp_path / "nv_tegra_release").write_text(text)
    assert l4t(tmp_path / "nv_tegra_release") == release


def test_tasks_say_what_of_each_network_is_wanted():
    options = options_for([LANES, SIGNS, DRIVABLE], "trt.int8", dla_core=1)
    assert {name: (own.outputs, own.batch) for name, own in options.items()} == {
        "main": (("lanes.map", "lanes.edges", "drivable.map"), 1),
        "signs": (("signs.logits",), 16),
    }
    assert {own.dla_core for own in options.values()} == {1}


def test_the_user_s_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_cache() == tmp_path / "perception" / "engines"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_cache() == tmp_path / ".cache" / "perception" / "engines"
