"""Settings of the console's framework; the server's settings live in `flowdeck.config`."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import reflex as rx

INLINE_SCRIPT = re.compile(r"<script(?P<attributes>[^>]*)>(?P<text>.*?)</script>", re.DOTALL)


class RelocatableFrontend(rx.plugins.Plugin):
    """Make the finished build independent of host and port, and list its inline scripts.

    The build bakes the development address into one small chunk; here it becomes `location.origin`.
    The hashes of the inline scripts of every HTML shell are written to `csp-hashes.json` beside the
    build, from where the server's Content-Security-Policy takes them.
    """

    def post_build(self, **context: Any) -> None:
        """Patch the address chunk and write the hashes.

        Args:
            context: the build's facts; only `static_dir` is used.
        """
        static_dir = Path(context["static_dir"])
        for chunk in static_dir.rglob("reflex-env-*.js"):
            text = chunk.read_text(encoding="utf-8")
            text = re.sub(r"[`\"']ws://localhost:\d+", "location.origin.replace(/^http/,'ws')+`", text)
            text = re.sub(r"[`\"']http://localhost:\d+", "location.origin+`", text)
            # The replaced head opened a template literal; a literal that ended in another quote ends so now.
            text = re.sub(r"(location\.origin(?:\.replace\(/\^http/,'ws'\))?\+`[^`\"']*)[\"']", r"\1`", text)
            chunk.write_text(text, encoding="utf-8")
        hashes: set[str] = set()
        for page in static_dir.rglob("*.html"):
            for found in INLINE_SCRIPT.finditer(page.read_text(encoding="utf-8")):
                if "src=" in found["attributes"]:
                    continue
                digest = hashlib.sha256(found["text"].encode()).digest()
                hashes.add("sha256-" + base64.b64encode(digest).decode())
        (static_dir / "csp-hashes.json").write_text(json.dumps(sorted(hashes)), encoding="utf-8")


config = rx.Config(
    app_name="app",
    frontend_path="/ui",
    backend_path="/_ui",
    telemetry_enabled=False,
    show_built_with_reflex=False,
    frontend_lazy_bundled_libraries=True,
    redis_token_expiration=300,
    plugins=[RelocatableFrontend()],
    disable_plugins=[rx.plugins.SitemapPlugin],
)
