# pyright: reportAssignmentType=false
"""The schema (design §2.4 of the engine notes): one definition for SQLite and PostgreSQL.

Times are ms since the epoch in UTC; states are numbers of `model.states.State`; JSON is text and stands only where
nobody filters. Log and metric lines lie in files of their own on SQLite (`store.logs`).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, SmallInteger, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

BIG = BigInteger().with_variant(Integer, "sqlite")
"""An integer key: 64 bits on both (SQLite needs the word INTEGER for its rowid)."""


def _key() -> Any:
    return Field(default=None, sa_column=Column(BIG, primary_key=True, autoincrement=True))


def _ms(index: bool = False, nullable: bool = True) -> Any:
    return Field(default=None, sa_column=Column(BigInteger, nullable=nullable, index=index))


def _text(nullable: bool = True) -> Any:
    return Field(default=None, sa_column=Column(Text, nullable=nullable))


def _number() -> Any:
    return Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))


def _shard() -> Any:
    return Field(default=0, sa_column=Column(SmallInteger, nullable=False, server_default="0"))


class Instance(SQLModel, table=True):
    """One row: schema owner's epoch and counters that must never step back."""

    __tablename__ = "instance"
    id: int = Field(default=1, primary_key=True)
    epoch: int = 0
    created: int = _ms(nullable=False)


class FlowRow(SQLModel, table=True):
    """A flow's head: its newest revision (deleted flows stay, so that numbering goes on)."""

    __tablename__ = "flow"
    __table_args__ = (UniqueConstraint("tenant", "namespace", "id"), Index("flow_updated", "tenant", "updated"))
    flow_key: int | None = _key()
    tenant: str
    namespace: str
    id: str
    revision: int
    disabled: bool = False
    deleted: bool = False
    labels: str = _text(nullable=False)  # JSON list of {key, value}
    description: str | None = _text()
    summary: str = _text(nullable=False)  # JSON: task, trigger and input ids and types, for lists
    updated: int = _ms(nullable=False)


class FlowRevision(SQLModel, table=True):
    """One saved revision; `document` is the parsed source as JSON, `exception` why it does not parse any more.

    `message` is what the author said of it.
    """

    __tablename__ = "flow_revision"
    flow_key: int = Field(sa_column=Column(BIG, ForeignKey("flow.flow_key"), primary_key=True))
    revision: int = Field(primary_key=True)
    source: str = _text(nullable=False)
    document: str = _text(nullable=False)
    checksum: str
    deleted: bool = False
    disabled: bool = False
    exception: str | None = _text()
    author: str | None = None
    message: str | None = _text()
    created: int = _ms(nullable=False)


class FlowLabel(SQLModel, table=True):
    """Labels of the newest revision, for filters."""

    __tablename__ = "flow_label"
    __table_args__ = (Index("flow_label_value", "tenant", "key", "value"),)
    flow_key: int = Field(sa_column=Column(BIG, primary_key=True))
    key: str = Field(primary_key=True)
    tenant: str
    value: str


