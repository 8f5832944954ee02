"""What an attempt may use: rendering, log, metrics, files, KV, waiting (spec: workflow components §7)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar, overload

from flowdeck import expr
from flowdeck.model.declare import Expr
from flowdeck.model.masking import readable
from flowdeck.model.namespace_files import named_by
from flowdeck.model.states import State
from flowdeck.ports.storage import Storage
from flowdeck.sdk.errors import TaskError
from flowdeck.sdk.log import TaskLog
from flowdeck.sdk.process import Guard
from flowdeck.sdk.registry import resolve

T = TypeVar("T")

THREAD_GRACE = 2.0
"""Seconds that a killed function in a thread has to notice before it is abandoned."""
QUICK_SECONDS = 0.05
"""What a render may take of the loop."""
METRIC_KINDS = frozenset({"counter", "timer", "gauge"})


async def render_soon(
    work: Callable[[Any, Any, expr.Environment], Any], value: Any, variables: Any, environment: expr.Environment
) -> Any:
    """Render without I/O: at once when it is quick, else in a thread, since all attempts of a worker share the loop.

    Args:
        work: `expr.render` or `expr.render_value`.
    """
    limits = environment.limits
    if limits.seconds > QUICK_SECONDS:
        quick = replace(environment, limits=replace(limits, seconds=QUICK_SECONDS, regex_seconds=QUICK_SECONDS))
        began = time.perf_counter()
        try:
            return work(value, variables, quick)
        except expr.ExpressionError:
            if time.perf_counter() - began < QUICK_SECONDS * 0.8:
                raise
    return await asyncio.to_thread(work, value, variables, environment)


class Calls(Protocol):
    """Asks core: reads, and commands with the attempt as idempotency key."""

    async def call(self, name: str, args: dict[str, Any]) -> Any:
        """Answer of a read or command; a `DomainError` when it was refused."""
        ...


class Mask(Protocol):
    """Hides secrets."""

    def add(self, secret: str) -> None:
        """Mask this text from now on."""
        ...

    def text(self, text: str) -> str:
        """The text with secrets replaced."""
        ...

    def seal(self, value: Any, wrap: Callable[[str], Mapping[str, Any]] | None) -> Any:
        """Plain JSON in which `wrap` encrypts what shows a secret."""
        ...


class Cryptor(Protocol):
    """Encrypts under the instance's key."""

    def encrypt(self, text: str) -> str: ...
    def decrypt(self, text: str) -> str: ...
    def wrap(self, text: str) -> dict[str, str]: ...


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which attempt this is; ids are the public ones, `number` counts from 1."""

    tenant: str
    namespace: str
    flow_id: str
    execution: str
    task_id: str
    task_type: str
    task_run: str
    number: int
    fence: int
    folder: str  # of the task run in internal storage


@dataclass(slots=True)
class WorkerFacts:
    """What the worker lends to all attempts."""

    temp: Path
    storage: Storage
    guard: Guard | None = None
    cryptor: Cryptor | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    kill_grace: float = 5.0


@lru_cache(maxsize=8192)
def _text_needs_io(text: str) -> bool:
    return expr.references(text)[1]


def needs_io(value: Any) -> bool:
    """Whether rendering it may call a function that reaches outside."""
    match value:
        case str():
            return ("{{" in value or "{%" in value) and _text_needs_io(value)
        case Mapping():
            return any(needs_io(k) or needs_io(v) for k, v in value.items())
        case list() | tuple():
            return any(needs_io(item) for item in value)
        case _:
            return False


class RunContext:
    """The world of one attempt."""

    def __init__(
        self,
        *,
        attempt: Attempt,
        variables: dict[str, Any],
        environment: expr.Environment,
        log: TaskLog,
        calls: Calls,
        mask: Mask,
        worker: WorkerFacts,
        loop: asyncio.AbstractEventLoop,
        trial: bool = False,
    ) -> None:
        self.attempt = attempt
        self.trial = trial
        """Whether a trigger only looks: what it finds starts nothing, and its place at the source must stay."""
        self.variables = variables
        self.environment = environment
        self.log = log
        self.calls = calls
        self.worker = worker
        self.loop = loop
        self.state = State.SUCCESS  # a task may lower it to WARNING
        self.exit_info: dict[str, Any] | None = None
        self.metrics: list[tuple[str, str, float, dict[str, str]]] = []
        self.parts: list[tuple[str, int, int, int]] = []  # dynamic task runs: id, state, started, ended (ms)
        self._mask = mask
        self._killed = threading.Event()
        self._folder: Path | None = None
        self.storage = AttemptFiles(self)
        self.kv = KvClient(self)
        self.files = NamespaceFiles(self)

    # -- facts -------------------------------------------------------------------------------------------------

    @property
    def task_run(self) -> Mapping[str, Any]:
        """`taskrun` as expressions see it."""
        return self.variables.get("taskrun", {})

    @property
    def execution(self) -> Mapping[str, Any]:
        """`execution` as expressions see it."""
        return self.variables.get("execution", {})

    @property
    def flow(self) -> Mapping[str, Any]:
        """`flow` as expressions see it."""
        return self.variables.get("flow", {})

    @property
    def killed(self) -> bool:
        """Whether a kill or timeout asked this attempt to end; threads look at it."""
        return self._killed.is_set()

    def kill(self) -> None:
        """The worker: ask the attempt to end."""
        self._killed.set()

    # -- rendering ---------------------------------------------------------------------------------------------

    @overload
    async def render(self, value: Expr[T]) -> T: ...
    @overload
    async def render(self, value: None) -> None: ...
    @overload
    async def render(self, value: Expr[T] | None) -> T | None: ...
    @overload
    async def render(self, value: Any) -> Any: ...

    async def render(self, value: Any) -> Any:
        """Render a dynamic property to its type, or any structure of texts; None stays None.

        Raises `ExpressionError`, and `ConversionError` for a result that is not of the property's type.
        """
        raw = value.raw if isinstance(value, Expr) else value
        if needs_io(raw):
            return await asyncio.to_thread(self.render_sync, value)
        if value is None:
            return None
        text = await render_soon(expr.render, raw, self.variables, self.environment)
        return value.convert(text) if isinstance(value, Expr) else text

    def render_sync(self, value: Any) -> Any:
        """As `render`; from a thread, or where no expression needs I/O."""
        if isinstance(value, Expr):
            return value.convert(expr.render(value.raw, self.variables, self.environment))
        return None if value is None else expr.render(value, self.variables, self.environment)

    async def render_value(self, value: Any) -> Any:
        """Render so that a text which is one expression gives its native value."""
        raw = value.raw if isinstance(value, Expr) else value
        if needs_io(raw):
            return await asyncio.to_thread(expr.render_value, raw, self.variables, self.environment)
        return await render_soon(expr.render_value, raw, self.variables, self.environment)

    async def render_with(self, value: Any, more: Mapping[str, Any]) -> Any:
        """As `render_value`, with more variables."""
        raw = value.raw if isinstance(value, Expr) else value
        variables = {**self.variables, **more}
        if needs_io(raw):
            return await asyncio.to_thread(expr.render_value, raw, variables, self.environment)
        return await render_soon(expr.render_value, raw, variables, self.environment)

    def mask(self, text: str) -> str:
        """The text with the secrets that this attempt met replaced."""
        return self._mask.text(text)

    def sealed(self, value: Any) -> Any:
        """Plain JSON as it may be stored: what shows a secret that this attempt met is encrypted."""
        cryptor = self.worker.cryptor
        return self._mask.seal(value, cryptor.wrap if cryptor is not None else None)

    def opened(self, value: Any) -> Any:
        """The inverse of `sealed`; the secrets in it are masked from now on."""
        cryptor = self.worker.cryptor
        return readable(value, cryptor.decrypt if cryptor is not None else None, self._mask.add)

    def add_secret(self, text: str) -> None:
        """Mask this text in all that the attempt writes from now on."""
        self._mask.add(text)

    # -- metrics -----------------------------------------------------------------------------------------------

    def metric(
        self, name: str, value: float | timedelta, kind: str = "counter", tags: Mapping[str, Any] | None = None
    ) -> None:
        """Publish a metric; a timer's value is a `timedelta` or seconds. `ValueError` for another kind."""
        if kind not in METRIC_KINDS:
            raise ValueError(f"'{kind}' is no kind of metric; known: {', '.join(sorted(METRIC_KINDS))}")
        if isinstance(value, timedelta):
            value = value.total_seconds()
        number = float(value) * 1000 if kind == "timer" else float(value)
        self.metrics.append((name, kind, number, {str(k): str(v) for k, v in (tags or {}).items()}))

    # -- parts -------------------------------------------------------------------------------------------------

    def part(
        self, name: str, state: State = State.SUCCESS, started: datetime | None = None, ended: datetime | None = None
    ) -> None:
        """Show a part of this task as a task run below it, for information only (§7.1).

        Args:
            name: what stands where a task's id stands.
            state: its final state.
            started: default: when the attempt began.
            ended: default: now.
        """
        now = datetime.now(UTC)
        begun = started or now
        over = ended or now
        self.parts.append((name[:256], int(state), int(begun.timestamp() * 1000), int(over.timestamp() * 1000)))

    # -- waiting and processes ---------------------------------------------------------------------------------

    async def wait(self, span: timedelta) -> None:
        """Wait; a kill or timeout ends it at once."""
        await asyncio.sleep(max(0.0, span.total_seconds()))

    def wait_sync(self, span: timedelta) -> bool:
        """Wait in a thread; True when a kill ended it early."""
        return self._killed.wait(max(0.0, span.total_seconds()))

    async def in_thread(self, run: Callable[[RunContext], Any]) -> Any:
        """Run a plain function in a thread of its own; credits bound how many there are.

        A killed one has a short time to notice; then it is left behind as a daemon and its result is dropped.
        """
        future: asyncio.Future[Any] = self.loop.create_future()

        def settle(value: Any, failure: BaseException | None) -> None:
            if not future.done():
                if failure is None:
                    future.set_result(value)
                elif isinstance(failure, Exception):
                    future.set_exception(failure)
                else:
                    future.set_exception(TaskError(f"the task ended its thread: {type(failure).__name__}"))

        def work() -> None:
            value: Any = None
            failure: BaseException | None = None
            try:
                value = run(self)
            except BaseException as raised:
                failure = raised
            try:
                self.loop.call_soon_threadsafe(settle, value, failure)
            except RuntimeError:
                return  # the loop has ended meanwhile

        threading.Thread(target=work, name=f"attempt-{self.attempt.task_id}", daemon=True).start()
        try:
            found = await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future], timeout=THREAD_GRACE)
            if future.done() and not future.cancelled():
                future.exception()
            raise
        return await found if isinstance(found, Awaitable) else found

    def build(self, value: Mapping[str, Any], kind: str) -> Any:
        """Make the plugin object that a property such as `taskRunner` describes.

        Raises `TaskError` for a type that is unknown or of another kind.
        """
        name = str(value.get("type", ""))
        try:
            cls = resolve(name)
        except LookupError as error:
            raise TaskError(str(error)) from None
        if cls.option("kind") != kind:
            raise TaskError(f"{name} is not a {kind}")
        return cls.build(value)

    def child_environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """Environment of a child: the worker's without the server's secrets, facts of the attempt, then `extra`."""
        env = _inherited_environment()
        env["KESTRA_TASKRUN_ID"] = self.attempt.task_run
        env["KESTRA_TASKRUN_ATTEMPT"] = str(self.attempt.number)
        env["KESTRA_TASKRUN_FENCE"] = str(self.attempt.fence)
        env.update(extra)
        return env

    @staticmethod
    def inherited(name: str) -> str | None:
        """A variable of the worker's own environment."""
        return os.environ.get(name)

    # -- working directory -------------------------------------------------------------------------------------

    @property
    def working_dir(self) -> Path:
        """Private folder of the attempt, made when first asked for, deleted after the attempt."""
        if self._folder is None:
            folder = Path(self.variables.get("workingDir") or self.worker.temp / secrets.token_hex(12))
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder = folder
        return self._folder

    def file(self, name: str) -> Path:
        """A place in the working directory; `TaskError` for a name that leaves it."""
        path = self.working_dir / name.lstrip("/") if not name.startswith("/") else Path(name)
        inside = os.path.normpath(path)
        if not inside.startswith(f"{self.working_dir}{os.sep}"):
            raise TaskError(f"The file '{name}' is not inside the working directory")
        return Path(inside)

    def cleanup_empty(self) -> bool:
        """Delete the working directory if nothing lies in it; whether it is gone."""
        if self._folder is not None:
            try:
                os.rmdir(self._folder)
            except OSError:
                return False
        return True

    def cleanup(self) -> None:
        """Delete the working directory with all that lies in it."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def has_folder(self) -> bool:
        """Whether the working directory was made."""
        return self._folder is not None


_KEPT_BACK = (
    "SECRET_",
    "KESTRA_",
    "FLOWDECK_",
    "DATASOURCES_",
    "ENDPOINTS_",
    "MICRONAUT_",
)


_inherited: tuple[dict[Any, Any], dict[str, str]] = ({}, {})


def _inherited_environment() -> dict[str, str]:
    """A copy of the worker's environment without what is kept back; decoded anew only when it has changed."""
    global _inherited
    raw: dict[Any, Any] = os.environ._data  # type: ignore[attr-defined]
    if raw != _inherited[0]:
        shown = {k: v for k, v in os.environ.items() if not k.startswith(_KEPT_BACK)}
        _inherited = (dict(raw), shown)
    return dict(_inherited[1])


