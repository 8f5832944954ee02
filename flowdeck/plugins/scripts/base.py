"""What all script tasks share: files, environment, runner, outputs, exit codes (spec: script plugins §2)."""

from __future__ import annotations

import asyncio
import re
import secrets
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as record_field
from pathlib import Path
from typing import Any, ClassVar, Literal

from flowdeck.model.coerce import to_text
from flowdeck.model.states import State
from flowdeck.plugins.core.runner import Process
from flowdeck.plugins.scripts.engine import engine_answers
from flowdeck.plugins.scripts.protocol import OutputReader
from flowdeck.sdk import Command, Declared, Expr, RunContext, Task, TaskError, TaskRunner, field
from flowdeck.sdk.files import NamespaceFilesSpec, put_input_files, put_namespace_files, take_output_files

STORED = re.compile(r"kestra://[-a-zA-Z0-9%._+~#=/]*")
LIBRARY = str(Path(__file__).parent / "library")
SHELL = ["/bin/sh", "-c"]
LONGEST_ARGUMENT = 100_000
"""Bytes above which a command text goes through a file: the kernel takes at most 128 kB an argument."""
PROCESS = "io.kestra.plugin.core.runner.Process"
DOCKER = "io.kestra.plugin.scripts.runner.docker.Docker"


@dataclass(slots=True)
class Prepared:
    """What a language wants to be run."""

    lines: list[str]  # for the interpreter, joined by newlines
    argv: list[str] | None = None  # instead of the interpreter
    own_files: list[str] = record_field(default_factory=list)
    env: dict[str, str] = record_field(default_factory=dict)


class ScriptOutput(Declared):
    """What a script gave."""

    vars: dict[str, Any] = field(default_factory=dict, doc="Values that the script printed by the protocol.")
    exit_code: int = field(default=0, doc="Exit code of the command.")
    output_files: dict[str, str] = field(default_factory=dict, doc="URIs of the output files by relative path.")
    output_dir: str | None = field(default=None, doc="Folder of `outputDirectory` in internal storage.")


