"""One real server for all of this folder; its worker knows a few secrets."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from tests.support.server import Server

SECRETS = {
    "CONFORMANCE_TOKEN": "hush-8-hush-token",
    "CONFORMANCE_JSON": '{"user": "ada", "password": "pw-in-a-json-secret"}',
}
"""What `secret()` finds, by name; the worker reads them from `SECRET_…` variables."""


def encoded(secrets: dict[str, str]) -> dict[str, str]:
    """Secrets as environment variables of a server."""
    return {f"SECRET_{k}": base64.b64encode(v.encode()).decode() for k, v in secrets.items()}


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A started server, shared: tests use flows of their own."""
    one = Server(tmp_path_factory.mktemp("home"), environment=encoded(SECRETS))
    try:
        yield one.start(seconds=60)
    finally:
        one.stop()
