"""Multipart forms read part by part: files go straight to their place, texts have our own limits (design detail 18)."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from urllib.parse import parse_qsl

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from flowdeck.api.bodies import raw
from flowdeck.api.errors import BadRequest, UnsupportedMediaType
from flowdeck.model.errors import InvalidFormat, TooLarge

MAX_PARTS = 1000


class Part:
    """One part of a form; read it before the next one is asked for."""

    def __init__(self, form: Form, name: str, filename: str | None, content_type: str) -> None:
        self.name = name
        self.filename = filename
        self.content_type = content_type
        self._form = form
        self.chunks: deque[bytes] = deque()
        self.finished = False

    async def stream(self) -> AsyncIterator[bytes]:
        """The content in pieces as they arrive."""
        while True:
            while self.chunks:
                yield self.chunks.popleft()
            if self.finished:
                return
            await self._form.more()

    async def bytes(self, limit: int) -> bytes:
        """The whole content; `TooLarge` beyond `limit` bytes."""
        parts: list[bytes] = []
        size = 0
        async for chunk in self.stream():
            size += len(chunk)
            if size > limit:
                raise TooLarge(f"the part '{self.name}' may have at most {limit} bytes")
            parts.append(chunk)
        return b"".join(parts)

    async def text(self, limit: int) -> str:
        """The whole content as UTF-8."""
        try:
            return (await self.bytes(limit)).decode()
        except UnicodeDecodeError:
            raise InvalidFormat(f"the part '{self.name}' is not UTF-8") from None


class Form:
    """The parts of a request's form, in order; an absent body has none."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._parts: deque[Part] = deque()
        self._last: Part | None = None
        self._done = False
        self._source: AsyncIterator[bytes] | None = None
        self._parser: MultipartParser | None = None
        self._count = 0
        self._size = 0
        self._field = b""
        self._value = b""
        self._headers: dict[bytes, bytes] = {}

    async def __aiter__(self) -> AsyncIterator[Part]:
        """Yield the parts; what the caller leaves unread is skipped."""
        kind, options = parse_options_header(self._request.headers.get("content-type", ""))
        if kind == b"application/x-www-form-urlencoded":
            text = (await raw(self._request)).decode(errors="replace")
            for name, value in parse_qsl(text, keep_blank_values=True):
                part = Part(self, name, None, "text/plain")
                part.chunks.append(value.encode())
                part.finished = True
                yield part
            return
        if kind != b"multipart/form-data":
            if (await raw(self._request)).strip():
                raise UnsupportedMediaType("multipart/form-data is expected")
            return
        boundary = options.get(b"boundary")
        if not boundary:
            raise InvalidFormat("the form has no boundary")
        declared = self._request.headers.get("content-length", "")
        if (
            declared.isdigit()
            and len(declared) < 20
            and int(declared) > self._request.app.state.backend.config.max_upload
        ):
            raise self._too_large()
        self._source = self._request.stream()
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_part_data": self._data,
                    "on_part_end": self._end,
                    "on_header_field": self._header_field,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_end,
                    "on_headers_finished": self._headers_finished,
                },
            )
        except FormParserError as error:
            raise InvalidFormat(f"the form can't be read: {error}") from None
        while True:
            while self._parts:
                part = self._parts.popleft()
                yield part
                async for _ in part.stream():
                    pass
            if self._done:
                return
            await self.more()

    def _too_large(self) -> TooLarge:
        limit = self._request.app.state.backend.config.max_upload
        return TooLarge(f"the form is larger than the limit of {limit:,} bytes (micronaut.server.max-request-size)")

    async def more(self) -> None:
        """Feed the parser with the next piece of the body."""
        assert self._source is not None and self._parser is not None
        try:
            chunk = await anext(self._source)
        except StopAsyncIteration:
            chunk = b""
        self._size += len(chunk)
        if self._size > self._request.app.state.backend.config.max_upload:
            raise self._too_large()
        try:
            if chunk:
                self._parser.write(chunk)
            else:
                self._parser.finalize()
                if self._last is not None and not self._last.finished:
                    raise InvalidFormat("the form ends in the middle of a part")
                self._done = True
        except FormParserError as error:
            raise InvalidFormat(f"the form can't be read: {error}") from None
        if chunk == b"" and not self._done:
            self._done = True

    def _begin(self) -> None:
        self._headers = {}
        self._count += 1
        if self._count > MAX_PARTS:
            raise TooLarge(f"a form may have at most {MAX_PARTS} parts")

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        filename = options.get(b"filename")
        self._last = Part(
            self,
            options.get(b"name", b"").decode(errors="replace"),
            None if filename is None else filename.decode(errors="replace"),
            self._headers.get(b"content-type", b"text/plain").decode(errors="replace"),
        )
        self._parts.append(self._last)

    def _data(self, data: bytes, start: int, end: int) -> None:
        assert self._last is not None
        self._last.chunks.append(data[start:end])

    def _end(self) -> None:
        assert self._last is not None
        self._last.finished = True


async def uploaded(request: Request, name: str, default: str, most: int) -> tuple[str, bytes]:
    """File name (`default`: it has none) and content of the first part with a name.

    Raises:
        BadRequest: there is none.
        TooLarge: it has more than `most` bytes.
    """
    async for part in Form(request):
        if part.name == name:
            return part.filename or default, await part.bytes(most)
    raise BadRequest(f"Required part [{name}] not specified")
