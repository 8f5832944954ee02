"""Python tasks (spec: script plugins §2.4)."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import sys
import tempfile
import time
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

from flowdeck.plugins.scripts.base import SHELL, Prepared, ScriptTask
from flowdeck.sdk import Example, Expr, Level, MetricSpec, RunContext, TaskError, field
from flowdeck.sdk.process import run_child

ENVIRONMENT = {
    "PYTHONUNBUFFERED": "true",
    "PIP_ROOT_USER_ACTION": "ignore",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}


@lru_cache(maxsize=16)
def interpreter(path: str) -> str:
    """`python3` of a search path, else `python`, else the worker's own; looks through version managers' wrappers."""
    found = shutil.which("python3", path=path) or shutil.which("python", path=path) or sys.executable
    if "/shims/" in found:
        import subprocess

        answer = subprocess.run(
            [found, "-c", "import sys; print(sys.executable)"], capture_output=True, text=True, timeout=20, check=False
        )
        found = answer.stdout.strip() or found
    return found


class PythonTask(ScriptTask):
    """What both Python tasks have."""

    dependencies: Expr[list[str]] | None = field(default=None, doc="Requirements that are installed before, and kept.")
    python_version: Expr[str] | None = field(default=None, doc="Version of Python, for `dependencies`.")
    dependency_cache_enabled: bool = field(default=True, doc="Keep installed dependencies for later runs.")
    package_manager: Literal["UV", "PIP"] = field(default="UV", doc="What installs; pip when uv is missing.")
    uv_auto_install_enabled: Any = field(default=None, doc="Without effect.")
    uv_installer_version: Any = field(default=None, doc="Without effect.")
    uv_installer_sha256: Any = field(default=None, doc="Without effect.")

    IMAGE: ClassVar[str] = "python:3.13-slim"

    async def environment(self, ctx: RunContext, program: str) -> dict[str, str]:
        """Variables of the child; dependencies are installed here when they were not."""
        env = dict(ENVIRONMENT)
        wanted = await ctx.render(self.dependencies)
        if wanted:
            env["PYTHONPATH"] = str(await self._installed(ctx, program, sorted(set(wanted))))
        return env

    async def program(self, ctx: RunContext) -> str:
        """The interpreter, as the child's search path finds it."""
        own = await ctx.render(self.env) or {}
        return await asyncio.to_thread(interpreter, str(own.get("PATH") or os.environ.get("PATH", os.defpath)))

    async def _installed(self, ctx: RunContext, program: str, wanted: list[str]) -> Path:
        version = await ctx.render(self.python_version) or f"{program}"
        key = hashlib.sha256("\n".join([version, *wanted]).encode()).hexdigest()[:32]
        kept = Path(ctx.worker.options.get("python-cache") or ctx.worker.temp / "python") / key
        if not self.dependency_cache_enabled:
            kept = ctx.working_dir / f".dependencies-{key[:8]}"
        if kept.is_dir():
            ctx.log.debug(f"Dependencies were found in the cache: {', '.join(wanted)}")
            return kept
        kept.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=kept.parent, prefix=".new-"))
        began = time.perf_counter()
        try:
            uv = shutil.which("uv") if self.package_manager == "UV" else None
            pip = [program, "-m", "pip"]
            argv = [uv, "pip", "install", "--python", program] if uv else [*pip, "install"]
            tail: list[str] = []

            def lines(stream: int, texts: list[str]) -> None:
                tail.extend(texts)
                del tail[:-20]
                ctx.log.lines(Level.DEBUG, texts)

            code = await run_child(
                [*argv, "--target", str(folder), *wanted],
                ctx.working_dir,
                ctx.child_environment(ENVIRONMENT),
                lines,
                guard=ctx.worker.guard,
                grace=ctx.worker.kill_grace,
            )
            if code:
                raise TaskError("The dependencies can't be installed:\n" + "\n".join(tail[-8:]), exit_code=code)
            try:
                folder.rename(kept)
            except OSError:
                if not kept.is_dir():
                    raise
            ctx.metric("deps.cache.upload.duration", time.perf_counter() - began, "counter")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return kept


class Script(PythonTask, type="io.kestra.plugin.scripts.python.Script"):
    """Run a Python script."""

    script: Expr[str] = field(doc="Text of the script.")

    measures = (MetricSpec("deps.cache.upload.duration", "Seconds that keeping the installed dependencies took."),)

    examples = (
        Example(
            "A script with an output and a metric",
            """\
id: python_script
namespace: company.team
tasks:
  - id: run
    type: io.kestra.plugin.scripts.python.Script
    script: |
      from kestra import Kestra
      Kestra.outputs({"rows": 42})
      Kestra.counter("rows", 42)
      print("done")
""",
        ),
    )

    async def prepare(self, ctx: RunContext) -> Prepared:
        """Write the script; it is started directly unless there are commands before it."""
        name = await self.source(ctx, self.script, ".py")
        program = await self.program(ctx)
        custom = await ctx.render(self.interpreter)
        if custom != SHELL and custom and custom[-1] != "-c":
            return Prepared([name], [*custom, name], [name], await self.environment(ctx, program))
        line = f"{program} {name}"
        if self.before_commands is not None:
            line = f'if [ -n "$VIRTUAL_ENV" ]; then "$VIRTUAL_ENV/bin/python" {name}; else {program} {name}; fi'
        return Prepared([line], [program, name], [name], await self.environment(ctx, program))


class Commands(PythonTask, type="io.kestra.plugin.scripts.python.Commands"):
    """Run commands with Python at hand."""

    commands: Expr[list[str]] = field(doc="Commands, run in order in one shell.")

    measures = (MetricSpec("deps.cache.upload.duration", "Seconds that keeping the installed dependencies took."),)

    examples = (
        Example(
            "Run a module file",
            """\
id: python_commands
namespace: company.team
tasks:
  - id: run
    type: io.kestra.plugin.scripts.python.Commands
    inputFiles:
      main.py: |
        print("hello")
    commands:
      - python3 main.py
""",
        ),
    )

    async def prepare(self, ctx: RunContext) -> Prepared:
        """Render the commands."""
        program = await self.program(ctx)
        return Prepared(await ctx.render(self.commands), env=await self.environment(ctx, program))
