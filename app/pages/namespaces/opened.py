"""An open file of a namespace, a kept version, and what their names tell (`spec` UI-NS-07)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from urllib.parse import quote

from app.pages.namespaces.scripts import runs
from app.words import say
from backend_client import FileEntry

LARGE = 5_000_000
BINARY_ENDS = frozenset(
    [
        *("7z", "avif", "avro", "bin", "bmp", "bz2", "class", "doc", "docx", "duckdb", "exe", "feather", "gif", "gz"),
        *("ico", "jar", "jpeg", "jpg", "mp3", "mp4", "orc", "parquet", "pdf", "pickle", "pkl", "png", "pptx", "pyc"),
        *("so", "sqlite", "tar", "tgz", "tiff", "wasm", "webp", "whl", "xls", "xlsx", "xz", "zip", "zst"),
    ]
)


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file in a tab; `order` counts the saves that the page asked for."""

    key: str = ""
    """One of its own, whatever its path and address become: what is typed stays through both."""
    path: str = ""
    name: str = ""
    url: str = ""
    stats: str = ""
    """Where its version is told."""
    size: str = ""
    plain: bool = True
    why: str = ""
    dirty: bool = False
    order: int = 0
    picture: bool = False
    pdf: bool = False
    drawn: str = ""
    """How else it can be shown: `page`, `table`, or not at all."""
    script: bool = False
    """Whether a task runs it."""


@dataclass(frozen=True, slots=True)
class FileVersion:
    """A kept version in the list; `older` says how many lie before it."""

    number: int = 0
    date: str = ""
    size: str = ""
    author: str = ""
    """Nobody for one that a flow wrote."""
    url: str = ""
    current: bool = False
    older: int = 0


def bytes_words(size: int) -> str:
    """Return `48.2 MB`, `512 B`."""
    value = float(size)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def path_fault(path: str) -> str:
    """Return which rule a typed path breaks; empty when none."""
    parts = [part for part in path.split("/") if part]
    if not parts:
        return say("Type a name.")
    if any(part in (".", "..") for part in parts) or "\\" in path:
        return say("A path does not climb: no . or .. and no backslash.")
    if any(len(part.encode()) > 255 for part in parts):
        return say("A part of a path has at most 255 bytes.")
    return ""


DRAWN = {"md": "page", "markdown": "page", "csv": "table", "tsv": "table"}
PICTURES = frozenset({"avif", "bmp", "gif", "ico", "jpeg", "jpg", "png", "webp"})


def described(files_url: str, path: str, entry: FileEntry) -> OpenFile:
    """Return a file of the address `files_url` as it stands in a tab."""
    end = entry.name.rpartition(".")[2].lower()
    why = ""
    if end in BINARY_ENDS:
        why = say("This kind of file is not text.")
    elif entry.size > LARGE:
        why = say("Files above 5 MB are not edited here.")
    return OpenFile(
        key=f"{path}@{time.time_ns()}",
        path=path,
        name=entry.name,
        url=f"{files_url}?path={quote(path)}",
        stats=f"{files_url}/stats?path={quote(path)}",
        size=bytes_words(entry.size),
        plain=not why,
        why=why,
        pdf=end == "pdf",
        picture=end in PICTURES and entry.size <= LARGE,
        drawn="" if why else DRAWN.get(end, ""),
        script=runs(path),
    )