class Execution(SQLModel, table=True):
    """One execution; never holds its task runs."""

    __tablename__ = "execution"
    __table_args__ = (
        Index("execution_created", "tenant", "created"),
        Index("execution_namespace", "tenant", "namespace", "created"),
        Index("execution_flow", "tenant", "flow_id", "namespace", "created"),
        Index("execution_ended", "tenant", "ended"),
        Index("execution_ran", "tenant", text("(ended - coalesce(started, ended))")),
        Index("execution_state", "tenant", "state", "created"),
        Index("execution_open", "state", sqlite_where=text("state < 20"), postgresql_where=text("state < 20")),
        Index(
            "execution_parent",
            "parent_execution",
            sqlite_where=text("parent_execution is not null"),
            postgresql_where=text("parent_execution is not null"),
        ),
        Index(
            "execution_child",
            "tenant",
            "created",
            sqlite_where=text("parent_execution is not null"),
            postgresql_where=text("parent_execution is not null"),
        ),
        Index(
            "execution_trigger",
            "tenant",
            "trigger_id",
            "created",
            sqlite_where=text("trigger_id is not null"),
            postgresql_where=text("trigger_id is not null"),
        ),
    )
    seq: int | None = _key()
    id: str = Field(sa_column=Column(Text, unique=True, nullable=False))
    tenant: str
    namespace: str
    flow_id: str
    flow_key: int = _ms(nullable=False)
    flow_rev: int
    state: int = Field(sa_column=Column(SmallInteger, nullable=False))
    kind: str | None = None  # TEST, PLAYGROUND; NULL = NORMAL
    created: int = _ms(nullable=False)
    started: int | None = _ms()
    ended: int | None = _ms()
    schedule_date: int | None = _ms()
    trigger_id: str | None = None
    trigger: str | None = _text()  # JSON {id, type, variables}
    parent_id: str | None = None  # replay or retry of this execution
    original_id: str = ""
    attempt_number: int = 1
    original_created: int | None = _ms()
    parent_execution: str | None = None  # id of the execution whose Subflow task made this one
    parent_task_run: int | None = _ms()  # seq of that task run
    inputs: str | None = _text()
    outputs: str | None = _text()
    variables: str | None = _text()
    labels: str = _text(nullable=False)  # JSON list of {key, value}: display copy
    error: str | None = _text()  # JSON {taskId, message, key}
    open_count: int = 0  # task runs that are not terminal
    task_count: int = 0
    breakpoints: str | None = _text()
    fixtures: str | None = _text()  # JSON list of {id, value, state, outputs}: results instead of tasks
    version: int = 0  # event seq of the last change
    shard: int = _shard()  # model.ids.shard_of(id of the root execution)


class ExecutionLabel(SQLModel, table=True):
    """Labels of executions, for filters."""

    __tablename__ = "execution_label"
    __table_args__ = (Index("execution_label_value", "tenant", "key", "value", "execution_seq"),)
    execution_seq: int = Field(sa_column=Column(BIG, primary_key=True))
    key: str = Field(primary_key=True)
    tenant: str
    value: str


class TaskRun(SQLModel, table=True):
    """One task run; flowables have theirs too. `parent_seq` is 0 at the top so that uniqueness holds."""

    __tablename__ = "task_run"
    __table_args__ = (
        UniqueConstraint("execution_seq", "task_key", "parent_seq", "iteration"),
        Index("task_run_order", "execution_seq", "ord"),
        Index("task_run_parent", "execution_seq", "parent_seq", "ord"),
        Index("task_run_open", "execution_seq", sqlite_where=text("state < 20"), postgresql_where=text("state < 20")),
    )
    seq: int | None = _key()
    id: str = Field(sa_column=Column(Text, unique=True, nullable=False))
    execution_seq: int = _ms(nullable=False)
    ord: int  # order of creation within the execution, from 0
    task_key: int  # place in Flow.tasks of the execution's revision
    task_id: str
    parent_seq: int = Field(default=0, sa_column=Column(BIG, nullable=False))
    iteration: int = -1  # of the nearest loop; -1 outside
    value: str | None = _text()  # taskrun.value
    state: int = Field(sa_column=Column(SmallInteger, nullable=False))
    fence: int = 0
    attempts: int = 0
    created: int = _ms(nullable=False)
    started: int | None = _ms()
    ended: int | None = _ms()
    worker: str | None = None
    outputs: str | None = _text()  # JSON up to 64 kB
    outputs_uri: str | None = _text()  # else kestra:/// URI of the JSON
    outputs_size: int = 0
    child_execution: str | None = None  # id of the execution made by a Subflow task
    detail: str | None = _text()  # JSON of the executor: branch taken, due time, waiting reason, error
    after_execution: bool = False
    children: str | None = _text()  # JSON counts of children by state, written when it ends
    version: int = 0


class Attempt(SQLModel, table=True):
    """One attempt of a task run."""

    __tablename__ = "attempt"
    task_run_seq: int = Field(sa_column=Column(BIG, primary_key=True))
    no: int = Field(primary_key=True)  # from 1
    fence: int = 0
    state: int = Field(sa_column=Column(SmallInteger, nullable=False))
    started: int | None = _ms()
    ended: int | None = _ms()
    worker: str | None = None
    exit_info: str | None = _text()


