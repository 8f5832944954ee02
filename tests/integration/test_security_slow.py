"""Slow, half-sent and oversized requests: each ends in time and holds up nobody (spec: quality §3.2, check 36)."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.server import Server, running_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    # As few descriptors as a careless shell allows: the server takes what it may have.
    few = f"sh -c 'ulimit -Sn 200 && exec {sys.executable} -m flowdeck \"$@\"' sh"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOWDECK_TEST_COMMAND", os.environ.get("FLOWDECK_TEST_COMMAND", few))
        with started(tmp_path_factory.mktemp("slow")) as running:
            yield running


@contextlib.contextmanager
def started(home: Path) -> Iterator[Server]:
    with running_server(
        home,
        FLOWDECK_CONSOLE_ENABLED="false",
        FLOWDECK_SERVER_HEAD_TIMEOUT="PT1S",
        FLOWDECK_SERVER_BODY_TIMEOUT="PT1S",
    ) as running:
        yield running


def head(server: Server, method: str, path: str, *more: str) -> bytes:
    word = base64.b64encode(f"{server.username}:{server.password}".encode()).decode()
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Basic {word}", *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def open_link(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), 10)


def ending(link: socket.socket) -> bytes:
    """All that comes until the other side hangs up."""
    out = b""
    while True:
        try:
            data = link.recv(65_536)
        except ConnectionResetError:
            return out
        if not data:
            return out
        out += data


UPLOAD = ("Content-Type: application/x-yaml", "Content-Length: 1000")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("nothing", None),
        ("half a head", 408),
        ("a head", 408),
        ("half a body", 408),
        ("half a chunk", 408),
        ("half a second head", 408),
    ],
)
def test_what_does_not_arrive_is_not_waited_for(server: Server, sent: str, status: int | None) -> None:
    whole = head(server, "POST", "/api/v1/main/flows", *UPLOAD)
    chunked = head(server, "POST", "/api/v1/main/flows", "Content-Type: text/plain", "Transfer-Encoding: chunked")
    get = head(server, "GET", "/ping")
    parts = {
        "nothing": b"",
        "half a head": whole[:60],
        "a head": whole,
        "half a body": whole + b"id: x",
        "half a chunk": chunked + b"ffff\r\nid: x",
        "half a second head": get + get[:40],
    }
    began = time.monotonic()
    with open_link(server) as link:
        if parts[sent]:
            link.sendall(parts[sent])
        answer = ending(link)
    assert 0.9 < time.monotonic() - began < 8
    if status is None:
        assert answer == b""
        return
    last = answer[answer.rindex(b"HTTP/1.1 ") :]
    assert last.startswith(f"HTTP/1.1 {status} ".encode()), answer
    assert "message" in json.loads(last.partition(b"\r\n\r\n")[2])


def test_a_body_that_trickles_is_not_waited_for(server: Server) -> None:
    began = time.monotonic()
    with open_link(server) as link:
        link.sendall(head(server, "POST", "/api/v1/main/flows", *UPLOAD))
        link.settimeout(0.1)
        answer = b""
        while time.monotonic() - began < 8 and not answer:
            try:
                link.sendall(b"#")
                answer = link.recv(1000)
            except TimeoutError:
                continue
            except OSError:
                break
    assert time.monotonic() - began < 6
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_slow_senders_hold_up_nobody(server: Server) -> None:
    most, hard = psutil.Process(server.pids("web")[0]).rlimit(psutil.RLIMIT_NOFILE)
    assert most >= min(hard, 65_536)
    links = [open_link(server) for _ in range(260)]
    try:
        for number, link in enumerate(links):
            whole = head(server, "POST", "/api/v1/main/flows/import", *UPLOAD)
            link.sendall(whole[: len(whole) - number % 3])
        began = time.monotonic()
        for _ in range(20):
            assert server.call("GET", "/api/v1/main/flows/search").status == 200
        assert time.monotonic() - began < 3
    finally:
        for link in links:
            link.close()


def test_what_follows_an_early_answer_is_not_read_for_ever(server: Server) -> None:
    began = time.monotonic()
    with open_link(server) as link:
        lines = ("POST /api/v1/main/flows HTTP/1.1", "Host: localhost", f"Content-Length: {10 * 1024**3}")
        link.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        link.settimeout(30)
        assert link.recv(4096).startswith(b"HTTP/1.1 401 ")
        with pytest.raises(OSError):
            while time.monotonic() - began < 20:
                link.sendall(b"x" * 10_000)
                time.sleep(0.02)
    assert time.monotonic() - began < 15


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /ping HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 40_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"y" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (b"GET /ping HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 10_000 + b"\r\n", 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 400),
        (b"GET /ping HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n", 400),
        (b"GET /ping HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"POST /ping HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /ping HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
        (b"POST /login HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET /ping HTTP/1.1\r\n\r\n", 400),
    ],
)
def test_what_is_no_http_is_refused_in_words(server: Server, sent: bytes, status: int) -> None:
    with open_link(server) as link:
        link.sendall(sent)
        answer = ending(link)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["message"]


def test_nothing_of_this_is_a_fault_of_the_server(server: Server) -> None:
    time.sleep(0.2)
    assert "Traceback" not in (server.home / "server.out").read_text(errors="replace")
