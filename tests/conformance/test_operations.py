"""All operations of the open edition: handler, permission, entry in the document, test (issue 4)."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from flowdeck.api.app import ROUTERS
from flowdeck.api.contract.document import build
from flowdeck.api.contract.operation import anonymised
from flowdeck.api.contract.tables import OPERATIONS, operations
from flowdeck.api.middleware import TENANT_LESS
from tests.conformance.operations import LISTED, Listed

ROUTES = [route for router in ROUTERS for route in router.routes]
HANDLERS = {operation.key: (route, operation) for route, operation in operations(ROUTES)}
DOCUMENT = build(ROUTES, "0")


@cache
def functions(file: str) -> dict[str, str]:
    """Source of each test of a file, with the tables of the module that it names."""
    text = (Path(__file__).parent / file).read_text()
    tree = ast.parse(text)
    tables = {
        (node.targets[0] if isinstance(node, ast.Assign) else node.target).id: ast.get_source_segment(text, node) or ""
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
    }
    found = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            body = ast.get_source_segment(text, node) or ""
            found[node.name] = body + "".join(source for name, source in tables.items() if name in body)
    return found


def test_there_are_187() -> None:
    """Part 1 of the contract: none is missing, none is listed twice."""
    assert len(LISTED) == 187 == len({one.id for one in LISTED}) == len({(o.method, o.path) for o in LISTED})


@pytest.mark.parametrize("one", LISTED, ids=[one.id for one in LISTED])
def test_every_operation_is_whole(one: Listed) -> None:
    """Issue 4: handler in the router, permission, entry in the generated document, a test that calls it."""
    route, operation = HANDLERS[one.method, anonymised(one.path)]
    assert callable(route.endpoint) and operation.id == one.id
    assert ":".join(operation.permission or ("-",)) == one.permission
    entry = DOCUMENT["paths"][one.path][one.method.lower()]
    assert entry["operationId"] == one.id and entry["summary"]
    assert entry.get("x-permission", "-") == one.permission and "x-flowdeck" not in entry
    file, _, name = one.test.partition("::")
    source = functions(f"test_operations_{file}.py")[name]
    assert f'"{one.id}"' in source or ("Webhook" in one.id and "triggerExecutionBy{method}Webhook" in source)


def test_paths_without_tenant_mean_main() -> None:
    """§1: every resource below a tenant is reached by its older path too."""
    resources = {one.path.split("/")[4] for one in OPERATIONS if one.path.startswith("/api/v1/{tenant}/")}
    assert resources <= TENANT_LESS