class Event(SQLModel, table=True):
    """The append-only history of states: API histories are built from it, streams resume from it."""

    __tablename__ = "event"
    __table_args__ = (Index("event_execution", "execution_seq", "seq"),)
    seq: int | None = _key()
    execution_seq: int = _ms(nullable=False)
    task_run_seq: int = Field(default=0, sa_column=Column(BIG, nullable=False))  # 0 = the execution itself
    attempt: int = 0
    state: int = Field(sa_column=Column(SmallInteger, nullable=False))
    at: int = _ms(nullable=False)
    cause: str | None = None


class Timer(SQLModel, table=True):
    """Journal of the executor's heap: retries, timeouts, pauses, schedule dates."""

    __tablename__ = "timer"
    __table_args__ = (Index("timer_due", "due"),)
    kind: str = Field(primary_key=True)
    ref: int = Field(sa_column=Column(BIG, primary_key=True))  # task_run.seq or execution.seq
    due: int = _ms(nullable=False)
    payload: str | None = _text()


class Slot(SQLModel, table=True):
    """A held place under a concurrency limit; running = count of rows."""

    __tablename__ = "slot"
    scope: str = Field(primary_key=True)  # tenant/namespace/flow
    execution_seq: int = Field(sa_column=Column(BIG, primary_key=True))


class Waiting(SQLModel, table=True):
    """An execution that waits for a slot, in order of queueing."""

    __tablename__ = "waiting"
    seq: int | None = _key()
    scope: str = Field(index=True)
    execution_seq: int = Field(sa_column=Column(BIG, unique=True, nullable=False))
    queued: int = _ms(nullable=False)


class Outbox(SQLModel, table=True):
    """Work that follows a commit (subflow answers, files to delete, …); its consumer's transaction deletes it."""

    __tablename__ = "outbox"
    seq: int | None = _key()
    kind: str
    payload: str = _text(nullable=False)
    due: int = _ms(nullable=False)
    shard: int = _shard()  # whose owner goes on with it (kind trigger.start)


class Shard(SQLModel, table=True):
    """Who works on a part of all executions (0-63) or triggers (64-127); on SQLite the table stays empty.

    An owner is a row of `service` whose lease has not run out; each change of owner raises the epoch.
    """

    __tablename__ = "shard"
    id: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    owner: str | None = Field(default=None, index=True)  # service.id
    epoch: int = _ms(nullable=False)


class Inbox(SQLModel, table=True):
    """A command for the owner of a shard, deleted in the transaction that carries it out (PostgreSQL)."""

    __tablename__ = "inbox"
    __table_args__ = (Index("inbox_shard", "shard", "seq"),)
    seq: int | None = _key()
    shard: int = Field(sa_column=Column(SmallInteger, nullable=False))
    name: str
    args: str = _text(nullable=False)  # JSON
    key: str | None = Field(default=None, sa_column=Column(Text, unique=True))  # idempotency; names the answer too
    principal: str | None = None
    created: int = _ms(nullable=False)


class FeedRow(SQLModel, table=True):
    """Committed events of one process, a row a transaction, kept for minutes (PostgreSQL; `store.feed`)."""

    __tablename__ = "feed"
    __table_args__ = (Index("feed_at", "at"),)
    source: str = Field(primary_key=True)  # random id of the process
    n: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))  # from 1, without gaps
    at: int = _ms(nullable=False)
    events: str = _text(nullable=False)  # JSON list
    # Whether flows or triggers changed: executors and schedulers read those rows alone.
    definitions: bool = Field(default=False)


class Scope(SQLModel, table=True):
    """A name that transactions of several processes lock: a concurrency limit, a window (PostgreSQL)."""

    __tablename__ = "scope"
    name: str = Field(primary_key=True)


class NumberBlock(SQLModel, table=True):
    """Numbers given out in blocks, so that several executors number rows without colliding (PostgreSQL)."""

    __tablename__ = "number_block"
    name: str = Field(primary_key=True)  # event | execution | run
    last: int = _ms(nullable=False)  # highest number given out


