"""Flags and calls of commands that talk to a running server (operations notes G3)."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any
from urllib.parse import quote

import httpx

DEFAULT = "http://localhost:8080"


class Refused(ValueError):
    """The server said no, or nothing; the message is for people."""


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags that say which server, and who asks."""
    parser.add_argument("--server", default=os.environ.get("KESTRA_HOST") or DEFAULT, help=f"default {DEFAULT}")
    parser.add_argument("--user", default=_user(), metavar="USER:PASSWORD", help="basic authentication")
    parser.add_argument("--api-token", default=os.environ.get("KESTRA_API_TOKEN"), metavar="TOKEN")
    parser.add_argument("--tenant", default=os.environ.get("KESTRA_TENANT_ID") or "main")
    parser.add_argument("--headers", action="append", default=[], metavar="NAME=VALUE", help="may be repeated")
    parser.add_argument("--output", choices=("text", "json"), default="text")


def _user() -> str | None:
    name, password = os.environ.get("KESTRA_USERNAME"), os.environ.get("KESTRA_PASSWORD")
    return f"{name}:{password}" if name and password else None


class Remote:
    """A server, from the flags; a context manager."""

    def __init__(self, options: argparse.Namespace) -> None:
        headers = {}
        for pair in options.headers:
            name, found, value = pair.partition("=")
            if not found:
                raise ValueError(f"--headers {pair}: NAME=VALUE is expected")
            headers[name.strip()] = value.strip()
        if options.api_token:
            headers["Authorization"] = f"Bearer {options.api_token}"
        login = tuple(options.user.split(":", 1)) if options.user and not options.api_token else None
        if login is not None and len(login) != 2:
            raise ValueError("--user: USER:PASSWORD is expected")
        self.server = options.server.rstrip("/")
        self._base = f"{self.server}/api/v1/{quote(options.tenant, safe='')}"
        self._client = httpx.Client(headers=headers, auth=login, timeout=httpx.Timeout(120, connect=10))

    def __enter__(self) -> Remote:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def call(self, method: str, *segments: str, **more: Any) -> httpx.Response:
        """One request below the tenant; segments are encoded. Raises Refused for every answer above 399."""
        url = "/".join([self._base, *(quote(segment, safe="") for segment in segments)])
        try:
            answer = self._client.request(method, url, **more)
        except httpx.TransportError as error:
            raise Refused(f"{self.server} can't be reached: {error}") from None
        if answer.status_code >= 400:
            raise Refused(_reason(answer))
        return answer


def _reason(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        body = {}
    lines = [f"{answer.status_code}: {body.get('message') or answer.reason_phrase}"]
    for one in (body.get("_embedded") or {}).get("errors") or ():
        path = one.get("path")
        lines.append(f"  {path}: {one.get('message')}" if path else f"  {one.get('message')}")
    if answer.status_code == 401:
        lines.append("  give --user USER:PASSWORD or --api-token TOKEN")
    return "\n".join(lines)


def show(options: argparse.Namespace, value: Any, text: str) -> None:
    """Print an answer: as JSON, or as a sentence."""
    print(json.dumps(value, indent=2, ensure_ascii=False) if options.output == "json" else text)
    sys.stdout.flush()
