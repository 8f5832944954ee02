"""Running commands in containers, where a container engine answers (spec: script plugins §3.1)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
from typing import Any, Literal

from flowdeck.sdk import Command, Expr, RunContext, TaskError, TaskRunner, field
from flowdeck.sdk.process import run_child

ASKED_EVERY = 30.0
ANSWER_WITHIN = 1.0
DEFAULT_SOCKET = "/var/run/docker.sock"

_asked: dict[str, tuple[float, bool]] = {}


def engine_address() -> str:
    """`DOCKER_HOST`, else the usual socket."""
    return os.environ.get("DOCKER_HOST") or f"unix://{DEFAULT_SOCKET}"


async def engine_answers(address: str | None = None) -> bool:
    """Whether an engine answers a ping at an address; asked at most every 30 s."""
    place = address or engine_address()
    at, answer = _asked.get(place, (0.0, False))
    if at and time.monotonic() - at < ASKED_EVERY:
        return answer
    answer = await _ping(place)
    _asked[place] = (time.monotonic(), answer)
    return answer


async def _ping(place: str) -> bool:
    scheme, _, rest = place.partition("://")
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            if scheme == "unix":
                if not os.path.exists(rest):
                    return False
                reader, writer = await asyncio.open_unix_connection(rest)
            else:
                host, _, port = rest.partition("/")[0].rpartition(":")
                reader, writer = await asyncio.open_connection(host or rest, int(port or 2375))
            writer.write(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            answer = await reader.readline()
            writer.close()
            return b" 200 " in answer
    except (OSError, TimeoutError, ValueError):
        return False


class Docker(
    TaskRunner, type="io.kestra.plugin.scripts.runner.docker.Docker", aliases=("io.kestra.core.runners.docker.Docker",)
):
    """Run the command in a container, with the working directory mounted.

    When no container engine answers, the command runs as a process of the worker, and the log says so.
    """

    host: Expr[str] | None = field(default=None, doc="Address of the engine.")
    config: Expr[Any] | None = field(
        default=None, doc="Content of the engine client's configuration file.", secret=True
    )
    credentials: Expr[dict[str, Any]] | None = field(default=None, doc="Login of the registry.", secret=True)
    user: Expr[str] | None = field(default=None, doc="User within the container.")
    entry_point: Expr[list[str]] | None = field(default=None, doc="Entry point instead of the image's.")
    extra_hosts: Expr[list[str]] | None = field(default=None, doc="Further `host:address` pairs.")
    network_mode: Expr[str] | None = field(default=None, doc="Network of the container.")
    port_bindings: Expr[list[str]] | None = field(default=None, doc="Published ports.")
    volumes: Expr[list[str]] | None = field(default=None, doc="Mounts; need the plugin configuration volume-enabled.")
    pull_policy: Literal["IF_NOT_PRESENT", "ALWAYS", "NEVER"] = field(
        default="IF_NOT_PRESENT", doc="When to pull the image."
    )
    cpu: Any = field(default=None, doc="`{cpus}`.", dynamic=True)
    memory: Any = field(default=None, doc="`{memory, memorySwap, …}`.", dynamic=True)
    shm_size: Expr[str] | None = field(default=None, doc="Size of shared memory.")
    device_requests: Any = field(default=None, doc="Devices such as GPUs.", dynamic=True)
    privileged: Expr[bool] | None = field(default=None, doc="Refused here.")
    file_handling_strategy: Literal["MOUNT", "VOLUME"] = field(
        default="VOLUME", doc="How files get into the container."
    )
    delete: Expr[bool] = field(default=True, doc="Remove the container afterwards.")
    wait: Expr[bool] = field(default=True, doc="Wait for the end.")
    kill_grace_period: Expr[str] | None = field(default=None, doc="Time between the two signals of a kill.")
    resume: Expr[bool] = field(default=True, doc="Take over a container after a restart of the worker.")

    async def run(self, ctx: RunContext, command: Command) -> int:
        """Run in a container, or as a process when no engine answers."""
        host = await ctx.render(self.host) or engine_address()
        if not await engine_answers(host):
            ctx.log.info("No container engine answers: the command runs as a process of the worker")
            return await ctx.build({"type": "io.kestra.plugin.core.runner.Process"}, "runner").run(ctx, command)
        if not command.image:
            raise TaskError("This task runner needs the `containerImage` property")
        name = f"flowdeck-{ctx.attempt.task_run.lower()}-{ctx.attempt.number}-{secrets.token_hex(3)}"
        argv = await self._argv(ctx, command, host, name)
        env = ctx.child_environment({})
        try:
            return await run_child(
                argv,
                command.cwd,
                env,
                command.on_lines,
                guard=ctx.worker.guard,
                brake=ctx.log.full,
                grace=ctx.worker.kill_grace,
            )
        except asyncio.CancelledError:
            with contextlib.suppress(OSError):
                await run_child(["docker", "-H", host, "kill", name], command.cwd, env, lambda *_: None)
            raise
        except FileNotFoundError:
            raise TaskError("The program 'docker' was not found on this worker; use the Process runner") from None

    async def _argv(self, ctx: RunContext, command: Command, host: str, name: str) -> list[str]:
        folder = str(command.cwd)
        argv = ["docker", "-H", host, "run", "--name", name, "-v", f"{folder}:{folder}", "-w", folder]
        if await ctx.render(self.delete):
            argv.append("--rm")
        argv += ["--pull", {"IF_NOT_PRESENT": "missing", "ALWAYS": "always", "NEVER": "never"}[self.pull_policy]]
        for option, value in (("--user", self.user), ("--network", self.network_mode), ("--shm-size", self.shm_size)):
            if text := await ctx.render(value):
                argv += [option, text]
        for option, values in (("--add-host", self.extra_hosts), ("-p", self.port_bindings)):
            for text in await ctx.render(values) or []:
                argv += [option, text]
        if self.volumes is not None:
            ctx.log.warn("Volumes are ignored: they need the plugin configuration volume-enabled")
        cpu = await ctx.render(self.cpu) or {}
        memory = await ctx.render(self.memory) or {}
        if cpu.get("cpus"):
            argv += ["--cpus", str(cpu["cpus"])]
        if memory.get("memory"):
            argv += ["--memory", str(memory["memory"])]
        entry = await ctx.render(self.entry_point)
        argv += ["--entrypoint", entry[0] if entry else ""]
        for key, value in command.env.items():
            argv += ["-e", f"{key}={value}"]
        return [*argv, str(command.image), *(entry[1:] if entry else []), *command.argv]
