"""The OpenAPI document: every route is in it, with an operation, a permission and models that exist (spec §1, F16)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from flowdeck.api.app import ROUTERS
from flowdeck.api.contract.document import build
from flowdeck.api.contract.operation import anonymised
from flowdeck.api.contract.page import render
from flowdeck.api.contract.tables import OPERATIONS, operations, read_query
from flowdeck.api.security import OPEN, OPEN_UNTIL_SET_UP

ROUTES = [route for router in ROUTERS for route in router.routes]
WITHOUT_PERMISSION = re.compile(
    r"/api/v1/(plugins|pebble|configs|basicAuthValidationErrors|openapi\.json)|/api$|/(ping|login|logout|swagger)"
    r"|.*/(webhook|blueprints|basicAuth)(/|$)"
)
"""Routes that every caller may use: what they tell is of the instance, or the key is the credential (F16)."""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return build(ROUTES, "0")


def test_every_route_has_an_operation_and_every_operation_a_route() -> None:
    """Issue 4: handler and entry belong together, in both directions."""
    described = {operation.key for _, operation in operations(ROUTES)}
    assert {one.key for one in OPERATIONS} <= described


def test_ids_are_unique(document: dict[str, Any]) -> None:
    """Clients are generated from the ids."""
    ids = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(ids) == len(set(ids))


def test_every_operation_says_what_it_does(document: dict[str, Any]) -> None:
    """Summaries come from the handlers' documentation."""
    bare = [
        o["operationId"] for p in document["paths"].values() for o in p.values() if o["summary"] == o["operationId"]
    ]
    assert bare == []


def test_every_reference_resolves(document: dict[str, Any]) -> None:
    """§1: the document is whole."""
    for kind, name in re.findall(r'"#/components/(\w+)/([^"]+)"', json.dumps(document)):
        assert name in document["components"][kind], name


def test_every_tag_is_described(document: dict[str, Any]) -> None:
    """Readers find the groups of the page explained."""
    used = {tag for path in document["paths"].values() for one in path.values() for tag in one["tags"]}
    assert used <= {tag["name"] for tag in document["tags"]}


def test_every_operation_has_a_permission() -> None:
    """F16: one table; what has no permission is open to every caller by decision."""
    bare = [o.path for o in OPERATIONS if o.permission is None and not WITHOUT_PERMISSION.match(o.path)]
    assert bare == []


def test_anonymous_operations_are_those_that_authentication_lets_pass() -> None:
    """§2: the document says `security: []` exactly where no credential is asked for."""
    said = {o.key for o in OPERATIONS if o.anonymous}
    assert said == {(method, anonymised(path)) for method, path in OPEN}
    assert not said & {(method, anonymised(path)) for method, path in OPEN_UNTIL_SET_UP}


def test_parameters_that_handlers_declare_are_documented() -> None:
    """A parameter added to a handler comes into the document, or this fails."""
    for route, operation in operations(ROUTES):
        known = {one.name for one in operation.query}
        missing = {one.name for one in read_query(route)} - known
        assert not missing, f"{operation.id}: {missing}"


def test_the_page_links_only_to_what_it_holds(document: dict[str, Any]) -> None:
    """§1: an interactive reference; every operation and model is on it once."""
    text = render(document)
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(ids)
    assert all(one["operationId"] in ids for path in document["paths"].values() for one in path.values())
    assert "<script" not in text
