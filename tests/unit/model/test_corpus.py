"""Published flows are parsed without surprise."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from flowdeck.model.catalog import Catalog
from flowdeck.model.source import parse_flow

_PLACES = [os.environ.get("FLOWDECK_CORPUS", ""), *(str(p / "shared/corpus") for p in Path(__file__).resolve().parents)]
_FOUND = next((Path(p) for p in _PLACES if p and (Path(p) / "flows").is_dir()), None)

KNOWN_BROKEN = {
    "best-practices__naming-conventions__1.yaml": "an output without type",
    "best-practices__naming-conventions__2.yaml": "an output without type",
    "best-practices__managing-pip-dependencies__3.yaml": "a property of the WorkingDirectory on its child",
    "concepts__caching__2.yaml": "a property of the WorkingDirectory on its child",
    "how-to-guides__conditional-branching__2.yaml": "an output of a task with dashes without brackets",
    "how-to-guides__github-repo-backup__2.yaml": "a method behind a filter",
}


def load_catalog() -> Catalog:
    """With the plugins when their index was made, else the model's own types."""
    try:
        from flowdeck.sdk.index import load_catalog as load
    except ImportError:
        return Catalog()
    try:
        return load()
    except Exception:
        return Catalog()


@pytest.fixture(scope="module")
def flows() -> list[Path]:
    if _FOUND is None:
        pytest.skip("no corpus beside the repository; FLOWDECK_CORPUS may name it")
    return sorted((_FOUND / "flows").glob("*.yaml"))


def test_flows_of_known_types_are_accepted(flows: list[Path]) -> None:
    catalog = load_catalog()
    refused = {}
    for path in flows:
        source = path.read_text()
        parsed = parse_flow(source, catalog)
        types = re.findall(r"^\s*-?\s*type:\s*[\"']?(io\.kestra\.[\w.]+)", source, re.MULTILINE)
        if parsed.flow is None and all(catalog.find(t) for t in types) and path.name not in KNOWN_BROKEN:
            refused[path.name] = [(f.line, f.path, f.message) for f in parsed.errors]
    assert refused == {}


def test_other_flows_fail_for_their_types_only(flows: list[Path]) -> None:
    catalog = load_catalog()
    surprising = {}
    for path in flows:
        errors = [f for f in parse_flow(path.read_text(), catalog).errors if f.rule != "unknown-type"]
        if errors and path.name not in KNOWN_BROKEN:
            surprising[path.name] = [(f.line, f.path, f.message) for f in errors]
    assert surprising == {}
