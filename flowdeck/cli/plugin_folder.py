"""The folder of plugins that were installed beside flowdeck (flag `--plugins`, `KESTRA_PLUGINS_PATH`).

It holds what `flowdeck plugins install` put there, and wheels that someone laid there as they are.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "KESTRA_PLUGINS_PATH"


def folder_of(flag: str | None, home: str | None) -> Path:
    """The folder: the flag, the variable, else `plugins` in the instance's folder."""
    named = flag or os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    own = home or os.environ.get("FLOWDECK_HOME")
    return (Path(own).expanduser() if own else Path.home() / ".flowdeck").absolute() / "plugins"


def packages_of(folder: Path) -> Path:
    """Where installed packages lie in the folder."""
    return folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def places_of(folder: Path) -> list[Path]:
    """What has to stand on the import path: installed packages, and wheels as they are."""
    if not folder.is_dir():
        return []
    packages = packages_of(folder)
    return [*([packages] if packages.is_dir() else []), *sorted(folder.glob("*.whl"))]


def put_on_path(flag: str | None, home: str | None) -> Path:
    """Let this process import what lies in the folder, after everything that flowdeck itself brings; the folder.

    Child processes find it by the environment.
    """
    folder = folder_of(flag, home)
    if flag:
        os.environ[VARIABLE] = str(folder)
    for place in map(str, places_of(folder)):
        if place not in sys.path:
            sys.path.append(place)
    return folder
