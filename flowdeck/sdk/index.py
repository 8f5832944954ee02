"""The plugin index: type → module, schema, documentation. Reading it imports no plugin (design law 9).

Built-in plugins: `flowdeck/plugins/index.json`, written by `flowdeck plugins index`. A stranger's wheel names a module
under the entry-point group `flowdeck.plugins` and is indexed by the same code: from `flowdeck-plugins.json` beside the
module, else once in a child process, kept in the cache folder by distribution and version.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
import os
import pkgutil
import subprocess
import sys
import tempfile
from functools import lru_cache
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from flowdeck.model.catalog import Catalog
from flowdeck.model.shapes import TypeSpec
from flowdeck.sdk import registry

GROUP = "flowdeck.plugins"
BUILT_IN = "flowdeck.plugins"
STRANGERS_FILE = "flowdeck-plugins.json"

log = logging.getLogger("flowdeck.plugins")


def describe(package: str) -> list[dict[str, Any]]:
    """Import a package with all its modules and describe the classes it declares, in order of their types."""
    root = importlib.import_module(package)
    for info in pkgutil.walk_packages(getattr(root, "__path__", []), prefix=f"{package}."):
        importlib.import_module(info.name)
    mine = [c for c in registry.loaded() if c.__module__ == package or c.__module__.startswith(f"{package}.")]
    return [spec.to_json() for spec in sorted((c.spec for c in mine), key=lambda s: s.type)]


def built_in_file() -> Path:
    """Where the index of the built-in plugins lies."""
    return Path(str(resources.files(BUILT_IN))) / "index.json"


def write_index() -> Path:
    """Regenerate the index of the built-in plugins; its path."""
    path = built_in_file()
    body = ",\n".join(json.dumps(item, ensure_ascii=False, sort_keys=True) for item in describe(BUILT_IN))
    path.write_text(f"[\n{body}\n]\n", encoding="utf-8")
    return path


@lru_cache(maxsize=1)
def specs() -> tuple[TypeSpec, ...]:
    """All plugin types of this installation."""
    raw: list[dict[str, Any]] = []
    try:
        raw += json.loads(built_in_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        log.warning("the plugin index is missing; run 'flowdeck plugins index'")
    for entry in metadata.entry_points(group=GROUP):
        try:
            raw += _strangers(entry)
        except Exception as error:  # one broken wheel must not hide the others
            log.warning("plugins of '%s' can't be used: %s", entry.value, error)
    return tuple(TypeSpec.from_json(item) for item in raw)


@lru_cache(maxsize=1)
def load_catalog() -> Catalog:
    """All types that flows may use: plugins, and what the model declares itself."""
    return Catalog(specs())


@lru_cache(maxsize=1)
def _modules() -> dict[str, str]:
    return {name: spec.module for spec in specs() for name in (spec.type, *spec.aliases)}


def module_of(type_name: str) -> str | None:
    """`package.module:Class` of a type or alias; None when it is not installed."""
    return _modules().get(type_name)


def refresh() -> None:
    """Forget what was read, after an installation."""
    for cached in (specs, load_catalog, _modules):
        cached.cache_clear()


def _strangers(entry: metadata.EntryPoint) -> list[dict[str, Any]]:
    dist = entry.dist
    if dist is not None:
        beside = f"{entry.module.replace('.', '/')}"
        for file in dist.files or ():
            if file.name == STRANGERS_FILE and str(file.parent) in (beside, beside.rpartition("/")[0]):
                return json.loads(file.read_text(encoding="utf-8"))
    stamp = f"{entry.module}@{dist.name}-{dist.version}" if dist else entry.module
    folder = Path(os.environ.get("FLOWDECK_HOME") or tempfile.gettempdir()) / "cache" / "plugins"
    kept = folder / (hashlib.sha256(f"{sys.prefix} {stamp}".encode()).hexdigest()[:24] + ".json")
    if kept.is_file():
        return json.loads(kept.read_text(encoding="utf-8"))
    done = subprocess.run(
        [sys.executable, "-m", "flowdeck.sdk.index", entry.module],
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},  # the plugin folder is on it
    )
    if done.returncode:
        raise ImportError(done.stderr.decode(errors="replace").strip().rpartition("\n")[2])
    folder.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(done.stdout)
    return json.loads(done.stdout)


def main(arguments: list[str]) -> int:
    """`python -m flowdeck.sdk.index [package]`: print a package's index; without argument rewrite the built-in one."""
    if arguments:
        json.dump(describe(arguments[0]), sys.stdout)
    else:
        sys.stdout.write(f"{write_index()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
