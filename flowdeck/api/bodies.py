"""Reading of request bodies: sizes, JSON, text, whatever content type a client names (spec: REST contract §1)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import orjson
from fastapi import Request

from flowdeck.model.errors import InvalidFormat, TooLarge


async def raw(request: Request, limit: int | None = None) -> bytes:
    """The whole body; `TooLarge` beyond `limit` bytes (default: the configured one)."""
    bound = limit or request.app.state.backend.config.max_body
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > bound:
        raise TooLarge(f"the body may have at most {bound} bytes")
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > bound:
            raise TooLarge(f"the body may have at most {bound} bytes")
        parts.append(part)
    return b"".join(parts)


async def text(request: Request, limit: int | None = None) -> str:
    """The body as UTF-8 text."""
    data = await raw(request, limit)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidFormat(f"the body is not UTF-8 (byte {error.start})") from None


async def json_value(request: Request, default: Any = None, limit: int | None = None) -> Any:
    """The body as JSON; an empty one gives `default`."""
    return parsed(await raw(request, limit), default)


def parsed(data: bytes, default: Any = None) -> Any:
    """JSON of bytes; none give `default`."""
    if not data.strip():
        return default
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        failure = InvalidFormat(str(error))
        failure.reason = "Invalid json"
        raise failure from None


async def json_object(request: Request, limit: int | None = None) -> dict[str, Any]:
    """The body as a JSON object (an HTML form is read as one too)."""
    data = await raw(request, limit)
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    if form and not data.lstrip().startswith(b"{"):
        return dict(parse_qsl(data.decode(errors="replace"), keep_blank_values=True))
    value = parsed(data, {})
    if not isinstance(value, dict):
        failure = InvalidFormat("the body must be a JSON object")
        failure.reason = "Invalid json mapping"
        raise failure
    return value


async def json_list(request: Request) -> list[Any]:
    """The body as a JSON list."""
    value = await json_value(request, [])
    if not isinstance(value, list):
        failure = InvalidFormat("the body must be a JSON list")
        failure.reason = "Invalid json mapping"
        raise failure
    return value


def optional_text(sent: dict[str, Any], name: str) -> str | None:
    """A member that is a text or absent; `InvalidFormat` names it when it is something else."""
    value = sent.get(name)
    if value is None or isinstance(value, str):
        return value
    failure = InvalidFormat(f"{name}: must be a string")
    failure.reason = "Invalid json mapping"
    raise failure


def texts(sent: dict[str, Any], name: str) -> list[str]:
    """A member that is a list of texts or absent; `InvalidFormat` names it when it is something else."""
    value = sent.get(name)
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return value
    failure = InvalidFormat(f"{name}: must be a list of strings")
    failure.reason = "Invalid json mapping"
    raise failure
