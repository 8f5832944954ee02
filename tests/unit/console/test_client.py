"""Laws of the typed client: queries, quoting, errors, retries."""

from __future__ import annotations

import httpx
import pytest

from backend_client import ApiError, Client, Unreachable, query_of
from backend_client.executions import ExecutionRow, span_ms
from backend_client.kv import wire_text


def client(handler) -> Client:
    return Client(httpx.MockTransport(handler), cookie="flowdeck_session=abc")


def test_a_query_has_the_wire_form() -> None:
    pairs = query_of(
        page=2,
        size=25,
        sort="key:asc",
        query="rates",
        filters=[
            {"field": "namespace", "operator": "PREFIX", "value": "company"},
            {"field": "labels", "operator": "EQUALS", "value": "system.id:a:b"},
        ],
        existing=True,
        q=None,
    )
    assert pairs == [
        ("page", "2"),
        ("size", "25"),
        ("sort", "key:asc"),
        ("filters[q][EQUALS]", "rates"),
        ("filters[namespace][PREFIX]", "company"),
        ("filters[labels][EQUALS][system.id]", "a:b"),
        ("existing", "true"),
    ]


async def test_every_request_carries_cookie_and_marker_and_quoted_segments() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"type": "STRING", "value": "x", "revision": 3})

    async with client(handler) as api:
        value = await api.kv.get("company.team", "a/b c")
    assert value.revision == 3
    assert seen[0].url.raw_path == b"/api/v1/main/namespaces/company.team/kv/a%2Fb%20c"
    assert seen[0].headers["cookie"] == "flowdeck_session=abc"
    assert seen[0].headers["x-flowdeck-console"] == "1"


async def test_a_refusal_tells_message_rules_and_request() -> None:
    body = {
        "message": "Invalid entity: id: must not be empty",
        "_embedded": {"errors": [{"path": "id", "message": "must not be empty"}]},
    }
    async with client(lambda _: httpx.Response(422, json=body, headers={"x-request-id": "r1"})) as api:
        with pytest.raises(ApiError) as caught:
            await api.flows.create("x")
    assert (caught.value.status, caught.value.request_id) == (422, "r1")
    assert [(one.path, one.message) for one in caught.value.errors] == [("id", "must not be empty")]


@pytest.mark.parametrize(
    ("answer", "message"), [(httpx.Response(401), "You are not logged in."), (httpx.Response(400, json="bad"), "bad")]
)
async def test_a_refusal_without_a_body_has_a_sentence(answer: httpx.Response, message: str) -> None:
    async with client(lambda _: answer) as api:
        with pytest.raises(ApiError, match=message):
            await api.flows.create("x")


@pytest.mark.parametrize(("method", "calls"), [("GET", 3), ("POST", 1)])
async def test_only_safe_methods_are_repeated(method: str, calls: int) -> None:
    count = 0

    def handler(request: httpx.Request) -> httpx.Response:
        nonlocal count
        count += 1
        raise httpx.ConnectError("away", request=request)

    async with client(handler) as api:
        with pytest.raises(Unreachable):
            await api.send(method, "/api/v1/configs")
    assert count == calls


@pytest.mark.parametrize(
    ("method", "header", "asked", "calls"),
    [("GET", {}, "0", 3), ("GET", {}, "60", 1), ("POST", {}, "0", 1), ("POST", {"Idempotency-Key": "k"}, "0", 3)],
)
async def test_a_busy_server_is_asked_again_when_it_says_so(
    method: str, header: dict[str, str], asked: str, calls: int
) -> None:
    """What may be repeated is, after the pause that the server names; a long one is the caller's matter."""
    count = 0

    def handler(_: httpx.Request) -> httpx.Response:
        nonlocal count
        count += 1
        return httpx.Response(503, headers={"Retry-After": asked})

    async with client(handler) as api:
        with pytest.raises(ApiError) as caught:
            await api.send(method, "/api/v1/configs", headers=header)
    assert (count, caught.value.retry_after) == (calls, float(asked))


def test_a_running_execution_has_no_duration() -> None:
    row = ExecutionRow.of(
        {"id": "abcdefghij", "state": {"current": "RUNNING", "duration": "PT5S", "startDate": "2026-01-01T00:00:00Z"}}
    )
    assert (row.short_id, row.duration_ms, row.terminal) == ("abcdefgh", -1, False)


@pytest.mark.parametrize(
    ("text", "ms"), [("PT0.5S", 500), ("PT1H2M3S", 3_723_000), ("P1DT1S", 86_401_000), ("", -1), (None, -1), ("x", -1)]
)
def test_spans_are_read_in_ms(text: str | None, ms: int) -> None:
    assert span_ms(text) == ms


def test_only_texts_are_quoted_on_the_wire() -> None:
    assert wire_text("STRING", "42") == '"42"'
    assert wire_text("NUMBER", " 42 ") == "42"


async def test_a_redirect_is_told_and_not_taken_for_an_answer() -> None:
    moved = httpx.Response(301, headers={"Location": "https://other/"})
    async with client(lambda _: moved) as api:
        with pytest.raises(ApiError, match="redirects to https://other/"):
            await api.flows.search()
