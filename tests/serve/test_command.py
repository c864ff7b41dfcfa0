"""`perception serve` as a process."""

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from tests.sources.clips import numbered
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]


@contextmanager
def serving(bundle, *arguments, **variables):
    options = [
        "--bundle",
        str(bundle),
        "--port",
        "0",
        "--stages",
        "none",
        "--threads",
        "1",
        "--device",
        "cpu",
    ]
    command = [sys.executable, "-m", "perception", "serve", *map(str, arguments), *options]
    environment = {key: value for key, value in os.environ.items() if key != "PERCEPTION_TOKEN"} | variables
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def test_it_prints_the_address_with_its_token_once_and_ends_with_sigterm(tiny_bundle, tmp_path):
    with serving(tiny_bundle, numbered(tmp_path / "a.mp4")) as process:
        line = process.stdout.readline()
        token = re.search(r"^(http://127\.0\.0\.1:\d+/)\?token=(\S+)$", line)
        ask = urllib.request.Request(
            token[1] + "api/cameras", headers={"Authorization": f"Bearer {token[2]}"}
        )
        assert b"camera1" in urllib.request.urlopen(ask, timeout=20).read()
        wait_until(lambda: _is_ready(token[1]))
        process.send_signal(signal.SIGTERM)
        out, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert token[2] not in out + error


def test_no_password_and_no_known_token_is_printed(tiny_bundle):
    with serving(
        tiny_bundle, "rtsp://user:secret@127.0.0.1:9/1", PERCEPTION_TOKEN="a known token, long"
    ) as process:
        line = process.stdout.readline()
        assert process.stderr.readline()
        address = line.split()[0]
        assert urllib.request.urlopen(f"{address}healthz", timeout=20).read()  # it heeds signals now
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=30)
    assert "the token is that of the environment" in line
    assert not re.search("secret|a known token", line + out + error)


def test_others_need_a_token_that_they_can_know(tiny_bundle):
    with serving(tiny_bundle, "0", "--host", "0.0.0.0") as process:
        _, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "expected a token" in error


def test_without_the_extra_it_says_what_to_install():
    code = "from perception.serve.command import serve; from perception.serve.config import *\n"
    code += "serve(ServeConfig(named(['0'], {})))"
    block = "import sys; sys.modules.update(dict.fromkeys(['starlette', 'uvicorn']))\n"
    done = subprocess.run([sys.executable, "-c", block + code], cwd=ROOT, capture_output=True, text=True)
    assert "pip install 'perception[serve]'" in done.stderr


def _is_ready(address: str) -> bool:
    try:
        return urllib.request.urlopen(f"{address}readyz", timeout=20).status == 200  # also where it is slow
    except urllib.error.HTTPError as error:
        error.close()
        return False
