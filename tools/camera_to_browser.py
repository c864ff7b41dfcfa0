"""How old pictures are in a browser: from a camera through `perception serve` to the screen of the page.

    python -m tools.camera_to_browser [--seconds 30] [--tasks drivable] [--viewers 10] [--json FILE]

A camera of 720p at 30 frames a second writes motion JPEG into a named pipe, and into each picture the time at
which it was taken. Chromium, without a screen, shows the page; there the time is read back out of the canvas
as soon as it is drawn. Told are ages in milliseconds, and the processor time that the server takes for a
picture: with nobody who looks, with the browser, and with many viewers, one of whom takes nothing any more.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from multiprocessing.synchronize import Event
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

import cv2
import numpy as np
from websockets.sync.client import ClientConnection, connect

from perception.outputs import write_whole
from perception.sources import open_source
from tools import browser
from tools.campaign.picture import ACROSS, BRIGHT, CELL, DARK, MOST, ROWS, write
from tools.campaign.programs import TOKEN, Program
from tools.campaign.served import port_of

RATE, WIDTH = 30.0, 1280
WARM_S = 5.0
READ_BACK = """
const draw = CanvasRenderingContext2D.prototype.drawImage;
window.ages = [];
CanvasRenderingContext2D.prototype.drawImage = function (...what) {
  draw.apply(this, what);
  if (this.canvas.id !== "picture") return;
  const cell = CELL * this.canvas.width / WIDTH, wide = Math.ceil(ACROSS * cell);
  const { data } = this.getImageData(0, 0, wide, Math.ceil(ROWS * cell));
  let number = 0;
  for (let k = 0; k < 24; k++) {
    const x = Math.floor((k % ACROSS + 0.5) * cell), y = Math.floor((Math.floor(k / ACROSS) + 0.5) * cell);
    number = 2 * number + (data[4 * (y * wide + x) + 1] > MIDDLE ? 1 : 0);
  }
  window.ages.push((Date.now() - number + 2 * MOST) % MOST);
};
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the age of pictures in a browser.")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--tasks", default="detection,lanes,signs,drivable")
    parser.add_argument("--viewers", type=int, default=10, help="More of them, of whom one is stopped.")
    parser.add_argument("--json", type=Path, help="where all metrics go")
    given = parser.parse_args()
    chromium = browser.chromium()
    if chromium is None:
        sys.exit(browser.MISSING)
    with TemporaryDirectory(prefix="browser-") as name, _camera(Path(name)) as pipe:
        found = _measured(chromium, Path(name), pipe, given.tasks, given.seconds, given.viewers)
    for key, value in found.items():
        print(f"{key:28} {value:8.1f}")
    if given.json:
        write_whole(given.json, (json.dumps(found, indent=1) + "\n").encode())


def _measured(
    chromium: str, folder: Path, pipe: Path, tasks: str, seconds: float, viewers: int
) -> dict[str, float]:
    words = ["serve", f"front={pipe}", "--port", "0", "--keep", "0", "--tasks", tasks, "--stages", "none"]
    program = Program([*words, "--threads", "1", "--device", "cpu"], folder)
    try:
        port = port_of(program)
        time.sleep(WARM_S)
        found = {"alone_ms": _cost(program.pid, seconds)}
        with _page(chromium, folder, f"http://127.0.0.1:{port}/?token={TOKEN}") as tab:
            time.sleep(WARM_S)
            _asked(tab, "window.ages = []")
            found["with_browser_ms"] = _cost(program.pid, seconds)
            ages = np.array(json.loads(_asked(tab, "JSON.stringify(window.ages)")), np.float64)
        if not len(ages):
            sys.exit(f"the page showed no picture; the server said: {program.said()[-400:]}")
        found |= {"pictures": float(len(ages)), "pictures_per_s": len(ages) / seconds}
        found |= {f"age_p{p}_ms": float(np.percentile(ages, p)) for p in (50, 95, 99)}
        if viewers:
            with _lookers(port, viewers):
                time.sleep(WARM_S)
                found[f"with_{viewers}_viewers_ms"] = _cost(program.pid, seconds)
        return found
    finally:
        program.kill()


