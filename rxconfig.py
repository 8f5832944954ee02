"""Settings of the console's framework; the server's settings live in `flowdeck.config`."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
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


PDFJS = ("cmaps", "standard_fonts", "wasm")


class PdfFiles(rx.plugins.Plugin):
    """Publish what `components/pdf_view.jsx` reads by name: character maps, the fonts that a PDF may leave out, and
    the decoders of scanned pages that need no WebAssembly, which the content policy does not let in.

    The development server has none of them: fonts of the system stand in, such scans stay white.
    """

    def post_build(self, **context: Any) -> None:
        """Copy them from the locked package into `pdfjs` of the build.

        Args:
            context: the build's facts; only `static_dir` is used.

        Raises:
            FileNotFoundError: the package lies elsewhere or has another shape.
        """
        package = Path.cwd() / ".web" / "node_modules" / "pdfjs-dist"
        target = Path(context["static_dir"]) / "pdfjs"
        for name in PDFJS:
            unused = shutil.ignore_patterns("*.wasm", "quickjs*")
            shutil.copytree(package / name, target / name, ignore=unused, dirs_exist_ok=True)


VITE_SERVER = "\n  server: {\n"
API_PATHS = ("/api", "/login", "/logout")


class DevelopmentProxy(rx.plugins.Plugin):
    """Let the development server (`make dev`) hand requests for the API to the server in `FLOWDECK_CONSOLE_API`.

    Pages then have one origin as in production: no other address in the sources, no cross-origin rule to loosen.
    """

    def pre_compile(self, **context: Any) -> None:
        """Add the proxy to vite's configuration; nothing without the variable.

        Args:
            context: the compilation's tasks; only `add_modify_task` is used.
        """
        target = os.environ.get("FLOWDECK_CONSOLE_API")
        if not target:
            return
        # The host stays as the browser sent it: the server compares it with the origin of the page.
        rules = json.dumps({path: {"target": target, "changeOrigin": False} for path in API_PATHS})

        def modify(content: str) -> str:
            if VITE_SERVER not in content:
                raise RuntimeError("vite.config.js has no `server`: the framework's template has changed")
            return content.replace(VITE_SERVER, f"{VITE_SERVER}    proxy: {rules},\n", 1)

        context["add_modify_task"]("vite.config.js", modify)


VITE_PLUGINS = "  plugins: ["
LOCALES = Path(__file__).resolve().parent / "app" / "locales"


class Languages(rx.plugins.Plugin):
    """Let the build turn the words of the console into look-ups (`app/locales/words_plugin.mjs`).

    With `FLOWDECK_PSEUDO_LANGUAGE` the console also speaks `xx`, where each translated word stands in brackets:
    what stands there without them is no literal that the build found.
    """

    def pre_compile(self, **context: Any) -> None:
        """Add the plugin to vite's configuration.

        Args:
            context: the compilation's tasks; only `add_modify_task` is used.
        """
        options = {
            "folder": str(LOCALES),
            "out": str(Path.cwd() / ".web" / "words.json"),
            "pseudo": bool(os.environ.get("FLOWDECK_PSEUDO_LANGUAGE")),
        }

        def modify(content: str) -> str:
            if VITE_PLUGINS not in content:
                raise RuntimeError("vite.config.js has no `plugins`: the framework's template has changed")
            source = json.dumps((LOCALES / "words_plugin.mjs").as_uri())
            added = f"{VITE_PLUGINS}\n    words({json.dumps(options)}),"
            return f"import words from {source};\n" + content.replace(VITE_PLUGINS, added, 1)

        context["add_modify_task"]("vite.config.js", modify)


config = rx.Config(
    app_name="app",
    frontend_path="/ui",
    backend_path="/_ui",
    telemetry_enabled=False,
    show_built_with_reflex=False,
    frontend_lazy_bundled_libraries=True,
    redis_token_expiration=300,
    plugins=[RelocatableFrontend(), PdfFiles(), DevelopmentProxy(), Languages()],
    disable_plugins=[rx.plugins.SitemapPlugin],
)
