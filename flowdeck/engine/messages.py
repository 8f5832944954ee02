"""What processes say to each other: length-prefixed frames, each a JSON array of messages (engine notes §2.5).

core ⇄ worker: `Run Evaluate Poll Kill Ack Drain` one way, `Hello Started Done Heartbeat Call` the other, `Answer` back;
with several executors (PostgreSQL) `Shards` one way, `Claim` the other.
web ⇄ core: `Command` → `Reply`; `Subscribe`, `Follow` → a stream of `Feed`.
worker → log writer: `Lines`, `LinesWanted` → `LinesStored`.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Message(msgspec.Struct, array_like=True, tag=True, omit_defaults=False):
    """Base of all messages; the tag is the class name, the first element on the wire."""


class Join(Message):
    """First message of a connection from another machine: the cluster's token, and which door (worker, logs)."""

    token: str
    to: str


class Hello(Message):
    """First message of a connection: who, how many process and async credits, what is in flight."""

    worker: str
    group: str
    process_credits: int
    async_credits: int
    in_flight: list[tuple[int, int]] = []  # (task run seq, fence)
    pid: int = 0
    host: str = ""
    light: list[tuple[int, int]] = []  # those of `in_flight` that hold an async credit
    shards: list[int] = []  # of each of `in_flight`; -1 = this executor's own job


class Shards(Message):
    """An executor's whole list of shards, after each hello and whenever it changes; answered by `Claim`.

    Reports and kept results of a run go to the executor that owns its shard by now.
    """

    no: int
    owned: list[int]


class Claim(Message):
    """What the worker holds of shards that the executor has told of for the first time; sent even when empty."""

    no: int  # of the `Shards` message
    in_flight: list[tuple[int, int]] = []  # (task run seq, fence)
    light: list[tuple[int, int]] = []
    shards: list[int] = []  # of each of `in_flight`


class Run(Message):
    """Carry out one attempt. `context` holds just what the task's properties refer to."""

    seq: int  # task run seq
    fence: int
    attempt: int
    task_run: str  # public id
    execution: str  # public id
    execution_seq: int
    tenant: str
    namespace: str
    flow_id: str
    flow_key: int
    revision: int
    task_key: int
    context: dict[str, Any]  # inputs, outputs, vars, flow, execution, taskrun, trigger, labels, …
    timeout_ms: int | None = None
    restarted: bool = False
    whole: bool = False  # properties look at `outputs` dynamically: context.outputs is complete
    light: bool = False  # holds an async credit (set by the gateway)
    defaults: str = ""  # stamp of the namespaces' plugin defaults that the flow was read with
    shard: int = 0  # whose owner takes the report
    children: list[tuple[int, int, str]] = []  # of a WorkingDirectory: task key, seq, public id
    path: list[str] = []  # of a WorkingDirectory: values of the loops around it
    group: str = ""  # worker group that takes it; "" is the default pool
    queued: int = 0  # when the executor decided to run it, ms


class Evaluate(Message):
    """Render expressions that need I/O; answered by `Done` with outputs {"value", "secrets"?} or {"error"}."""

    seq: int
    fence: int
    tenant: str
    namespace: str
    flow_id: str
    value: Any  # nested structure of templates
    context: dict[str, Any]
    native: bool = True  # a single expression gives its native value
    masked: bool = False  # secrets in the result become `******` (outputs, labels)
    execution: str = ""  # public id, for `errorLogs()`
    light: bool = True  # holds an async credit (set by the gateway)
    clear: list[str] = []  # members of `value` that stay readable, told with the secrets: core encrypts them
    secrets: bool = True  # whether `secret()` and `credential()` answer


class Poll(Message):
    """Carry out a trigger: look once, or listen for events until a `Kill`; answered by `Done`.

    Outputs of `Done`: {"value": …}, null when nothing was found. Events of a listener are calls `trigger.event` with
    the job's `seq` and `fence`, numbered from 1.
    """

    seq: int
    fence: int
    tenant: str
    namespace: str
    flow_id: str
    flow_key: int
    revision: int
    trigger_id: str
    execution: str  # public id of the execution that a result starts
    context: dict[str, Any]
    realtime: bool = False
    light: bool = True  # holds an async credit (set by the gateway)
    defaults: str = ""  # as of `Run`
    group: str = ""  # as of `Run`
    shard: int = -1  # of the trigger; -1 = there is one executor
    trial: bool = False  # a dry run: outputs are {"value": {"value", "lines", "error"}}, nothing is logged or kept


class Kill(Message):
    """Stop an attempt; its `Done` follows with state KILLED."""

    seq: int
    fence: int


class Ack(Message):
    """The report was committed; the worker may forget it."""

    seq: int
    fence: int


