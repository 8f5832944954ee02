"""Base classes of triggers that run on workers (spec: workflow components §15.8).

```python
class NewRows(PollingTrigger, type="com.example.NewRows"):
    \"\"\"Start an execution when a table has new rows.\"\"\"

    table: Expr[str] = field(doc="The table.")

    async def evaluate(self, ctx: RunContext) -> dict[str, Any] | None:
        rows = await look(await ctx.render(self.table))
        return {"rows": rows} if rows else None


class Messages(RealtimeTrigger, type="com.example.Messages"):
    \"\"\"Start an execution for each message of a queue.\"\"\"

    async def listen(self, ctx: RunContext) -> AsyncIterator[dict[str, Any]]:
        async for message in queue():
            yield {"text": message.text}
```
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Awaitable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from flowdeck.model.component import TriggerBase
from flowdeck.model.declare import Declared, field
from flowdeck.sdk import registry

if TYPE_CHECKING:
    from flowdeck.sdk.context import RunContext

Found = Mapping[str, Any] | Declared | None
Event = Mapping[str, Any] | Declared


class Trigger(TriggerBase, shared=True):
    """A trigger that a worker carries out. Derive from `PollingTrigger` or `RealtimeTrigger`."""

    @classmethod
    def declared(cls) -> None:
        """Enter the class in the registry."""
        registry.register(cls)


class PollingTrigger(Trigger, role="polling"):
    """Looks now and then; what it finds starts an execution.

    At most one evaluation of a trigger runs at a time. It is repeated when its worker ends, so that looking twice
    must do no harm. In a dry run (`ctx.trial`) nothing is started: what moves the place at the source (acknowledging,
    deleting, moving on) is left out then. Class argument `process=True`: an evaluation occupies a process credit
    (blocking work).
    """

    interval: timedelta = field(
        default=timedelta(seconds=60), doc="Time from the end of an evaluation to the next one.", group="core"
    )

    @abstractmethod
    def evaluate(self, ctx: RunContext) -> Awaitable[Found] | Found:
        """Look once; a result becomes the `trigger` variables of a new execution, None starts nothing.

        A coroutine runs in the worker's loop and must not block; a plain function runs in a thread. An exception is
        an error of the evaluation: it is logged, and with `failOnTriggerError` it creates a FAILED execution.
        """
        raise NotImplementedError


class RealtimeTrigger(Trigger, role="realtime"):
    """Listens all the time; every event starts an execution at once.

    One listener of a trigger runs at a time. It is started anew when it ends, fails, or its worker is lost.
    """

    in_flight: ClassVar[int] = 1000
    """Most events that are sent and not stored yet; then the iterator is asked for no more."""

    @abstractmethod
    def listen(self, ctx: RunContext) -> AsyncIterator[Event]:
        """Iterate over events without end; each becomes the `trigger` variables of an execution of its own.

        A cancellation ends it: the trigger was changed, or the worker stops.
        """
        raise NotImplementedError

    async def stored(self, event: Event) -> None:
        """Called for each event, in order, once its execution is stored: the place to acknowledge it at the source.

        Events that a source repeats because this call did not come start another execution.
        """
