"""Packages of the plugin folder: what pip puts there, and what it holds."""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Collection
from importlib import metadata
from pathlib import Path
from typing import Any

from flowdeck.cli.plugin_folder import folder_of, packages_of, places_of

GROUP = "flowdeck.plugins"
OFFLINE = ("Could not find a version", "No matching distribution", "NewConnectionError", "Failed to establish")


def _pip(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """pip, which sees what flowdeck and the folder hold already.

    Raises:
        ValueError: there is no pip.
    """
    if importlib.util.find_spec("pip") is not None:
        command = [sys.executable, "-m", "pip"]
    elif shutil.which("uv"):
        command = ["uv", "pip"]
    else:
        raise ValueError(f"there is no pip beside {sys.executable}; install the package 'pip' there")
    path = os.pathsep.join([str(packages_of(folder)), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return subprocess.run([*command, *words], capture_output=True, text=True, env=environment, check=False)


def install(options: argparse.Namespace, wanted: list[str]) -> list[dict[str, Any]]:
    """Install into the plugin folder; name, version and number of types of each package that brought types.

    Raises:
        ValueError: a wheel is not there, pip refused (its last lines are told), or nothing declares types.
    """
    folder = folder_of(options.plugins, options.home)
    for name in wanted:
        if name.endswith(".whl") and not Path(name).is_file():
            raise ValueError(f"{name}: no such file")
    folder.mkdir(parents=True, exist_ok=True)
    before = _declared(folder)
    old = _installed(folder)
    words = ["install", "--quiet", "--upgrade", "--upgrade-strategy", "only-if-needed", "--prefix", str(folder)]
    if options.offline:
        words.append("--no-index")
    if options.repositories:
        words += ["--index-url", options.repositories[0]]
        for url in options.repositories[1:]:
            words += ["--extra-index-url", url]
    done = _pip(folder, *words, *wanted)
    if done.returncode:
        told = [line for line in done.stderr.splitlines() if line.strip() and "WARNING" not in line]
        hint = ""
        if any(word in done.stderr for word in OFFLINE):
            hint = "\n  without a package index, give the path of a wheel whose dependencies are installed"
        raise ValueError(f"pip could not install {' '.join(wanted)}:\n  " + "\n  ".join(told[-4:]) + hint)
    _settle(folder)
    _drop_replaced(folder, old)
    after = _declared(folder)
    names = {_folded(Path(name).name.split("-")[0] if name.endswith(".whl") else _bare(name)) for name in wanted}
    found = [one for one in after if one not in before or _folded(one["name"]) in names]
    if not found:
        raise ValueError(f"{' '.join(wanted)}: installed, but no package names types under '{GROUP}'")
    return found


def _bare(requirement: str) -> str:
    for sign in "=<>!~[; @":
        requirement = requirement.split(sign)[0]
    return requirement


def _folded(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _settle(folder: Path) -> None:
    """Some systems put what `--prefix` names below another folder: bring it where it is looked for."""
    place = packages_of(folder)
    if place.is_dir():
        return
    for other in (folder / "local" / "lib", folder / "lib"):
        for found in sorted(other.glob("python*/*-packages")):
            place.parent.mkdir(parents=True, exist_ok=True)
            found.rename(place)
            return


def _installed(folder: Path) -> list[metadata.Distribution]:
    return list(metadata.distributions(path=[str(packages_of(folder))]))


def _drop_replaced(folder: Path, old: list[metadata.Distribution]) -> None:
    """Take away what older versions had and newer ones have not: pip leaves packages of other folders alone."""
    kept: dict[str, metadata.Distribution] = {}
    before = {(one.name, one.version) for one in old}
    for one in _installed(folder):
        if (one.name, one.version) not in before:
            kept[_folded(one.name)] = one
    for one in old:
        newer = kept.get(_folded(one.name))
        if newer is not None:
            _remove(folder, one, {str(file) for file in newer.files or ()})


def _remove(folder: Path, dist: metadata.Distribution, besides: Collection[str] = ()) -> None:
    """Delete a package's files, save those named; only what lies in the plugin folder."""
    emptied: set[Path] = set()
    root = folder.resolve()
    for file in dist.files or ():
        path = Path(str(dist.locate_file(file))).resolve()
        if str(file) in besides or not path.is_relative_to(root):
            continue
        path.unlink(missing_ok=True)
        for cached in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
            cached.unlink(missing_ok=True)
        emptied |= {path.parent / "__pycache__", path.parent}
    for place in sorted(emptied, key=lambda one: len(one.parts), reverse=True):
        if place.is_dir() and place != packages_of(root) and not any(place.iterdir()):
            place.rmdir()


def _declared(folder: Path) -> list[dict[str, Any]]:
    """Packages of the folder that bring types."""
    import json
    import logging

    found: list[dict[str, Any]] = []
    for dist in metadata.distributions(path=[str(place) for place in places_of(folder)]):
        entries = [entry for entry in dist.entry_points if entry.group == GROUP]
        if not entries:
            continue
        types = 0
        for entry in entries:
            done = subprocess.run(
                [sys.executable, "-m", "flowdeck.sdk.index", entry.module],
                capture_output=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places_of(folder)))},
                check=False,
            )
            if done.returncode:
                told = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
                logging.getLogger("flowdeck.plugins").warning("%s: %s", entry.module, told)
            else:
                types += len(json.loads(done.stdout))
        found.append({"name": dist.name, "version": dist.version, "types": types})
    return found


def uninstall(options: argparse.Namespace, names: list[str]) -> tuple[list[str], list[str]]:
    """Remove packages of the folder; names of those that went, and of those that were not there."""
    folder = folder_of(options.plugins, options.home)
    here = {_folded(dist.name): dist for dist in _installed(folder)}
    wheels = {_folded(path.name.split("-")[0]): path for path in folder.glob("*.whl")}
    gone: list[str] = []
    missing: list[str] = []
    for name in names:
        folded = _folded(_bare(name.split(":")[1] if name.count(":") in (1, 2) else name))
        if folded in here:
            gone.append(here[folded].name)  # before its file is gone
            _remove(folder, here[folded])
        elif folded in wheels:
            wheels[folded].unlink()
            gone.append(name)
        else:
            missing.append(name)
    return gone, missing
