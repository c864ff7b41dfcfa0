#!/usr/bin/env bash
# Build pycuda from its sdist on a machine with neither a GPU nor the CUDA toolkit, and install it.
#
#   tools/pycuda_without_gpu.sh WHEELS [PYTHON]
#
# WHEELS: a folder that keeps the built wheel; a second run takes it from there. PYTHON: .venv/bin/python.
# What comes out is the real pycuda: it needs a libcuda.so.1 at run time, the driver's or that of tests/gpu.
# Needs g++ and Python's headers. The toolkit's two headers come from the registry.
set -euo pipefail

VERSION=2026.1
HEADERS=(nvidia-cuda-runtime==13.0.96 nvidia-cuda-profiler-api==13.0.85)

wheels=$(mkdir -p "${1:?the folder for the wheel}" && cd "$1" && pwd)
python=${2:-$(cd "$(dirname "$0")/.." && pwd)/.venv/bin/python}
pip=("$python" -m pip --quiet --disable-pip-version-check)

wheel() { # the kept wheel for this Python, or nothing
    local tag
    tag=$("$python" -c 'import sys; print("cp%d%d" % sys.version_info[:2])')
    compgen -G "$wheels/pycuda-$VERSION-$tag-$tag-*.whl" || true
}

build() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    "${pip[@]}" install --no-deps --target "$work/cuda" "${HEADERS[@]}"
    "${pip[@]}" download --no-deps --no-build-isolation --no-binary pycuda --dest "$work" "pycuda==$VERSION"
    tar -xzf "$work/pycuda-$VERSION.tar.gz" -C "$work"
    # The linker wants a library whose name it can write down, and one call in it so that it does.
    echo 'extern "C" int cuInit(unsigned) { return 100; }' >"$work/stub.cpp"
    g++ -shared -fPIC "$work/stub.cpp" -Wl,-soname,libcuda.so.1 -o "$work/libcuda.so"
    cat >"$work/pycuda-$VERSION/siteconf.py" <<CONF
CUDA_ROOT = "$work/cuda/nvidia/cu13"
CUDA_INC_DIR = ["$work/cuda/nvidia/cu13/include"]
CUDADRV_LIB_DIR = ["$work"]
CUDADRV_LIBNAME = ["cuda"]
CUDA_ENABLE_CURAND = False
CUDA_ENABLE_GL = False
CXXFLAGS = ["-O1", "-g0", "-w"]
CONF
    "${pip[@]}" wheel --no-deps --no-build-isolation --wheel-dir "$work/out" "$work/pycuda-$VERSION"
    mv "$work"/out/pycuda-*.whl "$wheels/"
}

[ -n "$(wheel)" ] || build
"${pip[@]}" install "$(wheel)"
