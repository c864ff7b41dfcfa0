"""Whatever happens to disk, builder or process: an engine that is handed out is whole and right."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import pytest

from perception.backends.engine_cache import (
    PLAN,
    RECORD,
    EngineCache,
    EngineOptions,
    digest,
    identity,
    l4t,
    options_for,
    user_cache,
)
from perception.errors import BackendUnavailable, BundleError, FrameError, SinkError
from tests.conftest import SIZE, TASKS
from tests.disks import files_end_at
from tests.gpu.engines import DAMAGES, GOOD, INT8, ORIN, Builder, damage, get, good, left

_, LANES, SIGNS, DRIVABLE = TASKS


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


# Full disks


@pytest.mark.parametrize("size", [0, 20])
def test_a_full_disk_is_told_and_leaves_nothing(size, onnx_file, cache):
    with (
        files_end_at(size),
        pytest.raises(SinkError, match=r"expected to write.*File too large.*XDG_CACHE_HOME"),
    ):
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


def test_a_program_that_cannot_build_takes_what_is_there(onnx_file, cache):
    of = identity(onnx_file.read_bytes(), "10.3.0", INT8, ORIN)
    with pytest.raises(BackendUnavailable, match=r"for Orin and TensorRT 10\.3\.0 .*`build x`"):
        cache.ready(of, "build x")
    path = get(onnx_file, cache, Builder())
    assert cache.ready(of, "build x").plan == path
    damage(path.parent, "flipped bit")
    with pytest.raises(BackendUnavailable, match=r"a damaged one; build it again: `build x`"):
        cache.ready(of, "build x")


def test_a_run_takes_an_engine_however_it_was_built_the_one_asked_for_last(onnx_file, cache):
    of, ways = identity(onnx_file.read_bytes(), "10.3.0", INT8, ORIN), ({"workspace_mb": 64}, {"dla_core": 1})
    (cache.folder / "other").mkdir(parents=True)
    (cache.folder / "other" / RECORD).write_text("[]")  # of whatever
    for way in (*ways, *ways, {}):
        path = get(onnx_file, cache, Builder(), options=replace(INT8, **way))
        entry = cache.ready(of, "build x")
        assert (entry.plan, entry.dla_core) == (path, way.get("dla_core"))
    damage(path.parent, "flipped bit")
    assert cache.ready(of, "build x").dla_core == 1, "a whole one rather than a damaged one"


def test_a_run_takes_no_engine_of_other_outputs(onnx_file, cache):
    get(onnx_file, cache, Builder(), options=EngineOptions(outputs=("lanes.map",), workspace_mb=64))
    with pytest.raises(BackendUnavailable, match="got none"):
        cache.ready(identity(onnx_file.read_bytes(), "10.3.0", INT8, ORIN), "")


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
