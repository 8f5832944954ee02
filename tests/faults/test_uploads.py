"""Giant uploads: memory stays flat, nothing lies in the temporary folder, nobody waits (quality §3.2, check 36).

200 MB by default; `FLOWDECK_TEST_LEVEL=all` takes 2 GB.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.server import Server, eventually

FULL = os.environ.get("FLOWDECK_TEST_LEVEL") == "all"
MEGABYTES = 2048 if FULL else 200
MOST_MEMORY = 300 * 1024**2
PIECE = bytes(range(256)) * 4096  # 1 MiB

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600 if FULL else 120)]

FLOW = """
id: giant
namespace: uploads
inputs: [{id: file, type: FILE}, {id: text, type: STRING, required: false}]
tasks: [{id: say, type: io.kestra.plugin.core.log.Log, message: "{{ inputs.file }}"}]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("uploads")
    temporary = home / "tmp"
    temporary.mkdir()
    one = Server(home / "home", environment={"TMPDIR": str(temporary), "FLOWDECK_CONSOLE_ENABLED": "false"})
    try:
        one.start().save_flow(FLOW)
        yield one
    finally:
        one.discard()


class Watch:
    """The largest memory of the web process, and of what lay in the temporary folder."""

    def __init__(self, server: Server) -> None:
        self._process = psutil.Process(server.pids("web")[0])
        self._folder = Path(server.environment["TMPDIR"])
        self._over = threading.Event()
        self.memory = 0
        self.temporary = 0
        self.slowest = 0.0
        self._server = server
        self._threads = [threading.Thread(target=self._look), threading.Thread(target=self._ask)]

    def _look(self) -> None:
        while not self._over.wait(0.02):
            self.memory = max(self.memory, self._process.memory_info().rss)
            sizes = (path.stat().st_size for path in self._folder.rglob("*") if path.is_file())
            self.temporary = max(self.temporary, sum(sizes))

    def _ask(self) -> None:
        while not self._over.wait(0.1):
            began = time.monotonic()
            assert self._server.call("GET", "/api/v1/main/flows/search").status == 200
            self.slowest = max(self.slowest, time.monotonic() - began)

    def __enter__(self) -> Watch:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


def send(server: Server, path: str, body: Callable[[], Iterator[bytes]], length: int | None) -> tuple[int, bytes]:
    """A form of one file, streamed."""
    word = base64.b64encode(f"{server.username}:{server.password}".encode()).decode()
    headers = {"Authorization": f"Basic {word}", "Content-Type": "multipart/form-data; boundary=BB"}
    if length is not None:
        headers["Content-Length"] = str(length)
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)
    try:
        link.request("POST", path, body(), headers, encode_chunked=length is None)
        answer = link.getresponse()
        return answer.status, answer.read()
    finally:
        link.close()


def form(name: str, filename: str, pieces: int, piece: bytes = PIECE) -> tuple[Callable[[], Iterator[bytes]], int]:
    """The body of a form with one file, and its length."""
    head = f'--BB\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n'.encode()
    tail = b"\r\n--BB--\r\n"

    def body() -> Iterator[bytes]:
        yield head
        for _ in range(pieces):
            yield piece
        yield tail

    return body, len(head) + pieces * len(piece) + len(tail)


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_giant_file_streams_to_storage(server: Server, chunked: bool) -> None:
    body, length = form("file", "giant.bin", MEGABYTES)
    with Watch(server) as watch:
        began = time.monotonic()
        status, text = send(server, "/api/v1/main/executions/uploads/giant", body, None if chunked else length)
        took = time.monotonic() - began
    assert status == 200, text
    print(f"{MEGABYTES / took:.0f} MB/s, {watch.memory / 1024**2:.0f} MB of memory, slowest {watch.slowest:.2f} s")
    assert watch.memory < MOST_MEMORY
    assert watch.temporary == 0
    assert watch.slowest < 5
    stored = list((server.home / "storage").rglob("giant.bin"))
    assert stored[-1].stat().st_size == MEGABYTES * len(PIECE)
    wanted = hashlib.sha256()
    for _ in range(MEGABYTES):
        wanted.update(PIECE)
    with stored[-1].open("rb") as file:
        assert hashlib.file_digest(file, "sha256").digest() == wanted.digest()
    for path in stored:
        path.unlink()


