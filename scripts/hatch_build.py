"""Puts the finished console into the wheel; an editable install leaves it to `make console`."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ConsoleHook(BuildHookInterface):
    """Exports the frontend when its sources changed, includes the static files, and says what all is made from."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the console and add it; without npm the wheel is made without it, and says so."""
        if version == "editable" or os.environ.get("FLOWDECK_SKIP_FRONTEND"):
            return
        root = Path(self.root)
        command = [sys.executable, "scripts/build_console.py"]
        if subprocess.run(command, cwd=root, check=False).returncode != 0:
            if os.environ.get("FLOWDECK_REQUIRE_CONSOLE"):
                raise SystemExit("the console could not be built, and this wheel must hold it")
            self.app.display_warning("the console could not be built: this wheel holds API and engine only")
            return
        built = root / ".web" / "build" / "client"
        build_data["force_include"][str(built)] = "flowdeck/console/dist_frontend"
        # The package cannot be imported here: what it stands on is not installed.
        origin = runpy.run_path(str(root / "flowdeck" / "services" / "origin.py"))
        told = origin["of_checkout"](root)
        if told.commit:
            written = root / ".web" / origin["WRITTEN"]
            written.write_text(json.dumps(told._asdict()))
            build_data["force_include"][str(written)] = f"flowdeck/{origin['WRITTEN']}"