class Drain(Message):
    """Take nothing new; finish what runs."""


class Started(Message):
    """The attempt runs (sent at once only when it outlives 2 ms)."""

    seq: int
    fence: int
    at: int  # ms


class Lines(Message):
    """Log lines of attempts: `[no, at ms, level, thread, text]` each; `no` counts from 1 in its attempt."""

    batch: int
    execution_seq: int
    execution: str
    task_run_seq: int  # 0 = written by the executor
    attempt: int
    tenant: str
    namespace: str
    flow_id: str
    task_id: str
    task_run: str
    lines: list[tuple[int, int, int, str, str]]
    urgent: bool = False  # a result waits until they are stored
    trigger_id: str = ""  # lines of a trigger: `execution_seq` and `task_run_seq` are 0


class Done(Message):
    """The attempt's end; kept by the worker until acknowledged."""

    seq: int
    fence: int
    state: int  # model.states.State
    started: int
    ended: int
    outputs: dict[str, Any] | None = None
    outputs_uri: str | None = None
    outputs_size: int = 0
    metrics: list[tuple[str, str, float, dict[str, str]]] = []  # name, kind, value, tags
    error: str | None = None  # one line, masked
    exit_info: dict[str, Any] | None = None
    log: Lines | None = None  # the attempt's last lines: stored before the end is recorded
    shard: int = -1  # of the run; -1 = the report is for the executor that asked
    dynamic: list[tuple[str, int, int, int]] = []  # parts of the task, for display: id, state, started, ended
    tries: list[tuple[int, int, int]] = []  # earlier attempts that the worker made by itself: started, ended, state


class Heartbeat(Message):
    """Sent every 3 s and sent back; the lease covers all attempts of the worker."""

    worker: str
    free: int  # process credits; negative = the worker drains
    state: str = "RUNNING"  # model.liveness.ServiceState; one that has ended says so last


class Call(Message):
    """A worker asks: reads (`flow`, `kv.get`, `secret`, `outputs`, `files.list`) and writes (command names).

    `seq`, `fence` and `no` are the idempotency key of a write.
    """

    id: int
    name: str
    args: dict[str, Any]
    seq: int = 0
    fence: int = 0
    no: int = 0


class Answer(Message):
    """Answer to a `Call`; `error` is `[code, message, detail]`."""

    id: int
    result: Any = None
    error: tuple[str, str, dict[str, Any]] | None = None


class Command(Message):
    """A write of the closed list, sent by `web`."""

    id: int
    name: str
    args: dict[str, Any]
    key: str | None = None  # idempotency key
    principal: str | None = None  # username, for audit and `by`


class Reply(Message):
    """Answer to a `Command`, sent after its commit; `error` is `[code, message, detail]`."""

    id: int
    result: Any = None
    error: tuple[str, str, dict[str, Any]] | None = None


class Subscribe(Message):
    """Ask for the feed of committed events, from number `since` of `epoch` on (default: from now on)."""

    since: int | None = None
    epoch: str = ""


class Follow(Message):
    """A subscriber's whole list of executions whose log lines it wants; before the first one it gets none."""

    executions: list[str]


class Feed(Message):
    """Committed changes, in order; `first` numbers the first event within `epoch`, a run of core.

    Each event is a map with `kind`:

    `execution` {seq, id, tenant, namespace, flowId, state, row: changed fields}
    `taskrun`   {seq, execution, tenant, namespace, rows: [row of extensions §5]}
    `topic`     {topic, tenant?, change: created|changed|deleted, id, by?}
    `log`       {execution, tenant, namespace, lines: [line of extensions §4], total}
    """

    events: list[dict[str, Any]]
    first: int = 0
    epoch: str = ""


class LinesWanted(Message):
    """A result waits for lines that were sent before: store them now."""


class LinesStored(Message):
    """The batch is in the log file; the worker may forget it."""

    batch: int


AnyMessage = (
    Join
    | Hello
    | Shards
    | Claim
    | Run
    | Evaluate
    | Poll
    | Kill
    | Ack
    | Drain
    | Started
    | Done
    | Heartbeat
    | Call
    | Answer
    | Command
    | Reply
    | Subscribe
    | Follow
    | Feed
    | Lines
    | LinesStored
    | LinesWanted
)

_decoder = msgspec.json.Decoder(list[AnyMessage])
_encoder = msgspec.json.Encoder()


def encode(messages: list[Any]) -> bytes:
    """One frame: 4 bytes length (big endian), then the JSON array of messages."""
    body = _encoder.encode(messages)
    return len(body).to_bytes(4, "big") + body


def decode(body: bytes) -> list[Any]:
    """Messages of one frame's body; `msgspec.ValidationError` for anything else."""
    return _decoder.decode(body)
