"""What a start leaves out is not missed, and comes back when it is configured."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def said(code: str, **environment: str) -> str:
    """What a fresh interpreter prints."""
    kept = {k: v for k, v in os.environ.items() if k not in ("REDIS_URL", "REFLEX_REDIS_URL")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=kept | environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def test_without_a_redis_its_client_is_not_imported() -> None:
    code = """
from flowdeck.main.quick_start import without_redis
without_redis()
import sys
from redis import ResponseError
from redis.asyncio import Redis
from redis.exceptions import RedisError
assert issubclass(ResponseError, RedisError) and "redis.client" not in sys.modules
try:
    from redis.asyncio import BlockingConnectionPool
except ImportError:
    print("as if not installed")
"""
    assert said(code) == "as if not installed"


@pytest.mark.parametrize("name", ["REDIS_URL", "REFLEX_REDIS_URL"])
def test_with_a_redis_it_is_the_real_client(name: str) -> None:
    code = """
from flowdeck.main.quick_start import without_redis
without_redis()
import sys
print("redis" in sys.modules)
"""
    assert said(code, **{name: "redis://localhost"}) == "False"


def test_httpx_works_without_its_command() -> None:
    code = """
from flowdeck.main.quick_start import without_httpx_command
without_httpx_command()
import sys, httpx
assert "click" not in sys.modules and "rich" not in sys.modules
print(httpx.URL("http://x/y").path)
"""
    assert said(code) == "/y"


def test_the_caller_of_an_asset_is_found_without_reading_sources(tmp_path: Path) -> None:
    (tmp_path / "component.py").write_text(
        "import reflex.assets as assets\n"
        "def where(level=0):\n"
        "    frame = assets.inspect.stack()[level]\n"
        "    return frame.filename, assets.inspect.getmodule(frame[0]).__name__\n"
    )
    code = f"""
import inspect, sys, types
sys.path.insert(0, {str(tmp_path)!r})
package, assets = types.ModuleType("reflex"), types.ModuleType("reflex.assets")
package.assets, assets.inspect = assets, inspect
sys.modules |= {{"reflex": package, "reflex.assets": assets}}
from flowdeck.main.quick_start import quick_callers
from component import where
plain = where()
with quick_callers():
    quick = where()
assert assets.inspect is inspect and quick == plain, (quick, plain)
print(quick[1])
"""
    assert said(code) == "component"
