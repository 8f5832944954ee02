"""Plugins come as wheels into a folder beside flowdeck (operations notes G3 `plugins`, §9 of the design)."""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from flowdeck.cli import plugin_packages

MODULE = '''
"""A stranger's plugin."""
from flowdeck.sdk import Expr, RunContext, Task, field

class Greet(Task, type="com.acme.Greet"):
    """Say hello."""

    name: Expr[str] = field(doc="Who.")

    async def run(self, ctx: RunContext):
        return None
'''
FLOW = "id: f\nnamespace: a.b\ntasks:\n  - {id: g, type: com.acme.Greet, name: x}\n"


def wheel(folder: Path, version: str) -> Path:
    """The smallest wheel that brings a type."""
    info = f"acme_plugin-{version}.dist-info"
    files = {
        "acme_plugin.py": MODULE,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: acme-plugin\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[flowdeck.plugins]\nacme = acme_plugin\n",
    }
    record = []
    path = folder / f"acme_plugin-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(text)}")
        archive.writestr(f"{info}/RECORD", "\n".join([*record, f"{info}/RECORD,,"]))
    return path


@pytest.fixture
def flowdeck(tmp_path: Path):
    """The command in a home of its own."""

    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "flowdeck", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, "FLOWDECK_HOME": str(tmp_path / "home"), **environment},
        )

    return run


def test_a_wheel_is_installed_used_replaced_and_removed(flowdeck, tmp_path: Path) -> None:
    options = argparse.Namespace(plugins=str(tmp_path / "plugins"), home=None, offline=True, repositories=[])
    (tmp_path / "flow.yml").write_text(FLOW)
    first = plugin_packages.install(options, [str(wheel(tmp_path, "1.0"))])
    assert first == [{"name": "acme-plugin", "version": "1.0", "types": 1}]
    checked = flowdeck("flow", "validate", str(tmp_path / "flow.yml"), "-p", options.plugins)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    second = plugin_packages.install(options, [str(wheel(tmp_path, "1.1"))])
    assert [one["version"] for one in second] == ["1.1"]
    assert plugin_packages.uninstall(options, ["acme_plugin", "nobody"]) == (["acme-plugin"], ["nobody"])
    assert not list((tmp_path / "plugins").rglob("*acme*"))


def test_a_wheel_that_lies_in_the_folder_is_used_as_it_is(flowdeck, tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    folder.mkdir()
    wheel(folder, "1.0")
    found = flowdeck("plugins", "search", "com.acme", "-o", "json", KESTRA_PLUGINS_PATH=str(folder))
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)[0]["type"] == "com.acme.Greet"


def test_what_cannot_be_installed_is_told(tmp_path: Path) -> None:
    options = argparse.Namespace(plugins=str(tmp_path / "plugins"), home=None, offline=True, repositories=[])
    with pytest.raises(ValueError, match=r"none\.whl: no such file"):
        plugin_packages.install(options, [str(tmp_path / "none.whl")])
    with pytest.raises(ValueError, match="without a package index, give the path of a wheel"):
        plugin_packages.install(options, ["no-such-plugin-of-flowdeck"])
