"""ZIP archives of users, read and written a piece at a time (quality §3.2, checks 36 and 37).

What an archive says of itself is believed only as far as it can do no harm: the size of its list of contents, the
names, the sizes after unpacking, links. Nothing is unpacked before all of that was looked at.
"""

from __future__ import annotations

import lzma
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

from flowdeck.model.errors import IllegalArgument, TooLarge

MOST_ENTRIES = 50_000
MOST_CONTENTS = 8 * 1024**2
"""Bytes of the list of contents, which is read as a whole."""
UNPACKED = 2 * 1024**3
INFLATED = 100
"""An archive of more than `SMALL` bytes may unpack to this many times its size: what holds more is a bomb."""
SMALL = 64 * 1024**2
PIECE = 1024 * 1024

_FAULTS = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, ValueError, IndexError),
    *(OverflowError, RuntimeError),
)
"""What the library raises for broken archives, encrypted ones and ways of packing that are not known here."""
_END = b"PK\x05\x06"
_END64 = b"PK\x06\x06"
_LOCATOR64 = b"PK\x06\x07"


def _contents_size(file: BinaryIO, size: int) -> int:
    """Bytes of the list of contents, by the record at the end. `IllegalArgument` when there is none."""
    reach = min(size, 65_557)
    file.seek(size - reach)
    tail = file.read(reach)
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < 22:
        raise IllegalArgument("not a zip archive")
    (length,) = struct.unpack("<L", tail[at + 12 : at + 16])
    if at >= 20 and tail[at - 20 : at - 16] == _LOCATOR64:
        (place,) = struct.unpack("<Q", tail[at - 12 : at - 4])
        if place + 56 <= size:
            file.seek(place)
            record = file.read(56)
            if record[:4] == _END64:
                length = max(length, struct.unpack("<Q", record[40:48])[0])
    return length


class Archive:
    """A seekable file as an archive whose entries may be unpacked.

    Args:
        file: open for reading; the caller closes it.
        most: entries; `unpacked`: bytes of all of them; `largest`: bytes of each.
        wanted: which names count; None = all. Folders never do.

    Raises:
        IllegalArgument: it is no archive, or holds links, encrypted entries or entries that lie over each other.
        TooLarge: it holds more than it may.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        most: int = MOST_ENTRIES,
        unpacked: int = UNPACKED,
        largest: int | None = None,
        wanted: Callable[[str], bool] | None = None,
    ) -> None:
        size = file.seek(0, os.SEEK_END)
        if _contents_size(file, size) > MOST_CONTENTS:
            raise TooLarge("the archive has too many entries")
        try:
            self._zip = zipfile.ZipFile(file)
        except _FAULTS as error:
            raise IllegalArgument(f"not a zip archive: {error}") from None
        # An entry without a name is none: `is_dir` of the library fails on it.
        named = (i for i in self._zip.infolist() if i.filename and not i.is_dir())
        self.entries = [i for i in named if wanted is None or wanted(i.filename)]
        if len(self.entries) > most:
            raise TooLarge(f"the archive has more than {most:,} entries")
        bound = min(unpacked, max(SMALL, INFLATED * size))
        if sum(i.file_size for i in self.entries) > bound:
            raise TooLarge(f"the archive unpacks to more than {bound:,} bytes")
        for one in self.entries:
            if stat.S_ISLNK(one.external_attr >> 16):
                raise IllegalArgument(f"{one.filename[:200]} is a symbolic link")
            if largest is not None and one.file_size > largest:
                raise TooLarge(f"{one.filename[:200]} is larger than {largest:,} bytes")

    def pieces(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        """The content of an entry, never more than the list of contents says. `IllegalArgument`."""
        try:
            with self._zip.open(info) as source:
                while data := source.read(PIECE):
                    yield data
        except _FAULTS as error:
            raise IllegalArgument(f"{info.filename[:200]} can't be unpacked: {error}") from None

    def content(self, info: zipfile.ZipInfo) -> bytes:
        """A small entry at once."""
        return b"".join(self.pieces(info))


class _Pipe:
    """A file that is written by an archive and emptied by its reader."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def write(self, data: Any) -> int:
        self._held.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def taken(self) -> bytes:
        """What was written since the last time."""
        data, self._held = b"".join(self._held), []
        return data


def packed(files: Iterable[tuple[str, Callable[[], BinaryIO]]]) -> Iterator[bytes]:
    """An archive in pieces: names, and what opens each file; no more than a piece is held."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[arg-type]
        for name, opened in files:
            with opened() as file, archive.open(name, "w", force_zip64=True) as entry:
                while data := file.read(PIECE):
                    entry.write(data)
                    if ready := pipe.taken():
                        yield ready
            if ready := pipe.taken():
                yield ready
    yield pipe.taken()
