"""Server-sent events as a task (spec: core plugins §4)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from flowdeck.expr import ExpressionError, jq
from flowdeck.model.coerce import to_text
from flowdeck.plugins.core.http import HttpTask
from flowdeck.sdk import Declared, Example, Expr, MetricSpec, RunContext, TaskError, field

JQ_SECONDS = 10.0
"""What the jq program may take of one event."""


class EventReader:
    """Puts lines of an event stream together to events."""

    def __init__(self) -> None:
        self._fields: dict[str, Any] = {}
        self._data: list[str] = []
        self._comments: list[str] = []
        self._last_id: str | None = None

    def line(self, line: str) -> Iterator[dict[str, Any]]:
        """Take one line without its end; an empty one ends an event."""
        if not line:
            yield from self.end()
        elif line.startswith(":"):
            self._comments.append(line[1:].removeprefix(" "))
        else:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            match name:
                case "data":
                    self._data.append(value)
                case "event":
                    self._fields["event"] = value
                case "id" if "\0" not in value:
                    self._last_id = value
                case "retry" if value.isdigit():
                    self._fields["retry"] = int(value)
                case _:
                    return

    def end(self) -> Iterator[dict[str, Any]]:
        """What was collected, if it is an event."""
        if self._data or self._comments or self._fields:
            text = "\n".join(self._data) if self._data else None
            yield {
                "id": self._last_id,
                "event": self._fields.get("event"),
                "data": _parsed(text),
                "comment": "\n".join(self._comments) if self._comments else None,
                "retry": self._fields.get("retry"),
            }
        self._fields, self._data, self._comments = {}, [], []


def _parsed(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


class SseRequest(HttpTask, type="io.kestra.plugin.core.http.SseRequest"):
    """Send a request and read the server-sent events of the answer until the server closes it."""

    concat_jq_expression: Expr[str] | None = field(
        default=None, doc="A jq 1.6 program; what it gives for each event is joined to `result`."
    )
    failed_on_missing_jq: Expr[bool] = field(
        default=True, doc="Fail when the jq program gives nothing for an event; else the event is passed over."
    )

    class Output(Declared):
        """The events."""

        uri: str = field(doc="Address that answered.")
        events: list[Any] | None = field(default=None, doc="The events; null with `concatJqExpression`.")
        size: int = field(doc="Number of events.")
        result: str | None = field(default=None, doc="Joined results of `concatJqExpression`.")

    measures = (MetricSpec("size", "Events that were received."),)

    examples = (
        Example(
            "Join the answer of a language model",
            """\
id: ask
namespace: company.team
tasks:
  - id: stream
    type: io.kestra.plugin.core.http.SseRequest
    uri: https://example.com/chat
    method: POST
    body: '{"stream": true}'
    concatJqExpression: ".data.choices[0].delta.content"
""",
            full=True,
        ),
    )

    async def run(self, ctx: RunContext) -> Output:
        """Read to the end."""
        program = await ctx.render(self.concat_jq_expression)
        strict = await ctx.render(self.failed_on_missing_jq)
        events: list[Any] = []
        joined: list[str] = []
        size = 0
        reader = EventReader()
        async with self.exchange(ctx) as (response, options):
            length = 0

            async def take(found: Iterator[dict[str, Any]]) -> None:
                nonlocal size
                for event in found:
                    size += 1
                    if program is None:
                        events.append(event)
                    else:
                        joined.append(await ctx.in_thread(lambda _, p=program, e=event: _piece(p, e, strict)))

            async for line in response.aiter_lines():
                length += len(line) + 1
                if length > options.max_content:
                    raise TaskError(
                        f"The events are larger than {options.max_content} bytes (options.maxContentLength)"
                    )
                await take(reader.line(line))
            await take(reader.end())
            ctx.metric("size", size)
            return self.Output(
                uri=str(response.url),
                events=events if program is None else None,
                size=size,
                result=None if program is None else "".join(joined),
            )


def _piece(program: str, event: dict[str, Any], strict: bool) -> str:
    """What the program gives for an event, as text."""
    until = time.monotonic() + JQ_SECONDS

    def tick() -> None:
        if time.monotonic() > until:
            raise ExpressionError(f"takes longer than {JQ_SECONDS:g} s")

    try:
        found = jq.run(program, event, tick)
    except ExpressionError as error:
        raise TaskError(f"concatJqExpression: {error}") from None
    texts = [to_text(one) for one in found if isinstance(one, str | int | float)]
    if not texts and strict:
        raise TaskError("concatJqExpression gives no text, number or boolean for an event")
    return "".join(texts)