_FILE_SECONDS = 15.0


class AttemptFiles:
    """Internal storage as an attempt sees it: it writes below its own task run, it reads URIs of its tenant."""

    def __init__(self, ctx: RunContext) -> None:
        self._ctx = ctx
        self.written = False

    @property
    def backend(self) -> Storage:
        """The tenant's storage."""
        return self._ctx.worker.storage.for_tenant(self._ctx.attempt.tenant)

    def path(self, name: str, *, unique: bool = False) -> str:
        """Place of a file of this task run; `unique` puts it in a folder of its own if the name is taken."""
        folder = self._ctx.attempt.folder
        place = f"{folder}/{name.lstrip('/')}"
        if unique and self.backend.exists(place):
            place = f"{folder}/{secrets.token_hex(6)}/{name.lstrip('/')}"
        return place

    def open_write(self, name: str) -> contextlib.AbstractContextManager[Any]:
        """Write a new file of this task run; its `uri` is valid after the context."""
        self.written = True
        return self.backend.open_write(self.path(name, unique=True))

    def put(self, name: str, data: bytes | Path) -> str:
        """Store bytes or a local file under a name; the URI."""
        with self.open_write(name) as out:
            if isinstance(data, Path):
                with open(data, "rb") as source:
                    while chunk := source.read(1 << 20):
                        out.write(chunk)
            else:
                out.write(data)
        return out.uri

    def open(self, uri: str) -> BinaryIO:
        """Open a `kestra://` URI; `TaskError` when it is absent or no such URI."""
        if not uri.startswith("kestra://"):
            raise TaskError(f"Cannot process the URI {uri}: scheme not supported.")
        try:
            return self.backend.open_read(self._content(uri))
        except (FileNotFoundError, ValueError) as error:
            raise TaskError(str(error)) from None

    def size(self, uri: str) -> int:
        """Length of a URI's content in bytes; `FileNotFoundError`, `ValueError`."""
        return self.backend.size(self._content(uri))

    def _content(self, uri: str) -> str:
        """Where the content of a URI lies; one of `fileURI()` means the newest revision of a namespace file."""
        named = named_by(uri)
        if named is None or self.backend.exists(uri):
            return uri
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop()
            return uri  # core is asked from threads only
        args = {"tenant": self._ctx.attempt.tenant, "namespace": named[0], "path": named[1]}
        asked = asyncio.run_coroutine_threadsafe(self._ctx.calls.call("files.get", args), self._ctx.loop)
        found = asked.result(_FILE_SECONDS)
        return uri if found is None else found["uri"]

    def get(self, uri: str) -> bytes:
        """Content of a URI."""
        with self.open(uri) as file:
            return file.read()

    def copy_to(self, uri: str, target: Path) -> None:
        """Copy a URI's content to a local file."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.open(uri) as source, open(target, "wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)


class KvClient:
    """Key-value pairs through core."""

    def __init__(self, ctx: RunContext) -> None:
        self._ctx = ctx

    def _args(self, namespace: str | None, **more: Any) -> dict[str, Any]:
        attempt = self._ctx.attempt
        return {"tenant": attempt.tenant, "namespace": namespace or attempt.namespace, **more}

    async def get(self, key: str, namespace: str | None = None) -> dict[str, Any] | None:
        """`{type, value, expired}` of a pair in exactly this namespace; None when absent."""
        found = await self._ctx.calls.call("kv.get", self._args(namespace, key=key))
        return None if found is None else {**found, "value": self._ctx.opened(found.get("value"))}

    async def set(self, key: str, kind: str, value: Any, namespace: str | None = None, **more: Any) -> Any:
        """Write a pair; `more`: `ttl_ms`, `overwrite`, `description`. `Conflict` when it exists and may not change.

        A value that shows a secret is stored encrypted.
        """
        value = self._ctx.sealed(value)
        return await self._ctx.calls.call("kv.put", self._args(namespace, key=key, type=kind, value=value, **more))

    async def delete(self, key: str, namespace: str | None = None) -> bool:
        """Delete a pair; whether it was there."""
        return bool(await self._ctx.calls.call("kv.delete", self._args(namespace, key=key)))

    async def keys(self, prefix: str = "", namespace: str | None = None) -> list[str]:
        """Keys that have not expired."""
        return await self._ctx.calls.call("kv.keys", self._args(namespace, prefix=prefix))


class NamespaceFiles:
    """Namespace files through core."""

    def __init__(self, ctx: RunContext) -> None:
        self._ctx = ctx

    async def list(self, namespace: str | None = None) -> list[dict[str, Any]]:
        """`{path, size, uri}` of all files of a namespace."""
        attempt = self._ctx.attempt
        args = {"tenant": attempt.tenant, "namespace": namespace or attempt.namespace}
        return await self._ctx.calls.call("files.list", args)


def as_json(value: Any, what: str) -> Any:
    """A value, or the JSON that a text holds; `TaskError` naming `what` for other texts."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            raise TaskError(f"{what} is neither a map nor the JSON text of one") from None
    return value


Progress = Callable[[int], None]
