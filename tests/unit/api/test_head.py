"""HEAD is GET without content, where GET changes nothing and ends (RFC 9110 §9.3.2)."""

from __future__ import annotations

import httpx
import pytest


@pytest.mark.parametrize("path", ["/api/v1/main/flows/search", "/api/v1/plugins", "/ping", "/api/v1/main/flows/a/none"])
async def test_head_has_the_status_and_headers_of_get(client: httpx.AsyncClient, path: str) -> None:
    """A literal path is found before one with parameters, as with GET."""
    get, head = await client.get(path), await client.head(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    names = ("content-type", "content-length", "cache-control")
    if get.status_code == 200:
        assert [head.headers.get(n) for n in names] == [get.headers.get(n) for n in names]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/main/executions/webhook/a.b/c/key",
        "/api/v1/main/executions/x/follow",
        "/api/v1/main/logs/x/follow",
        "/api/v1/main/executions/x/follow-dependencies",
        "/api/v1/main/console/stream",
    ],
)
async def test_what_starts_or_streams_is_not_asked_by_head(client: httpx.AsyncClient, path: str) -> None:
    """A preview of a link must start nothing."""
    assert (await client.head(path)).status_code in (404, 405)


async def test_head_needs_a_credential(stranger: httpx.AsyncClient) -> None:
    """§2: as every other method."""
    assert (await stranger.head("/api/v1/main/flows/search")).status_code == 401
    assert (await stranger.head("/api/v1/configs")).status_code == 200
