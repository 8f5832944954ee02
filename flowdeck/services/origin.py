"""Which commit this package was built from, or this checkout stands at (console: UI-SH-17, UI-AD-09)."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

WRITTEN = "built_from.json"
"""Lies in a wheel, where there is no repository to ask: `{"commit", "date"}`."""


class Origin(NamedTuple):
    """Commit and its instant, ISO 8601 in UTC; both empty when nobody knows."""

    commit: str = ""
    date: str = ""


@cache
def origin() -> Origin:
    """What the wheel says, else what git says of the checkout."""
    package = Path(__file__).parent.parent
    try:
        told = json.loads((package / WRITTEN).read_text())
        return Origin(str(told["commit"]), str(told["date"]))
    except (OSError, ValueError, KeyError, TypeError):
        return of_checkout(package.parent)


def of_checkout(folder: Path) -> Origin:
    """The commit that a checkout stands at; empty without a repository or without git."""
    if not (folder / ".git").exists():
        return Origin()
    command = ["git", "show", "--no-patch", "--abbrev=12", "--format=%h %cd", "--date=format-local:%Y-%m-%dT%H:%M:%SZ"]
    try:
        told = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=5, check=True, env={**os.environ, "TZ": "UTC"}
        )
        commit, date = told.stdout.split()
    except (OSError, ValueError, subprocess.SubprocessError):
        return Origin()
    return Origin(commit, date)
