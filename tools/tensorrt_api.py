"""The Python API of each supported TensorRT, read from the real bindings, with neither GPU nor TensorRT.

The bindings are wheels of 1-3 MB in the ordinary registry; the libraries they load are not. A C stub with the
few entry points that they import stands in for those, which is enough to import them and to look.
`tests/gpu/tensorrt_api.json` is what this writes: names of the classes that building and running an engine
touch, methods with their parameters (`=` after those that have a default), and which versions have them.

    python -m tools.tensorrt_api tests/gpu/tensorrt_api.json [--wheels DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

BINDINGS = {  # version -> its wheel
    "8.6.1": "tensorrt-bindings==8.6.1",
    "10.0.1": "tensorrt-cu12-bindings==10.0.1",
    "10.3.0": "tensorrt-cu12-bindings==10.3.0",
    "10.7.0": "tensorrt-cu12-bindings==10.7.0",
    "10.13.3.9": "tensorrt-cu12-bindings==10.13.3.9",
    "10.16.1.11": "tensorrt-cu12-bindings==10.16.1.11",
    "11.0.0.114": "tensorrt-cu13-bindings==11.0.0.114",
    "11.4.0.106": "tensorrt-cu13-bindings==11.4.0.106",
}
# What the bindings import from TensorRT's libraries, over all versions; 8.6 has four C++ names.
SYMBOLS = (
    "createInferBuilder_INTERNAL",
    "createInferRefitter_INTERNAL",
    "createInferRuntime_INTERNAL",
    "createNvOnnxParser_INTERNAL",
    "createNvOnnxParserRefitter_INTERNAL",
    "getBuilderPluginRegistry",
    "getPluginRegistry",
    "initLibNvInferPlugins",
    "getNvOnnxParserVersion",
    "_ZN11nvuffparser15createUffParserEv",
    "_ZN11nvuffparser8FieldMapC1EPKcPKvNS_9FieldTypeEi",
    "_ZN14nvcaffeparser117createCaffeParserEv",
    "_ZN14nvcaffeparser123shutdownProtobufLibraryEv",
)
LIBRARIES = ("nvinfer", "nvonnxparser", "nvinfer_plugin", "nvparsers")
CLASSES = (
    "Builder",
    "BuilderFlag",
    "DataType",
    "DeviceType",
    "IBuilderConfig",
    "ICudaEngine",
    "IExecutionContext",
    "IHostMemory",
    "ILayer",
    "ILogger",
    "INetworkDefinition",
    "IProgressMonitor",
    "ITensor",
    "ITimingCache",
    "LayerType",
    "MemoryPoolType",
    "NetworkDefinitionCreationFlag",
    "OnnxParser",
    "OnnxParserFlag",
    "ParserError",
    "Runtime",
    "TensorFormat",
    "TensorIOMode",
    "TensorLocation",
)
# Runs in an interpreter of its own: a process can import one version. `{}` in a docstring is pybind11's form:
# "1. name(self: T, a: int, b: int = 0) -> bool", numbered where there are several.
LOOK = r"""
import inspect, json, re, sys
sys.path.insert(0, sys.argv[1])
import tensorrt_bindings as trt

def parameters(name, doc):
    found = re.search(rf"(?:^|\n)(?:\d+\. )?{name}\((.*?)\)(?: ->|\s*$|\n)", doc or "")
    if not found or "*args" in found[1]:
        return None if not found else "*"
    text, depth, parts = found[1], 0, [""]
    for letter in text:
        depth += (letter in "[(<") - (letter in "])>")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    own = [p.strip() for p in parts if p.strip() and not p.strip().startswith("self")]
    return ", ".join(re.match(r"\w+", p)[0] + ("=" if " = " in p else "") for p in own)

def overloads(name, doc):
    lines = [line for line in (doc or "").splitlines() if re.match(rf"(\d+\. )?{name}\(", line)]
    found = {parameters(name, line) for line in lines} or {parameters(name, doc)}
    return sorted(found - {"*"} or found, key=str)  # "*": the heading of overloads

names = []
for cls in json.loads(sys.argv[2]):
    owner = getattr(trt, cls, None)
    if owner is None:
        continue
    names.append(cls)
    if "(" in (owner.__init__.__doc__ or "") and not hasattr(owner, "__members__"):
        forms = overloads("__init__", owner.__init__.__doc__)
        names += [f"{cls}({text})" for text in forms if text is not None]
    for name in dir(owner):
        if name.startswith("_") or name.startswith("add_") and name != "add_optimization_profile":
            continue
        member = getattr(owner, name)
        if callable(member) and not inspect.isclass(member) and not hasattr(owner, "__members__"):
            names += [f"{cls}.{name}({text})" for text in overloads(name, member.__doc__)]
        else:
            names.append(f"{cls}.{name}")
print(json.dumps({"version": trt.__version__, "names": sorted(set(names))}))
"""


def stub(folder: Path, major: int) -> None:
    """TensorRT's libraries of one major version, with nothing in them but the names."""
    source = folder / "stub.c"
    source.write_text("".join(f"void *{symbol}(void) {{ return 0; }}\n" for symbol in SYMBOLS))
    for library in LIBRARIES:
        name = f"lib{library}.so.{major}"
        command = ["gcc", "-shared", "-fPIC", f"-Wl,-soname,{name}", "-o", str(folder / name), str(source)]
        subprocess.run(command, check=True)


def install(requirement: str, folder: Path) -> None:
    """Raises CalledProcessError without a registry, or where this Python has no such wheel."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    command = [*pip, "--retries", "1", "--timeout", "10", "--target", str(folder), requirement]
    subprocess.run(command, check=True, capture_output=True, text=True)


def look(version: str, wheels: Path) -> list[str]:
    """Names that this version has; its bindings are installed under `wheels` if they are not."""
    folder = wheels / version
    if not (folder / "tensorrt_bindings").is_dir():
        install(BINDINGS[version], folder)
    with tempfile.TemporaryDirectory() as libraries:
        stub(Path(libraries), int(version.split(".")[0]))
        environment = {**os.environ, "LD_LIBRARY_PATH": libraries}
        command = [sys.executable, "-W", "ignore", "-c", LOOK, str(folder), json.dumps(CLASSES)]
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    seen = json.loads(done.stdout)
    assert version.startswith(seen["version"]) or seen["version"].startswith(version), seen["version"]
    return seen["names"]


def table(wheels: Path) -> dict[str, object]:
    """`versions`, and for each name a digit a version: 1 where it has it."""
    having: defaultdict[str, list[bool]] = defaultdict(lambda: [False] * len(BINDINGS))
    for place, version in enumerate(BINDINGS):
        for name in look(version, wheels):
            having[name][place] = True
    names = {name: "".join("01"[here] for here in row) for name, row in sorted(having.items())}
    return {"versions": list(BINDINGS), "names": names}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", type=Path)
    parser.add_argument("--wheels", type=Path, help="keep the bindings here, a folder a version")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = table(arguments.wheels or Path(folder))
    arguments.target.write_text(json.dumps(found, indent=0) + "\n")


if __name__ == "__main__":
    main()