class CommandAnswer(SQLModel, table=True):
    """The answer given to a command's idempotency key, kept 24 h."""

    __tablename__ = "command_answer"
    key: str = Field(primary_key=True)
    answer: str = _text(nullable=False)
    created: int = _ms(index=True, nullable=False)


class TriggerState(SQLModel, table=True):
    """State of a schedule, polling or realtime trigger (§15.3)."""

    __tablename__ = "trigger_state"
    __table_args__ = (
        Index(
            "trigger_due",
            "next_due",
            sqlite_where=text("next_due is not null"),
            postgresql_where=text("next_due is not null"),
        ),
        Index("trigger_execution", "execution_id"),
    )
    tenant: str = Field(primary_key=True)
    namespace: str = Field(primary_key=True)
    flow_id: str = Field(primary_key=True)
    trigger_id: str = Field(primary_key=True)
    type: str
    kind: str
    definition: str = _text(nullable=False)  # JSON of the trigger, to see changes
    last_date: int | None = _ms()
    next_due: int | None = _ms()
    disabled: bool = False
    execution_id: str | None = None
    evaluating_since: int | None = _ms()
    worker: str | None = None
    fence: int = 0
    event_no: int = _number()  # the last one of a listener that was stored
    # JSON {start, end, currentDate, paused, inputs, labels, previousNextExecutionDate}; dates in ms
    backfill: str | None = _text()
    stop_after: str | None = _text()
    updated: int = _ms(nullable=False)
    shard: int = _shard()  # model.ids.trigger_shard


class KvEntry(SQLModel, table=True):
    """A KV pair; the value as JSON text with its type."""

    __tablename__ = "kv"
    tenant: str = Field(primary_key=True)
    namespace: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    type: str  # STRING NUMBER BOOLEAN DATETIME DATE DURATION JSON
    value: str = _text(nullable=False)
    description: str | None = _text()
    version: int = 1
    created: int = _ms(nullable=False)
    updated: int = _ms(nullable=False)
    expires: int | None = _ms(index=True)


class KvVersion(SQLModel, table=True):
    """An older version of a KV pair: the newest one stands in `kv`."""

    __tablename__ = "kv_version"
    tenant: str = Field(primary_key=True)
    namespace: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    type: str
    value: str = _text(nullable=False)
    description: str | None = _text()
    updated: int = _ms(nullable=False)  # when this version was written
    expires: int | None = _ms()


class SecretRow(SQLModel, table=True):
    """A secret written through the API; the value is encrypted."""

    __tablename__ = "secret"
    tenant: str = Field(primary_key=True)
    namespace: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    value: str = _text(nullable=False)
    description: str | None = _text()
    updated: int = _ms(nullable=False)
    tags: str | None = _text()  # JSON list of {key, value}


class NamespaceRow(SQLModel, table=True):
    """What is known of a namespace beyond its flows; a namespace without a row is as good as one with an empty row."""

    __tablename__ = "namespace"
    tenant: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    description: str | None = _text()
    variables: str | None = _text()  # JSON map, `namespace` in expressions; those of ancestors shine through
    plugin_defaults: str | None = _text()  # JSON list of {type, forced, ref, values}
    created: int = _ms(nullable=False)
    updated: int = _ms(nullable=False)


class NamespaceFile(SQLModel, table=True):
    """A namespace file or folder; content lies in storage under `uri`."""

    __tablename__ = "namespace_file"
    tenant: str = Field(primary_key=True)
    namespace: str = Field(primary_key=True)
    path: str = Field(primary_key=True)  # /dir/name
    version: int = 1
    directory: bool = False
    size: int = 0
    uri: str | None = _text()
    updated: int = _ms(nullable=False)


class NamespaceFileAuthor(SQLModel, table=True):
    """Who wrote a version of a namespace file; those that flows wrote have no row."""

    __tablename__ = "namespace_file_author"
    tenant: str = Field(primary_key=True)
    namespace: str = Field(primary_key=True)
    path: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    author: str


