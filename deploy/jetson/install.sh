#!/usr/bin/env bash
# Install perception on a Jetson with JetPack 6 or 7, beside what JetPack brings. Safe to run again.
#
#   deploy/jetson/install.sh [--prefix DIR] [--camera SOURCE] [--service] [--dry-run]
#
# --prefix   virtual environment that is made or brought up to date, for --service not in a home; /opt/perception
# --service  also start it at boot, on the camera of --camera: perception.service beside this file
# --camera   what the service looks at: a camera number or an rtsp:// address; 0
# --dry-run  say what would be done
#
# JetPack's CUDA, TensorRT and OpenCV are used and never replaced: the environment sees the system's packages, and
# where JetPack's OpenCV is installed the one from PyPI, which has no GStreamer, stays out. Wheels are asked for
# by floor, not by exact version: a Jetson has the Python that it has.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source_tree=$(cd "$here/../.." && pwd)
prefix=/opt/perception
camera=0
service=no
dry_run=no
system_python=${PYTHON:-/usr/bin/python3}
units=${SYSTEMD_DIR:-/etc/systemd}
defaults=${DEFAULTS_FILE:-/etc/default/perception}

say() { printf '%s\n' "$*"; }
fail() {
    printf 'error: %s\n' "$*" >&2
    exit 2
}

run() { # show and do; only show in a dry run
    printf '+ %s\n' "$*"
    [ "$dry_run" = yes ] || "$@"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then run "$@"; else run sudo "$@"; fi
}

options() {
    while [ $# -gt 0 ]; do
        case $1 in
        --prefix) prefix=${2:?--prefix needs a folder} && shift ;;
        --camera) camera=${2:?--camera needs a source} && shift ;;
        --service) service=yes ;;
        --dry-run) dry_run=yes ;;
        -h | --help)
            sed -n '2,14s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
            exit 0
            ;;
        *) fail "expected --prefix, --camera, --service or --dry-run, got $1" ;;
        esac
        shift
    done
    prefix=$(realpath -ms "$prefix")
    case $service:$(realpath -m "$prefix") in
    yes:/home/* | yes:/root/* | yes:/run/user/*)
        fail "--prefix: expected a folder that the service sees (ProtectHome), got $prefix. Take /opt/perception"
        ;;
    esac
}

check_machine() {
    "$system_python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' ||
        fail "expected Python 3.10 to 3.13 at $system_python, got $("$system_python" -V 2>&1): JetPack 6 has 3.10"
    if [ -r /etc/nv_tegra_release ]; then
        say "$(head -n 1 /etc/nv_tegra_release)"
    else
        say "not a Jetson, or a container without /etc/nv_tegra_release: going on"
    fi
}

packages() { # Debian packages that are needed to build pycuda and to make an environment
    local wanted=(python3-venv python3-dev g++) missing=() name
    for name in "${wanted[@]}"; do
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
    done
    [ ${#missing[@]} = 0 ] && return
    as_root apt-get update
    as_root apt-get install --yes --no-install-recommends "${missing[@]}"
}

jetpack_opencv() { # is there an OpenCV of the system, with GStreamer?
    "$system_python" - <<'PY' >/dev/null 2>&1
import re, cv2
raise SystemExit(not re.search(r"GStreamer:\s*YES", cv2.getBuildInformation()))
PY
}

environment() {
    [ -d "$(dirname "$prefix")" ] || fail "expected a folder for $prefix, found none"
    if [ -x "$prefix/bin/python" ]; then
        say "environment $prefix is there"
    elif [ -w "$(dirname "$prefix")" ]; then
        run "$system_python" -m venv --system-site-packages "$prefix"
    else
        as_root install -d -o "$(id -u)" -g "$(id -g)" "$prefix"
        run "$system_python" -m venv --system-site-packages "$prefix"
    fi
    pip install --upgrade pip setuptools wheel
}

pip() { run "$prefix/bin/python" -m pip --disable-pip-version-check "$@"; }

requirements() { # what the installed perception needs to run and to serve, one a line, without those named
    "$prefix/bin/python" - "$@" <<'PY'
import re, sys
from importlib.metadata import requires
for line in requires("perception") or ():
    wanted = "extra ==" not in line or 'extra == "serve"' in line
    if wanted and re.match(r"[\w.-]+", line)[0] not in sys.argv[1:]:
        print(re.sub(r'(;\s*| and )extra == "serve"', "", line))
PY
}

perception() {
    local without=() wheels=() constraints=()
    if jetpack_opencv; then
        say "OpenCV of JetPack, with GStreamer: kept"
        without=(opencv-python-headless)
        constraints=('numpy<2') # what JetPack compiled its OpenCV for
        pip uninstall --yes opencv-python opencv-python-headless opencv-contrib-python onnxruntime-gpu
    else
        say "no OpenCV of JetPack with GStreamer (apt install nvidia-opencv): taking PyPI's, without CSI cameras"
        pip uninstall --yes onnxruntime-gpu
    fi
    pip install --no-deps --force-reinstall "$source_tree"
    if [ "$dry_run" = yes ]; then
        wheels=("the requirements of perception${without:+ without ${without[*]}}")
    else
        mapfile -t wheels < <(requirements "${without[@]}")
    fi
    pip install "${wheels[@]}" "${constraints[@]}"
    say "compiling the kernels for this processor"
    run "$prefix/bin/python" -m perception.kernels
    run "$prefix/bin/python" -m perception.stages
}

pycuda() { # compiled here, for this CUDA and this Python
    local cuda=${CUDA_HOME:-/usr/local/cuda}
    if ! [ -x "$cuda/bin/nvcc" ]; then
        say "no $cuda/bin/nvcc: without pycuda, on the CPU. For the GPU: apt install nvidia-jetpack, and run this again"
        return
    fi
    if [ -x "$prefix/bin/python" ] && "$prefix/bin/python" -c \
        'from perception.kernels.cuda import driver; driver()' >/dev/null 2>&1; then
        say "pycuda is there and fits the driver"
        return
    fi
    run env PATH="$cuda/bin:$PATH" CUDA_ROOT="$cuda" "$prefix/bin/python" -m pip --disable-pip-version-check \
        install --force-reinstall --no-deps --no-cache-dir --no-binary pycuda 'pycuda>=2024.1'
    pip install pytools platformdirs mako # what pycuda itself needs
}

start_at_boot() {
    local unit
    unit=$(mktemp)
    sed "s|/opt/perception|$prefix|g" "$here/perception.service" >"$unit"
    as_root install -D -m 644 "$unit" "$units/system/perception.service"
    as_root install -D -m 644 "$here/journald@perception.conf" "$units/journald@perception.conf"
    rm "$unit"
    if [ -e "$defaults" ]; then
        say "$defaults is kept"
    else
        unit=$(mktemp)
        printf 'CAMERA=%s\n' "$camera" >"$unit"
        as_root install -D -m 644 "$unit" "$defaults"
        rm "$unit"
    fi
    as_root systemctl daemon-reload
    as_root systemctl enable --now perception.service
}

main() {
    options "$@"
    check_machine
    packages
    environment
    perception
    pycuda
    [ "$service" = no ] || start_at_boot
    run "$prefix/bin/perception" doctor || say "the doctor is not content: see above. Nothing was undone"
    say "done: $prefix/bin/perception"
}

main "$@"
