"""UI-SH-17, UI-AD-09: what the running version was made from."""

from __future__ import annotations

import subprocess
from pathlib import Path

from flowdeck.services.origin import Origin, of_checkout


def test_the_commit_of_a_checkout_and_its_instant(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        who = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
        return subprocess.run(["git", *who, *words], cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    assert of_checkout(tmp_path) == Origin()
    git("init", "-q")
    assert of_checkout(tmp_path) == Origin(), "there is no commit yet"
    git("commit", "-q", "--allow-empty", "-m", "first", "--date", "2026-11-20T01:00:00+02:00")
    found = of_checkout(tmp_path)
    assert found.commit == git("rev-parse", "--short=12", "HEAD").strip()
    assert len(found.date) == 20 and found.date.endswith("Z")
