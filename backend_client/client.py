"""The transport below every resource: URLs, credentials, errors, safe retries (spec: REST contract §1 to §6)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar
from urllib.parse import quote

import httpx

if TYPE_CHECKING:
    from backend_client.ai import AiApi
    from backend_client.blueprints import BlueprintsApi
    from backend_client.configs import ConfigsApi
    from backend_client.console import ConsoleApi
    from backend_client.dashboards import DashboardsApi
    from backend_client.executions import ExecutionsApi
    from backend_client.files import FilesApi
    from backend_client.flows import FlowsApi
    from backend_client.kv import KvApi
    from backend_client.logs import LogsApi
    from backend_client.metrics import MetricsApi
    from backend_client.namespaces import NamespacesApi
    from backend_client.plugins import PluginsApi
    from backend_client.session import SessionApi
    from backend_client.triggers import TriggersApi

Row = TypeVar("Row")
Query = Sequence[tuple[str, str]]
Json = Any

_SAFE = frozenset({"GET", "HEAD"})
_AGAIN = frozenset({429, 502, 503, 504})
LONGEST_PAUSE = 5.0
"""Seconds for which a call waits by itself; a longer `Retry-After` is the caller's matter."""
_REASONS = {
    400: "The request was not understood.",
    401: "You are not logged in.",
    403: "You lack the right to do this.",
    404: "It was not found, or it was deleted.",
    409: "Its state does not allow this, or someone else changed it.",
    413: "The data is too large.",
    422: "The data is not valid.",
    429: "Too many requests. Try again in a moment.",
    503: "The server is busy. Try again in a moment.",
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One violated rule: `path` names the property, of a bulk call the id; `message` the rule."""

    path: str
    message: str


class ApiError(Exception):
    """The server refused or failed.

    Attributes:
        status: HTTP status; 0 when no answer came.
        message: the server's sentence.
        request_id: names the request in the server's log.
        errors: violated rules with their property.
        body: the decoded answer, if it was JSON.
        retry_after: seconds after which the server may be asked again, if it said so.
        path: method and path that were asked; empty when unknown.
    """

    def __init__(
        self,
        status: int,
        message: str,
        request_id: str = "",
        errors: Sequence[FieldError] = (),
        body: Json = None,
        retry_after: float | None = None,
        path: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.request_id = request_id
        self.errors = list(errors)
        self.body = body
        self.retry_after = retry_after
        self.path = path


class Unreachable(ApiError):
    """No answer: the server is away or too slow."""

    def __init__(self, message: str = "The server did not answer.") -> None:
        super().__init__(0, message)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list; `total` counts all rows that match."""

    rows: list[Row]
    total: int
    extra: dict[str, Json] = field(default_factory=dict)


def query_of(
    *,
    page: int | None = None,
    size: int | None = None,
    sort: str = "",
    query: str = "",
    filters: Sequence[Mapping[str, str]] = (),
    **more: object,
) -> list[tuple[str, str]]:
    """Return the query of a list call.

    Args:
        sort: `field:asc` or `field:desc`; empty for the resource's own order.
        query: free text, sent as `filters[q][EQUALS]`.
        filters: conditions `{field, operator, value}`; a label's value is `key:value`, a `timeRange` an ISO duration.
        more: further parameters; None is left out, booleans become `true` and `false`.
    """
    pairs: list[tuple[str, str]] = []
    if page is not None:
        pairs.append(("page", str(page)))
    if size is not None:
        pairs.append(("size", str(size)))
    if sort:
        pairs.append(("sort", sort))
    if query:
        pairs.append(("filters[q][EQUALS]", query))
    for one in filters:
        name, operator, value = one.get("field", ""), one.get("operator", "EQUALS"), one.get("value", "")
        if name == "labels":
            key, _, text = value.partition(":")
            pairs.append((f"filters[labels][{operator}][{key}]", text))
        else:
            pairs.append((f"filters[{name}][{operator}]", value))
    for name, value in more.items():
        if value is None:
            continue
        pairs.append((name, str(value).lower() if isinstance(value, bool) else str(value)))
    return pairs


def segment(text: str) -> str:
    """Return `text` as one segment of a path."""
    return quote(text, safe="")


class Client:
    """One caller's view of the API.

    Args:
        transport: how requests travel; None for the network.
        base_url: address of the server; only its path matters over an in-process transport.
        tenant: second segment of the tenant's paths.
        cookie: the `Cookie` header of the browser on whose behalf this client asks.
        timeout: seconds a request may take.
        headers: further headers of every request.
        auth: username and password.
        token: of an API; sent as bearer.
        around: entered for as long as a request of `send` is under way, its further tries included.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        base_url: str = "http://console.invalid",
        tenant: str = "main",
        cookie: str = "",
        timeout: float = 15.0,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        token: str = "",
        around: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    ) -> None:
        self.tenant = tenant
        self._around = around
        send = {"X-Flowdeck-Console": "1", "Accept": "application/json", **(headers or {})}
        if cookie:
            send["Cookie"] = cookie
        if token:
            send["Authorization"] = f"Bearer {token}"
        self._own_transport = transport is None
        self._http = httpx.AsyncClient(
            transport=transport, base_url=base_url, headers=send, timeout=timeout, auth=None if token else auth
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the connections back; a transport that was handed in stays open."""
        if self._own_transport:
            await self._http.aclose()

    def below(self, *parts: str) -> str:
        """Return the path of `parts` below the tenant, each quoted as one segment."""
        return f"/api/v1/{segment(self.tenant)}/" + "/".join(segment(part) for part in parts)

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        json: Json = None,
        content: str | bytes | None = None,
        content_type: str = "",
        headers: Mapping[str, str | bytes] | None = None,
        files: Any = None,
        timeout: float | None = None,
    ) -> httpx.Response:
        """Send one request and return its answer.

        Safe methods are tried three times when the server is away or busy, after the pause that it asks for; so are
        all that carry an `Idempotency-Key`. Others are sent once: nobody knows what they did.

        Raises:
            ApiError: the answer's status is 400 or above.
            Unreachable: no answer came.
        """
        more: dict[str, str | bytes] = dict(headers or {})
        if content_type:
            more["Content-Type"] = content_type
        attempts = 3 if method in _SAFE or any(name.lower() == "idempotency-key" for name in more) else 1
        options: dict[str, Any] = {"params": list(query), "headers": more}
        if json is not None:
            options["json"] = json
        if content is not None:
            options["content"] = content
        if files is not None:
            options["files"] = files
        if timeout is not None:
            options["timeout"] = timeout
        async with self._around():
            return await self._try(method, path, attempts, options)

    async def _try(self, method: str, path: str, attempts: int, options: dict[str, Any]) -> httpx.Response:
        for attempt in range(1, attempts + 1):
            try:
                answer = await self._http.request(method, path, **options)
            except httpx.TimeoutException as error:
                raise Unreachable("The server took too long to answer.") from error
            except httpx.TransportError as error:
                if attempt == attempts:
                    raise Unreachable() from error
                await asyncio.sleep(0.1 * 2**attempt * (0.5 + random.random()))
                continue
            if answer.is_redirect:
                where = answer.headers.get("location", "")
                raise ApiError(answer.status_code, f"The server redirects to {where}; use that address.")
            if answer.status_code < 400:
                return answer
            pause = pause_of(answer, attempt)
            if answer.status_code in _AGAIN and attempt < attempts and pause <= LONGEST_PAUSE:
                await asyncio.sleep(pause)
                continue
            raise error_of(answer)
        raise Unreachable()

    @asynccontextmanager
    async def open(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        headers: Mapping[str, str] | None = None,
        content: bytes | AsyncIterable[bytes] | None = None,
        timeout: httpx.Timeout | float | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """An answer that is read piece by piece, for streams and large files.

        Raises:
            ApiError: the answer's status is 400 or above.
            Unreachable: no answer came.
        """
        options: dict[str, Any] = {"params": list(query), "headers": dict(headers or {}), "content": content}
        if timeout is not None:
            options["timeout"] = timeout
        request = self._http.build_request(method, path, **options)
        try:
            answer = await self._http.send(request, stream=True)
        except httpx.TransportError as error:
            raise Unreachable() from error
        try:
            if answer.status_code >= 400:
                await answer.aread()
                raise error_of(answer)
            yield answer
        finally:
            await answer.aclose()

    async def bytes_of(self, path: str, query: Query = ()) -> AsyncIterator[bytes]:
        """The body of a GET piece by piece; `ApiError` when it breaks off."""
        async with self.open("GET", path, query=query, headers={"Accept": "*/*"}) as answer:
            try:
                async for piece in answer.aiter_bytes():
                    yield piece
            except httpx.TransportError as error:
                raise Unreachable("The download broke off.") from error

    async def download(self, path: str, to: str | Path, query: Query = ()) -> int:
        """Write the body of a GET into a file, which appears when it is whole; its size in bytes."""
        target = Path(to)
        part = target.with_name(f".{target.name}.part")
        size = 0
        try:
            with part.open("wb") as file:
                async for piece in self.bytes_of(path, query):
                    size += await asyncio.to_thread(file.write, piece)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        return size

    async def get(self, path: str, query: Query = (), **options: Any) -> Json:
        """Return the decoded answer of a GET."""
        return decode(await self.send("GET", path, query=query, **options))

    async def post(self, path: str, json: Json = None, query: Query = (), **options: Any) -> Json:
        """Return the decoded answer of a POST."""
        return decode(await self.send("POST", path, json=json, query=query, **options))

    async def put(self, path: str, json: Json = None, query: Query = (), **options: Any) -> Json:
        """Return the decoded answer of a PUT."""
        return decode(await self.send("PUT", path, json=json, query=query, **options))

    async def patch(self, path: str, json: Json = None, query: Query = (), **options: Any) -> Json:
        """Return the decoded answer of a PATCH."""
        return decode(await self.send("PATCH", path, json=json, query=query, **options))

    async def delete(self, path: str, json: Json = None, query: Query = (), **options: Any) -> Json:
        """Return the decoded answer of a DELETE."""
        return decode(await self.send("DELETE", path, json=json, query=query, **options))

    @cached_property
    def configs(self) -> ConfigsApi:
        """Instance-wide facts, open before log-in."""
        from backend_client.configs import ConfigsApi

        return ConfigsApi(self)

    @cached_property
    def blueprints(self) -> BlueprintsApi:
        """Flows and dashboards to start from."""
        from backend_client.blueprints import BlueprintsApi

        return BlueprintsApi(self)

    @cached_property
    def dashboards(self) -> DashboardsApi:
        """Stored dashboards."""
        from backend_client.dashboards import DashboardsApi

        return DashboardsApi(self)

    @cached_property
    def session(self) -> SessionApi:
        """The caller."""
        from backend_client.session import SessionApi

        return SessionApi(self)

    @cached_property
    def flows(self) -> FlowsApi:
        """Flows, revisions, validation."""
        from backend_client.flows import FlowsApi

        return FlowsApi(self)

    @cached_property
    def executions(self) -> ExecutionsApi:
        """Executions and what one does to them."""
        from backend_client.executions import ExecutionsApi

        return ExecutionsApi(self)

    @cached_property
    def logs(self) -> LogsApi:
        """Log lines."""
        from backend_client.logs import LogsApi

        return LogsApi(self)

    @cached_property
    def triggers(self) -> TriggersApi:
        """Triggers and backfills."""
        from backend_client.triggers import TriggersApi

        return TriggersApi(self)

    @cached_property
    def kv(self) -> KvApi:
        """Key-value pairs."""
        from backend_client.kv import KvApi

        return KvApi(self)

    @cached_property
    def namespaces(self) -> NamespacesApi:
        """Namespaces and their secrets."""
        from backend_client.namespaces import NamespacesApi

        return NamespacesApi(self)

    @cached_property
    def files(self) -> FilesApi:
        """Namespace files."""
        from backend_client.files import FilesApi

        return FilesApi(self)

    @cached_property
    def plugins(self) -> PluginsApi:
        """Plugins and their documentation."""
        from backend_client.plugins import PluginsApi

        return PluginsApi(self)

    @cached_property
    def metrics(self) -> MetricsApi:
        """What tasks measured."""
        from backend_client.metrics import MetricsApi

        return MetricsApi(self)

    @cached_property
    def ai(self) -> AiApi:
        """Flows and dashboards written by a model, where one is configured."""
        from backend_client.ai import AiApi

        return AiApi(self)

    @cached_property
    def console(self) -> ConsoleApi:
        """The console's own endpoints."""
        from backend_client.console import ConsoleApi

        return ConsoleApi(self)


class Resource:
    """Base of a resource's methods."""

    def __init__(self, client: Client) -> None:
        self._c = client

    async def _page(self, of: Callable[[dict[str, Any]], Row], query: Any, *place: str) -> Page[Row]:
        """One page of the list at a place below the tenant; `of` reads one element."""
        body = await self._c.get(self._c.below(*place), query)
        return Page([of(one) for one in body["results"]], int(body["total"]))


def pause_of(answer: httpx.Response, attempt: int) -> float:
    """Seconds until the next attempt: what the server asks for, else a little more each time."""
    asked = retry_after(answer)
    return 0.2 * attempt * (0.5 + random.random()) if asked is None else asked


def retry_after(answer: httpx.Response) -> float | None:
    """Seconds of `Retry-After`; None without it, or when it is a date."""
    try:
        return max(float(answer.headers.get("retry-after", "")), 0.0)
    except ValueError:
        return None


def upload(content: bytes | str | Path, name: str = "") -> tuple[str, Any]:
    """One file of a form: bytes, a text, or a path whose file is read while it is sent."""
    if isinstance(content, Path):
        return name or content.name, content.open("rb")
    return name or "file", content


def decode(answer: httpx.Response) -> Json:
    """Return the answer's JSON, None for an empty body, the text for any other type."""
    if not answer.content:
        return None
    if "json" in answer.headers.get("content-type", ""):
        return answer.json()
    return answer.text


def error_of(answer: httpx.Response) -> ApiError:
    """Return the error that a refusing answer tells."""
    body: Json = None
    try:
        body = answer.json() if answer.content else None
    except ValueError:
        body = None
    message, errors = "", []
    if isinstance(body, str):
        message = body
    elif isinstance(body, dict):
        message = str(body.get("message") or "")
        embedded = body.get("_embedded")
        listed = embedded.get("errors") if isinstance(embedded, dict) else None
        errors = [
            FieldError(str(one.get("path") or ""), str(one.get("message") or ""))
            for one in listed or []
            if isinstance(one, dict)
        ]
        errors += [
            FieldError(str(one.get("invalidValue") or ""), str(one.get("message") or ""))
            for one in body.get("invalids") or []
            if isinstance(one, dict)
        ]
    if not message:
        message = _REASONS.get(answer.status_code, f"The server answered {answer.status_code}.")
    request = answer.headers.get("x-request-id", "")
    try:
        asked = f"{answer.request.method} {answer.request.url.path}"
    except RuntimeError:  # an answer that nobody sent for
        asked = ""
    return ApiError(answer.status_code, message, request, errors, body, retry_after(answer), asked)


def text_of(value: Json) -> str:
    """Return a JSON value as text, None as the empty text."""
    return "" if value is None else str(value)
