"""Every name of TensorRT that the code touches, against the real bindings of each supported version.

`tensorrt_api.json` was read from them by tools/tensorrt_api.py. Code is looked at as text (`trt.A.B`, and
members of variables that hold one kind of object everywhere), and run on the fake TensorRT, which has the
names of one real version only, in test_trt_runner.py and test_engine_build.py.
"""

from __future__ import annotations

import ast
import inspect
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from perception.backends.trt import NEWEST, OLDEST, VERSIONED
from tests.gpu.tensorrt_fake import FAKE, fake_tensorrt
from tools.tensorrt_api import BINDINGS, install, look

ROOT = Path(__file__).parents[2]
USERS = [ROOT / "perception/backends/trt.py", ROOT / "deploy/engine_build.py"]
TABLE = json.loads((FAKE.parent / "tensorrt_api.json").read_text())
VERSIONS = TABLE["versions"]
# Variables and attributes of USERS, and what they hold.
HOLD = {
    "builder": "Builder",
    "network": "INetworkDefinition",
    "parser": "OnnxParser",
    "config": "IBuilderConfig",
    "tensor": "ITensor",
    "cache": "ITimingCache",
    "engine": "ICudaEngine",
    "_engine": "ICudaEngine",
    "_context": "IExecutionContext",
    "_runtime": "Runtime",
}
PLAIN = {"read_bytes"}  # `engine` is a Path as an argument of TrtRunner


def names(version):
    """Name to the forms it has there: parameters of a method, "" of anything else."""
    forms: dict[str, list[str]] = {"__version__": [""]}
    for text, here in TABLE["names"].items():
        if here[VERSIONS.index(version)] == "1":
            name, _, parameters = text.partition("(")
            forms.setdefault(name, []).append(parameters.rstrip(")"))
            forms.setdefault(f"{name.partition('.')[0]}.__init__", ["self"])  # called by name
    return {name: [form for form in own if form] or [""] for name, own in forms.items()}


def chain(node):
    """`trt.A.B` as ["trt", "A", "B"], `self._context.x` as ["self", "_context", "x"]."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [node.id, *reversed(parts)] if isinstance(node, ast.Name) else []


def name_of(node):
    """The name in TensorRT that an attribute stands for, or None."""
    parts = chain(node)
    if len(parts) > 1 and parts[0] == "trt":
        return ".".join(parts[1:2] if parts[1] == "__version__" else parts[1:])
    if len(parts) >= 2 and parts[-2] in HOLD and parts[-1] not in PLAIN:
        return f"{HOLD[parts[-2]]}.{parts[-1]}"
    return None


def touched(path):
    """(name, call or None) for everything of TensorRT in a file."""
    tree = ast.parse(path.read_text())
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and id(node) not in inner and name_of(node):
            yield name_of(node), calls.get(id(node))


TOUCHED = [pair for path in USERS for pair in touched(path)]


def fits(call, form):
    """Can a method with parameters `form` ("a, b=") be called like that?"""
    parameters = [part.strip() for part in form.split(",") if part.strip()]
    given = [parameter.rstrip("=") for parameter in parameters[: len(call.args)]]
    given += [keyword.arg for keyword in call.keywords]
    needed = {parameter for parameter in parameters if not parameter.endswith("=")}
    known = {parameter.rstrip("=") for parameter in parameters}
    return (
        len(call.args) <= len(parameters) and needed <= set(given) <= known and len(set(given)) == len(given)
    )


def test_the_look_at_the_code_sees_it():
    seen = {name for name, _ in TOUCHED}
    assert {name.split(".")[0] for name in seen} >= {*HOLD.values(), "TensorIOMode", "MemoryPoolType"}
    assert len(seen) > 35


@pytest.mark.parametrize("version", VERSIONS)
def test_every_name_is_in_the_real_api(version):
    lacking = {name for name, _ in TOUCHED} - names(version).keys()
    undeclared = {name for name in lacking if not {name, name.split(".")[0]} & VERSIONED.keys()}
    assert not undeclared, f"TensorRT {version} has no such names"


@pytest.mark.parametrize("version", VERSIONS)
def test_every_call_has_the_real_parameters(version):
    here = names(version)
    calls = [(name, call) for name, call in TOUCHED if call and name in here and name[0] != "_"]
    wrong = [ast.unparse(call) for name, call in calls if not any(fits(call, form) for form in here[name])]
    assert len(calls) > 20
    assert not wrong, f"TensorRT {version}"


@pytest.mark.parametrize("name", VERSIONED)
def test_names_behind_a_version_check_are_declared_as_they_are(name):
    first, last = VERSIONED[name]
    for version in VERSIONS:
        numbers = tuple(int(part) for part in version.split(".")[:2])
        after = numbers >= tuple(int(part) for part in first.split("."))
        before = last is None or numbers[0] <= int(last)
        assert (name in names(version)) == (after and before), version


def test_names_behind_a_version_check_are_touched_in_no_other_way():
    asked = {
        node.args[1].value
        for path in USERS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "named"
        if isinstance(node.args[1], ast.Constant)
    }
    listed = {"BuilderFlag.INT8", "BuilderFlag.FP16"}  # asked for by a name from a table
    assert asked | listed == set(VERSIONED)
    plain = {name for name, _ in TOUCHED if name in VERSIONED}
    assert plain <= {"IBuilderConfig.progress_monitor", "IProgressMonitor"}, "behind a check, see _configure"


def test_the_versions_are_those_supported():
    numbers = [tuple(int(part) for part in version.split(".")[:2]) for version in VERSIONS]
    assert (numbers[0], numbers[-1][0]) == (OLDEST, NEWEST)
    assert numbers == [(8, 6), (10, 0), (10, 3), (10, 7), (10, 13), (10, 16), (11, 0), (11, 4)]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_fake_has_nothing_that_the_real_one_lacks(version):
    here = names(version)
    with fake_tensorrt(version) as trt:
        owners = [o for o in vars(trt).values() if inspect.isclass(o) and o.__module__ == "tensorrt"]
        public = [o for o in owners if not o.__name__.startswith("_")]
        members = {f"{o.__name__}.{m}": v for o in public for m, v in vars(o).items() if m[0] != "_"}
    strays = {name for name in members if name not in here and not name.startswith("ILogger.Severity")}
    assert len(members) > 40
    assert not strays
    for name, member in members.items():
        if inspect.isfunction(member):
            assert any(takes(form, member) for form in here[name]), name


def takes(form, function):
    """Are the parameters of a fake's method the real ones ("a, b=")? It may lack optional ones at the end."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    own = [p.name + ("" if p.default is p.empty else "=") for p in parameters]
    real = [part for part in form.split(", ") if part]
    return own == real[: len(own)] and all(part.endswith("=") for part in real[len(own) :])


@pytest.mark.parametrize("version", VERSIONS)
def test_the_table_is_what_the_bindings_say(version, tmp_path):
    """Read from the registry again, 2 MB a version."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc: the bindings cannot be imported without a stub of TensorRT's libraries")
    try:
        install(BINDINGS[version], tmp_path / version)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"TensorRT {version} cannot be had for this Python: {error.stderr.splitlines()[-1]}")
    here = VERSIONS.index(version)
    assert set(look(version, tmp_path)) == {name for name, row in TABLE["names"].items() if row[here] == "1"}
