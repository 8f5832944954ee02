"""Flags and calls of commands that talk to a running server (operations notes G3)."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flowdeck.cli.parsing import Usage, add_output, show, words_of

if TYPE_CHECKING:
    import httpx

__all__ = ["Refused", "Remote", "add_flags", "show"]

DEFAULT = "http://localhost:8080"
SERVERS = ("FLOWDECK_SERVER", "KESTRA_HOST", "KESTRACTL_HOST", "KESTRA_BASE_URL")
AGAIN = frozenset({429, 502, 503, 504})
SILENCE = 60.0
"""Seconds without a byte after which a stream counts as broken; the server says something every 15."""
PATIENCE = 3
"""Attempts of a call that may be repeated."""


class Refused(ValueError):
    """The server said no, or nothing; the message is for people, `status` is 0 when no answer came."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def _first(*names: str) -> str | None:
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def server_named() -> str | None:
    """The server that the environment names."""
    found = _first(*SERVERS)
    return found.rstrip("/").removesuffix("/api/v1") if found else None


def add_flags(parser: argparse.ArgumentParser, *, output: bool = True) -> None:
    """The flags that say which server, and who asks."""
    group = parser.add_argument_group("server flags")
    group.add_argument("--server", default=server_named() or DEFAULT, metavar="URL", help=f"default {DEFAULT}")
    group.add_argument(
        "--user",
        default=_user(),
        metavar="USER:PASSWORD",
        help="basic authentication; USER alone asks for the password",
    )
    token = _first("KESTRA_API_TOKEN", "KESTRACTL_TOKEN")
    group.add_argument("--api-token", default=token, metavar="TOKEN", help="bearer authentication")
    tenant = _first("KESTRA_TENANT_ID", "KESTRACTL_TENANT") or "main"
    group.add_argument("--tenant", default=tenant, help="default main")
    group.add_argument("--headers", action="append", default=[], metavar="NAME=VALUE", help="may be repeated")
    if output:
        add_output(parser)


def _user() -> str | None:
    name, password = os.environ.get("KESTRA_USERNAME"), os.environ.get("KESTRA_PASSWORD")
    return f"{name}:{password}" if name and password else None


def login_of(text: str) -> tuple[str, str]:
    """Username and password; without a password it is asked for, on a terminal."""
    name, found, password = text.partition(":")
    if not found:
        if not sys.stdin.isatty():
            raise Usage("--user: USER:PASSWORD is expected")
        from getpass import getpass

        password = getpass(f"Password of {name}: ")
    return name, password


