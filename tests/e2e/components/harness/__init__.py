"""Builds the client components alone, without Reflex, for browser tests: one page that mounts any of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
HERE = Path(__file__).resolve().parent
ASSET = re.compile(r'"([\w.-]+\.(?:jsx|mjs|js|css))"')
"""Files that a module hands to the browser, named one by one or in a list."""
PACKAGES = (
    "vite",
    "monaco-editor",
    "monaco-yaml",
    "yaml",
    "@replit/codemirror-vim-core",
    "@xyflow/react",
    "@dagrejs/dagre",
    "react-virtuoso",
    "plotly.js-basic-dist-min",
)
MODULES = (
    "net",
    "glyphs",
    "stream",
    "gantt",
    "log_view",
    "graph",
    "client",
    "yaml_document",
    "no_code",
    "held_texts",
    "yaml_editor",
    "diff_editor",
    "code_editor",
    "monaco",
    "chart",
    "sparkline",
    "value_tree",
    "execute_form",
    "language",
)

LAYERS = ("overlay.jsx", "drawer_steps.jsx", "bridge.jsx", "toasts.jsx", "shell.jsx")
"""Of the shell only what the components import."""
CONTEXT = """import { createContext } from "react";
export const EventLoopContext = createContext([() => {}, []]);
export const ColorModeContext = createContext({});
export const StateContexts = {};
"""


def node_modules() -> Path | None:
    """Packages of the last build of the console (or FLOWDECK_NODE_MODULES); None when one is missing."""
    found = Path(os.environ.get("FLOWDECK_NODE_MODULES") or ROOT / ".web" / "node_modules")
    return found if all((found / name).is_dir() for name in PACKAGES) else None


def build(into: Path, packages: Path) -> Path:
    """Bundles the components into ``into`` and returns the folder to serve.

    Raises:
        RuntimeError: when vite fails; the message is its output.
    """
    for module in MODULES:
        source = ROOT / "components" / f"{module}.py"
        if not source.exists():
            continue
        folder = into / "public" / "external" / "components" / module
        folder.mkdir(parents=True, exist_ok=True)
        for name in ASSET.findall(source.read_text()):
            if module == "client" and name not in LAYERS:
                continue
            if (ROOT / "components" / name).is_file():
                shutil.copy(ROOT / "components" / name, folder / name)
    (into / "utils").mkdir(exist_ok=True)
    (into / "utils" / "context.js").write_text(CONTEXT)
    static = into / "static"
    static.mkdir(exist_ok=True)
    assets = ROOT / "assets"
    for name in ("tokens.css", "mock.css"):
        found = next(iter(assets.rglob(name)), None)
        if found:
            shutil.copy(found, static / name)
    if (assets / "fonts").is_dir():
        shutil.copytree(assets / "fonts", static / "fonts", dirs_exist_ok=True)
    for name in ("main.jsx", "index.html", "vite.config.mjs"):
        shutil.copy(HERE / name, into / name)
    link = into / "node_modules"
    if not link.exists():
        link.symlink_to(packages)
    vite = packages / "vite" / "bin" / "vite.js"
    node = shutil.which("node") or "node"
    done = subprocess.run(
        [node, str(vite), "build", "--config", str(into / "vite.config.mjs")],
        cwd=into,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stdout[-3000:] + done.stderr[-3000:])
    return into / "dist"
