"""Tasks that share a folder (spec: workflow components §8.9, core plugins §1.6)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flowdeck.model.component import TaskBase
from flowdeck.model.declare import Declared, Example, Expr, field
from flowdeck.model.flowables.block import Block
from flowdeck.model.namespace_files import NamespaceFilesSpec


class DirectoryCache(Declared):
    """Files that are kept from one execution to the next."""

    patterns: Expr[list[str]] = field(doc="Globs of the files.")
    ttl: Expr[timedelta] | None = field(default=None, doc="How long they stay usable; without it, for ever.")


class DirectoryFiles(Declared):
    """What a worker prepares and collects around the children."""

    input_files: Expr[Any] | None = field(default=None, doc="Name to text or URI, or the JSON text of such a map.")
    output_files: Expr[list[str]] | None = field(default=None, doc="Globs of files that are stored afterwards.")
    namespace_files: NamespaceFilesSpec | None = field(default=None, doc="Namespace files.")
    cache: DirectoryCache | None = field(default=None, doc="Files that are kept.")


class WorkingDirectory(
    Block,
    type="io.kestra.plugin.core.flow.WorkingDirectory",
    role="directory",
    aliases=("io.kestra.core.tasks.flows.WorkingDirectory", "io.kestra.core.tasks.flows.Worker"),
):
    """Run tasks one after another on one worker, in one folder that they share.

    The first task that fails ends it. A restart runs all of them again.
    """

    tasks: list[TaskBase] = field(doc="Tasks that a worker carries out, in order.")
    input_files: Expr[Any] | None = field(
        default=None, doc="Files put into the folder: name to text or URI, or the JSON text of such a map."
    )
    output_files: Expr[list[str]] | None = field(
        default=None, doc="Globs of files that are stored after the last task."
    )
    namespace_files: NamespaceFilesSpec | None = field(default=None, doc="Namespace files put into the folder.")
    cache: DirectoryCache | None = field(default=None, doc="Files that are kept for later executions of this task.")

    class Output(Declared):
        """Outputs of the task."""

        output_files: dict[str, str] | None = field(default=None, doc="URIs of the output files by relative path.")

    examples = (
        Example(
            "Two tasks and a file between them",
            """\
id: shared_folder
namespace: company.team
tasks:
  - id: together
    type: io.kestra.plugin.core.flow.WorkingDirectory
    outputFiles:
      - "*.txt"
    tasks:
      - id: write
        type: io.kestra.plugin.scripts.shell.Commands
        taskRunner:
          type: io.kestra.plugin.core.runner.Process
        commands:
          - echo hello > made.txt
      - id: read
        type: io.kestra.plugin.scripts.shell.Commands
        taskRunner:
          type: io.kestra.plugin.core.runner.Process
        commands:
          - cat made.txt
""",
        ),
    )