class Remote:
    """A server, from the flags; a context manager."""

    def __init__(self, options: argparse.Namespace) -> None:
        from flowdeck.main.quick_start import without_httpx_command

        without_httpx_command()
        import httpx

        headers = words_of(options.headers, "--headers")
        if options.api_token:
            headers["Authorization"] = f"Bearer {options.api_token}"
        login = None
        if options.user and not options.api_token:
            login = login_of(options.user)
        self.server = options.server.rstrip("/")
        if not self.server.startswith(("http://", "https://")):
            raise Usage(f"--server {self.server}: an address such as {DEFAULT} is expected")
        self.tenant = options.tenant
        self._base = f"{self.server}/api/v1/{quote(options.tenant, safe='')}"
        self._client = httpx.Client(headers=headers, auth=login, timeout=httpx.Timeout(120, connect=10))

    def __enter__(self) -> Remote:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def address(self, *segments: str) -> str:
        """The address of a place below the tenant; segments are encoded."""
        return "/".join([self._base, *(quote(segment, safe="") for segment in segments)])

    def call(self, method: str, *segments: str, **more: Any) -> httpx.Response:
        """One request below the tenant. GET is tried again while the server is busy or away.

        Raises:
            Refused: the answer's status is above 399, or there is none.
        """
        return self.request(method, self.address(*segments), **more)

    def request(self, method: str, url: str, **more: Any) -> httpx.Response:
        """One request to a whole address; otherwise as `call`."""
        import httpx

        attempts = PATIENCE if method == "GET" else 1
        for attempt in range(1, attempts + 1):
            try:
                answer = self._client.request(method, url, **more)
            except httpx.TransportError as error:
                if attempt == attempts or isinstance(error, httpx.ConnectError):
                    raise Refused(f"{self.server} can't be reached: {error}") from None
                time.sleep(0.2 * attempt)
                continue
            if answer.is_redirect:
                raise Refused(f"{self.server} redirects to {answer.headers.get('location')}: give that as --server")
            if answer.status_code < 400:
                return answer
            if answer.status_code not in AGAIN or attempt == attempts:
                raise Refused(reason(answer), answer.status_code)
            time.sleep(pause_of(answer, attempt))
        raise AssertionError("unreachable")

    @contextmanager
    def streamed(self, method: str, *segments: str, **more: Any) -> Iterator[httpx.Response]:
        """An answer that is read piece by piece; otherwise as `call`."""
        import httpx

        try:
            with self._client.stream(method, self.address(*segments), **more) as answer:
                if answer.status_code >= 400:
                    answer.read()
                    raise Refused(reason(answer), answer.status_code)
                yield answer
        except httpx.TransportError as error:
            raise Refused(f"{self.server}: the answer broke off: {error}") from None

    def download(self, path: Path, *segments: str, **more: Any) -> int:
        """Write an answer's body into a file that appears when it is whole; its bytes."""
        part = path.with_name(f".{path.name}.part")
        size = 0
        try:
            with self.streamed("GET", *segments, **more) as answer, part.open("wb") as file:
                for piece in answer.iter_bytes():
                    size += file.write(piece)
            part.replace(path)
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror or error}") from None
        finally:
            part.unlink(missing_ok=True)
        return size

    def events(self, *segments: str, **more: Any) -> Iterator[tuple[str, Any]]:
        """Server-sent events as id and decoded data, until the server ends the stream."""
        import httpx

        more["timeout"] = httpx.Timeout(120, connect=10, read=SILENCE)
        with self.streamed("GET", *segments, headers={"Accept": "text/event-stream"}, **more) as answer:
            identity, data = "", []
            for line in answer.iter_lines():
                if line.startswith("id:"):
                    identity = line[3:].strip()
                elif line.startswith("data:"):
                    data.append(line[5:].lstrip())
                elif not line and data:
                    yield identity, json.loads("\n".join(data))
                    identity, data = "", []

    def pages(self, *segments: str, params: Mapping[str, Any] | None = None, limit: int = 0) -> list[Any]:
        """All rows of a paged list, or the first `limit`."""
        found: list[Any] = []
        page = 1
        while True:
            size = min(200, limit) if limit else 200
            body = self.call("GET", *segments, params={**(params or {}), "page": page, "size": size}).json()
            found += body["results"]
            if not body["results"] or len(found) >= body["total"] or (limit and len(found) >= limit):
                return found[:limit] if limit else found
            page += 1


def pause_of(answer: httpx.Response, attempt: int) -> float:
    """Seconds until the next attempt: what the server asks for, at most 5."""
    asked = answer.headers.get("retry-after", "")
    return min(float(asked), 5.0) if asked.isdigit() else 0.2 * attempt


def reason(answer: httpx.Response) -> str:
    """Why a server refused, for people: status, sentence, violated rules."""
    try:
        found: Any = answer.json()
    except ValueError:
        found = {}
    body: dict[str, Any] = found if isinstance(found, dict) else {"message": str(found)}
    lines = [f"{answer.status_code}: {body.get('message') or answer.reason_phrase}"]
    for one in (body.get("_embedded") or {}).get("errors") or ():
        path = one.get("path")
        told = f"  {path}: {one.get('message')}" if path else f"  {one.get('message')}"
        if one.get("message") and told.strip() not in lines[0]:
            lines.append(told)
    if answer.status_code == 401:
        lines.append("  give --user USER:PASSWORD or --api-token TOKEN")
    return "\n".join(lines)
