"""A stranger's plugins for tests and benchmarks, found through the entry point as an installed wheel is."""

from __future__ import annotations

import hashlib
from pathlib import Path

NAME = "flowdeck_test_triggers"


def install(folder: Path) -> dict[str, str]:
    """Make a folder that has the plugins as an installed distribution; the environment that finds it."""
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / NAME
    if not link.exists():
        link.symlink_to(Path(__file__).parent / NAME)
    # Descriptions of plugins are kept by version: another text is another version.
    version = int(hashlib.sha256((link / "__init__.py").read_bytes()).hexdigest()[:8], 16)
    info = folder / f"{NAME}-{version}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[flowdeck.plugins]\n{NAME} = {NAME}\n")
    return {"PYTHONPATH": str(folder)}
