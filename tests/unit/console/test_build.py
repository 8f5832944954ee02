"""Laws of the build: independent of host and port, small, without evaluated scripts or foreign hosts."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def settings() -> ModuleType:
    spec = importlib.util.spec_from_file_location("console_settings", ROOT / "rxconfig.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("quote", ["`", '"', "'"])
def test_the_baked_address_becomes_the_visited_one(settings: ModuleType, tmp_path: Path, quote: str) -> None:
    chunk = tmp_path / "assets" / "reflex-env-x.js"
    chunk.parent.mkdir()
    chunk.write_text(
        f"var e={{PING:{quote}http://localhost:8000/_ui/ping{quote},EVENT:{quote}ws://localhost:8000/_ui/_event{quote}}};"
    )
    settings.RelocatableFrontend().post_build(static_dir=tmp_path)
    text = chunk.read_text()
    assert "localhost" not in text
    assert text == "var e={PING:location.origin+`/_ui/ping`,EVENT:location.origin.replace(/^http/,'ws')+`/_ui/_event`};"


def test_inline_scripts_are_hashed_for_the_policy(settings: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<script>a()</script><script src='x.js'></script>")
    settings.RelocatableFrontend().post_build(static_dir=tmp_path)
    hashes = json.loads((tmp_path / "csp-hashes.json").read_text())
    assert hashes == ["sha256-" + base64.b64encode(hashlib.sha256(b"a()").digest()).decode()]


def test_what_a_pdf_may_need_is_published_without_web_assembly(
    settings: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UI-RX-05, UI-RX-07: the policy lets no WebAssembly in, and nothing of a PDF is ever evaluated."""
    package = tmp_path / ".web" / "node_modules" / "pdfjs-dist"
    names = ("cmaps/H.bcmap", "standard_fonts/FoxitFixed.pfb", "wasm/jbig2.wasm", "wasm/jbig2_nowasm_fallback.js")
    for name in (*names, "wasm/quickjs-eval.js"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("x")
    monkeypatch.chdir(tmp_path)
    settings.PdfFiles().post_build(static_dir=tmp_path / "out")
    made = {str(one.relative_to(tmp_path / "out")) for one in (tmp_path / "out").rglob("*.*")}
    assert made == {f"pdfjs/{name}" for name in names if not name.endswith(".wasm")}


def test_the_viewer_of_pdf_is_the_locked_one() -> None:
    packages = json.loads((ROOT / "reflex.lock" / "package-lock.json").read_text())["packages"]
    named = re.search(r'PDFJS = "pdfjs-dist@([\d.]+)"', (ROOT / "components" / "pdf_view.py").read_text())
    assert named and packages["node_modules/pdfjs-dist"]["version"] == named[1]


def test_the_lock_names_no_host_and_no_second_style_system() -> None:
    package = (ROOT / "reflex.lock" / "package.json").read_text()
    lock = (ROOT / "reflex.lock" / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert "@radix-ui/themes" not in package


def _python(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]


def test_no_handler_returns_what_needs_eval() -> None:
    forbidden = re.compile(r"rx\.(toast|call_script|set_clipboard|call_function|download|redirect)\b")
    for file in _python("app", "components"):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            assert not forbidden.search(line.split("#")[0]) or '"""' in line, f"{file.name}:{number}: {line.strip()}"


def test_the_console_imports_nothing_of_the_backend() -> None:
    forbidden = re.compile(r"^\s*(from|import) flowdeck\b", re.MULTILINE)
    for file in _python("app", "components", "backend_client"):
        assert not forbidden.search(file.read_text(encoding="utf-8")), file
    for file in _python("backend_client"):
        assert "reflex" not in file.read_text(encoding="utf-8"), file


def test_pages_are_registered_in_one_place() -> None:
    for file in _python("app"):
        if file.name != "app.py":
            assert "add_page(" not in file.read_text(encoding="utf-8"), file


def test_client_components_evaluate_nothing_and_ask_no_other_host() -> None:
    for file in sorted((ROOT / "components").glob("*.jsx")):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"\beval\(|new Function\(", text), file
        assert not re.search(r"https?://(?!www\.w3\.org)", text), file


def test_every_icon_exists() -> None:
    """An unknown one is replaced by another, and each start of the server says so at length."""
    from reflex_components_lucide.icon import LUCIDE_ICON_LIST

    texts = [p.read_text() for folder in ("app", "components") for p in sorted((ROOT / folder).rglob("*.py"))]
    names = {name for text in texts for name in re.findall(r"rx\.icon\(\s*\"([^\"]+)\"", text)}
    assert len(names) > 20
    assert {name for name in names if name.replace("-", "_") not in LUCIDE_ICON_LIST} == set()
