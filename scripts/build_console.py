"""Build the console's static files when their sources changed (`--force`: always)."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from flowdeck.main.console import build_frontend  # noqa: E402

if __name__ == "__main__":
    build_frontend(ROOT, say=lambda line: print(f"[console] {line}", flush=True), force="--force" in sys.argv)
