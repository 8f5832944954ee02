"""Script tasks of flows from before 0.11 (spec: script plugins §2.7, core plugins §14)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from flowdeck.plugins.core.runner import Process
from flowdeck.plugins.scripts.base import PROCESS, CommandsTask, Prepared, ScriptOutput
from flowdeck.plugins.scripts.python import Script
from flowdeck.sdk import Expr, RunContext, TaskRunner, field

OLD = "io.kestra.core.tasks.scripts."


class LegacyOutput(ScriptOutput):
    """What a script gave, under today's and yesterday's names."""

    files: dict[str, str] = field(default_factory=dict, doc="Same as `outputFiles`.")


class LegacyTask(CommandsTask):
    """Commands whose output files get names beforehand: `{{ outputFiles.x }}` is the path of the file `x`.

    `{{ temp.x }}` is the same under another name. They run as processes of the worker unless told otherwise.
    """

    commands: Expr[list[str]] = field(default_factory=list, doc="Commands, run in order in one shell.")
    outputs_files: Expr[list[str]] | None = field(default=None, doc="Use `outputFiles`.", deprecated="Use outputFiles.")
    files: Expr[list[str]] | None = field(default=None, doc="Use `outputFiles`.", deprecated="Use outputFiles.")
    output_dirs: Expr[list[str]] | None = field(
        default=None, aliases=("outputsDirs",), doc="Folders that are made beforehand: `{{ outputDirs.x }}`."
    )
    docker_options: Any = field(default=None, doc="Use `taskRunner`.", deprecated="Use taskRunner.")

    Output = LegacyOutput

    async def run(self, ctx: RunContext) -> dict[str, Any]:
        """Name the files, run, store what is there."""
        names: list[str] = []
        for one in (self.output_files, self.outputs_files, self.files):
            names += await ctx.render(one) or []
        paths = {name: f"{secrets.token_hex(4)}-{name.rpartition('/')[2]}" for name in dict.fromkeys(names)}
        folders = {name: f"{secrets.token_hex(4)}-{name}" for name in await ctx.render(self.output_dirs) or []}
        for folder in folders.values():
            ctx.file(folder).mkdir(parents=True, exist_ok=True)
        ready = {name: str(ctx.file(path)) for name, path in paths.items()}
        ctx.variables.update(
            outputFiles=ready, temp=ready, outputDirs={name: str(ctx.file(path)) for name, path in folders.items()}
        )
        output = dict(await super().run(ctx))
        stored = {
            name: ctx.storage.put(name, ctx.file(path)) for name, path in paths.items() if ctx.file(path).is_file()
        }
        output["outputFiles"] = {**output.get("outputFiles", {}), **stored}
        output["files"] = output["outputFiles"]
        return output

    async def _files(self, ctx: RunContext, prepared: Prepared) -> dict[str, str]:
        return {}

    async def _runner(self, ctx: RunContext) -> TaskRunner:
        if self.task_runner is None and self.runner is None:
            return Process.build({"type": PROCESS})
        if self.runner == "DOCKER" and self.docker is None and isinstance(self.docker_options, Mapping):
            return ctx.build({"type": "io.kestra.plugin.scripts.runner.docker.Docker", **self.docker_options}, "runner")
        return await super()._runner(ctx)


class Bash(LegacyTask, type=f"{OLD}Bash", deprecated="Use io.kestra.plugin.scripts.shell.Commands."):
    """Run shell commands."""


class Node(LegacyTask, type=f"{OLD}Node", deprecated="Use io.kestra.plugin.scripts.node.Commands."):
    """Run commands with Node.js at hand; without any, `main.js` of `inputFiles`."""

    args: Expr[list[str]] | None = field(default=None, doc="Arguments of `main.js`.")

    IMAGE = "node"

    async def prepare(self, ctx: RunContext) -> Prepared:
        """The commands, or `node main.js`."""
        lines = await ctx.render(self.commands)
        return Prepared(lines or [" ".join(["node main.js", *(await ctx.render(self.args) or [])])])


class Python(LegacyTask, type=f"{OLD}Python", deprecated="Use io.kestra.plugin.scripts.python.Commands."):
    """Run commands with Python at hand; without any, `main.py` of `inputFiles`."""

    args: Expr[list[str]] | None = field(default=None, doc="Arguments of `main.py`.")
    requirements: Expr[list[str]] | None = field(default=None, doc="Packages that are installed before.")
    virtual_env: Expr[bool] = field(default=True, doc="Without effect: `requirements` are installed apart anyway.")

    IMAGE = "python:3.13-slim"

    async def prepare(self, ctx: RunContext) -> Prepared:
        """The commands, or `python main.py`; `./bin/python` of a virtual environment is the interpreter."""
        today = Script(
            id=self.id,
            type=self.type,
            script=Expr(""),
            env=self.env,
            dependencies=self.requirements,
        )
        program = await today.program(ctx)
        lines = await ctx.render(self.commands)
        if not lines:
            lines = [" ".join([program, "main.py", *(await ctx.render(self.args) or [])])]
        return Prepared([_program(line, program) for line in lines], env=await today.environment(ctx, program))


def _program(line: str, program: str) -> str:
    return line.replace("./bin/python", program)
