"""`file://` URIs: only below the folders that the configuration allows (`kestra.local-files.allowed-paths`)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit


def permitted(uri: str, allowed: Iterable[str]) -> str | None:
    """The real path behind a `file://` URI, links followed; None when it is not below an allowed folder."""
    try:
        path = os.path.realpath(unquote(urlsplit(uri).path))
    except ValueError:  # NUL, a host that is none
        return None
    for folder in allowed:
        base = os.path.realpath(folder)
        if path == base or path.startswith(base.rstrip("/") + "/"):
            return path
    return None


def local_path(uri: str, allowed: Iterable[str]) -> Path:
    """The file behind a `file://` URI.

    Symbolic links are followed before the place is judged. Raises `PermissionError` for a path that is not below
    an allowed folder, `FileNotFoundError` for one that is no file.
    """
    path = permitted(uri, allowed)
    if path is None:
        raise PermissionError(f"The path of '{uri}' is not allowed; see kestra.local-files.allowed-paths")
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{uri} (File not found)")
    return Path(path)
