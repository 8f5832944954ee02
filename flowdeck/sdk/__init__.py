"""All that a plugin may import.

A plugin is a typed class; its fields give validation, JSON schema, completion, forms and documentation:

```python
class Sleep(Task, type="io.kestra.plugin.core.flow.Sleep"):
    \"\"\"Hold the task run for a fixed time.\"\"\"

    duration: Expr[timedelta] = field(doc="How long to wait.")

    async def run(self, ctx: RunContext) -> None:
        await ctx.wait(await ctx.render(self.duration))
```
"""

from flowdeck.model.declare import Declared, Example, Expr, Labels, MetricSpec, field
from flowdeck.sdk.context import RunContext
from flowdeck.sdk.errors import TaskError
from flowdeck.sdk.log import Level, TaskLog
from flowdeck.sdk.process import Command
from flowdeck.sdk.registry import resolve
from flowdeck.sdk.task import Output, Task, TaskRunner
from flowdeck.sdk.trigger import PollingTrigger, RealtimeTrigger

__all__ = [
    "Command",
    "Declared",
    "Example",
    "Expr",
    "Labels",
    "Level",
    "MetricSpec",
    "Output",
    "PollingTrigger",
    "RealtimeTrigger",
    "RunContext",
    "Task",
    "TaskError",
    "TaskLog",
    "TaskRunner",
    "field",
    "resolve",
]