def test_an_upload_that_breaks_off_leaves_nothing(server: Server) -> None:
    def written() -> list[Path]:
        return list((server.home / "storage").rglob(".writing-*"))

    before = len(written())

    def half() -> Iterator[bytes]:
        body, _ = form("file", "half.bin", 8)
        parts = body()
        for _ in range(5):
            yield next(parts)
        eventually(lambda: len(written()) > before, what="the first bytes in storage")
        raise ConnectionAbortedError

    _, length = form("file", "half.bin", 8)
    with pytest.raises(ConnectionAbortedError):
        send(server, "/api/v1/main/executions/uploads/giant", half, length)
    eventually(lambda: len(written()) == before, what="the end of what was written by half")
    assert not list((server.home / "storage").rglob("half.bin"))


def test_a_giant_text_is_refused_before_it_fills_the_memory(server: Server) -> None:
    head = b'--BB\r\nContent-Disposition: form-data; name="text"\r\n\r\n'

    def body() -> Iterator[bytes]:
        yield head
        for _ in range(MEGABYTES):
            yield PIECE

    with Watch(server) as watch:
        try:
            status, text = send(
                server, "/api/v1/main/executions/uploads/giant", body, len(head) + MEGABYTES * len(PIECE)
            )
            assert status == 413 and b"may have at most" in text
        except (BrokenPipeError, ConnectionResetError):
            pass  # the answer came, and the server hung up, while the client still sent
    assert watch.memory < MOST_MEMORY


def test_a_giant_archive_is_unpacked_from_storage(server: Server, tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_STORED) as archive:
        for number in range(4):
            with archive.open(f"part{number}.bin", "w", force_zip64=True) as entry:
                for _ in range(MEGABYTES // 5):
                    entry.write(PIECE)
    size = (tmp_path / "a.zip").stat().st_size
    head = b'--BB\r\nContent-Disposition: form-data; name="fileContent"; filename="a.zip"\r\n\r\n'
    tail = b"\r\n--BB--\r\n"

    def body() -> Iterator[bytes]:
        yield head
        with (tmp_path / "a.zip").open("rb") as file:
            while data := file.read(len(PIECE)):
                yield data
        yield tail

    with Watch(server) as watch:
        status, text = send(
            server, "/api/v1/main/namespaces/uploads/files?path=/a.zip", body, len(head) + size + len(tail)
        )
        assert status == 200, text
        exported = download(server, "/api/v1/main/namespaces/uploads/files/export")
    assert watch.memory < MOST_MEMORY and watch.temporary == 0
    assert exported > 1000
    assert not list((server.home / "storage").rglob("_uploads/*"))
    names = [one["fileName"] for one in server.call("GET", "/api/v1/main/namespaces/uploads/files/directory").json]
    assert sorted(names) == [f"part{number}.bin" for number in range(4)]


def download(server: Server, path: str) -> int:
    """Bytes of a download, thrown away."""
    word = base64.b64encode(f"{server.username}:{server.password}".encode()).decode()
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)
    try:
        link.request("GET", path, headers={"Authorization": f"Basic {word}"})
        answer = link.getresponse()
        assert answer.status == 200
        size = 0
        while data := answer.read(len(PIECE)):
            size += len(data)
        return size
    finally:
        link.close()


def test_many_small_parts_are_refused(server: Server) -> None:
    part = b'--BB\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n'
    status, text = send(
        server, "/api/v1/main/executions/uploads/giant", lambda: iter([part] * 2000 + [b"--BB--\r\n"]), None
    )
    assert status == 413, text


def test_endless_heads_of_parts_are_refused(server: Server) -> None:
    def body() -> Iterator[bytes]:
        yield b"--BB\r\nContent-Disposition: form-data; name="
        for _ in range(50):
            yield b"x" * 100_000

    with Watch(server) as watch:
        try:
            status, text = send(server, "/api/v1/main/executions/uploads/giant", body, None)
            assert status in (413, 422), text
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert watch.memory < MOST_MEMORY


def test_a_squeezed_body_is_not_unpacked(server: Server) -> None:
    """Bodies with `Content-Encoding` are no bombs: they are taken as they are, and refused as what they are."""
    body = zlib.compress(b"\0" * 100_000_000)
    headers = {"Content-Encoding": "deflate"}
    answer = server.call("POST", "/api/v1/main/flows", body=body, content_type="application/x-yaml", headers=headers)
    assert answer.status in (415, 422), answer.text