def _cost(pid: int, seconds: float) -> float:
    """Processor time of a process for a picture of its camera, ms."""
    before = _ticks(pid)
    time.sleep(seconds)
    return 1e3 * (_ticks(pid) - before) / os.sysconf("SC_CLK_TCK") / seconds / RATE


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@contextmanager
def _camera(folder: Path) -> Iterator[Path]:
    pipe = folder / "camera"
    os.mkfifo(pipe)
    apart = multiprocessing.get_context("spawn")
    ready = apart.Event()
    process = apart.Process(target=_film, args=(str(pipe), ready), daemon=True)
    process.start()
    try:
        ready.wait()
        yield pipe
    finally:
        process.kill()


def _film(pipe: str, ready: Event) -> None:
    pictures = [frame.image for frame, _ in zip(open_source("scenario:calm:0"), range(8), strict=False)]
    ready.set()
    descriptor = os.open(pipe, os.O_WRONLY)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # end with the reader
    due = time.monotonic()
    for k in count():
        time.sleep(max(0.0, due - time.monotonic()))
        due += 1 / RATE
        image = pictures[k % len(pictures)].copy()
        write(image, time.time_ns() // 1_000_000 % MOST)
        data = memoryview(cv2.imencode(".jpg", image)[1].tobytes())
        while data:
            data = data[os.write(descriptor, data) :]


@contextmanager
def _page(chromium: str, folder: Path, address: str) -> Iterator[ClientConnection]:
    """The page in a browser; a connection to the browser's tools."""
    user, port_file = folder / "user", folder / "user" / "DevToolsActivePort"
    options = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={user}",
        "--remote-debugging-port=0",
    ]
    process = subprocess.Popen(
        [chromium, *options, "--window-size=1280,1000", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 60
        while not port_file.exists() and time.monotonic() < end:
            time.sleep(0.1)
        port = port_file.read_text().split()[0]
        with urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
            target = next(one for one in json.load(answer) if one["type"] == "page")
        with connect(target["webSocketDebuggerUrl"], max_size=None, proxy=None) as browser:
            _told(browser, "Page.enable")
            _told(browser, "Page.addScriptToEvaluateOnNewDocument", source=_read_back())
            _told(browser, "Page.navigate", url=address)
            yield browser
    finally:
        process.kill()
        process.wait()


def _read_back() -> str:
    known = {
        "CELL": CELL,
        "WIDTH": WIDTH,
        "ACROSS": ACROSS,
        "ROWS": ROWS,
        "MIDDLE": (DARK + BRIGHT) // 2,
        "MOST": MOST,
    }
    values = "".join(f"const {name} = {value};\n" for name, value in known.items())
    return f"{{\n{values}{READ_BACK}}}"  # in a block: the page has names of its own


def _told(browser: ClientConnection, method: str, **parameters: Any) -> Any:
    browser.send(json.dumps({"id": 1, "method": method, "params": parameters}))
    while True:
        answer = json.loads(browser.recv(30.0))
        if "id" in answer:
            return answer.get("result")


def _asked(browser: ClientConnection, expression: str) -> Any:
    return _told(browser, "Runtime.evaluate", expression=expression)["result"].get("value")


@contextmanager
def _lookers(port: int, number: int) -> Iterator[None]:
    """Viewers in a process of their own; one of them takes nothing any more."""
    process = multiprocessing.get_context("spawn").Process(target=_look, args=(port, number), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()


def _look(port: int, number: int) -> None:
    header = {"Authorization": f"Bearer {TOKEN}"}
    live = f"ws://127.0.0.1:{port}/api/cameras/front/live"
    sockets = [
        connect(live, additional_headers=header, compression=None, max_size=None, proxy=None)
        for _ in range(number)
    ]
    while True:
        for socket in sockets[1:]:
            with suppress(TimeoutError):
                if not isinstance(socket.recv(0.02), str):
                    socket.send("got it")


if __name__ == "__main__":
    main()