class ScriptTask(Task, process=True):
    """Runs a program by a task runner."""

    before_commands: Expr[list[str]] | None = field(
        default=None, doc="Commands that are run before, in the same shell."
    )
    interpreter: Expr[list[str]] = field(
        default_factory=lambda: list(SHELL), doc="Program and arguments; the commands are its last argument."
    )
    fail_fast: Expr[bool] = field(default=True, doc="Stop at the first command that fails.")
    env: Expr[dict[str, Any]] | None = field(default=None, doc="Environment variables of the command.")
    input_files: Expr[Any] | None = field(
        default=None, doc="Files put into the working directory: name to text or URI, or the JSON text of such a map."
    )
    namespace_files: NamespaceFilesSpec | None = field(
        default=None, doc="Namespace files put into the working directory."
    )
    output_files: Expr[list[str]] | None = field(default=None, doc="Globs of files that are stored afterwards.")
    output_directory: bool = field(
        default=False, doc="Store all files of `{{ outputDir }}`.", deprecated="Use outputFiles."
    )
    task_runner: TaskRunner | None = field(
        default=None, doc="Where the command runs: a container when a container engine answers, else a process here."
    )
    container_image: Expr[str] | None = field(default=None, doc="Image, for runners that use containers.")
    target_os: Expr[Literal["AUTO", "LINUX", "WINDOWS"]] = field(
        default="AUTO", name="targetOS", doc="System that the command is written for."
    )
    warning_on_std_err: Expr[bool] = field(default=True, doc="Lines on the error stream turn success into WARNING.")
    runner: Literal["DOCKER", "PROCESS"] | None = field(
        default=None, doc="Use `taskRunner`.", deprecated="Use taskRunner."
    )
    docker: Any = field(default=None, doc="Use `taskRunner`.", deprecated="Use taskRunner.")

    Output = ScriptOutput

    IMAGE: ClassVar[str] = "ubuntu"

    @abstractmethod
    async def prepare(self, ctx: RunContext) -> Prepared:
        """Render the program and write its files."""
        raise NotImplementedError

    async def run(self, ctx: RunContext) -> dict[str, Any]:
        """Run the program; `TaskError` for an exit code other than 0, with the outputs so far."""
        folder = ctx.working_dir
        if self.namespace_files is not None:
            await put_namespace_files(ctx, self.namespace_files)
        if self.input_files is not None:
            await put_input_files(ctx, self.input_files)
        out_dir = self._output_folder(ctx)
        prepared = await self.prepare(ctx)
        command, reader = await self._command(ctx, prepared, folder, out_dir)
        runner = await self._runner(ctx)
        code = await runner.run(ctx, command)
        output: dict[str, Any] = {
            "vars": reader.vars,
            "exitCode": code,
            "outputFiles": await self._files(ctx, prepared),
        }
        if out_dir is not None:
            output["outputDir"] = await self._stored_folder(ctx, out_dir)
        ctx.exit_info = {"exitCode": code}
        if code != 0:
            raise TaskError(f"Command failed with exit code {code}", outputs=output, exit_code=code)
        if reader.wrote_errors and await ctx.render(self.warning_on_std_err):
            ctx.state = State.WARNING
        return output

    # -- command -----------------------------------------------------------------------------------------------

    async def _command(
        self, ctx: RunContext, prepared: Prepared, folder: Path, out_dir: Path | None
    ) -> tuple[Command, OutputReader]:
        reader = OutputReader(ctx)
        interpreter = await ctx.render(self.interpreter)
        before = await ctx.render(self.before_commands) or []
        if prepared.argv is not None and not before and interpreter == SHELL:
            argv = prepared.argv
        else:
            first = ["set -e"] if await ctx.render(self.fail_fast) and _is_shell(interpreter) else []
            text = await self._local(ctx, "\n".join([*first, *before, *prepared.lines]))
            argv = self._argv(ctx, interpreter, text, prepared)
        env = {"WORKING_DIR": str(folder), **prepared.env}
        if out_dir is not None:
            env["OUTPUT_DIR"] = str(out_dir)
        own = {str(k): to_text(v) for k, v in (await ctx.render(self.env) or {}).items()}
        paths = [own.get("PYTHONPATH"), prepared.env.get("PYTHONPATH"), LIBRARY, ctx.inherited("PYTHONPATH")]
        env.update(own)
        env["PYTHONPATH"] = ":".join(path for path in paths if path)
        globs = await ctx.render(self.output_files) or []
        image = await ctx.render(self.container_image) or self.IMAGE
        return Command(argv, folder, env, reader.lines, image=image, output_files=globs), reader

    def _argv(self, ctx: RunContext, interpreter: list[str], text: str, prepared: Prepared) -> list[str]:
        if not interpreter:
            raise TaskError("interpreter is empty")
        if len(text) < LONGEST_ARGUMENT or interpreter[-1] != "-c":
            return [*interpreter, text]
        name = f".{secrets.token_hex(8)}.sh"
        ctx.file(name).write_text(text, encoding="utf-8")
        prepared.own_files.append(name)
        return [*interpreter[:-1], name]

    async def _local(self, ctx: RunContext, text: str) -> str:
        """Replace each `kestra://` URI by the path of a local copy."""
        uris = [uri for uri in dict.fromkeys(STORED.findall(text)) if len(uri) > len("kestra:///")]
        for uri in sorted(uris, key=len, reverse=True):
            target = ctx.working_dir / f".{secrets.token_hex(6)}-{uri.rpartition('/')[2]}"
            await asyncio.to_thread(ctx.storage.copy_to, uri, target)
            text = text.replace(uri, str(target))
        return text

    async def source(self, ctx: RunContext, script: Expr[str], extension: str) -> str:
        """Write the rendered script into the working directory; its file name."""
        text = await self._local(ctx, await ctx.render(script))
        name = f"{secrets.token_hex(8)}{extension}"
        ctx.file(name).write_text(text, encoding="utf-8")
        return name

    # -- runner ------------------------------------------------------------------------------------------------

    async def _runner(self, ctx: RunContext) -> TaskRunner:
        wanted: Mapping[str, Any] | None = None
        if self.task_runner is not None:
            wanted = dict(self.task_runner)  # type: ignore[call-overload]  # the kernel keeps it as a plain map
        elif self.runner is not None:
            wanted = {"type": PROCESS} if self.runner == "PROCESS" else {"type": DOCKER, **(self.docker or {})}
        if wanted is not None:
            return ctx.build(wanted, "runner")
        if await engine_answers():
            return ctx.build({"type": DOCKER}, "runner")
        ctx.log.debug("No container engine answers: the command runs as a process of the worker")
        return Process.build({"type": PROCESS})

    # -- files -------------------------------------------------------------------------------------------------

    def _output_folder(self, ctx: RunContext) -> Path | None:
        if not (self.output_directory or self.runner):
            return None
        folder = ctx.working_dir / f"outputs-{secrets.token_hex(4)}"
        folder.mkdir()
        ctx.variables["outputDir"] = str(folder)
        return folder

    async def _files(self, ctx: RunContext, prepared: Prepared) -> dict[str, str]:
        patterns = await ctx.render(self.output_files) or []
        return await take_output_files(ctx, patterns, frozenset(prepared.own_files))

    async def _stored_folder(self, ctx: RunContext, out_dir: Path | None) -> str | None:
        if out_dir is None:
            return None
        stored = await take_output_files(ctx, [f"{out_dir.name}/**"])
        if not stored:
            return None
        return f"kestra://{ctx.attempt.folder}/{out_dir.name}/"


def _is_shell(interpreter: list[str]) -> bool:
    return bool(interpreter) and interpreter[0].rpartition("/")[2] in {"sh", "bash", "dash", "zsh", "ksh", "ash"}


class CommandsTask(ScriptTask):
    """Runs a list of commands in one shell."""

    commands: Expr[list[str]] = field(doc="Commands, run in order in one shell.")

    async def prepare(self, ctx: RunContext) -> Prepared:
        """Render the commands."""
        return Prepared(await ctx.render(self.commands))


class FileScriptTask(ScriptTask):
    """Runs a script from a file by a program."""

    script: Expr[str] = field(doc="Text of the script.")

    EXTENSION: ClassVar[str] = ""
    PROGRAM: ClassVar[tuple[str, ...]] = ()

    async def prepare(self, ctx: RunContext) -> Prepared:
        """Write the file."""
        name = await self.source(ctx, self.script, self.EXTENSION)
        argv = [*self.PROGRAM, name]
        return Prepared([" ".join(argv)], argv, [name])
