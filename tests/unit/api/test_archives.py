"""Archives of strangers: links, bombs, lies about sizes and lists without end are refused (quality §3.2, check 37)."""

from __future__ import annotations

import io
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from typing import Any, BinaryIO

import pytest

from flowdeck.model.errors import DomainError, IllegalArgument, TooLarge
from flowdeck.services import archives
from flowdeck.services.archives import Archive, packed


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytearray:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data, zipfile.ZIP_DEFLATED)
    return bytearray(out.getvalue())


def link() -> bytearray:
    info = zipfile.ZipInfo("passwd")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return zipped((info, b"/etc/passwd"))


def bomb() -> bytearray:
    return zipped(*((f"{n}", b"\0" * 10_000_000) for n in range(20)))


def many() -> bytearray:
    return zipped(*((f"{n}", b"") for n in range(101)))


def endless() -> bytearray:
    """A list of contents of gigabytes, by the record at the end."""
    data = zipped(("a", b"x"))
    at = data.rfind(b"PK\x05\x06")
    data[at + 12 : at + 16] = struct.pack("<L", 3_000_000_000)
    return data


def liar() -> bytearray:
    """The list of contents says one byte; a million come."""
    data = zipped(("a", b"y" * 1_000_000))
    at = data.find(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<L", 1)
    return data


def overlapping() -> bytearray:
    """Two names for the same bytes: how a small file becomes endless ones."""
    data = zipped(("a", b"z" * 1000), ("b", b"z" * 1000))
    first = data.find(b"PK\x01\x02")
    second = data.find(b"PK\x01\x02", first + 4)
    data[second + 42 : second + 46] = struct.pack("<L", 0)
    return data


def encrypted() -> bytearray:
    data = zipped(("a", b"x"))
    data[6] |= 1
    data[data.find(b"PK\x01\x02") + 8] |= 1
    return data


@pytest.mark.parametrize(
    ("made", "error"),
    [
        (link, IllegalArgument),
        (bomb, TooLarge),
        (many, TooLarge),
        (endless, TooLarge),
        (liar, IllegalArgument),
        (overlapping, IllegalArgument),
        (encrypted, IllegalArgument),
        (lambda: bytearray(), IllegalArgument),
        (lambda: bytearray(b"PK\x05\x06" + b"\xff" * 18), TooLarge),
        (lambda: bytearray(b"\0" * 100_000), IllegalArgument),
    ],
)
def test_a_hostile_archive_is_refused(made: Callable[[], bytearray], error: type[DomainError]) -> None:
    data = bytes(made())
    tracemalloc.start()
    try:
        with pytest.raises(error):
            archive = Archive(io.BytesIO(data), most=100)
            for info in archive.entries:
                assert len(archive.content(info)) <= max(info.file_size, 1)
        assert tracemalloc.get_traced_memory()[1] < 40_000_000 + 3 * len(data)
    finally:
        tracemalloc.stop()


def test_any_byte_may_be_wrong() -> None:
    """A broken archive is refused in words, wherever it is broken."""
    good = zipped(("a/b.txt", b"hello" * 50), ("c", b""))
    for at in range(len(good)):
        for value in (0, 0xFF, good[at] ^ 1):
            broken = good.copy()
            broken[at] = value
            try:
                archive = Archive(io.BytesIO(bytes(broken)))
                for info in archive.entries:
                    archive.content(info)
            except (IllegalArgument, TooLarge):
                continue


def test_what_is_packed_is_unpacked_and_never_held() -> None:
    files = {f"folder/{n}.bin": bytes([n]) * 3_000_000 for n in range(9)}

    def opened(data: bytes) -> Callable[[], BinaryIO]:
        return lambda: io.BytesIO(data)

    out = io.BytesIO()
    largest = 0
    for piece in packed((name, opened(data)) for name, data in files.items()):
        largest = max(largest, len(piece))
        out.write(piece)
    assert largest < 2 * archives.PIECE
    archive = Archive(out)
    assert {info.filename: archive.content(info) for info in archive.entries} == files


def test_an_entry_comes_in_pieces() -> None:
    archive = Archive(io.BytesIO(bytes(zipped(("a", b"x" * 5_000_000)))))
    sizes: list[Any] = [len(piece) for piece in archive.pieces(archive.entries[0])]
    assert max(sizes) <= archives.PIECE and sum(sizes) == 5_000_000
