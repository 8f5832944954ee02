"""A stranger's package is found by its entry point, described without being imported here, and runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowdeck.model.source import parse_flow
from flowdeck.sdk import index, registry

SOURCE = '''
from flowdeck.sdk import Expr, RunContext, Task, field

class Greet(Task, type="com.acme.plugin.Greet", aliases=("com.acme.Hello",)):
    """Greet somebody."""
    name: Expr[str] = field(doc="Who is greeted.")
    async def run(self, ctx: RunContext) -> dict:
        return {"text": "Hello " + await ctx.render(self.name)}
'''


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    package = tmp_path / "acme_plugins"
    package.mkdir()
    (package / "__init__.py").write_text(SOURCE)
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[flowdeck.plugins]\nacme = acme_plugins\nbroken = no_such_module\n")
    (info / "RECORD").write_text("acme_plugins/__init__.py,,\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("FLOWDECK_HOME", str(tmp_path / "home"))
    index.refresh()
    yield tmp_path
    index.refresh()
    registry._loaded.pop("com.acme.plugin.Greet", None)
    registry._loaded.pop("com.acme.Hello", None)
    sys.modules.pop("acme_plugins", None)


def test_a_strangers_type_is_valid_and_resolves(stranger: Path) -> None:
    catalog = index.load_catalog()
    assert catalog.canonical("com.acme.Hello") == "com.acme.plugin.Greet"
    assert "acme_plugins" not in sys.modules
    source = "id: a\nnamespace: b\ntasks:\n  - id: t\n    type: com.acme.plugin.Greet\n"
    parsed = parse_flow(source, catalog)
    assert parsed.flow is None or any(f.is_error and "name" in f.path for f in parsed.findings)
    assert registry.resolve("com.acme.Hello").__name__ == "Greet" and "acme_plugins" in sys.modules
    assert len(list((stranger / "home" / "cache" / "plugins").iterdir())) == 1


def test_a_broken_package_does_not_hide_the_others(stranger: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert index.load_catalog().find("io.kestra.plugin.core.log.Log") is not None
    assert any("no_such_module" in record.getMessage() for record in caplog.records)


def test_a_shipped_description_is_read(stranger: Path) -> None:
    (stranger / "acme_plugins" / index.STRANGERS_FILE).write_text('[{"type": "com.acme.Other", "kind": "task"}]')
    (stranger / "acme-1.0.dist-info" / "RECORD").write_text(f"acme_plugins/{index.STRANGERS_FILE},,\n")
    index.refresh()
    assert index.load_catalog().find("com.acme.Other") is not None
    assert not (stranger / "home").exists() or not list((stranger / "home" / "cache" / "plugins").iterdir())
