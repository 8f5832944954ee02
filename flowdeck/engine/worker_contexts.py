"""Expression contexts of a worker: the sent slice made complete (engine notes §2.7)."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from flowdeck import expr
from flowdeck.commands.due import server_zone
from flowdeck.engine.worker_functions import ExpressionFunctions
from flowdeck.expr.limits import REGEX_SECONDS, Limits
from flowdeck.model.masking import Masker, opened
from flowdeck.sdk.context import Calls, WorkerFacts
from flowdeck.storage.encryption import EncryptionError, is_encrypted

OFFLOADED = "$outputs"
"""`{"$outputs": uri}` in a context stands for outputs in storage (`model.context`)."""
STORED_OUTPUTS = re.compile(r"kestra:///.+/tasks/[^/]+/[^/]+/outputs-\d+\.json")
CACHED_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class WorkerVariables:
    """What every context holds whatever the executor sends."""

    envs: Mapping[str, Any] = field(default_factory=dict)
    globals: Mapping[str, Any] = field(default_factory=dict)
    kestra: Mapping[str, Any] = field(default_factory=dict)


class Contexts:
    """Makes environments and variables of attempts and evaluations."""

    def __init__(
        self, facts: WorkerFacts, own: WorkerVariables, *, recursive: bool, refused_addresses: tuple[str, ...]
    ) -> None:
        self.facts = facts
        self.own = own
        self._recursive = recursive
        self._refused = refused_addresses
        self._zone = server_zone()
        self._loop = asyncio.get_running_loop()
        self._blobs: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._blob_bytes = 0

    def environment(
        self, tenant: str, namespace: str, execution: str, calls: Calls, masker: Masker, *, secrets: bool = True
    ) -> expr.Environment:
        """What is impure in a render: functions that reach outside, secrets told to the masker or refused."""
        functions = ExpressionFunctions(
            tenant=tenant,
            namespace=namespace,
            execution=execution,
            calls=calls,
            storage=self.facts.storage.for_tenant(tenant),
            cryptor=self.facts.cryptor,
            on_secret=masker.add,
            loop=self._loop,
            refused_addresses=self._refused,
            allowed_paths=tuple(self.facts.options.get("allowed-paths", ())),
            url=self.own.kestra.get("url"),
            zone=self._zone,
        )
        for text in self.facts.options.get("redacted", ()):  # of variables that a configuration names
            masker.add(text)
        table = functions.table() if secrets else {**functions.table(), "secret": refuse, "credential": refuse}
        return expr.Environment(
            io=table,
            secrets=masker.told,
            on_secret=masker.add,
            recursive=self._recursive,
            zone=self._zone,
            limits=Limits(regex_seconds=self.facts.options.get("regex-seconds", REGEX_SECONDS)),
        )

    async def variables(self, context: dict[str, Any], masker: Masker, tenant: str) -> dict[str, Any]:
        """The sent context with the worker's own variables, stored outputs loaded, encrypted values readable."""
        context.setdefault("envs", self.own.envs)
        context.setdefault("globals", self.own.globals)
        context.setdefault("kestra", self.own.kestra)
        uris: set[str] = set()
        loops = [context.get("taskrun"), *(p.get("taskrun") for p in context.get("parents") or ())]
        hidden = [one["value"] for one in loops if isinstance(one, dict) and is_encrypted(one.get("value"))]
        for name in ("inputs", "outputs", "vars", "taskrun", "parent", "parents", "trigger", "execution"):
            part = context.get(name)
            if part:
                found: set[str] = set()
                context[name] = self._readable(part, masker, found, 0)
                if name == "outputs":  # elsewhere such a map is a user's own
                    uris = found
        for value in hidden:
            self._rename(context, value, masker)
        if uris:
            blobs = {uri: await self._blob(uri, tenant) for uri in uris}
            context["outputs"] = _replace(context.get("outputs"), blobs)
        return context

    def _readable(self, value: Any, masker: Masker, uris: set[str], depth: int) -> Any:
        if isinstance(value, list) and depth < 12:
            return [self._readable(item, masker, uris, depth + 1) for item in value]
        if not isinstance(value, dict) or depth >= 12:
            return value
        if _is_offloaded(value):
            uris.add(value[OFFLOADED])
            return value
        if is_encrypted(value):
            if self.facts.cryptor is None:
                return value
            try:
                text = self.facts.cryptor.decrypt(value["value"])
            except EncryptionError:
                return value
            if "shown" in value:
                try:
                    return opened(text, masker.add)
                except ValueError:
                    return value
            masker.add(text)
            return text
        for key, item in value.items():
            if isinstance(item, dict | list):
                value[key] = self._readable(item, masker, uris, depth + 1)
        return value

    def _rename(self, context: dict[str, Any], value: dict[str, Any], masker: Masker) -> None:
        """Outputs of a loop lie under the text that stands for its secret value: name them by the value."""
        real = self._readable(value, masker, set(), 0)
        for name in ("outputs", "tasks"):
            if isinstance(real, str) and isinstance(context.get(name), dict):
                context[name] = {task: _renamed(inner, value["shown"], real) for task, inner in context[name].items()}

    async def _blob(self, uri: str, tenant: str) -> Any:
        """Outputs in storage; the last 64 MB stay in memory."""
        name = f"{tenant} {uri}"
        if name in self._blobs:
            self._blobs.move_to_end(name)
            return self._blobs[name][0]

        def load() -> tuple[Any, int]:
            with self.facts.storage.for_tenant(tenant).open_read(uri) as file:
                data = file.read()
            return orjson.loads(data), len(data)

        value, size = await asyncio.to_thread(load)
        self._blobs[name] = (value, size)
        self._blob_bytes += size
        while self._blob_bytes > CACHED_BYTES and len(self._blobs) > 1:
            _, (_, gone) = self._blobs.popitem(last=False)
            self._blob_bytes -= gone
        return value


def refuse(*arguments: Any, **named: Any) -> Any:
    """Stands for functions that answer secrets where a person asks for the result."""
    raise expr.ExpressionError("secret() can't be evaluated here")


def _is_offloaded(value: dict[str, Any]) -> bool:
    """Whether a map stands for stored outputs, as this worker's `_stored` names them."""
    uri = value.get(OFFLOADED)
    return len(value) == 1 and isinstance(uri, str) and STORED_OUTPUTS.fullmatch(uri) is not None


def _renamed(value: Any, old: str, new: str, depth: int = 6) -> Any:
    if not isinstance(value, dict) or not depth:
        return value
    return {new if key == old else key: _renamed(item, old, new, depth - 1) for key, item in value.items()}


def _replace(value: Any, blobs: Mapping[str, Any]) -> Any:
    if not isinstance(value, dict):
        return value
    if _is_offloaded(value):
        return blobs.get(value[OFFLOADED], value)
    return {key: _replace(item, blobs) for key, item in value.items()}
