"""What the executor knows of a flow revision beforehand: which values each task refers to, computed once.

A task is sent exactly the values its properties name (engine notes §2.7), so that neither a message nor the memory
of the executor grows with what other tasks produced.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flowdeck import expr
from flowdeck.model.flow import Flow, OutputDef, Retry, TaskDef, TaskKind
from flowdeck.model.inputs import static_defaults

FLOW = "io.kestra.plugin.core.flow."
EXECUTION = "io.kestra.plugin.core.execution."
LOOPS = frozenset({FLOW + "ForEach", FLOW + "EachSequential", FLOW + "EachParallel"})
AFTER = "afterExecution"
SIDE_BRANCHES = frozenset({"errors", "finally", AFTER})

_CHILD_PROPS = frozenset(
    {
        "id",
        "type",
        "tasks",
        "then",
        "else",
        "cases",
        "errors",
        "finally",
        "onPause",
        "onResume",
        "description",
        "disabled",
        "retry",
        "runIf",
        "allowFailure",
        "allowWarning",
        "logLevel",
        "afterExecution",
        "workerGroup",
    }
)
ALL_ROOTS = frozenset(
    {
        "flow",
        "execution",
        "task",
        "taskrun",
        "parent",
        "parents",
        "inputs",
        "outputs",
        "tasks",
        "vars",
        "labels",
        "trigger",
        "envs",
        "globals",
        "kestra",
        "namespace",
        "workingDir",
        "error",
        "schedule",
    }
)
_SAME_ITERATION = r"\[\s*(?:taskrun\.value|parent\.taskrun\.value|parents\[\d+\]\.taskrun\.value)\s*\]"


@dataclass(frozen=True, slots=True)
class Needs:
    """Which parts of the context a value refers to; `None` for a set means: all of it."""

    roots: frozenset[str] = frozenset()
    outputs: frozenset[str] | None = frozenset()
    own_iteration: frozenset[str] = frozenset()  # of `outputs`: only entries of the task's own loop values
    tasks: frozenset[str] | None = frozenset()
    inputs: frozenset[str] | None = frozenset()
    vars: frozenset[str] | None = frozenset()
    io: bool = False

    @property
    def whole(self) -> bool:
        """Whether all outputs of the execution are looked at."""
        return self.outputs is None


NOTHING = Needs()


def _text(value: Any, into: list[str]) -> None:
    if isinstance(value, str):
        if "{" in value:
            into.append(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _text(key, into)
            _text(item, into)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _text(item, into)


def needs_of(value: Any) -> Needs:
    """Collect the references of a nested value; a text with bad syntax refers to nothing (rendering it will fail)."""
    texts: list[str] = []
    _text(value, texts)
    if not texts:
        return NOTHING
    refs: set[tuple[str, ...]] = set()
    io = False
    for text in texts:
        try:
            found, found_io = expr.references(text)
        except expr.ExpressionError:
            continue
        refs |= found
        io = io or found_io
    if expr.WHOLE_CONTEXT in refs:
        return Needs(ALL_ROOTS, None, frozenset(), None, None, None, io)
    joined = "\n".join(texts)

    def names(root: str) -> frozenset[str] | None:
        if any(len(r) == 1 and r[0] == root for r in refs):
            return None
        return frozenset(r[1] for r in refs if len(r) > 1 and r[0] == root)

    outputs = names("outputs")
    own = frozenset(
        name
        for name in outputs or ()
        if (used := len(re.findall(rf"\boutputs\.{re.escape(name)}\b", joined)))
        and used == len(re.findall(rf"\boutputs\.{re.escape(name)}{_SAME_ITERATION}", joined))
    )
    return Needs(
        roots=frozenset(r[0] for r in refs if r),
        outputs=outputs,
        own_iteration=own,
        tasks=names("tasks"),
        inputs=names("inputs"),
        vars=names("vars"),
        io=io,
    )


class Plan:
    """A flow revision, prepared for execution; shared by all its executions, never changed."""

    __slots__ = (
        "_gates",
        "_needs",
        "_outputs",
        "ancestors",
        "assertion_needs",
        "assertions",
        "broken",
        "defaults",
        "flow",
        "flow_key",
        "has_rounds",
        "keeps_outputs",
        "keeps_states",
        "listener_needs",
        "namespace",
        "static_inputs",
        "task_ids",
    )

    def __init__(self, flow: Flow, flow_key: int) -> None:
        self.flow = flow
        self.flow_key = flow_key
        self.namespace: dict[str, Any] = {}  # variables of the namespace; whoever made the plan keeps them current
        self.broken = ""  # why executions of it can't go on; such a plan knows only the names of its tasks
        self.static_inputs = static_defaults(flow.inputs) if flow.triggers else {}
        self.defaults = ""  # stamp of the plugin defaults of the namespaces
        self.has_rounds = any(t.type == FLOW + "LoopUntil" for t in flow.tasks)
        self.task_ids: dict[str, TaskDef] = {t.id: t for t in flow.tasks}
        self.ancestors: tuple[tuple[int, ...], ...] = tuple(self._chain(t) for t in flow.tasks)
        self._needs: list[Needs] = [needs_of(_sent(flow, t)) for t in flow.tasks]
        self._gates: list[Needs] = [needs_of([t.run_if, t.timeout, self._key_of(t)]) for t in flow.tasks]
        self._outputs = needs_of([o.value for o in flow.outputs])
        self.assertions = tuple(s for s in flow.slas if s.assertion is not None)
        self.assertion_needs = needs_of([s.assertion for s in self.assertions])
        self.listener_needs = needs_of([x.get("conditions") for x in flow.document.get("listeners") or ()])
        every = [*self._needs, *self._gates, self._outputs, self.assertion_needs, self.listener_needs]
        splits = frozenset(flow.tasks[t.key - 1].id for t in flow.tasks if t.kind is TaskKind.ITEMS)
        self.keeps_outputs: frozenset[str] | None = _union([*(n.outputs for n in every), splits])
        self.keeps_states: frozenset[str] | None = _union([n.tasks for n in every])

    def _chain(self, task: TaskDef) -> tuple[int, ...]:
        chain: list[int] = []
        parent = task.parent
        while parent is not None:
            chain.append(parent)
            parent = self.flow.tasks[parent].parent
        return tuple(chain)

    def body(self, key: int) -> Needs:
        """What the properties of a task refer to."""
        return self._needs[key]

    def gate(self, key: int) -> Needs:
        """What `runIf` and `timeout` of a task refer to."""
        return self._gates[key]

    @property
    def outputs(self) -> Needs:
        """What the flow's outputs refer to."""
        return self._outputs

    def answering(self, outputs: Mapping[str, Any]) -> Plan:
        """This plan with the untyped outputs that a Subflow task asks of a flow without its own (§9.1, deprecated)."""
        asked = tuple(OutputDef(id=str(k), type="", value=v, required=False) for k, v in outputs.items())
        plan = Plan(replace(self.flow, outputs=asked), self.flow_key)
        plan.namespace, plan.defaults = self.namespace, self.defaults
        return plan

    def group(self, task: TaskDef) -> Mapping[str, Any] | None:
        """The worker group of a task that workers carry out: its own, else the flow's (§7.5)."""
        if task.kind not in (TaskKind.RUNNABLE, TaskKind.DIRECTORY):
            return None
        found = task.props.get("workerGroup") or self.flow.document.get("workerGroup")
        return found if isinstance(found, Mapping) and found.get("key") is not None else None

    def _key_of(self, task: TaskDef) -> Any:
        group = self.group(task)
        return None if group is None else group["key"]

    def retry(self, task: TaskDef) -> Retry | None:
        """The policy of a task: its own, that of the nearest enclosing task, the flow's (§11.1)."""
        if task.retry is not None:
            return task.retry
        for key in self.ancestors[task.key]:
            if self.flow.tasks[key].retry is not None:
                return self.flow.tasks[key].retry
        return self.flow.retry

    def side(self, task: TaskDef) -> str | None:
        """`errors`, `finally` or `afterExecution` when the task stands in such a list itself."""
        return task.branch if task.branch in SIDE_BRANCHES else None


def _body(task: TaskDef) -> dict[str, Any]:
    skip = _CHILD_PROPS if task.children else _CHILD_PROPS - {"tasks", "then", "else", "cases"}
    body = {k: v for k, v in task.props.items() if k not in skip}
    if task.children:
        body.pop("defaults", None)
    return body


def _sent(flow: Flow, task: TaskDef) -> Any:
    """What a task's context must serve: its properties, those of a WorkingDirectory's children included."""
    if task.kind is not TaskKind.DIRECTORY:
        return _body(task)
    inner = [flow.tasks[key] for key in task.children.get("tasks", ())]
    return [_body(task), *([_body(t), t.run_if, t.timeout] for t in inner)]


def _union(sets: list[frozenset[str] | None]) -> frozenset[str] | None:
    found: set[str] = set()
    for names in sets:
        if names is None:
            return None
        found |= names
    return frozenset(found)
