"""Who may look: nobody without the token, no page of another origin, no borrowed name."""

import os

import pytest

from perception.errors import DataError
from perception.serve.access import VARIABLE, cookie_of, token_for
from tests.serve.fakes import BEARER, TOKEN


def cookie(front) -> str:
    return f"perception-{front.port}={cookie_of(TOKEN)}"


@pytest.mark.parametrize("path", ["/", "/api/cameras", "/metrics", "/api/cameras/front/snapshot.jpg"])
def test_without_the_token_nothing_is_told(front, path):
    assert front.ask(path)[0] == 401
    assert front.ask(path, Authorization="Bearer wrong")[0] == 401


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/login"])
def test_the_probes_and_the_form_need_none(front, path):
    assert front.ask(path)[0] in (200, 503)


def test_the_token_in_the_address_becomes_a_cookie_that_no_script_reads(front):
    status, headers, _ = front.ask(f"/?token={TOKEN.replace(' ', '+')}")
    assert (status, headers["location"]) == (303, "/")
    assert headers["set-cookie"].startswith(cookie(front))
    assert "HttpOnly" in headers["set-cookie"]
    assert "samesite=strict" in headers["set-cookie"].lower()
    assert TOKEN not in str(headers)
    assert front.ask("/", Cookie=cookie(front))[0] == 200


def test_a_browser_without_a_cookie_is_led_to_the_form(front):
    status, headers, _ = front.ask("/", Accept="text/html")
    assert (status, headers["location"]) == (303, "/login")
    sent = {"Content_Type": "application/x-www-form-urlencoded"}
    assert front.ask("/login", "POST", b"token=wrong", **sent)[0] == 401
    assert front.ask("/login", "POST", f"token={TOKEN}".encode(), **sent)[0] == 303


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "localhost.evil.example", "[", ""])
def test_a_name_that_is_not_ours_is_refused_even_with_the_token(front, host):
    assert front.ask("/api/cameras", Host=host, **BEARER)[0] == 421


@pytest.mark.parametrize("host", ["localhost:8088", "192.168.1.7:80", "[::1]:8088", "ROBOT.example"])
def test_addresses_and_known_names_are_ours(front, host):
    assert front.ask("/api/cameras", Host=host, **BEARER)[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_a_page_of_another_origin_cannot_use_the_cookie(front, origin):
    path = "/api/cameras/front/recording?do=start"
    assert front.ask(path, "POST", Cookie=cookie(front), Origin=origin)[0] == 403
    own = f"http://127.0.0.1:{front.port}"
    assert front.ask(path, "POST", Cookie=cookie(front), Origin=own)[0] == 400  # nothing is recorded here


@pytest.mark.parametrize("origin", ["http://[", "http://evil.example"])
def test_the_form_is_sent_by_a_page_of_ours(front, origin):
    assert front.ask("/login", "POST", b"token=wrong", Origin=origin)[0] == 403


def test_nor_open_a_socket_with_it(front):
    headers = {"Cookie": cookie(front)}
    path = "/api/cameras/front/live"
    with pytest.raises(Exception, match="403"):
        front.socket(path, additional_headers=headers, origin="http://evil.example")
    own = f"http://127.0.0.1:{front.port}"
    with front.socket(path, additional_headers=headers, origin=own) as socket:
        assert '"camera":"front"' in socket.recv(timeout=20)


def test_an_address_that_others_reach_needs_a_token(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert token_for("127.0.0.1", None)[0] != token_for("::1", None)[0]
    with pytest.raises(DataError, match="expected a token"):
        token_for("0.0.0.0", None)
    monkeypatch.setenv(VARIABLE, TOKEN)
    assert token_for("0.0.0.0", None) == (TOKEN, "environment")


def test_a_token_file_is_made_for_its_owner_alone_and_kept(tmp_path):
    path = tmp_path / "state" / "token"
    token, _ = token_for("0.0.0.0", path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert token_for("0.0.0.0", path) == (token, "file")
    path.write_text("short\n")
    with pytest.raises(DataError, match="at least 16"):
        token_for("0.0.0.0", path)


def test_a_token_that_is_no_text_is_refused_and_not_told(tmp_path, monkeypatch):
    data = "gehäimes-tökén-lang".encode("latin-1")
    (tmp_path / "token").write_bytes(data)
    monkeypatch.setitem(os.environ, VARIABLE, os.fsdecode(data))
    for file in (tmp_path / "token", None):
        with pytest.raises(DataError, match=r"(token|TOKEN): expected a token, got other bytes") as caught:
            token_for("0.0.0.0", file)
        assert "imes" not in str(caught.value)


def test_a_token_file_that_cannot_be_read_or_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "token"):
        with pytest.raises(DataError, match="choose another --token-file"):
            token_for("0.0.0.0", path)