class Setting(SQLModel, table=True):
    """Instance settings such as credentials, by key."""

    __tablename__ = "setting"
    key: str = Field(primary_key=True)
    value: str = _text(nullable=False)
    updated: int = _ms(nullable=False)


class Session(SQLModel, table=True):
    """A console session; `id` is the hash of the cookie."""

    __tablename__ = "session"
    id: str = Field(primary_key=True)
    username: str
    created: int = _ms(nullable=False)
    last_seen: int = _ms(nullable=False)
    expires: int = _ms(nullable=False)
    address: str | None = None
    browser: str | None = None
    remember: bool = False


class UserData(SQLModel, table=True):
    """What a user keeps: settings, views, drafts, presets (extensions §8)."""

    __tablename__ = "user_data"
    tenant: str = Field(primary_key=True)
    owner: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)  # settings, view, draft, preset, editing
    key: str = Field(primary_key=True)
    body: str = _text(nullable=False)
    version: int = 1
    shared: bool = False
    updated: int = _ms(nullable=False)


class Service(SQLModel, table=True):
    """A running component with its heartbeat."""

    __tablename__ = "service"
    id: str = Field(primary_key=True)
    kind: str
    host: str
    state: str
    started: int = _ms(nullable=False)
    heartbeat: int = _ms(nullable=False)
    detail: str | None = _text()
    lease_until: int | None = _ms()  # ms of the database's clock; of those that own shards


class RollupHour(SQLModel, table=True):
    """Counts of ended executions by hour: dashboards never scan executions."""

    __tablename__ = "rollup_hour"
    flow_key: int = Field(sa_column=Column(BIG, primary_key=True))
    hour: int = Field(sa_column=Column(BigInteger, primary_key=True))
    state: int = Field(sa_column=Column(SmallInteger, primary_key=True))
    tenant: str
    count: int = 0
    duration_ms: int = _ms(nullable=False)


class TaskBaseline(SQLModel, table=True):
    """Durations of the last successful runs of a task, for expected ends (extensions §6)."""

    __tablename__ = "task_baseline"
    flow_key: int = Field(sa_column=Column(BIG, primary_key=True))
    task_id: str = Field(primary_key=True)
    samples: str = _text(nullable=False)  # JSON list of [ms, waited ms], newest last, at most 20


class Metric(SQLModel, table=True):
    """A metric published by a task run."""

    __tablename__ = "metric"
    __table_args__ = (
        Index("metric_execution", "execution_seq"),
        Index("metric_flow", "flow_key", "name", "at"),
        Index("metric_at", "at"),  # charts over a window of time
    )
    seq: int | None = _key()
    execution_seq: int = _ms(nullable=False)
    task_run_seq: int = _ms(nullable=False)
    flow_key: int = _ms(nullable=False)
    task_id: str
    name: str
    kind: str  # counter | timer
    value: float
    tags: str | None = _text()
    at: int = _ms(nullable=False)


class FlowWindow(SQLModel, table=True):
    """What a Flow trigger's preconditions have seen in the present window."""

    __tablename__ = "flow_window"
    tenant: str = Field(primary_key=True)
    namespace: str = Field(primary_key=True)
    flow_id: str = Field(primary_key=True)
    condition_id: str = Field(primary_key=True)
    seen: str = _text(nullable=False)  # JSON
    start: int = _ms(nullable=False)
    end: int = _ms(nullable=False)


class TaskCacheRow(SQLModel, table=True):
    """The last result of a task with a cache (§7.4); `key` is a hash of its place and its rendered properties."""

    __tablename__ = "task_cache"
    __table_args__ = (Index("task_cache_flow", "tenant", "namespace", "flow_id"),)
    key: str = Field(primary_key=True)
    tenant: str
    namespace: str
    flow_id: str
    task_id: str
    state: int = Field(sa_column=Column(SmallInteger, nullable=False))
    outputs: str | None = _text()
    outputs_uri: str | None = _text()
    outputs_size: int = _ms(nullable=False)
    at: int = _ms(nullable=False)
