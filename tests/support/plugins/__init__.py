"""A stranger's plugins for tests and benchmarks, found through the entry point as an installed wheel is."""

from __future__ import annotations

from pathlib import Path

NAME = "flowdeck_test_triggers"


def install(folder: Path) -> dict[str, str]:
    """Make a folder that has the plugins as an installed distribution; the environment that finds it."""
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / NAME
    if not link.exists():
        link.symlink_to(Path(__file__).parent / NAME)
    info = folder / f"{NAME}-1.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[flowdeck.plugins]\n{NAME} = {NAME}\n")
    return {"PYTHONPATH": str(folder)}
