"""`file://` URIs: only below the folders that the configuration allows (`kestra.local-files.allowed-paths`)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit


def local_path(uri: str, allowed: Iterable[str]) -> Path:
    """The file behind a `file://` URI.

    Symbolic links are followed before the place is judged. Raises `PermissionError` for a path that is not below
    an allowed folder, `FileNotFoundError` for one that is no file.
    """
    path = os.path.realpath(unquote(urlsplit(uri).path))
    for folder in allowed:
        base = os.path.realpath(folder)
        if path == base or path.startswith(base.rstrip("/") + "/"):
            if not os.path.isfile(path):
                raise FileNotFoundError(f"{uri} (File not found)")
            return Path(path)
    raise PermissionError(f"The path of '{uri}' is not allowed; see kestra.local-files.allowed-paths")
