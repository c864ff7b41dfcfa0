"""The machine as the probes see it. Another root folder, environment or PATH is another machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

RUN_LIMIT_S = 3.0


class Machine:
    """`root`: what /etc, /proc, /sys, /dev and /usr are below; `environ`: None for that of this process."""

    def __init__(self, root: str | Path = "/", environ: Mapping[str, str] | None = None) -> None:
        self.root = Path(root)
        self.environ = dict(os.environ if environ is None else environ)

    def path(self, absolute: str) -> Path:
        return self.root / absolute.lstrip("/")

    def read(self, absolute: str) -> str:
        """The text of a file; "" if there is none or it cannot be read."""
        try:
            return self.path(absolute).read_text(errors="replace").replace("\0", "")
        except OSError:
            return ""

    def glob(self, folder: str, pattern: str) -> list[Path]:
        return sorted(self.path(folder).glob(pattern))

    def which(self, command: str, *places: str) -> str | None:
        """The path of a command, in PATH or in one of the folders `places`."""
        found = shutil.which(command, path=self.environ.get("PATH", os.defpath))
        return found or next(filter(None, (shutil.which(self.path(p) / command) for p in places)), None)

    def run(self, command: str, *arguments: str) -> str | None:
        """What a command prints on both outputs; None: it failed or did not end in time."""
        try:
            done = subprocess.run(
                [command, *arguments],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=RUN_LIMIT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout if done.returncode == 0 else None

    @property
    def architecture(self) -> str:
        """Such as x86_64 or aarch64."""
        uname = self.which("uname")
        return ((uname and self.run(uname, "-m")) or os.uname().machine).strip()

    @property
    def jetson(self) -> str:
        """The model of a Jetson; "" on other machines."""
        model = self.read("/proc/device-tree/model").strip()
        if self.read("/etc/nv_tegra_release"):
            return model or "Jetson"
        return model if "jetson" in model.lower() else ""

    @property
    def cache(self) -> Path:
        """Where engines and compiled kernels are kept."""
        home = (
            self.environ.get("XDG_CACHE_HOME") or Path(self.environ.get("HOME", "~")).expanduser() / ".cache"
        )
        return Path(home) / "perception"

    def free_mb(self, folder: Path) -> float:
        return shutil.disk_usage(folder).free / 1e6

    def now(self) -> float:
        """Seconds since 1970, by the machine's clock."""
        return time.time()
